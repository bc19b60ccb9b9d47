/**
 * Starts the sandbox that a session asked for, if it still wants it: a job may have waited behind very
 * many others, and its session be gone. The session is told what came of it.
 */
import type { CommandInput } from '../../subjects/commands.ts'
import { codeOf } from '../../subjects/errors.ts'
import type { RestoreJob } from '../../subjects/jobs.ts'
import { sandboxToken } from '../auth/sandbox-token.ts'
import { ask } from '../bus/ask.ts'
import { publishCommand } from '../bus/command.ts'
import type { Bus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import { isPermanent, type Provider, type Spawned } from './provider.ts'

/** So long an owner is waited for; then the job comes back later. */
const ANSWER_WITHIN_MS = 3_000
/** So long a prompt's sandbox looks for a place; the session then says that it failed, and asks anew. */
const PLACE_WITHIN_MS = 45_000
/** People are told that it waits when it has looked so often. */
const TOLD_AT_ATTEMPT = 2

export type Start = {
  readonly kind: 'spawn' | 'restore'
  readonly job: RestoreJob
  /** Counted from 1. */
  readonly attempt: number
  /** When it was asked for, in milliseconds since the epoch. */
  readonly askedMs: number
}

export type Starting = {
  readonly bus: Bus
  readonly provider: Provider
  readonly host: string
  readonly secret: string
  readonly controlPlaneUrl: string
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
  readonly log: Log
}

const isFull = (error: unknown): boolean => codeOf(error) === 'SANDBOX_HOST_FULL'
const UNWANTED = { wanted: false, promptWaits: false }

/** How long a job that found this host full is left to others, in milliseconds. */
export const pauseWhenFull = (error: unknown): number | undefined =>
  isFull(error) ? ((error as Error).cause as { pauseMs?: number }).pauseMs : undefined

/** @throws what may pass, SANDBOX_HOST_FULL among it: then it is to be tried again */
export const startSandbox = async (starting: Starting, start: Start): Promise<void> => {
  const { bus, log } = starting
  const { sid, generation } = start.job
  const question = { v: 1, sid, type: 'sandbox_wanted', generation } as const
  const { wanted, promptWaits } = await ask(bus, question, {
    deadlineMs: ANSWER_WITHIN_MS,
  }).catch(error => {
    if (codeOf(error) === 'SESSION_NOT_FOUND') return UNWANTED
    throw error
  })
  if (!wanted) return log.debug({ sid, generation }, 'nobody waits for this sandbox any more')
  const command = await outcome(starting, start, promptWaits)
  await publishCommand(bus, sid, command, { id: `${sid}.${generation}.${command.type}` })
}

const outcome = async (
  starting: Starting,
  { kind, job, attempt, askedMs }: Start,
  promptWaits: boolean,
): Promise<CommandInput> => {
  const { bus, provider, host, secret, controlPlaneUrl, nowMs, log } = starting
  const { sid, generation, sandboxId } = job
  const access = { token: sandboxToken(secret, sid, generation), controlPlaneUrl, promptWaits }
  let spawned: Spawned
  try {
    spawned = await (kind === 'spawn'
      ? provider.create(job, access)
      : provider.restore(job, access))
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).slice(0, 2_000)
    if (isFull(error) && !promptWaits) {
      const reason = `${text} One starts with the next prompt.`
      return { v: 1, type: 'sandbox_exited', generation, reason, orderly: true }
    }
    if (isFull(error) && nowMs() - askedMs < PLACE_WITHIN_MS) {
      if (attempt === TOLD_AT_ATTEMPT) {
        const reason = `${text} The prompt waits for one.`
        const delayed = { v: 1, type: 'sandbox_delayed', generation, reason } as const
        await publishCommand(bus, sid, delayed, { id: `${sid}.${generation}.sandbox_delayed` })
      }
      throw error
    }
    const permanent = isPermanent(error)
    log.warn({ sid, generation, permanent, reason: text }, 'no sandbox')
    const failed = { generation, error: text, permanent, sandboxId, host }
    return { v: 1, type: 'sandbox_spawn_failed', ...failed }
  }
  const { objectId, warning } = spawned
  return { v: 1, type: 'sandbox_spawned', generation, sandboxId, objectId, host, warning }
}
