/**
 * Where the nats-server program comes from: the path, the cache of this user, and failing these
 * a download into that cache, which all clones share. Owns nothing but the cache folder; started
 * by several processes at once, each ends with a whole file, because it is moved into place.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { fail } from '../../subjects/errors.ts'
import { fromDebian, fromRelease } from './nats-download.ts'

const run = promisify(execFile)

/** Message schedules, per-message TTL and the direct batch read all exist from 2.12 on. */
const MIN_MAJOR = 2
const MIN_MINOR = 12

type Environment = Readonly<Record<string, string | undefined>>

/** The version a program prints, `2.15.1`; undefined when it is no nats-server that runs here. */
export const natsVersion = async (path: string): Promise<string | undefined> => {
  try {
    const { stdout } = await run(path, ['--version'])
    return /nats-server:? v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** Whether a version, `2.15.1`, has what the streams of this project use. */
export const isFitting = (version: string | undefined): boolean => {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  return major > MIN_MAJOR || (major === MIN_MAJOR && minor >= MIN_MINOR)
}

/** The cached program of this user and machine, whether it is there or not. */
export const cachedNatsServer = (env: Environment): string => {
  const cache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache')
  return join(cache, 'agent-control-plane', `nats-server-${process.platform}-${process.arch}`)
}

/** Finds a fitting nats-server without downloading anything. */
export const findNatsServer = async (env: Environment): Promise<string | undefined> => {
  const onPath = (env.PATH ?? '').split(delimiter).filter(Boolean)
  // Debian puts it where only root's path leads.
  const folders = [...onPath, '/usr/local/sbin', '/usr/sbin']
  const candidates = [...new Set(folders)].map(folder => join(folder, 'nats-server'))
  for (const path of [...candidates, cachedNatsServer(env)]) {
    if (isFitting(await natsVersion(path))) return path
  }
  return undefined
}

/**
 * Finds a fitting nats-server, or downloads one into the cache.
 *
 * @param say hears one sentence before a download, which takes some seconds.
 * @returns the path of the program.
 * @throws code `NATS_SERVER_MISSING`, with what was tried in `tried`.
 */
export const ensureNatsServer = async (
  env: Environment,
  say: (sentence: string) => void = () => {},
): Promise<string> => {
  const found = await findNatsServer(env)
  if (found) return found
  say('Fetching nats-server …')
  const target = cachedNatsServer(env)
  await mkdir(join(target, '..'), { recursive: true, mode: 0o700 })
  const tried: string[] = []
  for (const source of [fromRelease, fromDebian]) {
    // In the cache itself, so that the last step is a rename and never half a copy.
    const folder = await mkdtemp(`${target}-`)
    try {
      const program = await source(folder)
      await chmod(program, 0o755)
      const version = await natsVersion(program)
      if (!isFitting(version)) throw new Error(`what was downloaded is ${version ?? 'unusable'}`)
      await rename(program, target)
      return target
    } catch (error) {
      tried.push(`${source.title}: ${error instanceof Error ? error.message : error}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  throw fail('NATS_SERVER_MISSING', {
    message: `No nats-server ${MIN_MAJOR}.${MIN_MINOR} or newer was found, and none could be fetched (${tried.join('; ')}): install one so that it is on the path, or set NATS_URL to a running one.`,
    tried,
  })
}
