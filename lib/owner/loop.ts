/**
 * What happens to one command, from its delivery to its acknowledgement:
 *
 *   decided before? → decide → commit (fence) → arm timers → emit effects → answer → acknowledge
 *
 * A process may die, or be overtaken, between any two of them. Before the commit nothing has
 * happened; after it the command comes again, is recognised as the last one of the log, and the rest
 * is done again under the same ids. That is why effects come before the acknowledgement: a command
 * that is gone from the queue could not ask for them any more.
 *
 * Whatever fails, the cure is the same: forget the session, read it from the log, try the same
 * command again. Only what can never be decided leaves the queue undecided, for the dead letters.
 * A session that this program cannot read stands still, with all its commands, and nobody else does.
 */
import type { JsMsg } from '@nats-io/jetstream'
import {
  type CommandOf,
  command as commandSchema,
  type SessionCommand,
} from '../../subjects/commands.ts'
import { codeOf, ERRORS, type ErrorCode, fail } from '../../subjects/errors.ts'
import { isTombstone, type SessionRecord } from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'
import { EVT } from '../../subjects/streams.ts'
import { type SessionId, sessionOfStored } from '../../subjects/subjects.ts'
import { pauseFor } from '../bus/elections.ts'
import { busFailure } from '../bus/failure.ts'
import { parseJson } from '../bus/json.ts'
import { deadlines } from '../session/deadlines.ts'
import { decide } from '../session/decide.ts'
import { applyRecord, recordOf, repeatedReply } from '../session/record.ts'
import type { SessionState } from '../session/state.ts'
import { type Delivery, type Parked, readDelivery, unpark } from './delivery.ts'
import { emitEffect } from './effects.ts'
import { eraseSession } from './erase.ts'
import { giveUp, sayReply } from './give-up.ts'
import { asStored, commitRecord, isNewest, type Memory } from './journal.ts'
import type { Observed } from './observed.ts'
import type { Recall } from './recall.ts'
import type { OwnerRoom } from './room.ts'
import type { ActiveSession, Sessions } from './sessions.ts'
import { armTimer } from './timers.ts'

export type LoopOptions = {
  readonly epoch: number
  readonly sessions: Sessions
  readonly recall: Recall
  readonly observed: Observed
  /** False once the partition is lost or let go: nothing is begun any more. */
  readonly isOpen: () => boolean
}

type Take = (message: JsMsg, settle: () => void) => void

type Judgement = {
  /** Undefined when nothing changes. */
  readonly record: SessionRecord | undefined
  /** The state behind it. */
  readonly state: SessionState
  readonly reply: Reply
}

const MOST_PAUSE_MS = 500
/** A failure that is nobody's absence is a mistake of ours: it gets one more chance. */
const CHANCES = 2

/** So many commands of a session wait with their bodies. */
const HELD_WHOLE = 32
/** Why a session may be impossible to read for this program: another one can, or a person must. */
const UNREADABLE: ReadonlySet<ErrorCode | undefined> = new Set(['RECORD_TOO_NEW', 'LOG_INCOMPLETE'])
const UNREADABLE_PAUSE_MS = 5_000

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Takes the commands of a partition, in order; those of one session are decided one by one. */
export const openLoop = (room: OwnerRoom, options: LoopOptions): Take => {
  const { bus, log } = room
  const { sessions, isOpen } = options

  const say = (delivery: Delivery, reply: Reply, recordSeq: number) =>
    sayReply(bus, delivery, reply, recordSeq)
  const unreadable = (
    delivery: Delivery,
    reason: string,
    { code, message }: { readonly code?: ErrorCode; readonly message?: string } = {},
  ) => giveUp(room, delivery, { reason, code, message, isOpen })

  const take: Take = (message, settle) => {
    const delivery = readDelivery(message, settle)
    let session: ActiveSession
    try {
      session = sessions.at(sessionOfStored(delivery.subject))
    } catch {
      const message = 'The subject names no session: cmd.<id>, of 1 to 64 of A-Z a-z 0-9 _ -'
      void unreadable(delivery, 'the subject names no session', { message })
      return
    }
    const { commands } = session
    const isMany = commands.length >= HELD_WHOLE
    commands.push(isMany ? { sequence: delivery.sequence, settle } : delivery)
    if (!session.working) void workThrough(session)
  }

  /** One by one, in order; questions come between them. */
  const workThrough = async (session: ActiveSession) => {
    session.working = true
    for (let next = session.commands.shift(); next && isOpen(); next = session.commands.shift()) {
      await decideOne(session, next).catch(error =>
        log.error({ sid: session.sid, error }, 'command given up'),
      )
    }
    session.working = false
  }

  /** Between two attempts questions are answered, from what the log has. */
  const decideOne = async (session: ActiveSession, next: Delivery | Parked) => {
    const delivery = 'body' in next ? next : await whole(next)
    if (!delivery) return isOpen() ? next.settle() : undefined
    const parsed = parseJson(commandSchema, delivery.body)
    if (!parsed.ok) return unreadable(delivery, parsed.reason, parsed)
    let mistakes = 0
    for (let failures = 0; isOpen(); failures++) {
      const decideNow = () => session.turn(() => work(session, delivery, parsed.value))
      const failure = await room.deciding(decideNow)
      if (failure === 'done') return
      const code = codeOf(failure)
      if (code === 'PAYLOAD_TOO_LARGE')
        return unreadable(delivery, 'its record is too large', { code })
      if (code === 'INTERNAL' && ++mistakes >= CHANCES)
        return unreadable(delivery, `not decided: ${failure.message}`, { code })
      const isStopped = UNREADABLE.has(code)
      if (isStopped && failures === 0) standStill(session, delivery, failure)
      const pauseMs = Math.min(10 * 2 ** failures, MOST_PAUSE_MS)
      await (isStopped ? pause(UNREADABLE_PAUSE_MS) : pauseFor(bus, { stream: EVT }, pauseMs))
    }
  }
  const standStill = (session: ActiveSession, delivery: Delivery, error: Error | undefined) => {
    log.error({ sid: session.sid, error }, 'session stands still, it cannot be read')
    const code = codeOf(error) ?? 'INTERNAL'
    say(delivery, { ok: false, code, message: error?.message ?? ERRORS[code].text }, 0)
  }

  const whole = async (parked: Parked): Promise<Delivery | undefined> => {
    while (isOpen()) {
      try {
        return await unpark(bus, parked)
      } catch (error) {
        log.debug({ command: parked.sequence, error }, 'command not read, trying again')
        await pause(MOST_PAUSE_MS)
      }
    }
    return undefined
  }

  /** @returns why it is not done yet */
  const work = async (
    session: ActiveSession,
    delivery: Delivery,
    command: SessionCommand,
  ): Promise<'done' | Error> => {
    try {
      await attempt(session, delivery, command)
      return 'done'
    } catch (error) {
      session.memory = undefined
      const failure = busFailure(error)
      const code = codeOf(failure)
      const level = code === 'INTERNAL' ? 'error' : 'debug'
      log[level]({ sid: session.sid, command: delivery.sequence, code, error }, 'not done yet')
      return failure
    }
  }

  const attempt = async (session: ActiveSession, delivery: Delivery, command: SessionCommand) => {
    const where = { sid: session.sid, commandSequence: delivery.sequence }
    const before = await remember(session)
    await room.at('taken', where)
    if (delivery.sequence <= before.state.lastCommandSequence) {
      const isLast = before.newest?.commandSequence === delivery.sequence
      if (isLast && before.newest) await carryOut(session.sid, before.newest, delivery)
      const reply =
        repeatedReply(before.state, command) ?? (isLast ? before.newest?.reply : undefined)
      return finish(delivery, before, reply)
    }
    const { record, state, reply } = judge(before, command, where, delivery)
    await room.at('decided', where)
    if (!record) {
      // No commit proves that this memory is the newest. The lease does, or a look into the log.
      if (!isOpen()) return
      if (!room.lease.valid() && !(await isNewest(bus, session.sid, before))) throw fail('NO_OWNER')
      if (command.type === 'deadline') await rearm(session.sid, before, command)
      const unknown = !reply.ok && reply.code === 'SESSION_NOT_FOUND' && !before.state.deleted
      if (unknown && !delivery.replyTo) {
        return unreadable(delivery, reply.message)
      }
      return finish(delivery, before, reply)
    }
    const sequence = await commitRecord(bus, session.sid, record, before.sequence)
    const after = { state, sequence, newest: record, proven: true }
    session.memory = after
    if (!isTombstone(record)) {
      room.projection.take(session.sid, { sequence, record, previous: before.sequence, state })
    }
    await room.at('committed', where)
    await carryOut(session.sid, record, delivery)
    if (command.type === 'deadline') await rearm(session.sid, after, command)
    await finish(delivery, after, reply)
  }

  /** The session as the log has it. Deadlines are armed again by whoever reads it to decide. */
  const remember = async (session: ActiveSession): Promise<Memory> => {
    const memory = await options.recall(session)
    if (!session.armed) {
      await Promise.all(
        deadlines(memory.state, room.policy).map(timer => armTimer(bus, session.sid, timer)),
      )
      session.armed = true
    }
    return memory
  }

  /** The core's word on a command: pure, so what it throws is a mistake of ours. */
  const judge = (
    { state, proven }: Memory,
    command: SessionCommand,
    { sid, commandSequence }: { sid: SessionId; commandSequence: number },
    delivery: Delivery,
  ): Judgement => {
    const { observed } = options
    const context = {
      sid,
      commandSequence,
      nowMs: delivery.storedMs,
      policy: room.policy,
      sandboxTokenHash: (generation: number) => room.tokenHash(sid, generation),
      observed: {
        sinceMs: observed.sinceMs(),
        lastHeartbeatMs: observed.lastHeartbeatMs(sid, state.sandbox.generation),
        clients: observed.clients(sid),
      },
    }
    try {
      const decision = decide(state, command, context)
      // That nothing follows must not rest on what may be old: an empty record is refused then.
      const isSure = proven || !state.exists
      if (!decision.recorded && isSure) return { record: undefined, state, reply: decision.reply }
      const stamp = { epoch: options.epoch, owner: room.lease.owner }
      const record = asStored(recordOf(state, command, decision, context, stamp))
      return { record, state: applyRecord(state, record), reply: decision.reply }
    } catch (error) {
      throw fail('INTERNAL', { message: `the core failed: ${(error as Error).message}`, error })
    }
  }

  /** Lets the world know of a record. Done as often as needed, under the same ids. */
  const carryOut = async (sid: SessionId, record: SessionRecord, delivery: Delivery) => {
    const where = { sid, commandSequence: delivery.sequence }
    await Promise.all(record.timers.map(timer => armTimer(bus, sid, timer)))
    await room.at('armed', where)
    for (const effect of record.effects) await emitEffect(bus, effect)
    if (isTombstone(record)) await eraseSession(room, sid)
    await room.at('emitted', where)
  }

  /**
   * A process that was paused may have replaced a newer schedule by an older one when it woke. The
   * older one fires here, so the one that the state holds is armed again.
   */
  const rearm = async (sid: SessionId, { state }: Memory, fired: CommandOf<'deadline'>) => {
    const due = deadlines(state, room.policy).find(timer => timer.name === fired.name)
    if (due && due.atMs !== fired.atMs) await armTimer(bus, sid, due)
  }

  const finish = async (delivery: Delivery, at: Memory, reply: Reply | undefined) => {
    if (reply) say(delivery, reply, at.sequence)
    await room.at('answered', {
      sid: sessionOfStored(delivery.subject),
      commandSequence: delivery.sequence,
    })
    delivery.settle()
  }

  return take
}
