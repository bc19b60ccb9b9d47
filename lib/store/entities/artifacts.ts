/** What the work has led to: pull requests, branches, previews, pictures. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const ArtifactEntity = defineEntity({
  name: 'artifacts',
  tableName: 'artifacts',
  properties: {
    id: p.text().primary(),
    type: p.text(),
    url: p.text().nullable(),
    /** JSON. */
    metadata: p.text().nullable(),
    created_at: p.integer(),
    updated_at: p.integer(),
  },
})
export type ArtifactRow = Row<typeof ArtifactEntity>
