/**
 * Pushes `HEAD` to a branch, beside whatever the agent does. git runs where the agent runs, because the
 * workspace's configuration is the agent's; it gets its token from the credential helper.
 */
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { SandboxFrameOf } from '../../../subjects/frames-sandbox.ts'
import { withoutCredentials } from '../../../subjects/sandbox-event.ts'
import { isPassing } from '../git-failure.ts'
import { BRIDGE_MARK } from '../sweep.ts'
import type { Confine } from './confine.ts'
import type { SandboxSaying } from './outbox.ts'

export type PushFrame = SandboxFrameOf<'push'>

const WITHIN_MS = 300_000
const OUTPUT_CHARS = 4_000
/** Before each further attempt. The proxy of an isolated sandbox comes up beside git, and may be later. */
const AGAIN_AFTER_MS = [300, 1_000, 3_000] as const

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** As a shell command line. A branch cannot be read as an option: it stands inside the refspec. */
const commandLine = (workspace: string, { branchName, pushSpec }: PushFrame): string =>
  [
    'git',
    ...['-C', workspace, 'push', '--no-verify', ...(pushSpec.force ? ['--force'] : [])],
    ...['--', pushSpec.remoteUrl, `HEAD:refs/heads/${branchName}`],
  ]
    .map(quoted)
    .join(' ')

type PushOptions = {
  readonly workspace: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly confine: Confine
  readonly withinMs?: number
}

/** @throws an error whose message is git's own, or why it was ended */
const runGit = async (frame: PushFrame, options: PushOptions, signal: AbortSignal) => {
  const [command = 'false', ...args] = await options.confine(commandLine(options.workspace, frame))
  const child = spawn(command, args, {
    cwd: options.workspace,
    // Not the agent's mark: the end of a prompt sweeps what carries that.
    env: { ...options.env, LC_ALL: 'C', [BRIDGE_MARK]: options.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-OUTPUT_CHARS)
    })
  }
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Ended by itself in the meantime.
    }
  }
  signal.addEventListener('abort', kill, { once: true })
  if (signal.aborted) kill()
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => signal.removeEventListener('abort', kill))
  if (signal.aborted) throw new Error(String((signal.reason as Error)?.message ?? signal.reason))
  if (code !== 0) throw new Error(said.trim() || `git ended with code ${code}`)
}

/** Tries again what failed for a passing reason: to push the same once more changes nothing. */
const runPatiently = async (frame: PushFrame, options: PushOptions, signal: AbortSignal) => {
  for (const pauseMs of AGAIN_AFTER_MS) {
    try {
      return await runGit(frame, options, signal)
    } catch (error) {
      if (signal.aborted || !isPassing((error as Error).message)) throw error
      await wait(pauseMs, undefined, { signal }).catch(() => {})
    }
  }
  return runGit(frame, options, signal)
}

export type Pushes = {
  /** Pushes after those before it. The same push again is not pushed again. */
  push(frame: PushFrame): void
  cancel(pushId: string): void
  /** Ends what is under way. */
  end(reason: string): Promise<void>
}

export const createPushes = (
  options: PushOptions & { readonly say: (event: SandboxSaying) => void },
): Pushes => {
  const taken = new Map<string, AbortController>()
  let line: Promise<void> = Promise.resolve()

  const push = async (frame: PushFrame, stop: AbortSignal) => {
    const { pushId, branchName, repoOwner, repoName } = frame
    const about = { pushId, branchName, repoOwner, repoName }
    const seconds = Math.round((options.withinMs ?? WITHIN_MS) / 1000)
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new Error(`git push took longer than ${seconds} seconds`)),
      options.withinMs ?? WITHIN_MS,
    )
    try {
      await runPatiently(frame, options, AbortSignal.any([stop, late.signal]))
      options.say({ type: 'push_complete', ...about })
    } catch (error) {
      const why = withoutCredentials(error instanceof Error ? error.message : String(error))
      options.say({ type: 'push_error', ...about, error: why })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    push: frame => {
      if (taken.has(frame.pushId)) return
      const stop = new AbortController()
      taken.set(frame.pushId, stop)
      line = line.then(() => push(frame, stop.signal))
    },
    cancel: pushId => taken.get(pushId)?.abort(new Error('The push was given up')),
    end: async reason => {
      for (const stop of taken.values()) stop.abort(new Error(reason))
      await line
    },
  }
}
