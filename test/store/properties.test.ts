/**
 * Random sessions, made by the real core: whatever their log, the rows do not depend on how the
 * records were batched or how often the file was closed in between, and they agree with the state
 * that the core has of the same log.
 *
 * A failing run prints its seed: `SEED=<n> npx tap test/store/properties.test.ts` runs it again.
 */
import fc from 'fast-check'
import t from 'tap'
import { REMEMBERED_FAILURES } from '../../lib/session/limits.ts'
import type { SessionState } from '../../lib/session/state.ts'
import { SESSION_ENTITIES, sessionFile } from '../../lib/store/session-database.ts'
import { openSessionStore } from '../../lib/store/session-store.ts'
import type { LogEntry } from '../fixtures/records.ts'
import { sqls, temporaryFolder } from '../fixtures/store.ts'
import { MOVE_KINDS, type Move, type MoveKind, World } from '../session/world.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env.RUNS ?? 12)
t.comment(`SEED=${SEED} RUNS=${RUNS}`)

const SID = 's1'
const small = fc.integer({ min: 0, max: 3 })
const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.oneof(
    fc.constantFrom<MoveKind>('prompt', 'connect', 'events', 'complete', 'delivered'),
    fc.constantFrom(...MOVE_KINDS),
  ),
  a: small,
  b: small,
  pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200_000 })),
})
const moves = fc.array(move, { minLength: 20, maxLength: 120, size: 'max' })
/** How many records come at a time; 0 closes and opens the file. */
const batches = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 10 })

const tables = SESSION_ENTITIES.map(entity => entity.meta.tableName)
const dump = async (file: string): Promise<Record<string, unknown[]>> => {
  const rows = await sqls(
    file,
    tables.map(table => `select * from ${table} order by 1, 2`),
  )
  return Object.fromEntries(tables.map((table, n) => [table, rows[n] ?? []]))
}

const build = async (folder: string, entries: readonly LogEntry[], sizes: readonly number[]) => {
  let store = await openSessionStore(folder, SID)
  for (let at = 0, n = 0; at < entries.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    if (size === 0) {
      await store.close()
      store = await openSessionStore(folder, SID)
    }
    // Some of what is there already comes again, as after a takeover.
    const from = Math.max(0, at - (size % 3))
    at += Math.max(size, 1)
    await store.apply(entries.slice(from, at))
  }
  await store.close()
  return dump(sessionFile(folder, SID))
}

t.test('rows are the same however they were made, and as the core sees them', async t => {
  let logs = 0
  await fc.assert(
    fc.asyncProperty(moves, batches, async (all, sizes) => {
      const world = new World()
      for (const one of all) world.make(one)
      const entries = world.records.map((record, n) => ({ sequence: 2 * n + 5, record }))
      const oneByOne = await build(temporaryFolder(t), entries, [1])
      const inBatches = await build(temporaryFolder(t), entries, sizes)
      const atOnce = await build(temporaryFolder(t), entries, [entries.length])
      if (!t.strictSame(inBatches, oneByOne)) throw new Error('batches matter')
      if (!t.strictSame(atOnce, oneByOne)) throw new Error('one batch matters')
      agree(t, oneByOne, world)
      logs++
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  t.equal(logs, RUNS)
})

type Same = Pick<typeof t, 'strictSame'>

const agree = (t: Same, rows: Record<string, unknown[]>, world: World): void => {
  const { state } = world
  const same = (found: unknown, wanted: unknown, what: string) => {
    if (!t.strictSame(found, wanted, what)) throw new Error(what)
  }
  const of = (table: string) => (rows[table] ?? []) as Record<string, unknown>[]
  const [session] = of('session')
  same(
    session && {
      title: session.title,
      status: session.status,
      current_sha: session.current_sha,
      agent: session.opencode_session_id,
      cost: session.total_cost,
      updated: session.updated_at,
    },
    {
      title: state.title,
      status: state.status,
      current_sha: state.currentSha,
      agent: state.agentSessionId,
      cost: state.totalCost,
      updated: state.updatedAtMs,
    },
    'session',
  )
  same(sandboxOf(of('sandbox')[0]), sandboxIn(state), 'sandbox')
  const messages = of('messages')
  const ids = (status: string) =>
    messages
      .filter(row => row.status === status)
      .sort((a, b) => Number(a.queued_sequence) - Number(b.queued_sequence))
      .map(row => row.id)
  same(
    // Rows stand in the order of coming, whoever was moved before whom.
    ids('pending').sort(),
    state.queue.map(one => one.messageId).sort(),
    'what waits',
  )
  same(ids('processing'), state.running ? [state.running.messageId] : [], 'what runs')
  same(messages.length, state.messageCount, 'every prompt')
  same(
    of('participants').map(row => [row.id, row.user_id, row.github_name, row.role]),
    [...state.participants]
      .sort((a, b) => (a.participantId < b.participantId ? -1 : 1))
      .map(one => [one.participantId, one.userId, one.name, one.role]),
    'participants',
  )
  same(
    of('changes').map(row => row.sequence),
    Array.from({ length: state.sequence }, (_, n) => n + 1),
    'every version of a line, without a hole',
  )
  const newest = new Map(world.eventsOf('timeline').map(line => [line.eventId, line]))
  same(
    of('events').map(row => [row.id, row.sequence, row.timeline_sequence, row.data]),
    [...newest.values()]
      .sort((a, b) => (a.eventId < b.eventId ? -1 : 1))
      .map(line => [line.eventId, line.sequence, line.position, JSON.stringify(line.event)]),
    'every line as it is now',
  )
}

const sandboxOf = (row: Record<string, unknown> | undefined) =>
  row && [
    row.generation,
    row.modal_sandbox_id,
    row.modal_object_id,
    row.auth_token,
    row.status,
    row.git_sync_status,
    row.last_heartbeat,
    row.last_activity,
    // The core remembers the newest only.
    Math.min(Number(row.spawn_failure_count), REMEMBERED_FAILURES),
    row.last_spawn_error,
  ]
const sandboxIn = ({ sandbox, spawnFailuresMs, spawnError }: SessionState) => [
  sandbox.generation,
  sandbox.sandboxId,
  sandbox.objectId,
  sandbox.tokenHash,
  sandbox.status,
  sandbox.gitSyncStatus,
  sandbox.lastHeartbeatMs,
  sandbox.lastActivityMs,
  spawnFailuresMs.length,
  spawnError,
]
