/**
 * The agent's seat: at most one agent process at a time, started when it is needed and again, after a
 * growing pause, when it has ended. It remembers the agent's session, so that the next process can go
 * on with it.
 */
import type { SessionUpdate } from '@agentclientprotocol/sdk'
import { type Agent, describe, startAgent } from './agent.ts'
import type { Confine } from './confine.ts'

const ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
const MOST_PAUSE_MS = 60_000
const START_WITHIN_MS = 60_000

export type SeatOptions = {
  readonly commandLine: string
  readonly workspace: string
  readonly env: Readonly<Record<string, string>>
  readonly confine: Confine
  readonly sessionId: string | null
  readonly onUpdate: (update: SessionUpdate) => void
  readonly onPermission: (callId: string, title: string, answer: string) => void
  readonly log: (line: string) => void
}

export type Seat = {
  /** The living agent, started if there is none; tries up to five times. */
  taken(signal: AbortSignal): Promise<Agent>
  /** Ends the agent, if there is one. */
  clear(graceMs: number): Promise<void>
  /** The agent's session, to be loaded by a later sandbox. */
  sessionId(): string | null
}

export const createSeat = (options: SeatOptions): Seat => {
  let agent: Agent | undefined
  let starting: Promise<Agent> | undefined
  let sessionId = options.sessionId

  const start = async (): Promise<Agent> => {
    const started = await startAgent({
      commandLine: options.commandLine,
      workspace: options.workspace,
      env: options.env,
      confine: options.confine,
      loadSessionId: sessionId,
      startWithinMs: START_WITHIN_MS,
      onUpdate: options.onUpdate,
      onPermission: (request, answer) =>
        options.onPermission(request.toolCall.toolCallId, request.toolCall.title ?? '', answer),
      log: options.log,
    })
    sessionId = started.sessionId
    agent = started
    return started
  }

  const startOnce = () => {
    starting ??= start().finally(() => {
      starting = undefined
    })
    return starting
  }

  return {
    taken: async signal => {
      for (let attempt = 1; ; attempt += 1) {
        if (agent?.alive()) return agent
        try {
          return await startOnce()
        } catch (error) {
          options.log(describe(error))
          if (attempt >= ATTEMPTS || signal.aborted) throw error
          await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, MOST_PAUSE_MS), signal)
        }
      }
    },
    clear: async graceMs => {
      const ending = agent ?? (await starting?.catch(() => undefined))
      agent = undefined
      await ending?.end(graceMs)
    },
    sessionId: () => sessionId,
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
