/**
 * One partition at work, for one epoch: its commands, its sessions in memory, its questions, what is
 * heard of its sockets and sandboxes. Owns nothing that outlives it: when it is dropped, at whatever
 * moment, all that counts is in the log and in the work queue.
 */
import type { OwnerSignal } from '../../subjects/signals.ts'
import { CMD } from '../../subjects/streams.ts'
import { ownerSubject } from '../../subjects/subjects.ts'
import { answerAsks } from '../bus/ask.ts'
import { publishSignal } from '../bus/signal.ts'
import { openAnswers } from './answers.ts'
import { type Intake, openIntake } from './intake.ts'
import { openLoop } from './loop.ts'
import { observePartition } from './observed.ts'
import { watchOverdue } from './overdue.ts'
import type { Warm } from './ownership/hand-over.ts'
import type { Holding } from './ownership/partitions.ts'
import type { Claim } from './ownership/takeover.ts'
import { openRecall } from './recall.ts'
import type { OwnerRoom } from './room.ts'
import { openSessions } from './sessions.ts'

const SWEEP_EVERY_MS = 30_000

/**
 * @param options.warm sessions as the former owner of the partition knew them
 * @param options.broken called when the partition has to be taken anew
 */
export const openHolding = async (
  room: OwnerRoom,
  claim: Claim,
  options: { readonly warm?: Warm; readonly broken: (reason: string) => void },
): Promise<Holding> => {
  const { warm, broken } = options
  const { bus, log, projection } = room
  const { p, epoch } = claim
  let open = true
  let intake: Intake | undefined
  const isOpen = () => open

  const sessions = openSessions({ idleMs: room.sessionIdleMs })
  const recall = openRecall(room, warm)
  const observed = observePartition(bus, p, {
    nowMs: room.nowMs,
    onSockets: projection.noteSockets,
  })
  const asks = answerAsks(
    bus,
    p,
    openAnswers(room, { sessions, recall, observed, isOpen }),
    (error, question) => log.error({ error, question: question?.type }, 'question not answered'),
  )
  const overdue = watchOverdue(room, sessions)
  const sweeper = setInterval(observed.sweep, SWEEP_EVERY_MS)

  const tell = () => {
    const signal: OwnerSignal = { v: 1, owner: room.lease.owner, epoch }
    publishSignal(bus, ownerSubject(p), signal)
  }
  // What was on its way when the connection or the consumer's leader was lost never came.
  const led = { stream: CMD, consumer: claim.consumer.name }
  const endHearing = bus.elections.hear(led, () => {
    intake?.again('there is a new leader or a new connection')
    observed.anew()
    tell()
  })

  const drop = async () => {
    open = false
    endHearing()
    intake?.close()
    asks.close()
    observed.close()
    overdue.close()
    sessions.close()
    clearInterval(sweeper)
    await sessions.still()
  }
  const take = openLoop(room, {
    epoch,
    sessions,
    recall,
    observed,
    isOpen,
  })
  try {
    intake = await openIntake(bus, claim, { onCommand: take, onBroken: broken, log })
  } catch (error) {
    await drop()
    throw error
  }
  tell()
  return { claim, drop, warm: sessions.warm }
}
