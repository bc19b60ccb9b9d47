/** A workspace as an agent leaves it, stored and brought back on another host, with real git. */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ensureDemoRepository } from '../../../lib/process/demo-repository.ts'
import { isolationOf, probeIsolation } from '../../../lib/sandbox/local/isolation.ts'
import { prepareWorkspace } from '../../../lib/sandbox/local/repositories.ts'
import { withBundle } from '../../../lib/sandbox/local/snapshot/bundle.ts'
import { restoreWorkspace } from '../../../lib/sandbox/local/snapshot/restore.ts'

const probe = await probeIsolation()

/** A host with the demo repository, and a sandbox's folder on it. */
const makeHost = async (t: Test) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'snapshot-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  await ensureDemoRepository(join(dataDir, 'repos'))
  const repository = join(dataDir, 'repos/demo/hello.git')
  const folder = join(dataDir, 'sandboxes/s1')
  for (const name of ['home', 'tmp', 'git']) mkdirSync(join(folder, name), { recursive: true })
  const [workspace, home] = [join(folder, 'workspace'), join(folder, 'home')]
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      cwd: workspace,
      encoding: 'utf8',
    })
  const write = (path: string, text: string) => writeFileSync(join(workspace, path), text)
  const isolation = probe.works ? isolationOf({ dataDir, folder, repository, hosts: [] }) : null
  const path = process.env.PATH ?? ''
  const limits = { maxBytes: 8 * 1024 ** 2, maxHomeBytes: 1024 ** 2 }
  return {
    ...{ repository, folder, workspace, home, git, write },
    clone: () => prepareWorkspace({ repository, workspace, sid: 's1', baseBranch: 'main' }),
    bundle: (to: string) =>
      withBundle(
        { ...{ workspace, home, repository, folder, isolation, path }, ...limits },
        async (made, told) => {
          await copyFile(made, to)
          return told
        },
      ),
    restore: (bundle: string) => restoreWorkspace({ bundle, repository, workspace, home }),
  }
}

const inspect = ({ git, workspace, home }: Awaited<ReturnType<typeof makeHost>>) => ({
  status: git('status', '--porcelain=v1', '--branch'),
  staged: git('diff', '--cached'),
  changed: git('diff'),
  refs: git('for-each-ref', 'refs/heads', 'refs/tags'),
  log: git('log', '--all', '--format=%H %an %s'),
  crlf: readFileSync(join(workspace, 'crlf.txt'), 'latin1'),
  home: readFileSync(join(home, 'sessions/one.json'), 'utf8'),
})

t.test('everything is as it was', async t => {
  const here = await makeHost(t)
  await here.clone()
  here.write('.gitignore', '*.log\n')
  here.write('.gitattributes', '*.txt text eol=lf\n')
  here.write('kept.log', 'tracked all the same\n')
  here.git('add', '.gitignore', '.gitattributes')
  here.git('add', '-f', 'kept.log')
  here.git('commit', '-qm', 'Add rules')
  here.git('tag', 'v1')
  here.git('branch', 'aside', 'HEAD~1')
  here.git('branch', '-D', 'main')
  here.write('staged.md', 'staged\n')
  here.git('add', 'staged.md')
  here.write('staged.md', 'staged, then changed\n')
  here.git('rm', '-q', '--cached', 'package.json')
  here.write('README.md', 'changed\n')
  rmSync(join(here.workspace, 'src/hello.js'))
  here.write('untracked file.md', 'untracked\n')
  here.write('crlf.txt', 'one\r\ntwo\r\n')
  here.write('noise.log', 'ignored\n')
  mkdirSync(join(here.home, 'sessions'))
  writeFileSync(join(here.home, 'sessions/one.json'), '{"said":"hello"}')
  // What an agent could leave in wait for whoever runs git in its workspace next.
  here.git('config', 'core.fsmonitor', 'touch ran-fsmonitor; false')
  here.git('config', 'filter.evil.clean', 'touch ran-filter; cat')
  here.write('.git/info/attributes', '*.md filter=evil\n')
  const files = readdirSync(here.workspace)
  const index = readFileSync(join(here.workspace, '.git/index'))
  const objects = readdirSync(join(here.workspace, '.git/objects'))

  const there = await makeHost(t)
  const bundle = join(there.folder, 'bundle')
  const { leftOut } = await here.bundle(bundle)
  t.same(leftOut, [])
  t.same(readdirSync(here.workspace), files, 'nothing new under the agent')
  t.same(readFileSync(join(here.workspace, '.git/index')), index)
  t.same(readdirSync(join(here.workspace, '.git/objects')), objects)
  t.same(readdirSync(here.folder).sort(), ['git', 'home', 'tmp', 'workspace'], 'nothing left')

  here.git('config', '--unset', 'core.fsmonitor')
  rmSync(join(here.workspace, '.git/info/attributes'))
  await there.restore(bundle)
  t.strictSame(inspect(there), inspect(here))
  t.match(inspect(there).status, '## open-inspect/s1\n')
  t.notOk(readdirSync(there.workspace).includes('noise.log'), 'what is ignored is not stored')
  t.equal(there.git('for-each-ref', 'refs/snapshot'), '', 'the hidden refs are gone')
  t.equal(there.git('fsck', '--no-dangling'), '')

  t.comment('again, from there, on a detached head')
  there.git('checkout', '-q', '--detach')
  const back = await makeHost(t)
  await there.bundle(join(back.folder, 'bundle'))
  await back.restore(join(back.folder, 'bundle'))
  t.strictSame(inspect(back), inspect(there))
  t.match(inspect(back).status, '## HEAD (no branch)\n')
})

t.test('what is too large is refused, and the agent’s own folder left out', async t => {
  const here = await makeHost(t)
  await here.clone()
  const bundle = join(here.folder, 'tmp/bundle')
  writeFileSync(join(here.home, 'large'), '')
  truncateSync(join(here.home, 'large'), 2 * 1024 ** 2)
  t.match(await here.bundle(bundle), { home: null, leftOut: [/own folder: more than 1 MB/] })
  here.write('large.bin', '')
  truncateSync(join(here.workspace, 'large.bin'), 9 * 1024 ** 2)
  await t.rejects(here.bundle(bundle), {
    message:
      /too large for a snapshot: 9 MB, and 8 MB is the most\. The largest file is large\.bin/,
    cause: { code: 'PROVIDER_REFUSED' },
  })
})

t.test('a repository that lacks what the snapshot builds on', async t => {
  const here = await makeHost(t)
  await here.clone()
  here.write('new.md', 'new\n')
  here.git('add', 'new.md')
  here.git('commit', '-qm', 'Add new')
  // The session's work has reached the repository here, and only here.
  here.git('push', '-q', 'origin', 'HEAD:refs/heads/later')
  const there = await makeHost(t)
  const bundle = join(there.folder, 'bundle')
  await here.bundle(bundle)
  await t.rejects(there.restore(bundle), {
    message: /does not fit the stored sandbox/,
    cause: { code: 'PROVIDER_REFUSED' },
  })
})

t.test('an unfinished merge, and a repository inside without a commit', async t => {
  const here = await makeHost(t)
  await here.clone()
  here.git('checkout', '-qb', 'theirs')
  here.write('README.md', 'theirs\n')
  here.git('commit', '-qam', 'Theirs')
  here.git('checkout', '-q', 'open-inspect/s1')
  here.write('README.md', 'ours\n')
  here.git('commit', '-qam', 'Ours')
  t.throws(() => here.git('merge', '-q', 'theirs'))
  mkdirSync(join(here.workspace, 'inner'))
  execFileSync('git', ['init', '-q'], { cwd: join(here.workspace, 'inner') })
  const there = await makeHost(t)
  const { leftOut } = await here.bundle(join(there.folder, 'bundle'))
  t.match(leftOut, [/inner/, /unfinished merge/])
  await there.restore(join(there.folder, 'bundle'))
  t.match(readFileSync(join(there.workspace, 'README.md'), 'utf8'), /<<<<<<< /)
  t.match(there.git('log', '--format=%s', '--all'), /Theirs/)
})
