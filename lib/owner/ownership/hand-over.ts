/**
 * What an owner that lets a partition go knows of its sessions, for the one that takes it: who gets it
 * need not read the log before it decides. Sent once nothing is decided here any more and before the
 * partition's key says that it is free, so the heir has it when it claims.
 *
 * It is only ever a short cut. What is lost on its way, too large, or not of the epoch that ended with
 * the very key on which the claim was made, is not used, and the log is read. A memory that is not the
 * newest could not commit, as ever.
 */
import { z } from 'zod'
import { codeOf } from '../../../subjects/errors.ts'
import { partitionOf } from '../../../subjects/partition.ts'
import { isTombstone, record } from '../../../subjects/records.ts'
import {
  handedOver,
  handedTo,
  handOverSubject,
  type SessionId,
} from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { parseJson } from '../../bus/json.ts'
import { packState, unpackState } from '../../session/stored-state.ts'
import type { Memory } from '../journal.ts'

/** A session that nobody is at. */
export type WarmSession = {
  readonly sid: SessionId
  readonly memory: Memory
  /** Its deadlines are armed. */
  readonly armed: boolean
}

/** Sessions as they were handed over; each is given out once. */
export type Warm = {
  take(sid: SessionId): Omit<WarmSession, 'sid'> | undefined
}

export type HandOvers = {
  /**
   * Sends what is known of sessions, the most wanted first.
   * @param epoch that in which it is known, and which ends now
   */
  give(heir: string, epoch: number, sessions: readonly WarmSession[]): void
  /** What was sent here of a partition in the epoch before ours, if somebody let it go then. */
  taken(p: number, epoch: number | undefined): Warm
  close(): void
}

/** Of one partition. More would keep those waiting whom it should help. */
const MOST_BYTES = 4 * 1024 ** 2
/** Left of a message for its subject and headers. */
const SLACK_BYTES = 1_024
/** By then everybody who was there has come back. */
const KEPT_MS = 10_000

const handedState = z.object({
  v: z.literal(1),
  /** Sequence of the newest record, and that record. */
  sequence: z.int().positive(),
  newest: record,
  proven: z.boolean(),
  armed: z.boolean(),
  /** As in the rows' saved state. */
  state: z.unknown(),
})

type Parcel = { readonly epoch: number; readonly bodies: Map<SessionId, Uint8Array> }

/** Nothing was handed over. */
export const COLD: Warm = { take: () => undefined }

/** Takes what others hand over to this owner, from now on, and hands over to others. */
export const followHandOvers = (bus: Bus, owner: string): HandOvers => {
  const parcels = new Map<number, Parcel>()

  const subscription = bus.nc.subscribe(handedTo(owner), {
    callback: (error, message) => {
      const what = error ? undefined : handedOver(message.subject)
      if (!what) return
      const { epoch, sid } = what
      const p = partitionOf(sid)
      const known = parcels.get(p)
      if (known && known.epoch > epoch) return
      const parcel = known?.epoch === epoch ? known : newParcel(p, epoch)
      parcel.bodies.set(sid, message.data)
    },
  })
  const newParcel = (p: number, epoch: number): Parcel => {
    const parcel: Parcel = { epoch, bodies: new Map() }
    parcels.set(p, parcel)
    setTimeout(() => {
      parcel.bodies.clear()
      if (parcels.get(p) === parcel) parcels.delete(p)
    }, KEPT_MS).unref()
    return parcel
  }
  return {
    give: (heir, epoch, sessions) => {
      const most = (bus.nc.info?.max_payload ?? MOST_BYTES) - SLACK_BYTES
      let left = MOST_BYTES
      for (const { sid, memory, armed } of sessions) {
        const { sequence, newest, proven, state } = memory
        // Of one that is no more the heir may have files, which it removes when it reads that.
        if (!newest || isTombstone(newest)) continue
        const body = Buffer.from(
          JSON.stringify({ v: 1, sequence, newest, proven, armed, state: packState(state) }),
        )
        if (body.length > left) return
        if (body.length > most) continue
        left -= body.length
        bus.nc.publish(handOverSubject(heir, epoch, sid), body)
      }
    },
    taken: (p, epoch) => {
      const parcel = parcels.get(p)
      if (!parcel || parcel.epoch !== epoch) return COLD
      parcels.delete(p)
      return {
        take: sid => {
          const body = parcel.bodies.get(sid)
          parcel.bodies.delete(sid)
          return body && readWarm(body)
        },
      }
    },
    close: () => subscription.unsubscribe(),
  }
}

/** @returns undefined when it is not to be read, by this version of the program or by any */
const readWarm = (body: Uint8Array): Omit<WarmSession, 'sid'> | undefined => {
  const parsed = parseJson(handedState, body)
  if (!parsed.ok) return undefined
  const { sequence, newest, proven, armed } = parsed.value
  try {
    const state = unpackState(parsed.value.state)
    return state && { memory: { state, sequence, newest, proven }, armed }
  } catch (error) {
    if (codeOf(error) === 'RECORD_TOO_NEW') return undefined
    throw error
  }
}
