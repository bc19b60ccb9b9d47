/**
 * The audit: two owners, all partitions, some hundred sessions under load from plain publishers. One
 * owner is killed, later the other is stopped for longer than its lease and woken. Whatever the
 * stream accepted must be in the log once, in the order in which it was accepted.
 */
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, promptOf, spawnOwner } from './owners.ts'

const SESSIONS = 300
const PUBLISHERS = 24
const LEASE_MS = 2_000
/** How many commands of one publisher may wait for their records. */
const WINDOW = 16
/** Records of one phase. */
const PHASE = 2_000

t.test('audit', { timeout: 110_000 }, async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { OWNER_LEASE_MS: String(LEASE_MS) })
  const env = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '1000000', LOG_LEVEL: 'debug' }
  const first = spawnOwner(t, config, env)
  const second = spawnOwner(t, config, env)

  // How long each accepted command waits for its record.
  type Waiting = PromiseWithResolvers<void> & { readonly sinceMs: number }
  const waiting = new Map<string, Waiting>()
  let worstMs = 0
  let recorded = 0
  let goal = { at: 0, reached: () => {} }
  bus.nc.subscribe('live.*', {
    callback: (_error, message) => {
      const { sid, request } = message.json<{ sid: string; request: { id: string } | null }>()
      const key = `${sid}/${request?.id}`
      const one = waiting.get(key)
      if (one === undefined) return
      worstMs = Math.max(worstMs, performance.now() - one.sinceMs)
      waiting.delete(key)
      one.resolve()
      recorded++
      if (recorded === goal.at) goal.reached()
    },
  })
  /** Resolves when everything that waits now has its record. */
  const settled = () => Promise.all([...waiting.values()].map(({ promise }) => promise))
  const oneMorePhase = () =>
    new Promise<void>(resolve => {
      goal = { at: recorded + PHASE, reached: resolve }
    })
  /** The longest wait of this phase, which is over once nothing of it waits any more. */
  const takeWorst = async () => {
    await settled()
    const worst = worstMs
    worstMs = 0
    return `${(worst / 1000).toFixed(2)} s`
  }

  const sids = Array.from({ length: SESSIONS }, (_, n) => `audit-${n}`)
  // Both are at work before anything is measured.
  await Promise.all(sids.map(sid => createSession(bus, sid)))
  await Promise.all([first.until(/partition taken/), second.until(/partition taken/)])

  const accepted = new Map<string, string[]>(sids.map(sid => [sid, []]))
  let publishing = true
  const publisher = async (own: string[]) => {
    const recent: Promise<void>[] = []
    for (let n = 0; publishing; n++) {
      const sid = own[n % own.length] as string
      const id = `p${n}`
      const one = { ...Promise.withResolvers<void>(), sinceMs: performance.now() }
      waiting.set(`${sid}/${id}`, one)
      await publishCommand(bus, sid, promptOf(id), { deadlineMs: 30_000 })
      accepted.get(sid)?.push(id)
      if (recent.push(one.promise) >= WINDOW) await recent.shift()
    }
  }
  const publishers = Array.from({ length: PUBLISHERS }, (_, n) =>
    publisher(sids.filter((_, i) => i % PUBLISHERS === n)),
  )

  await oneMorePhase()
  t.comment(`two owners at work: worst wait ${await takeWorst()}`)
  await first.kill()
  // More than the publishers leave waiting for the killed one: over only after the takeover.
  await oneMorePhase()
  t.comment(`one killed: worst wait ${await takeWorst()}`)
  const known = first.lines.length
  first.start()
  await first.until(/partition taken/, known)
  await oneMorePhase()
  t.comment(`started again, partitions shared out again: worst wait ${await takeWorst()}`)
  second.pause()
  await oneMorePhase()
  await settled()
  second.resume()
  await second.until(/lease lost/)
  await oneMorePhase()
  t.comment(
    `the other stopped until all was taken from it, and woken: worst wait ${await takeWorst()}`,
  )
  publishing = false
  await Promise.all(publishers)
  await settled()

  let duplicates = 0
  let reorders = 0
  let total = 0
  for (const [sid, ids] of accepted) {
    const log = await logOf(bus, sid)
    const queued = log.flatMap(({ record }) =>
      record.events.flatMap(event =>
        event.type === 'prompt_queued' ? [String(event.clientRequestId)] : [],
      ),
    )
    total += ids.length
    duplicates += queued.length - new Set(queued).size
    if (queued.join() !== ids.join()) reorders++
    const sequences = log.map(({ record }) => record.commandSequence)
    t.ok(
      sequences.every((sequence, i) => i === 0 || sequence > (sequences[i - 1] as number)),
      `${sid}: every command decided once, in order`,
    )
  }
  const fenced = [first, second].map(
    owner => owner.lines.join('').match(/wrong last sequence/g)?.length ?? 0,
  )
  t.comment(`${total} accepted, ${recorded} recorded; refused by the fence: ${fenced.join(' + ')}`)
  t.ok(total > 1_000, 'there was load')
  t.equal(recorded, total, 'accepted = recorded')
  t.equal(duplicates, 0, 'no duplicate')
  t.equal(reorders, 0, 'in every session the log has what was accepted, in that order')
  const { state } = await bus.jsm.streams.info(CMD)
  t.comment(`${state.messages} commands left in the work queue`)
})
