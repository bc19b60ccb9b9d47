/**
 * Two ways to get a nats-server program into a folder without being root and without installing
 * anything: the project's own release, and the package of a newer Debian. Both are checked by
 * somebody's word that is not the server's: a pinned hash, and Debian's signing keys.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Puts a nats-server program somewhere below `folder` and returns its path. */
export type Source = ((folder: string) => Promise<string>) & { readonly title: string }

const RELEASE = '2.14.1'

/** SHA-256 of the release's archives, as the official Docker image pins them. */
const RELEASE_SHA256: Readonly<Record<string, string>> = {
  'linux-amd64': '4638c389af67d4c747f5b3e6a9d363bfe8f6b86de37d7c4ee3a36b283a5c2ce2',
  'linux-arm64': '0bdd20ad850e66a484dcb126f6ce610079520b56d9e8518d099e0864ab8171a1',
}

/** Where nothing answers in this time there is no way out, and the next source is tried. */
const ANSWER_WITHIN_MS = 4_000
const DOWNLOAD_WITHIN_MS = 120_000

const download = async (url: string): Promise<Buffer> => {
  const unanswered = new AbortController()
  const timer = setTimeout(() => unanswered.abort(new Error('no answer')), ANSWER_WITHIN_MS)
  const signal = AbortSignal.any([unanswered.signal, AbortSignal.timeout(DOWNLOAD_WITHIN_MS)])
  try {
    const response = await fetch(url, { signal })
    clearTimeout(timer)
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } finally {
    clearTimeout(timer)
  }
}

export const fromRelease: Source = Object.assign(
  async (folder: string): Promise<string> => {
    const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
    const sha256 = RELEASE_SHA256[platform]
    if (!sha256) throw new Error(`no checksum is known for ${platform}`)
    const name = `nats-server-v${RELEASE}-${platform}`
    const archive = await download(
      `https://github.com/nats-io/nats-server/releases/download/v${RELEASE}/${name}.tar.gz`,
    )
    if (createHash('sha256').update(archive).digest('hex') !== sha256) {
      throw new Error('the archive does not have the pinned checksum')
    }
    await writeFile(join(folder, 'archive.tar.gz'), archive)
    await run('tar', ['-xzf', join(folder, 'archive.tar.gz'), '-C', folder])
    return join(folder, name, 'nats-server')
  },
  { title: 'official release' },
)

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * Takes the package from Debian's testing or unstable by way of the archive that this machine's
 * apt already uses, with a source list and a state folder of its own: the machine's apt does not
 * notice.
 */
export const fromDebian: Source = Object.assign(
  async (folder: string): Promise<string> => {
    const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
    if (!/^ID="?debian"?$/m.test(release)) throw new Error('this is not Debian')
    if (!existsSync(KEYRING)) throw new Error(`there is no ${KEYRING}`)
    const configured = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])
    const archive = configured.stdout.split('\n').find(uri => /\/debian\/?$/.test(uri.trim()))
    if (!archive) throw new Error('apt names no archive of Debian')

    await mkdir(join(folder, 'lists/partial'), { recursive: true })
    await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
    const suites = ['testing', 'unstable']
    const sources = suites.map(
      suite => `deb [signed-by=${KEYRING}] ${archive.trim()} ${suite} main\n`,
    )
    await writeFile(join(folder, 'sources.list'), sources.join(''))
    const settings = [
      ['Dir::Etc::SourceList', join(folder, 'sources.list')],
      ['Dir::Etc::SourceParts', '-'],
      ['Dir::Etc::Preferences', '-'],
      ['Dir::Etc::PreferencesParts', '-'],
      ['Dir::State::Lists', join(folder, 'lists')],
      ['Dir::Cache', join(folder, 'cache')],
      ['Acquire::Languages', 'none'],
      ['APT::Sandbox::User', ''],
      ['APT::Update::Error-Mode', 'any'],
    ]
    await writeFile(
      join(folder, 'apt.conf'),
      settings.map(([name, value]) => `${name} "${value}";\n`).join(''),
    )
    const apt = (...args: string[]) =>
      run('apt-get', ['-qq', ...args], {
        cwd: folder,
        env: { ...process.env, APT_CONFIG: join(folder, 'apt.conf') },
        timeout: DOWNLOAD_WITHIN_MS,
      })
    await apt('update')
    await apt('download', 'nats-server')
    const deb = (await readdir(folder)).find(name => name.endsWith('.deb'))
    if (!deb) throw new Error('apt downloaded no package')
    await run('dpkg-deb', ['-x', join(folder, deb), join(folder, 'unpacked')])
    const program = ['usr/sbin', 'usr/bin']
      .map(part => join(folder, 'unpacked', part, 'nats-server'))
      .find(path => existsSync(path))
    if (!program) throw new Error('the package holds no nats-server')
    return program
  },
  { title: "Debian's package" },
)
