/** Rows per second into a session's file: our `apply`, and better-sqlite3 with prepared statements. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSessionDatabase } from '../lib/store/session-database.ts'
import { openSessionStore } from '../lib/store/session-store.ts'
import { type LogEntry, sessionLog } from '../test/fixtures/records.ts'
import type { Figure, Sizes } from './report.ts'
import type { Scope } from './scope.ts'

const TEXT = `it's ${'x'.repeat(250)}`

/** One line a record; every line is a row of `events` and one of `changes`. */
const records = (count: number): LogEntry[] => {
  const log = sessionLog()
  log.begin()
  for (let n = 0; n < count; n++) {
    const event = { type: 'tool_call', tool: 'bash', callId: `c${n}`, output: TEXT }
    log.record([log.shown(`tool_call:m:c${n}`, event, 'm')])
  }
  return log.entries
}

const batchesOf = (entries: readonly LogEntry[], size: number): LogEntry[][] =>
  Array.from({ length: Math.ceil(entries.length / size) }, (_, n) =>
    entries.slice(n * size, (n + 1) * size),
  )

const rate = (rows: number, startedMs: number): number =>
  rows / ((performance.now() - startedMs) / 1000)

const ours = async (folder: string, entries: readonly LogEntry[], size: number) => {
  const store = await openSessionStore(folder, `ours${size}`)
  const [begin, ...lines] = batchesOf(entries, size)
  await store.apply(begin ?? [])
  const startedMs = performance.now()
  for (const batch of lines) await store.apply(batch)
  const perSecond = rate(2 * lines.flat().length, startedMs)
  await store.destroy()
  return perSecond
}

/** The same rows in the same transactions, with what a batch writes besides them. */
const raw = async (folder: string, entries: readonly LogEntry[], size: number) => {
  const database = await openSessionDatabase(folder, `raw${size}`)
  const db = await database.em.getConnection().getNativeClient()
  const event = db.prepare(
    `insert into events values (?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do update set data = excluded.data, sequence = excluded.sequence`,
  )
  const change = db.prepare('insert into changes values (?, ?, ?, ?, ?)')
  const applied = db.prepare('update meta set applied_sequence = ?')
  const touched = db.prepare('update session set updated_at = ?')
  const batches = batchesOf(entries.slice(size), size)
  let bytes = 0
  const startedMs = performance.now()
  for (const batch of batches) {
    db.exec('begin')
    for (const { record } of batch) {
      for (const line of record.events) {
        if (line.type !== 'timeline') continue
        const json = JSON.stringify(line.event)
        bytes += Buffer.byteLength(json)
        const { eventId, sequence, position, messageId, atMs } = line
        event.run(eventId, line.event.type, json, messageId, atMs, position, sequence)
        change.run(sequence, eventId, position, json, bytes)
      }
    }
    touched.run(batch.at(-1)?.record.atMs)
    applied.run(batch.at(-1)?.sequence)
    db.exec('commit')
  }
  const perSecond = rate(2 * batches.flat().length, startedMs)
  await database.close()
  return perSecond
}

export const benchSqlite = async (scope: Scope, { quick }: Sizes): Promise<Figure[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  scope.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const figures: Figure[] = []
  for (const size of [1000, 1]) {
    const entries = records((size === 1 ? 2_000 : 20_000) * (quick ? 1 : 5))
    await ours(folder, entries.slice(0, 2_000), size)
    await raw(folder, entries.slice(0, 2_000), size)
    rmSync(folder, { recursive: true, force: true })
    figures.push({
      name: `SQLite rows, ${size} record${size === 1 ? '' : 's'} a transaction`,
      unit: '/s',
      ours: await ours(folder, entries, size),
      raw: await raw(folder, entries, size),
      rawIs: 'better-sqlite3, prepared statements, same rows',
    })
  }
  return figures
}
