/** `artifact_created`, `artifact_updated` → `artifacts`. The same id again is a newer state of the same artifact. */
import type { SessionEventOf } from '../../../subjects/records.ts'
import { type Batch, jsonOrNull } from './batch.ts'

export const artifactCreated = (batch: Batch, event: SessionEventOf<'artifact_created'>): void => {
  batch.artifacts.set(event.artifactId, {
    id: event.artifactId,
    type: event.artifactType,
    url: event.url,
    metadata: jsonOrNull(event.metadata),
    created_at: batch.artifacts.get(event.artifactId)?.created_at ?? event.createdAtMs,
    updated_at: event.createdAtMs,
  })
}

/** A row that an earlier batch wrote keeps its `created_at`: see write.ts. */
export const artifactUpdated = (batch: Batch, event: SessionEventOf<'artifact_updated'>): void =>
  artifactCreated(batch, { ...event, type: 'artifact_created', createdAtMs: event.updatedAtMs })
