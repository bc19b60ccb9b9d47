/** From a decision to its record, and from a record to the state after it. */
import type { SessionCommand } from '../../subjects/commands.ts'
import type {
  Effect,
  SessionEventType,
  SessionRecord,
  SessionSummary,
  Timer,
} from '../../subjects/records.ts'
import { deadlines } from './deadlines.ts'
import type { Context, Decision } from './decide.ts'
import { effectsOf } from './effects.ts'
import { evolve } from './evolve.ts'
import type { Policy } from './policy.ts'
import { fingerprintOf, remember, requestIdOf } from './requests.ts'
import { summaryOf } from './snapshot.ts'
import type { SessionState } from './state.ts'

export { repeatedReply } from './requests.ts'

/** Who decided: the partition's epoch and the owner's name, for people who read the log. */
export type Stamp = Readonly<{ epoch: number; owner: string }>

/** Events that nobody would call a change of the session: it does not move up in the list. */
const QUIET: ReadonlySet<SessionEventType> = new Set<SessionEventType>([
  'ws_token_issued',
  'scm_token_stored',
  'participant_joined',
  'participant_updated',
  'prompt_refused',
  'sandbox_observed',
  'sandbox_disconnected',
])

const changedTimers = (
  before: SessionState,
  after: SessionState,
  policy: Policy,
): readonly Timer[] => {
  const old = new Map(deadlines(before, policy).map(one => [one.name, one.atMs]))
  return deadlines(after, policy).filter(one => old.get(one.name) !== one.atMs)
}

/** The newest summary; `updatedAtMs` grows strictly with every change that is not quiet. */
const nextSummary = (
  before: SessionState,
  after: SessionState,
  decision: Decision,
  atMs: number,
): SessionSummary | null => {
  if (!after.exists) return null
  const quiet = decision.events.every(event => QUIET.has(event.type))
  const updatedAtMs = quiet ? before.updatedAtMs : Math.max(atMs, before.updatedAtMs + 1)
  return { ...summaryOf(after), updatedAtMs }
}

/**
 * The record of a decision: its events, the effects that follow from them, the timers that it set, and
 * the session's summary. `state` is the state before. A decision without events needs no record.
 */
export const recordOf = (
  state: SessionState,
  command: SessionCommand,
  decision: Decision,
  context: Context,
  stamp: Stamp,
): SessionRecord => {
  const { sid, commandSequence, nowMs, policy } = context
  const effects: Effect[] = []
  let after = state
  for (const event of decision.events) {
    for (const wanted of effectsOf(after, event)) {
      effects.push({ ...wanted, id: `${sid}.${commandSequence}.${effects.length}` })
    }
    after = evolve(after, event)
  }
  const requestId = requestIdOf(command)
  return {
    v: 1,
    sid,
    epoch: stamp.epoch,
    owner: stamp.owner,
    commandSequence,
    commandType: command.type,
    atMs: nowMs,
    request:
      requestId === undefined ? null : { id: requestId, fingerprint: fingerprintOf(command) },
    reply: decision.reply,
    events: [...decision.events],
    effects,
    timers: [...changedTimers(state, after, policy)],
    summary: nextSummary(state, after, decision, nowMs),
  }
}

/** The state after a record. Only accepted requests are remembered: a refused one may be tried again. */
export const applyRecord = (state: SessionState, record: SessionRecord): SessionState => {
  const after = record.events.reduce(evolve, state)
  return {
    ...after,
    updatedAtMs: record.summary?.updatedAtMs ?? after.updatedAtMs,
    requests:
      record.request && record.reply.ok
        ? remember(after.requests, record.commandType, record.request, record.reply)
        : after.requests,
    lastCommandSequence: record.commandSequence,
  }
}
