/**
 * Makes the uWebSockets.js binary load on Linux with glibc 2.36 or 2.37 (Debian 12).
 *
 * The published binaries ask for glibc 2.38, but for three imports only (see retarget-elf.ts),
 * all of which older libraries have under their old names. Elsewhere this does nothing, done
 * twice it does nothing the second time, and it leaves alone any file that it does not know by
 * its hash: what has not been tried is not patched. Run after every install, by npm.
 */
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fail } from '../../subjects/errors.ts'
import { retargetElf } from './retarget-elf.ts'

type Known = { readonly published: string; readonly patched: string; readonly base: string }

/** SHA-256 of the files for Node 24 in uwebsockets@3.0.6; `base` is glibc's first version there. */
const KNOWN: Readonly<Record<string, Known>> = {
  'uws_linux_x64_137.node': {
    published: '3b549c14e01d9d1faf234cdf4b6f0fb08158605e3692cd0eb1b905e327bd3449',
    patched: 'b41f27a7270a4bb48a80dc6b5b3d68101eba1cbb9513b6ca16027866f16e5f0f',
    base: 'GLIBC_2.2.5',
  },
  'uws_linux_arm64_137.node': {
    published: 'b6eb007d627e00bcce03ad38f197124e9027c03f6fe784b37f97b8a6ea709cb4',
    patched: '2f776ae2ee6be0972d16afc700d9bcc4ed86479f808ac64ca87987091433174b',
    base: 'GLIBC_2.17',
  },
}

export type Machine = { readonly platform: string; readonly glibc: string | undefined }

/** What this process runs on; `glibc` is undefined where the C library is another one. */
export const thisMachine = (): Machine => {
  // Without this the report looks up the name of every network address first.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return { platform: process.platform, glibc: report.header?.glibcVersionRuntime }
}

/**
 * Patches the binary `file` of folder `folder` if `machine` needs that.
 *
 * @returns what was done, for the person who watches.
 * @throws code `GLIBC_TOO_OLD` when the file cannot run here, patched or not.
 */
export const patchUws = (
  folder: string,
  file: string,
  { platform, glibc }: Machine,
): 'not needed' | 'patched' | 'patched before' => {
  if (platform !== 'linux' || !glibc) return 'not needed'
  const [major = 0, minor = 0] = glibc.split('.').map(Number)
  if (major > 2 || minor >= 38) return 'not needed'
  if (minor < 36) {
    throw fail('GLIBC_TOO_OLD', {
      message: `This system has glibc ${glibc}, and uWebSockets.js needs 2.36 or newer: use Debian 12, Ubuntu 24.04 or a newer system.`,
      glibc,
    })
  }
  const path = join(folder, file)
  const content = readFileSync(path)
  const hash = createHash('sha256').update(content).digest('hex')
  const known = KNOWN[file]
  if (hash === known?.patched) return 'patched before'
  if (!known || hash !== known.published) {
    throw fail('GLIBC_TOO_OLD', {
      message: `This system has glibc ${glibc}, uWebSockets.js asks for 2.38, and this build of it (${file}, SHA-256 ${hash}) is not one that is known to work here when patched: install the version that package-lock.json names, or use a system with glibc 2.38 or newer.`,
      glibc,
      hash,
    })
  }
  const patched = retargetElf(content, {
    prefix: '__isoc23_',
    from: 'GLIBC_2.38',
    to: known.base,
  })
  // A new file in place of the old one: a process that has the old one loaded keeps it.
  const next = `${path}.${process.pid}`
  try {
    writeFileSync(next, patched, { mode: 0o755 })
    renameSync(next, path)
  } finally {
    rmSync(next, { force: true })
  }
  return 'patched'
}

if (import.meta.main) {
  const folder = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))
  const file = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`
  try {
    const done = patchUws(folder, file, thisMachine())
    if (done === 'patched')
      console.log('uWebSockets.js was made to run with the glibc of this system')
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
