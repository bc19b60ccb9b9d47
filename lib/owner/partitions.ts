/**
 * Which partitions this process holds, and how that changes.
 *
 * Everybody sees the same members and computes the same shares (rendezvous.ts). A partition is
 * claimed when it should be ours and nobody living holds it; one that should be another's is let go
 * in order: what is being decided is finished, the rest stays in the work queue. Everything is
 * compare-and-set and may be tried again at any time, so there is one loop that compares what is
 * with what should be, and nothing else changes ownership.
 *
 * When the lease is lost or the connection was, all that is held is dropped on the spot and claimed
 * anew under new epochs.
 */
import { PARTITIONS } from '../../subjects/partition.ts'
import type { Bus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import { type Lease, readLease } from './lease.ts'
import type { LeaseValue } from './own-keys.ts'
import { type OwnWatch, type PartitionEntry, watchOwn } from './own-watch.ts'
import { desiredOwner } from './rendezvous.ts'
import { type Claim, claimPartition, isMine, releasePartition } from './takeover.ts'

/** A partition at work. */
export type Holding = {
  readonly claim: Claim
  /** Stops at once; nothing more is committed, acknowledged or answered. Resolves when all is still. */
  drop(): Promise<void>
}

export type Partitions = {
  /** Drops all and claims anew: for a lost lease and a lost connection. */
  restart(reason: string): void
  /** Lets go of everything in order, for others to take. */
  leave(): Promise<void>
  held(): readonly number[]
  close(): Promise<void>
}

/** Changes come in bunches: a new member, then its claims. */
const DEBOUNCE_MS = 15
const RETRY_MS = 250
const CLAIMS_AT_ONCE = 8
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
    readonly open: (claim: Claim, broken: (reason: string) => void) => Promise<Holding>
    readonly log: Log
  },
): Promise<Partitions> => {
  const { open, log } = options
  const holdings = new Map<number, Holding>()
  let watch: OwnWatch | undefined
  let stale = false
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
  /** Without a view of the others nothing would ever be claimed or let go again. */
  const onBlind = (error: unknown) => {
    log.warn({ error }, 'the watch of the owners broke, beginning it anew')
    watch = undefined
    onChange()
  }

  const dropAll = async () => {
    const all = [...holdings.values()]
    holdings.clear()
    await Promise.all(all.map(holding => holding.drop()))
  }
  const reconcile = async (): Promise<void> => {
    if (closed) return
    if (stale) {
      stale = false
      watch?.close()
      watch = undefined
    }
    if (!lease.valid()) return schedule(RETRY_MS)
    watch ??= await watchOwn(bus, onChange, onBlind)
    const { members, partitions } = watch
    const candidates = [...members].filter(([, value]) => !value.leaving).map(([owner]) => owner)
    // Our own lease may not have come back to us yet.
    if (!leaving && !candidates.includes(lease.owner)) candidates.push(lease.owner)

    const looked = new Map<string, LeaseValue | undefined>()
    const toClaim: { p: number; entry: PartitionEntry | undefined }[] = []
    const toRelease: Pick<Claim, 'p' | 'epoch'>[] = []
    for (let p = 0; p < PARTITIONS; p++) {
      const entry = partitions.get(p)
      const mine = desiredOwner(p, candidates) === lease.owner && !leaving
      const holding = holdings.get(p)
      if (holding) {
        // A sequence below the epoch is only an old view of the key.
        if (entry && entry.sequence > holding.claim.epoch) drop(holding, 'taken by another')
        else if (!mine) toRelease.push(holding.claim)
      } else if (mine && (await isFree(entry, looked))) {
        toClaim.push({ p, entry })
      } else if (!mine && entry && isMine(entry.value, lease)) {
        // A claim whose answer never came: others would wait for us for ever.
        toRelease.push({ p, epoch: entry.sequence })
      }
    }
    await inParallel(toRelease, release)
    await inParallel(toClaim, claim)
  }
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
    if (looked.get(owner)?.incarnation !== incarnation) return true
    onChange()
    return false
  }
  const claim = async ({ p, entry }: { p: number; entry: PartitionEntry | undefined }) => {
    if (leaving || closed || stale) return
    const claimed = await claimPartition(bus, p, lease, entry)
    if (!claimed) log.debug({ p, judged: entry?.sequence }, 'partition is taken by another')
    if (!claimed || closed || stale) return onChange()
    let holding: Holding | undefined
    let brokenBy: string | undefined
    const broken = (reason: string) => {
      brokenBy = reason
      if (holding) drop(holding, reason)
      onChange()
    }
    holding = await open(claimed, broken)
    const former = holdings.get(p)
    holdings.set(p, holding)
    if (former) drop(former, 'taken anew')
    if (brokenBy !== undefined || closed || stale) broken(brokenBy ?? 'not wanted any more')
    else log.debug({ p, epoch: claimed.epoch }, 'partition taken')
  }
  const release = async (claim: Pick<Claim, 'p' | 'epoch'>) => {
    const holding = holdings.get(claim.p)
    holdings.delete(claim.p)
    if (holding) await within(holding.drop(), STILL_WITHIN_MS)
    await releasePartition(bus, claim, lease)
    log.debug({ p: claim.p }, 'partition released')
  }
  function drop(holding: Holding, reason: string) {
    const { p } = holding.claim
    if (holdings.get(p) === holding) holdings.delete(p)
    log.info({ p, reason }, 'partition dropped')
    void holding.drop()
  }

  schedule(0)
  return {
    restart: reason => {
      if (closed) return
      if (holdings.size > 0) log.info({ reason, partitions: holdings.size }, 'dropping partitions')
      stale = true
      void dropAll()
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
const inParallel = async <T>(items: readonly T[], work: (item: T) => Promise<void>) => {
  const rest = items.values()
  const failures: unknown[] = []
  const worker = async () => {
    for (const item of rest) await work(item).catch(error => failures.push(error))
  }
  await Promise.all(Array.from({ length: CLAIMS_AT_ONCE }, worker))
  if (failures.length > 0) throw failures[0]
}

const within = async (promise: Promise<void>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
