/** The one row of `sandbox`: the newest sandbox of the session, whichever generation it is. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const SandboxEntity = defineEntity({
  name: 'sandbox',
  tableName: 'sandbox',
  properties: {
    id: p.text().primary(),
    /** Counts the sandboxes of the session; 0 before the first. */
    generation: p.integer().default(0),
    /** Our id of the sandbox. */
    modal_sandbox_id: p.text().nullable(),
    /** The provider's id of it. */
    modal_object_id: p.text().nullable(),
    snapshot_id: p.text().nullable(),
    snapshot_image_id: p.text().nullable(),
    /** SHA-256 of the token, lower-case hex; the token itself is nowhere. */
    auth_token: p.text().nullable(),
    status: p.text().default('pending'),
    git_sync_status: p.text().default('pending'),
    last_heartbeat: p.integer().nullable(),
    last_activity: p.integer().nullable(),
    /** When the newest spawn was asked for; 0 before the first. */
    created_at: p.integer(),
    spawn_failure_count: p.integer().default(0),
    last_spawn_failure: p.integer().nullable(),
    last_spawn_error: p.text().nullable(),
    last_spawn_error_at: p.integer().nullable(),
  },
})
export type SandboxRow = Row<typeof SandboxEntity>
