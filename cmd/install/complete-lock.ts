/**
 * Adds to package-lock.json the packages of other platforms that npm left out.
 *
 * An optional package that the registry at hand does not serve, because it keeps only what this
 * platform needs, is missing from the lock that npm writes, and `npm ci` then refuses that lock
 * (npm/cli issue 9846). Its parent names its version, so the entry can be written: without a
 * hash, which only somebody who can see the package knows. Run by npm whenever it has changed
 * node_modules; it does nothing to a lock that is complete.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Entry = {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [other: string]: unknown
}

export type Lock = { readonly packages: Readonly<Record<string, Entry>> }

const SYSTEMS: Readonly<Record<string, string>> = { windows: 'win32' }
const SYSTEM =
  /(?:^|[/-])(android|darwin|freebsd|linux|openbsd|netbsd|win32|windows)-(arm64|arm|x64)/

/** Returns a lock with an entry for every optional package that has a fixed version. */
export const completeLock = <T extends Lock>(lock: T): T => {
  const added: Record<string, Entry> = {}
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const [, system = '', cpu = ''] = SYSTEM.exec(name) ?? []
      const known =
        lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`]
      if (known?.version || !system || !/^\d+\.\d+\.\d+$/.test(version)) continue
      added[`node_modules/${name}`] = {
        version,
        cpu: [cpu],
        ...(dev ? { dev } : {}),
        optional: true,
        os: [SYSTEMS[system] ?? system],
      }
    }
  }
  const packages = Object.entries({ ...lock.packages, ...added })
  packages.sort(([a], [b]) => a.localeCompare(b, 'en'))
  return { ...lock, packages: Object.fromEntries(packages) }
}

if (import.meta.main) {
  const path = fileURLToPath(new URL('../../package-lock.json', import.meta.url))
  const before = readFileSync(path, 'utf8')
  const after = `${JSON.stringify(completeLock(JSON.parse(before)), null, 2)}\n`
  if (after !== before) writeFileSync(path, after)
}
