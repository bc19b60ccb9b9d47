/** The rows of a session as text, the same for the same rows: to compare a file with another. */
import { DatabaseSync } from 'node:sqlite'
import { SESSION_ENTITIES } from './session-database.ts'

/** `meta` says how the rows came to be, the open sockets are not in the log. */
const LEFT_OUT: ReadonlySet<string> = new Set(['meta', 'ws_client_mapping'])

export type RowDump = {
  /** Number of the newest record whose rows are in the file. */
  readonly applied: number
  /** One line of JSON per row, each table in the order of its keys. */
  readonly lines: readonly string[]
}

/** Reads a file that may be in use. @throws what SQLite says of a file that is none */
export const dumpRows = (file: string): RowDump => {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    database.exec('begin')
    const meta = database.prepare('select applied_sequence from meta').get()
    const tables = SESSION_ENTITIES.map(entity => entity.meta.tableName).filter(
      name => !LEFT_OUT.has(name),
    )
    const lines = tables.flatMap(table =>
      database
        .prepare(`select * from ${table} order by 1, 2`)
        .all()
        .map(row => JSON.stringify([table, row])),
    )
    return { applied: Number(meta?.applied_sequence), lines }
  } finally {
    database.close()
  }
}
