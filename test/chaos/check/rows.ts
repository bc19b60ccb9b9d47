/** Every session file that any owner has left equals one that is made anew from the log up to its record. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dumpRows } from '../../../lib/store/dump.ts'
import { sessionFile } from '../../../lib/store/session-database.ts'
import { openSessionStore } from '../../../lib/store/session-store.ts'
import type { Logs } from '../log.ts'
import { difference, type Finding } from './check.ts'

const foldersOf = (dataDir: string): string[] => {
  const owners = join(dataDir, 'owner')
  return readdirSync(owners).map(slot => join(owners, slot, 'sessions'))
}

/** @param dataDir of owners that have all ended */
export const checkRows = async (dataDir: string, logs: Logs): Promise<Finding> => {
  const wrongs: string[] = []
  let looked = 0
  for (const [sid, records] of logs) {
    for (const folder of foldersOf(dataDir)) {
      if (!existsSync(sessionFile(folder, sid))) continue
      const left = dumpRows(sessionFile(folder, sid))
      const anew = mkdtempSync(join(tmpdir(), 'rebuilt-'))
      try {
        const store = await openSessionStore(anew, sid)
        await store.apply(records.filter(({ sequence }) => sequence <= left.applied))
        await store.close()
        const wrong = difference(left.lines, dumpRows(sessionFile(anew, sid)).lines)
        if (wrong) wrongs.push(`${folder} ${sid}: ${wrong}`)
        looked += left.lines.length
      } finally {
        rmSync(anew, { recursive: true, force: true })
      }
    }
  }
  return { name: 'rows: equal to a rebuild from the log', looked, wrongs }
}
