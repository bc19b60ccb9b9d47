/**
 * All rows of a session's file that follow from its log, in an order of their own, for comparison: two
 * files that saw the same records give the same text. Left out is what does not come from the log (open
 * sockets) and how far the core's state was kept.
 */
import { openSessionDatabase, queriesOf } from './session-database.ts'

/** Each with the columns that order its rows. */
const TABLES = {
  session: ['id'],
  participants: ['id'],
  ws_tokens: ['participant_id', 'hash'],
  messages: ['id'],
  events: ['id'],
  changes: ['sequence'],
  artifacts: ['id'],
  sandbox: ['id'],
} as const

export type Dump = {
  /** The newest record whose rows are in it. */
  readonly appliedSequence: number
  /** One line of JSON per row, with its table's name. */
  readonly lines: readonly string[]
}

/**
 * Reads the file of a session that nobody has open.
 * @throws codes as `openSessionStore`
 */
export const dumpSession = async (folder: string, sid: string): Promise<Dump> => {
  const database = await openSessionDatabase(folder, sid)
  try {
    const db = queriesOf(database.em.fork())
    const [meta] = await db.selectFrom('meta').selectAll().execute()
    const lines: string[] = []
    for (const [table, columns] of Object.entries(TABLES)) {
      const name = table as keyof typeof TABLES
      let query = db.selectFrom(name).selectAll()
      for (const column of columns) query = query.orderBy(column as never)
      for (const row of await query.execute()) lines.push(`${table} ${JSON.stringify(row)}`)
    }
    return { appliedSequence: meta?.applied_sequence ?? 0, lines }
  } finally {
    await database.close()
  }
}
