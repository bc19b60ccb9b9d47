/**
 * Repositories of the git host as this host keeps them: bare ones in `repos/<owner>/<name>.git`, brought up
 * to date before a workspace is made of one; as they were last when the git host is away. The token to read
 * with is asked for each time, and reaches git through a pipe: it is in no file, no argument and no
 * environment.
 */
import { spawn } from 'node:child_process'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, type ErrorCode, fail } from '../../../subjects/errors.ts'
import { withoutCredentials } from '../../../subjects/sandbox-event.ts'
import { git } from '../../process/git.ts'
import { isPassing } from '../git-failure.ts'
import { isRepositoryName } from './repositories.ts'

/** A repository of the git host, and how it is read. */
export type GitHost = {
  /** Where its repositories are, without a slash at the end. */
  readonly url: string
  /** @throws a code of errors.ts, when there is no token for this repository */
  readonly credentials: (
    owner: string,
    name: string,
  ) => Promise<{ readonly username: string; readonly password: string }>
}

export type Mirror = {
  /** Its folder. */
  readonly repository: string
  /** Why it is older than what the git host has, and how old; null when it is not. */
  readonly stale: string | null
}

export type Mirrors = {
  /** What `origin` is in a workspace. */
  origin(owner: string, name: string): string
  /**
   * Brings the mirror up to date; one that is there already is given as it is when the git host does not
   * answer.
   * @throws codes REPOSITORY_NOT_FOUND; PROVIDER_UNAVAILABLE when there is no mirror yet, or the git host
   * refuses
   */
  refreshed(owner: string, name: string): Promise<Mirror>
}

const FIRST_WITHIN_MS = 300_000
/** Fetches only what is new. A git host that hangs must not hold a sandbox until its session gives it up. */
const AGAIN_WITHIN_MS = 60_000
/** An empty file in a mirror: the time of its last change is when the mirror was whole last. */
const FETCHED = 'fetched'
/** There was no token to be had, which says nothing about the right to one. */
const NO_ANSWER: ReadonlySet<ErrorCode | undefined> = new Set([
  'GITHUB_UNAVAILABLE',
  'REPOSITORIES_UNAVAILABLE',
  'BUS_UNAVAILABLE',
])
/** git reads a token where it is told to; `store` and `erase` are for helpers that keep one. */
const FROM_PIPE = '!f() { test "$1" = get && cat <&3; }; f'
const REFS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']

/** Runs git with a credential on a pipe. @returns standard output */
const gitWith = async (
  credential: { readonly username: string; readonly password: string },
  args: readonly string[],
  withinMs: number,
): Promise<string> => {
  const config = ['-c', 'credential.helper=', '-c', `credential.helper=${FROM_PIPE}`]
  const child = spawn('git', [...config, '-c', 'safe.directory=*', ...args], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  // All of its programs: the one that speaks HTTP would wait on. Softly, so that no lock is left behind.
  const late = setTimeout(() => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // Ended by itself in the meantime.
    }
  }, withinMs)
  const pipe = child.stdio[3] as NodeJS.WritableStream
  pipe.on('error', () => {})
  pipe.end(`username=${credential.username}\npassword=${credential.password}\n`)
  let said = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-4_000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => clearTimeout(late))
  if (code === 0) return said
  const message =
    withoutCredentials(stderr.trim()) ||
    (code === null ? 'the git host is too slow' : `git ended with code ${code}`)
  const passes = code === null || isPassing(message)
  throw passes ? fail('GITHUB_UNAVAILABLE', { message }) : new Error(message)
}

/** When a mirror was whole last; undefined when it never was. */
const fetchedAt = (path: string): Promise<Date | undefined> =>
  stat(join(path, FETCHED)).then(
    found => found.mtime,
    () => undefined,
  )

/** Such as `as of 2026-01-31 09:30 UTC, 3 hours ago`. */
const age = (at: Date): string => {
  const minutes = Math.max(0, Math.round((Date.now() - at.getTime()) / 60_000))
  const [count, unit] = minutes < 120 ? [minutes, 'minute'] : [Math.round(minutes / 60), 'hour']
  const moment = at.toISOString().slice(0, 16).replace('T', ' ')
  return `as of ${moment} UTC, ${count} ${unit}${count === 1 ? '' : 's'} ago`
}

export const openMirrors = (
  repos: string,
  host: GitHost,
  againWithinMs: number = AGAIN_WITHIN_MS,
): Mirrors => {
  /** One repository is fetched once at a time. */
  const lines = new Map<string, Promise<unknown>>()
  const origin = (owner: string, name: string) => `${host.url}/${owner}/${name}.git`

  const fetch = async (path: string, owner: string, name: string, withinMs: number) => {
    const url = origin(owner, name)
    const credential = await host.credentials(owner, name)
    const run = (...args: string[]) => gitWith(credential, ['-C', path, ...args], withinMs)
    await mkdir(path, { recursive: true, mode: 0o700 })
    await git(['init', '--quiet', '--bare', path])
    await run('fetch', '--quiet', '--prune', '--force', url, ...REFS)
    const told = await run('ls-remote', '--symref', url, 'HEAD')
    const head = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(told)?.[1]
    if (head) await git(['-C', path, 'symbolic-ref', 'HEAD', head])
    await writeFile(join(path, FETCHED), '')
  }

  const refresh = async (owner: string, name: string): Promise<Mirror> => {
    const repository = join(repos, owner, `${name}.git`)
    const before = await fetchedAt(repository)
    try {
      await fetch(repository, owner, name, before ? againWithinMs : FIRST_WITHIN_MS)
      return { repository, stale: null }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const code = codeOf(error)
      if (code === 'REPOSITORY_NOT_INSTALLED' || code === 'REPOSITORY_NOT_FOUND') {
        throw fail('REPOSITORY_NOT_FOUND', { message: why, error })
      }
      const passes = NO_ANSWER.has(code)
      const unread = `The repository ${owner}/${name} could not be read: ${why.slice(0, 1_000)}`
      if (before && passes) {
        const stale = `${unread}. This host's copy of it is used, ${age(before)}.`
        return { repository, stale }
      }
      const advice = passes
        ? `. This host has no copy of it yet: send a prompt again once ${host.url} answers.`
        : ''
      throw fail('PROVIDER_UNAVAILABLE', { message: `${unread}${advice}`, error })
    }
  }

  return {
    origin,
    refreshed: (owner, name) => {
      if (!isRepositoryName(owner) || !isRepositoryName(name)) {
        throw fail('REPOSITORY_NOT_FOUND', { message: `${owner}/${name} cannot be a repository.` })
      }
      const key = `${owner}/${name}`
      const work = () => refresh(owner, name)
      const done = (lines.get(key) ?? Promise.resolve()).then(work, work)
      lines.set(key, done)
      done.then(
        () => lines.get(key) === done && lines.delete(key),
        () => lines.get(key) === done && lines.delete(key),
      )
      return done
    },
  }
}
