/**
 * Which partitions this process holds, and how that changes.
 *
 * Everybody sees the same members and computes the same shares (rendezvous.ts). A partition is
 * claimed when it should be ours and nobody living holds it; one that should be another's is let go
 * in order: what is being decided is finished, the rest stays in the work queue. Everything is
 * compare-and-set and may be tried again at any time, so there is one loop that compares what is
 * with what should be, and nothing else changes ownership.
 *
 * When the lease was lost, all that is held is confirmed in the same way; what another has taken meanwhile
 * is dropped.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { PARTITIONS } from '../../../subjects/partition.ts'
import type { Bus } from '../../bus/connect.ts'
import type { Log } from '../../telemetry/log.ts'
import type { HandOvers, Warm, WarmSession } from './hand-over.ts'
import { type Lease, readLease } from './lease.ts'
import type { LeaseValue } from './own-keys.ts'
import { type OwnWatch, type PartitionEntry, watchOwn } from './own-watch.ts'
import { desiredOwner } from './rendezvous.ts'
import {
  type Claim,
  claimPartition,
  confirmClaim,
  consumerOf,
  epochOf,
  isMine,
  type Letting,
  releasePartition,
} from './takeover.ts'

/** A partition at work. */
export type Holding = {
  readonly claim: Claim
  /** Stops at once; nothing more is committed, acknowledged or answered. Resolves when all is still. */
  drop(): Promise<void>
  /** What is known of its sessions, once it is dropped. */
  warm(): readonly WarmSession[]
}

export type Partitions = {
  /**
   * Resolves when everything that is held is known to be nobody else's. @throws when that cannot be said
   */
  confirm(): Promise<void>
  /** Lets go of everything in order, for others to take. */
  leave(): Promise<void>
  held(): readonly number[]
  close(): Promise<void>
}

/** A partition at work, and its key as it was last written. */
type Held = { readonly holding: Holding; claim: Claim }
/** What is let go: without a holding, if it is ours by a claim whose answer never came. */
type Leaving = Letting & { readonly heir: string | undefined }

/** Changes come in bunches: a new member, then its claims. */
const DEBOUNCE_MS = 5
const RETRY_MS = 250
const CLAIMS_AT_ONCE = 8
/** So many are let go at the same time: the others go on until it is their turn. */
const RELEASES_AT_ONCE = 4
/** How long who lets go of one waits for it to be taken before the next one's turn comes. */
const TAKEN_WITHIN_MS = 250
/** And then, so that the heir has time to read the sessions that somebody waits for. */
const SETTLE_MS = 20
/**
 * How long a partition that is let go waits for what is being decided in it. Nobody serves it
 * meanwhile; what takes longer is the next owner's to decide, the fence sees to the rest.
 */
const STILL_WITHIN_MS = 500

/** @param open sets a claimed partition to work; `broken` is to be called when it cannot go on */
export const followPartitions = async (
  bus: Bus,
  lease: Lease,
  options: {
    readonly open: (
      claim: Claim,
      options: { readonly warm: Warm; readonly broken: (reason: string) => void },
    ) => Promise<Holding>
    readonly handOvers: HandOvers
    readonly log: Log
    readonly takenWithinMs?: number
  },
): Promise<Partitions> => {
  const { open, handOvers, log, takenWithinMs = TAKEN_WITHIN_MS } = options
  const holdings = new Map<number, Held>()
  let watch: OwnWatch | undefined
  let leaving = false
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const schedule = (afterMs: number) => {
    if (closed || timer) return
    timer = setTimeout(() => {
      timer = undefined
      running = running.then(reconcile).catch(error => {
        log.warn({ error }, 'partitions not settled, trying again')
        schedule(RETRY_MS)
      })
    }, afterMs)
  }
  const onChange = () => schedule(DEBOUNCE_MS)
  /** Called with every change of a key. */
  const looking = new Set<() => void>()
  const onNews = () => {
    for (const look of looking) look()
    onChange()
  }
  /** Without a view of the others nothing would ever be claimed or let go again. */
  const onBlind = (error: unknown) => {
    log.warn({ error }, 'the watch of the owners broke, beginning it anew')
    watch = undefined
    onChange()
  }

  const dropAll = async () => {
    const all = [...holdings.values()]
    holdings.clear()
    await Promise.all(all.map(({ holding }) => holding.drop()))
  }
  const reconcile = async (): Promise<void> => {
    if (closed) return
    if (!lease.valid()) return schedule(RETRY_MS)
    watch ??= await watchOwn(bus, onNews, onBlind)
    const { members, partitions } = watch
    const candidates = [...members].filter(([, value]) => !value.leaving).map(([owner]) => owner)
    // Our own lease may not have come back to us yet.
    if (!leaving && !candidates.includes(lease.owner)) candidates.push(lease.owner)

    const others = candidates.filter(owner => owner !== lease.owner)
    const looked = new Map<string, LeaseValue | undefined>()
    const toClaim: { p: number; entry: PartitionEntry | undefined }[] = []
    const toRelease: Leaving[] = []
    for (let p = 0; p < PARTITIONS; p++) {
      const entry = partitions.get(p)
      const mine = desiredOwner(p, candidates) === lease.owner && !leaving
      const held = holdings.get(p)
      if (held) {
        if (entry && isTaken(held, entry)) drop(held.holding, 'taken by another')
        else if (!mine) toRelease.push({ ...held.claim, heir: desiredOwner(p, others) })
      } else if (mine && (await isFree(entry, looked))) {
        toClaim.push({ p, entry })
      } else if (!mine && entry && isMine(entry.value, lease)) {
        // A claim whose answer never came: others would wait for us for ever.
        const { sequence } = entry
        const consumer = { name: consumerOf(p, entry) }
        toRelease.push({ p, epoch: epochOf(entry), sequence, consumer, heir: undefined })
      }
    }
    await inParallel(toRelease, RELEASES_AT_ONCE, async one => {
      const sequence = await release(one)
      if (sequence === undefined || others.length === 0) return
      await within(taken(one.p, sequence), takenWithinMs)
      await wait(SETTLE_MS)
    })
    await inParallel(toClaim, CLAIMS_AT_ONCE, claim)
  }
  /** Resolves when the watch has seen that somebody took what was let go. */
  const taken = (p: number, released: number): Promise<void> =>
    new Promise(resolve => {
      const look = () => {
        const sequence = watch?.partitions.get(p)?.sequence ?? Number.POSITIVE_INFINITY
        if (sequence <= released && !closed) return
        looking.delete(look)
        resolve()
      }
      looking.add(look)
      look()
    })
  /** A view that is older than what we wrote says nothing. */
  const isTaken = ({ claim }: Held, entry: PartitionEntry): boolean =>
    entry.sequence > claim.sequence &&
    !(isMine(entry.value, lease) && epochOf(entry) === claim.epoch)
  /**
   * Whether nobody living holds it. The watch may not know yet of a holder that has just renewed: of
   * every key only the newest value is kept, so a watch that lags sees later keys before it. Hence
   * who looks dead is looked up before anything is taken from them.
   */
  const isFree = async (
    entry: PartitionEntry | undefined,
    looked: Map<string, LeaseValue | undefined>,
  ): Promise<boolean> => {
    const value = entry?.value
    if (!value || value.state === 'released' || isMine(value, lease)) return true
    const { owner, incarnation } = value
    if (watch?.members.get(owner)?.incarnation === incarnation) return false
    if (!looked.has(owner)) looked.set(owner, await readLease(bus, owner))
    const now = looked.get(owner)
    if (now ? now.incarnation !== incarnation : lease.calm()) return true
    schedule(now ? DEBOUNCE_MS : RETRY_MS)
    return false
  }
  const claim = async ({ p, entry }: { p: number; entry: PartitionEntry | undefined }) => {
    if (leaving || closed) return
    const claimed = await claimPartition(bus, p, lease, entry)
    if (!claimed) log.debug({ p, judged: entry?.sequence }, 'partition is taken by another')
    if (!claimed || closed) return onChange()
    let holding: Holding | undefined
    let brokenBy: string | undefined
    const broken = (reason: string) => {
      brokenBy = reason
      if (holding) drop(holding, reason)
      onChange()
    }
    const former = entry?.value?.state === 'released' ? epochOf(entry) : undefined
    const warm = handOvers.taken(p, former)
    holding = await open(claimed, { warm, broken })
    const older = holdings.get(p)
    holdings.set(p, { holding, claim: claimed })
    if (older) drop(older.holding, 'taken anew')
    if (brokenBy !== undefined || closed) broken(brokenBy ?? 'not wanted any more')
    else log.debug({ p, epoch: claimed.epoch }, 'partition taken')
  }
  const release = async (claim: Leaving) => {
    const held = holdings.get(claim.p)
    holdings.delete(claim.p)
    if (held) {
      await within(held.holding.drop(), STILL_WITHIN_MS)
      if (claim.heir) handOvers.give(claim.heir, claim.epoch, held.holding.warm())
    }
    const sequence = await releasePartition(bus, claim, lease)
    log.debug({ p: claim.p }, 'partition released')
    return sequence
  }
  const confirm = async (held: Held) => {
    const confirmed = await confirmClaim(bus, held.claim, lease)
    if (confirmed) held.claim = confirmed
    else drop(held.holding, 'taken by another')
  }
  function drop(holding: Holding, reason: string) {
    const { p } = holding.claim
    if (holdings.get(p)?.holding === holding) holdings.delete(p)
    log.info({ p, reason }, 'partition dropped')
    void holding.drop()
  }

  schedule(0)
  return {
    confirm: async () => {
      await inParallel([...holdings.values()], CLAIMS_AT_ONCE, confirm)
      onChange()
    },
    leave: async () => {
      leaving = true
      running = running.then(reconcile)
      await running.catch(error => log.warn({ error }, 'left without letting go in order'))
    },
    held: () => [...holdings.keys()].sort((a, b) => a - b),
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running.catch(() => {})
      watch?.close()
      await dropAll()
    },
  }
}

/** Does all of it, whatever happens to one. @throws the first failure, when everything else is done */
const inParallel = async <T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
) => {
  const rest = items.values()
  const failures: unknown[] = []
  const worker = async () => {
    for (const item of rest) await work(item).catch(error => failures.push(error))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (failures.length > 0) throw failures[0]
}

const within = async (promise: Promise<void>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
