/** Given commands, when one more, then these events: a session told as it happens, without I/O. */
import type { Test } from 'tap'
import { deadlines } from '../../lib/session/deadlines.ts'
import { type Context, decide, type Observed } from '../../lib/session/decide.ts'
import { type Policy, policyOf } from '../../lib/session/policy.ts'
import { applyRecord, recordOf } from '../../lib/session/record.ts'
import { initialState, type SessionState } from '../../lib/session/state.ts'
import {
  type CommandInput,
  command as commandSchema,
  type SessionCommand,
} from '../../subjects/commands.ts'
import type { SessionEvent, SessionRecord } from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'

export const SID = '0123456789abcdef0123456789abcdef'
/** When every scene begins, in milliseconds since the epoch. */
export const START_MS = 1_700_000_000_000

/** The defaults of spec 4.5. */
export const POLICY: Policy = policyOf({
  heartbeatStaleMs: 90_000,
  sandboxInactivityTimeoutMs: 600_000,
  inactivityExtensionMs: 300_000,
  spawnCooldownMs: 30_000,
  reconnectWaitMs: 60_000,
  breakerFailures: 3,
  breakerWindowMs: 300_000,
  connectTimeoutMs: 240_000,
  stopConfirmationMs: 15_000,
  executionTimeoutMs: 7_200_000,
  disconnectCheckMs: 90_000,
  deliveryConfirmationMs: 5_000,
  warmThrottleMs: 10_000,
  wsTokenTtlMs: 86_400_000,
  snapshotTimeoutMs: 60_000,
  presenceSettlesMs: 30_000,
  abandonedDraftMs: 28_800_000,
  maxPromptChars: 64_000,
  maxUnfinishedPrompts: 10,
  pushTimeoutMs: 360_000,
  pullRequestTimeoutMs: 600_000,
  github: { url: 'https://git.example.org' },
  sandboxProvider: 'local',
})

/** A command with the moment at which it is stored, in milliseconds since the scene began. */
export type Step = Readonly<{
  command: CommandInput
  atMs?: number
  observed?: Partial<Observed>
}>
export type Told = CommandInput | Step

const stepOf = (told: Told): Step => ('command' in told ? told : { command: told })

/** Stores a command `atMs` after the scene began. */
export const at = (atMs: number, command: CommandInput, observed?: Partial<Observed>): Step => ({
  command,
  atMs,
  ...(observed && { observed }),
})

/** Without the note that an event was taken in. */
export const newsOf = (events: readonly SessionEvent[]): readonly SessionEvent[] =>
  events.filter(one => one.type !== 'sandbox_progress')

/** What providers are asked for, in order. */
export const jobsOf = ({ effects }: SessionRecord): readonly string[] =>
  effects.flatMap(one => (one.kind === 'sandbox_job' ? [one.job] : []))

export const tokenHashOf = (generation: number): string => `hash-of-${generation}`

/** One session and its log. */
export type Scene = {
  state: SessionState
  nowMs: number
  readonly log: SessionRecord[]
  /** Decides a command and, if anything happened, writes its record. */
  tell(told: Told): {
    events: readonly SessionEvent[]
    reply: Reply
    recorded: boolean
    record: SessionRecord
  }
  /** The deadline of a name, in milliseconds since the scene began. */
  due(name: string): number | undefined
}

export const scene = (policy: Policy = POLICY): Scene => {
  let commandSequence = 0
  const log: SessionRecord[] = []
  const self: Scene = {
    state: initialState,
    nowMs: START_MS,
    log,
    tell(told) {
      const { command: input, atMs, observed } = stepOf(told)
      const command: SessionCommand = commandSchema.parse(input)
      self.nowMs = atMs === undefined ? self.nowMs : START_MS + atMs
      const context: Context = {
        sid: SID,
        nowMs: self.nowMs,
        commandSequence: ++commandSequence,
        policy,
        sandboxTokenHash: tokenHashOf,
        observed: { sinceMs: 0, lastHeartbeatMs: null, clients: 0, ...observed },
      }
      const decision = decide(self.state, command, context)
      const stamp = { epoch: 1, owner: 'scene' }
      const record = recordOf(self.state, command, decision, context, stamp)
      if (decision.recorded) {
        log.push(record)
        self.state = applyRecord(self.state, record)
      }
      return { ...decision, record }
    },
    due(name) {
      const found = deadlines(self.state, policy).find(one => one.name === name)
      return found && found.atMs - START_MS
    },
  }
  return self
}

/** Exactly so many, in this order, each compared in the fields that are expected. */
export const exactly = (
  t: Test,
  seen: readonly unknown[],
  expected: readonly unknown[],
  message = 'exactly these',
) => {
  // `match` alone lets further elements pass.
  if (seen.length === expected.length) t.match(seen, expected, message)
  else t.same(seen, expected, message)
}

/** `given(…history).when(command).gives(t, events, message)`. */
export const given = (...history: readonly Told[]) => givenPolicy(POLICY, ...history)

/** The same under other numbers. */
export const givenPolicy = (policy: Policy, ...history: readonly Told[]) => {
  const played = scene(policy)
  for (const told of history) played.tell(told)
  const when = (told: Told) => {
    const outcome = { ...played.tell(told), scene: played }
    /** Exactly these events, each compared in the fields that are given. */
    const gives = (t: Test, expected: readonly object[], message: string) => {
      exactly(t, outcome.events, expected, message)
      return outcome
    }
    return { ...outcome, gives }
  }
  return { scene: played, when }
}
