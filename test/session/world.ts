/** A session among unreliable people, sandboxes and timers, moved by random numbers. */

import { deadlines } from '../../lib/session/deadlines.ts'
import { type Context, decide } from '../../lib/session/decide.ts'
import type { Policy } from '../../lib/session/policy.ts'
import { applyRecord, recordOf } from '../../lib/session/record.ts'
import {
  initialState,
  isConnected,
  isStarting,
  type SessionState,
} from '../../lib/session/state.ts'
import {
  type CommandInput,
  command as commandSchema,
  type SessionCommand,
} from '../../subjects/commands.ts'
import type {
  SessionEventOf,
  SessionEventType,
  SessionRecord,
  Timer,
} from '../../subjects/records.ts'
import { POLICY, SID, START_MS, tokenHashOf } from './scene.ts'
import * as tale from './tales.ts'

/** `a` and `b` are 0 … 3 and choose among what there is. */
export type Move = Readonly<{ kind: MoveKind; a: number; b: number; pauseMs: number }>
type Stored = Readonly<{ command: SessionCommand; context: Context }>

const CALLS = ['pending', 'running', 'completed']

export class World {
  state: SessionState = initialState
  before: SessionState = initialState
  readonly policy: Policy = POLICY
  readonly records: SessionRecord[] = []
  readonly stored: Stored[] = []
  /** The command that was decided last, and the record that it left, if any. */
  last: Stored | undefined
  newest: SessionRecord | undefined
  /** Timers as the owner arms them: the newest of each name. */
  readonly armed = new Map<string, number>()
  readonly fired: Timer[] = []
  nowMs = START_MS
  sockets = 0
  /** What the owner has heard besides. */
  observed: Context['observed'] = { sinceMs: 0, lastHeartbeatMs: null, clients: 0 }
  private seq = 0

  constructor() {
    this.tell(tale.create())
  }

  eventsOf<T extends SessionEventType>(type: T): SessionEventOf<T>[] {
    return this.records
      .flatMap(record => record.events)
      .filter((event): event is SessionEventOf<T> => event.type === type)
  }

  /** Stores a command and has it decided. */
  tell(input: CommandInput): void {
    const context: Context = {
      sid: SID,
      nowMs: this.nowMs,
      commandSequence: this.stored.length + 1,
      policy: this.policy,
      sandboxTokenHash: tokenHashOf,
      observed: this.observed,
    }
    const stored = { command: commandSchema.parse(input), context }
    this.stored.push(stored)
    this.take(stored)
  }

  /** The owner's loop, as far as the core is concerned. */
  take({ command, context }: Stored): void {
    this.before = this.state
    this.newest = undefined
    this.last = undefined
    if (context.commandSequence <= this.state.lastCommandSequence) return
    this.last = { command, context }
    const decision = decide(this.state, command, context)
    if (!decision.recorded) return
    const stamp = { epoch: 1, owner: 'world' }
    const record = recordOf(this.state, command, decision, context, stamp)
    this.records.push(record)
    this.newest = record
    this.state = applyRecord(this.state, record)
    for (const timer of record.timers) this.armed.set(timer.name, timer.atMs)
  }

  /** Mostly the present generation, sometimes the one before. */
  generation(back: number): number {
    return Math.max(0, this.state.sandbox.generation - (back === 3 ? 1 : 0))
  }

  /** Mostly the prompt that runs, sometimes any. */
  messageId(pick: number): string {
    const all = this.eventsOf('prompt_queued').map(one => one.messageId)
    return (pick < 3 ? this.state.running?.messageId : all[pick % (all.length || 1)]) ?? 'nothing'
  }

  fire(timer: Timer): void {
    this.fired.push(timer)
    this.tell({ v: 1, type: 'deadline', ...timer })
  }

  /** One of those that wait, or any that ever was. */
  waiting(pick: number): string {
    const { queue } = this.state
    return queue[pick % (queue.length || 1)]?.messageId ?? this.messageId(3)
  }

  /** Mostly the queue's version, sometimes an old one. */
  version(back: number): number {
    return Math.max(0, this.state.queueVersion - (back === 3 ? 1 : 0))
  }

  /** Mostly the request for a pull request that is open, sometimes any. */
  request(pick: number): string {
    const all = this.eventsOf('pull_request_requested').map(one => one.requestId)
    const open = this.state.pullRequests.open?.requestId
    return (pick < 3 ? open : all[pick % (all.length || 1)]) ?? 'none'
  }

  events(a: number, b: number): void {
    const messageId = this.messageId(a)
    // `mark` is part of what is stored, so that a line stored twice can be told.
    const numbered = () => ({ run: 'run-1', seq: ++this.seq, mark: this.seq })
    const generation = this.generation(b)
    const call = { type: 'tool_call', tool: 'bash', callId: `call-${a}` }
    const events = [
      { ...call, messageId, status: CALLS[b % 3], ...numbered() },
      { type: 'step_finish', messageId, cost: 0.5 },
      { type: 'mystery', ...numbered() },
      { type: 'error', error: 'oops', ackId: `error:${messageId}:${b}` },
      { type: 'context_compacted', messageId, ...numbered() },
      { type: 'user_message', content: 'forged' },
      { type: 'tool_call', malformed: true },
      { type: 'artifact', artifactType: 'screenshot', ...numbered() },
    ].slice(a, a + 1 + 2 * b)
    const text = b % 2 ? { messageId, content: `text ${this.seq}` } : null
    this.tell({ v: 1, type: 'sandbox_events', generation, text, events })
  }

  make({ kind, a, b, pauseMs }: Move): void {
    this.nowMs += pauseMs
    const move: (world: World, a: number, b: number) => void = MOVES[kind]
    move(this, a, b)
  }

  /** What a healthy world does next; false when there is nothing to do. */
  private help(): boolean {
    const { sandbox, running, stopping, queue, held } = this.state
    if (held) {
      this.tell(tale.release())
      return true
    }
    if (isConnected(sandbox) && (running || stopping)) {
      const messageId = running?.messageId ?? stopping?.messageId
      this.tell(tale.saysOf(sandbox.generation, tale.done(messageId)))
      return true
    }
    if (isStarting(sandbox) || (running && !isConnected(sandbox))) {
      this.tell(tale.connected(`rest-${++this.sockets}`, sandbox.generation))
      return true
    }
    if (!running && !stopping && queue.length === 0) return false
    // Nothing can be done but to wait: there has to be a deadline, or the session is stuck for good.
    const next = [...deadlines(this.state, this.policy)].sort((x, y) => x.atMs - y.atMs)[0]
    if (!next) throw new Error('stuck: work waits, and no deadline will come')
    this.nowMs = Math.max(this.nowMs, next.atMs)
    this.fire(next)
    return true
  }

  /** Lets a healthy world go on until all work is done. */
  rest(): void {
    for (let steps = 0; this.help(); steps++) {
      if (steps > 500) throw new Error('stuck: work is never done')
    }
  }
}

const armedTimer = (world: World, a: number, b: number): Timer | undefined => {
  const [name, atMs] = [...world.armed][(a * 4 + b) % (world.armed.size || 1)] ?? []
  return name === undefined || atMs === undefined ? undefined : { name, atMs }
}

/** Everything that may happen to a session. */
const MOVES = {
  prompt: (world, a) => world.tell(tale.prompt(`p${a}`, { authorId: a % 2 ? 'ada' : 'bob' })),
  promptAgain: (world, a, b) =>
    world.tell(tale.prompt(`again${b % 2}`, { clientRequestId: `r${a}` })),
  stop: (world, a, b) => world.tell(tale.stop(a ? {} : { clientRequestId: `s${b}` })),
  stopOne: (world, a) => world.tell(tale.stop({ messageId: world.messageId(a) })),
  cancel: (world, a, b) => {
    const more = b ? {} : { clientRequestId: `q${a}` }
    world.tell(tale.cancel(world.waiting(a), more))
  },
  edit: (world, a, b) => world.tell(tale.edit(world.waiting(a), `edited ${b}`, world.version(b))),
  move: (world, a, b) => {
    const before = a === 3 ? null : world.waiting(a)
    world.tell(tale.move(world.waiting(b), before, world.version(a)))
  },
  hold: world => world.tell(tale.hold()),
  release: (world, a) => world.tell(tale.release(a ? {} : { clientRequestId: 'q0' })),
  title: (world, a) => world.tell(tale.title(` title ${a}`)),
  archive: (world, a) => world.tell(tale.archive(a ? 'ada' : 'nobody')),
  cancelAll: (world, a, b) => {
    // Seldom: nothing happens afterwards.
    if (a === 0 && b === 0) world.tell(tale.cancelSession())
  },
  unarchive: world => world.tell(tale.unarchive()),
  invite: (world, a, b) => world.tell(tale.invite(`user${a}`, { role: b ? 'member' : 'owner' })),
  snapshotSaved: (world, a, b) => world.tell(tale.snapshotSaved(`image-${a}`, world.generation(b))),
  snapshotFailed: (world, _, b) => world.tell(tale.snapshotFailed(undefined, world.generation(b))),
  warm: world => world.tell(tale.warm()),
  token: (world, a, b) => world.tell(tale.wsToken(String(a), b % 2 ? 'ada' : 'eve')),
  spawned: (world, _, b) => world.tell(tale.spawned(world.generation(b))),
  spawnFailed: (world, a, b) => world.tell(tale.spawnFailed(world.generation(b), a % 2 === 0)),
  delayed: (world, _, b) => world.tell(tale.delayed(world.generation(b))),
  evict: (world, _, b) => world.tell(tale.evict(world.generation(b))),
  connect: (world, a, b) => {
    world.sockets += a ? 1 : 0
    world.tell(tale.connected(`c${world.sockets}`, world.generation(b)))
  },
  disconnect: (world, a, b) => {
    const socket = Math.max(0, world.sockets - (a % 2))
    world.tell(tale.disconnected(`c${socket}`, world.generation(b)))
  },
  events: (world, a, b) => world.events(a, b),
  complete: (world, a, b) => {
    const done = tale.done(a ? world.messageId(a) : undefined, b % 2 === 0)
    world.tell(tale.saysOf(world.generation(b), done))
  },
  delivered: (world, a, b) => world.tell(tale.delivered(world.messageId(a), world.generation(b))),
  exited: (world, a, b) => world.tell(tale.exited(a === 0, world.generation(b))),
  dueDeadline: (world, a, b) => {
    const timer = armedTimer(world, a, b)
    if (!timer) return
    world.nowMs = Math.max(world.nowMs, timer.atMs)
    world.fire(timer)
  },
  earlyDeadline: (world, a, b) => {
    const timer = armedTimer(world, a, b)
    if (timer) world.fire(timer)
  },
  staleDeadline: (world, a, b) => {
    const timer = world.fired[(a * 4 + b) % (world.fired.length || 1)]
    if (timer) world.fire(timer)
  },
  /** A bridge that heard no acknowledgement says it all again, in a new command. */
  sayAgain: (world, a) => {
    const said = world.stored.filter(one => one.command.type === 'sandbox_events').at(-1 - a)
    if (said) world.tell(said.command)
  },
  redeliver: (world, a) => {
    const stored = world.stored.at(-1 - a)
    if (stored) world.take(stored)
  },
  pullRequest: (world, a, b) => {
    const generation = world.generation(b)
    const by =
      a % 2 ? ({ kind: 'user', userId: 'ada' } as const) : { kind: 'sandbox' as const, generation }
    const more = a === 3 ? { headBranch: `head${b}` } : {}
    world.tell(tale.pullRequest({ by, ...more }))
  },
  cancelPullRequest: world => world.tell(tale.cancelsPullRequest()),
  pushed: (world, a, b) => {
    const pushId = world.request(a)
    const said = b % 2 ? tale.pushed({ pushId }) : tale.notPushed(a ? { pushId } : {})
    world.tell(tale.saysOf(world.generation(b), said))
  },
  pullRequestResult: (world, a, b) => {
    const id = world.request(b)
    const number = 1 + (b % 2)
    world.tell(
      [tale.opened(id, { number }), tale.manual(id), tale.notOpened(id)][a % 3] ?? tale.manual(id),
    )
  },
  pullRequestChanged: (world, a, b) => {
    const state = (['open', 'draft', 'closed', 'merged'] as const)[a] ?? 'open'
    world.tell(tale.changes({ state, number: 1 + (b % 2), providerUpdatedAtMs: START_MS + b }))
  },
  gitPushed: (world, a) => world.tell(tale.gitPushed(`sha${a}`)),
  createAgain: world => world.tell(tale.create({ title: 'again' })),
} as const satisfies Record<string, (world: World, a: number, b: number) => void>

export type MoveKind = keyof typeof MOVES
export const MOVE_KINDS = Object.keys(MOVES) as MoveKind[]
