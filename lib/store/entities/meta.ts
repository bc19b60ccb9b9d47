/** The one row that says up to where the file follows the log. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const MetaEntity = defineEntity({
  name: 'meta',
  tableName: 'meta',
  properties: {
    /** Always 1. */
    id: p.integer().primary().autoincrement(false),
    /** Number of the newest record whose rows are here; 0 for none. */
    applied_sequence: p.integer().default(0),
    /** The core's own state, and the record after which it was so. */
    state_sequence: p.integer().nullable(),
    state: p.text().nullable(),
  },
})
export type MetaRow = Row<typeof MetaEntity>
