import type { SessionEventOf } from '../../../subjects/records.ts'
import {
  AFTER_WORK,
  REMEMBERED_ACK_IDS,
  REMEMBERED_CONNECTIONS,
  REMEMBERED_RUNS,
} from '../limits.ts'
import { noSandbox, type ReplacedSandbox, type Sandbox } from '../state.ts'

type SandboxEvent = SessionEventOf<
  | 'sandbox_requested'
  | 'sandbox_spawned'
  | 'sandbox_status_changed'
  | 'sandbox_connected'
  | 'sandbox_disconnected'
  | 'sandbox_bridge_ready'
  | 'sandbox_forgets'
  | 'sandbox_progress'
  | 'sandbox_observed'
  | 'sandbox_activity'
  | 'sandbox_git_sync'
  | 'sandbox_ending'
  | 'sandbox_shutdown'
  | 'snapshot_started'
  | 'snapshot_saved'
  | 'snapshot_expired'
  | 'snapshot_failed'
>

const replaced = ({ generation, sandboxId, objectId, host }: Sandbox): ReplacedSandbox | null =>
  sandboxId === null ? null : { generation, sandboxId, objectId, host }

/** The present socket is over, or about to be. */
const pastConnections = ({ connectionId, pastConnections: past }: Sandbox): readonly string[] =>
  connectionId === null ? past : [...past, connectionId].slice(-REMEMBERED_CONNECTIONS)

const withRun = (runs: Sandbox['runs'], run: string, seq: number): Sandbox['runs'] =>
  [...runs.filter(one => one.run !== run), { run, seq }].slice(-REMEMBERED_RUNS)

/** The sandbox after an event that concerns it. */
export const evolveSandbox = (sandbox: Sandbox, event: SandboxEvent): Sandbox => {
  switch (event.type) {
    case 'sandbox_requested':
      // Nothing is inherited: a successor with its predecessor's heartbeat would be declared stale.
      return {
        ...noSandbox,
        generation: event.generation,
        sandboxId: event.sandboxId,
        tokenHash: event.tokenHash,
        requestedAtMs: event.requestedAtMs,
        previous: replaced(sandbox),
        restoredFrom: event.snapshotImageId,
      }
    case 'sandbox_spawned': {
      const { generation, objectId, host } = event
      if (generation === sandbox.generation) return { ...sandbox, objectId, host }
      return sandbox.previous?.generation === generation
        ? { ...sandbox, previous: { ...sandbox.previous, objectId, host } }
        : sandbox
    }
    case 'sandbox_status_changed':
      return { ...sandbox, status: event.status }
    case 'sandbox_connected':
      return {
        ...sandbox,
        connectionId: event.connectionId,
        pastConnections: pastConnections(sandbox),
        dedupes: event.dedupes,
        connectedAtMs: event.connectedAtMs,
        disconnectedAtMs: null,
        disconnectCheck: false,
        lastHeartbeatMs: event.connectedAtMs,
        lastActivityMs: event.connectedAtMs,
        inactivityCheckMs: null,
      }
    case 'sandbox_disconnected':
      return {
        ...sandbox,
        connectionId: null,
        pastConnections: pastConnections(sandbox),
        disconnectedAtMs: event.atMs,
        disconnectCheck: true,
      }
    case 'sandbox_bridge_ready':
      return { ...sandbox, dedupes: event.dedupes }
    case 'sandbox_forgets':
      return { ...sandbox, forgets: true }
    case 'sandbox_progress':
      return {
        ...sandbox,
        runs: event.run === null ? sandbox.runs : withRun(sandbox.runs, event.run, event.seq),
        ackIds: event.ackIds.length
          ? [...sandbox.ackIds, ...event.ackIds].slice(-REMEMBERED_ACK_IDS)
          : sandbox.ackIds,
      }
    case 'sandbox_observed':
      return {
        ...sandbox,
        lastHeartbeatMs: event.lastHeartbeatMs ?? sandbox.lastHeartbeatMs,
        inactivityCheckMs: event.inactivityCheckMs ?? sandbox.inactivityCheckMs,
        disconnectCheck: event.lastHeartbeatMs === null && sandbox.disconnectCheck,
      }
    case 'sandbox_activity':
      return { ...sandbox, lastActivityMs: event.atMs, inactivityCheckMs: null }
    case 'sandbox_ending':
      return { ...sandbox, ending: event.reason }
    case 'sandbox_shutdown':
      return event.generation === sandbox.generation ? { ...sandbox, ending: null } : sandbox
    case 'snapshot_started': {
      const { reason, atMs } = event
      return { ...sandbox, unsaved: false, snapshot: { reason, atMs, expired: false } }
    }
    case 'snapshot_saved':
      return event.generation === sandbox.generation ? { ...sandbox, snapshot: null } : sandbox
    case 'snapshot_expired':
      return { ...sandbox, snapshot: sandbox.snapshot && { ...sandbox.snapshot, expired: true } }
    case 'snapshot_failed':
      // One more attempt before the sandbox ends; not one after the other for ever.
      return { ...sandbox, snapshot: null, unsaved: sandbox.unsaved || event.reason === AFTER_WORK }
    case 'sandbox_git_sync':
      return { ...sandbox, gitSyncStatus: event.status }
  }
}
