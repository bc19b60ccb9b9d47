/**
 * The sign that this process is there: one key in the bucket `own` that nats-server removes when it
 * is not renewed in time. A lease decides who *should* work. It never decides who may commit: that
 * is the record's expected sequence, which needs no clock. So a lease may be wrong for a moment and
 * nothing breaks; `valid()` keeps a process that was paused from answering out of an old memory.
 *
 * Not renewed in time is not yet lost: as long as the key stands, nobody has taken anything, and a
 * machine that was slow for a moment goes on where it was. It is lost when nats-server has removed it.
 * Even then nobody may have taken anything, because all leases run out while the bucket has no leader: so
 * who joins anew keeps what it can confirm, and nobody takes from those who could not renew either.
 *
 * It is renewed on the main thread on purpose: a process that hangs must lose it. Raw publishes,
 * because an update through the KV client would drop the time to live.
 */

import { fail } from '../../../subjects/errors.ts'
import { KV_OWN } from '../../../subjects/streams.ts'
import { leaseSubject } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { ledBy } from '../../bus/elections.ts'
import { isWrongSequence } from '../../bus/failure.ts'
import type { Log } from '../../telemetry/log.ts'
import { type LeaseValue, leaseValue, readOwnValue } from './own-keys.ts'

/** An owner counts its lease as lost this long before nats-server does. */
const MARGIN_MS = 500

export type Lease = {
  readonly owner: string
  readonly incarnation: string
  /** Whether this process may still believe that it owns what it owned. */
  valid(): boolean
  /**
   * Whether leases could be renewed lately. If not, one that is not there may be back in a moment, and its
   * absence proves nothing.
   */
  calm(): boolean
  /** Stays alive, but is to be given no partitions any more. */
  leave(): Promise<void>
  /** Removes the key and ends the renewals. */
  release(): Promise<void>
}

export type LeaseEvents = {
  /**
   * It ran out, and this process has joined anew: whatever it held may be another's by now. The lease is
   * valid when this has resolved, and it is called again when it throws.
   */
  readonly onLost: () => Promise<void>
  /** Another living process uses the same name: this one must end. */
  readonly onUsurped: (error: Error) => void
}

/** Two clocks: the steady one stands still while a machine sleeps, the other one may be set. */
const clocks = () => ({ steadyMs: performance.now(), wallMs: Date.now() })

/**
 * Joins the owners, and keeps the lease until it is released.
 * @param options.leaseMs how long nats-server keeps the key without a renewal, at least 1,000
 * @throws what the first publish throws
 */
export const takeLease = async (
  bus: Bus,
  options: { owner: string; incarnation: string; leaseMs: number; log: Log } & LeaseEvents,
): Promise<Lease> => {
  const { owner, incarnation, leaseMs, log } = options
  const subject = leaseSubject(owner)
  const everyMs = leaseMs / 5
  const trustedMs = leaseMs - Math.min(MARGIN_MS, everyMs)
  let leaving = false
  let ended = false
  let renewed = clocks()
  let sequence = 0
  let renewal: Promise<void> | undefined
  let losses = 0
  /** So many of the losses are made good. */
  let madeGood = 0
  let isMakingGood = false
  let calmSinceMs = Number.NEGATIVE_INFINITY

  const publish = async (expected: number | undefined) => {
    const at = clocks()
    const value: LeaseValue = { v: 1, incarnation, leaving }
    const asked = bus.js.publish(subject, JSON.stringify(value), {
      ttl: `${Math.ceil(leaseMs / 1000)}s`,
      // Longer than the time between two: a slow answer is an answer too.
      timeout: leaseMs / 2,
      ...(expected === undefined ? {} : { expect: { lastSubjectSequence: expected } }),
    })
    const ack = await ledBy(bus, { stream: KV_OWN }, asked)
    sequence = ack.seq
    if (at.steadyMs - renewed.steadyMs > trustedMs / 2) calmSinceMs = performance.now()
    renewed = at
    // Beside the renewals, which must not wait for it.
    if (madeGood < losses && !isMakingGood) void makeGood()
  }

  const makeGood = async () => {
    const upTo = losses
    isMakingGood = true
    try {
      await options.onLost()
      madeGood = upTo
    } catch (error) {
      log.debug({ error }, 'what was held is not confirmed yet')
    } finally {
      isMakingGood = false
    }
  }

  /** After a refused renewal: it ran out, it was ours and the answer was lost, or it is another's. */
  const rejoin = async () => {
    const found = await bus.jsm.streams.getMessage(KV_OWN, { last_by_subj: subject })
    const value = found ? readOwnValue(leaseValue, found.data, found.header) : undefined
    if (value && value.incarnation !== incarnation) {
      ended = true
      options.onUsurped(fail('INTERNAL', { message: `another process is owner ${owner} too` }))
      return
    }
    // Before it is renewed, so that nothing is answered from what may be another's.
    if (!value) {
      log.warn({ owner }, 'lease lost')
      losses++
    }
    await publish(found?.seq)
  }
  const valid = () => {
    const now = clocks()
    const ageMs = Math.max(now.steadyMs - renewed.steadyMs, now.wallMs - renewed.wallMs)
    return !ended && madeGood === losses && ageMs < trustedMs
  }
  const renew = async () => {
    try {
      await publish(sequence).catch(error => {
        if (!isWrongSequence(error)) throw error
        return rejoin()
      })
    } catch (error) {
      log.debug({ error }, 'lease not renewed')
    }
  }
  const tick = () => {
    if (ended) return
    renewal ??= renew().finally(() => {
      renewal = undefined
    })
  }

  await publish(undefined)
  const timer = setInterval(tick, everyMs)
  const endHearing = bus.elections.hear(
    { stream: KV_OWN },
    () => void (renewal ?? Promise.resolve()).then(tick),
  )

  return {
    owner,
    incarnation,
    valid,
    calm: () => performance.now() - calmSinceMs > leaseMs / 2,
    leave: async () => {
      leaving = true
      await renewal
      await renew()
    },
    release: async () => {
      ended = true
      clearInterval(timer)
      endHearing()
      await renewal
      await bus.js
        .publish(subject, '', { ttl: '1s', expect: { lastSubjectSequence: sequence } })
        .catch(error => log.debug({ error }, 'lease not removed'))
    },
  }
}

/** The lease of an owner as it is now, read from the leader; undefined when it has none. */
export const readLease = async (bus: Bus, owner: string): Promise<LeaseValue | undefined> => {
  const found = await bus.jsm.streams.getMessage(KV_OWN, { last_by_subj: leaseSubject(owner) })
  return found ? readOwnValue(leaseValue, found.data, found.header) : undefined
}
