/**
 * Logs that earlier versions have recorded: this version reads every record, and makes of them the
 * state, the view and the rows that were recorded with them. They were made by
 * test/fixtures/logs/record.ts and are never made again.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRecord } from '../lib/bus/newest.ts'
import { applyRecord } from '../lib/session/record.ts'
import { initialState } from '../lib/session/state.ts'
import { packState, unpackState } from '../lib/session/stored-state.ts'
import { viewOf } from '../lib/session/view.ts'
import { sessionEvent } from '../subjects/records.ts'
import { type Columns, rowsDigest, rowsFile } from './fixtures/logs/rows.ts'
import { temporaryFolder } from './fixtures/store.ts'

const LOGS = join(import.meta.dirname, 'fixtures/logs')
const asJson = (value: unknown) => JSON.parse(JSON.stringify(value))

type Expected = { state: { state: object }; view: object; columns: Columns; rows: string }
const readLog = (file: string) => {
  const [expected, ...entries] = readFileSync(file, 'utf8').trim().split('\n')
  return {
    expected: JSON.parse(expected ?? '') as Expected,
    entries: entries.map(line => {
      const { sequence, record } = JSON.parse(line) as { sequence: number; record: unknown }
      return { sequence, record: readRecord(Buffer.from(JSON.stringify(record)), sequence) }
    }),
  }
}

const files = readdirSync(LOGS, { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.jsonl'),
)
/** In the schema, and written by no version so far. */
const NEVER_WRITTEN = ['sandbox_retry_planned']
const seen = new Set<string>()

for (const name of files.sort()) {
  t.test(name, async t => {
    const { expected, entries } = readLog(join(LOGS, name))
    for (const { record } of entries) for (const { type } of record.events) seen.add(type)
    const state = entries.reduce((before, { record }) => applyRecord(before, record), initialState)
    // A field that came later is in neither of what was recorded.
    t.has(asJson(state), expected.state.state, 'the state')
    t.has(asJson(viewOf(state)), expected.view, 'the view')
    const file = await rowsFile(temporaryFolder(t), entries)
    t.equal(rowsDigest(file, expected.columns), expected.rows, 'the rows')

    const kept = unpackState(expected.state)
    t.has(asJson(kept), expected.state.state, 'a state that was kept is what it was')
    t.same(Object.keys(kept ?? {}), Object.keys(initialState), 'with every field of today')
    t.same(unpackState(asJson(packState(state))), asJson(state), 'and so is one of today')
  })
}

t.test('every kind of event was recorded', async t => {
  const kinds = sessionEvent.options.map(option => option.shape.type.value)
  t.same(
    kinds.filter(kind => !seen.has(kind)),
    NEVER_WRITTEN,
  )
})
