/**
 * Brings what one sandbox's socket says into the session's inbox, strictly in order, one command at a
 * time; what arrives meanwhile goes with the next. An event is acknowledged to the sandbox when the owner
 * has answered, never before. While nobody answers it tries again and keeps what waits, up to a bound.
 * It outlives its socket until what was said is in the log.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { CommandOf } from '../../subjects/commands.ts'
import { codeOf } from '../../subjects/errors.ts'
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'
import type { SessionId } from '../../subjects/subjects.ts'
import { requestCommand } from '../bus/command.ts'
import type { Bus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import { type Batch, type GrowingText, makeBacklog } from './backlog.ts'
import { BATCH_BYTES, BATCH_EVENTS, SANDBOX_BACKLOG_BYTES } from './limits.ts'

const RETRY_MS = 500

export type SandboxIntake = {
  /** Takes an event that is to be stored; `bytes` is its size as JSON. */
  push(event: SandboxEvent, bytes: number): void
  /** Takes the present text of a running message, to be stored with the next event. */
  say(text: GrowingText): void
  /** Lets commands out. Nothing is sent before. */
  begin(): void
  /** No more will come. Resolves when all that was said is stored, or at `deadlineMs` from now. */
  finish(deadlineMs: number): Promise<void>
}

export const makeSandboxIntake = (options: {
  readonly bus: Bus
  readonly sid: SessionId
  readonly generation: number
  /** Names the numbering of events that come without one. */
  readonly connectionId: string
  readonly log: Log
  readonly onStored: (ackIds: readonly string[]) => void
  readonly onOverflow: () => void
}): SandboxIntake => {
  const { bus, sid, generation, connectionId, log } = options
  const backlog = makeBacklog({ batchEvents: BATCH_EVENTS, batchBytes: BATCH_BYTES })
  const stop = new AbortController()
  let begun = false
  let final = false
  let unnumbered = 0
  let pumping: Promise<void> | undefined

  /** So that a command which is sent twice, because nobody answered, is stored once all the same. */
  const numbered = (event: SandboxEvent): SandboxEvent =>
    event.seq !== undefined || event.ackId !== undefined
      ? event
      : { ...event, run: connectionId, seq: ++unnumbered }

  /** @returns whether it is in the log; false: it is refused, or nobody answered until the end */
  const store = async (command: CommandOf<'sandbox_events'>): Promise<boolean> => {
    while (!stop.signal.aborted) {
      try {
        const { reply } = await requestCommand(bus, sid, command)
        // What is refused now is refused for ever: the session is gone, or this sandbox is over.
        if (!reply.ok)
          log.warn({ sid, generation, code: reply.code }, 'sandbox events were refused')
        return reply.ok
      } catch (error) {
        const code = codeOf(error)
        log.warn({ sid, generation, code, err: error }, 'sandbox events are not stored yet')
        // Trying again cannot help; what is lost is at least said.
        if (code === 'PAYLOAD_TOO_LARGE' || code === 'INVALID_REQUEST') return storeWarning(command)
        await wait(RETRY_MS, undefined, { signal: stop.signal }).catch(() => {})
      }
    }
    return false
  }
  const storeWarning = ({ events, text, ...command }: CommandOf<'sandbox_events'>) => {
    const first = events[0]
    if (events.length === 1 && first?.type === 'warning') return Promise.resolve(false)
    const message = `${events.length} events of the sandbox could not be stored and are left out`
    return store({ ...command, events: [{ type: 'warning', message }] })
  }

  const pump = async (): Promise<void> => {
    for (;;) {
      const batch = backlog.next(final)
      if (!batch || stop.signal.aborted) return
      const stored = await store(commandOf(batch, generation))
      if (stop.signal.aborted) return
      batch.done()
      if (!stored) continue
      options.onStored(batch.events.flatMap(({ ackId }) => (ackId === undefined ? [] : [ackId])))
    }
  }
  const go = () => {
    if (!begun || pumping) return
    pumping = pump().finally(() => {
      pumping = undefined
      if (!stop.signal.aborted && backlog.next(final)) go()
    })
  }

  return {
    push: (event, bytes) => {
      backlog.push(numbered(event), bytes)
      if (backlog.bytes() > SANDBOX_BACKLOG_BYTES) options.onOverflow()
      go()
    },
    say: backlog.say,
    begin: () => {
      begun = true
      go()
    },
    finish: async deadlineMs => {
      final = true
      go()
      const late = setTimeout(() => stop.abort(), deadlineMs)
      const given = new Promise<void>(resolve => {
        stop.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      while (pumping && !stop.signal.aborted) await Promise.race([pumping, given])
      clearTimeout(late)
    },
  }
}

const commandOf = (batch: Batch, generation: number): CommandOf<'sandbox_events'> => ({
  v: 1,
  type: 'sandbox_events',
  generation,
  text: batch.text,
  events: [...batch.events],
})
