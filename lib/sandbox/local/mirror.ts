/**
 * Repositories of the git host as this host keeps them: bare ones in `repos/<owner>/<name>.git`, brought up
 * to date before a workspace is made of one. The token to read with is asked for each time, and reaches git
 * through a pipe: it is in no file, no argument and no environment.
 */
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, fail } from '../../../subjects/errors.ts'
import { withoutCredentials } from '../../../subjects/sandbox-event.ts'
import { git } from '../../process/git.ts'
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

export type Mirrors = {
  /** What `origin` is in a workspace. */
  origin(owner: string, name: string): string
  /**
   * Brings the mirror up to date, and gives its folder.
   * @throws codes REPOSITORY_NOT_FOUND; PROVIDER_UNAVAILABLE when the git host does not answer
   */
  refreshed(owner: string, name: string): Promise<string>
}

const WITHIN_MS = 300_000
/** git reads a token where it is told to; `store` and `erase` are for helpers that keep one. */
const FROM_PIPE = '!f() { test "$1" = get && cat <&3; }; f'
const REFS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']

/** Runs git with a credential on a pipe. @returns standard output */
const gitWith = async (
  credential: { readonly username: string; readonly password: string },
  args: readonly string[],
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
    timeout: WITHIN_MS,
  })
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
  })
  if (code !== 0)
    throw new Error(withoutCredentials(stderr.trim()) || `git ended with code ${code}`)
  return said
}

export const openMirrors = (repos: string, host: GitHost): Mirrors => {
  /** One repository is fetched once at a time. */
  const lines = new Map<string, Promise<unknown>>()
  const origin = (owner: string, name: string) => `${host.url}/${owner}/${name}.git`

  const refresh = async (owner: string, name: string): Promise<string> => {
    const url = origin(owner, name)
    const path = join(repos, owner, `${name}.git`)
    const credential = await host.credentials(owner, name)
    await mkdir(path, { recursive: true, mode: 0o700 })
    await git(['init', '--quiet', '--bare', path])
    await gitWith(credential, ['-C', path, 'fetch', '--quiet', '--prune', '--force', url, ...REFS])
    const told = await gitWith(credential, ['ls-remote', '--symref', url, 'HEAD'])
    const head = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(told)?.[1]
    if (head) await git(['-C', path, 'symbolic-ref', 'HEAD', head])
    return path
  }

  return {
    origin,
    refreshed: (owner, name) => {
      if (!isRepositoryName(owner) || !isRepositoryName(name)) {
        throw fail('REPOSITORY_NOT_FOUND', { message: `${owner}/${name} cannot be a repository.` })
      }
      const key = `${owner}/${name}`
      const work = () =>
        refresh(owner, name).catch((error: Error) => {
          const code = codeOf(error)
          if (code === 'REPOSITORY_NOT_INSTALLED' || code === 'REPOSITORY_NOT_FOUND') {
            throw fail('REPOSITORY_NOT_FOUND', { message: error.message, error })
          }
          const message = `The repository ${key} could not be read: ${error.message}`
          throw fail('PROVIDER_UNAVAILABLE', { message, error })
        })
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
