/**
 * What a run of records does to the rows of one session, gathered before anything is written: a
 * row that a thousand records touch is written once.
 */
import type { ArtifactRow } from '../entities/artifacts.ts'
import type { MessageRow } from '../entities/messages.ts'
import type { ParticipantRow, WsTokenRow } from '../entities/participants.ts'
import type { SandboxRow } from '../entities/sandbox.ts'
import type { SessionRow } from '../entities/session.ts'
import type { ChangeRow, EventRow } from '../entities/timeline.ts'

/** What one batch must know of those before it. Carried along in memory, read again after a failure. */
export type Carried = {
  readonly session: SessionRow | undefined
  readonly sandbox: SandboxRow | undefined
  /** `total_bytes` of the newest change. */
  readonly totalBytes: number
}

/** Rows that are new, and changes to rows that the file already has. */
export type Patches<Row extends { id: string }> = {
  readonly inserts: Map<string, Row>
  readonly updates: Map<string, Partial<Row>>
}

export type Batch = {
  session: SessionRow | undefined
  sandbox: SandboxRow | undefined
  totalBytes: number
  readonly participants: Patches<ParticipantRow>
  readonly messages: Patches<MessageRow>
  /** Ids of messages whose rows go. */
  readonly cancelled: Set<string>
  readonly tokens: Map<string, WsTokenRow>
  readonly events: Map<string, EventRow>
  readonly changes: ChangeRow[]
  readonly artifacts: Map<string, ArtifactRow>
}

export const newBatch = (carried: Carried): Batch => ({
  ...carried,
  participants: { inserts: new Map(), updates: new Map() },
  messages: { inserts: new Map(), updates: new Map() },
  cancelled: new Set(),
  tokens: new Map(),
  events: new Map(),
  changes: [],
  artifacts: new Map(),
})

/** Changes a row, whether this batch made it or the file has it. */
export const patch = <Row extends { id: string }>(
  { inserts, updates }: Patches<Row>,
  id: string,
  change: Partial<Row>,
): void => {
  const made = inserts.get(id)
  if (made) inserts.set(id, { ...made, ...change })
  else updates.set(id, { ...updates.get(id), ...change })
}

/** JSON for a column, null for nothing. */
export const jsonOrNull = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value)
