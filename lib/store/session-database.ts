/** The file of one session: its tables, and every version of its schema. */
import { join } from 'node:path'
import { sessionId } from '../../subjects/subjects.ts'
import { type Migration, openDatabase, prepareDatabases } from './database.ts'
import { ArtifactEntity } from './entities/artifacts.ts'
import { MessageEntity } from './entities/messages.ts'
import { MetaEntity } from './entities/meta.ts'
import { ParticipantEntity, WsClientEntity, WsTokenEntity } from './entities/participants.ts'
import { SandboxEntity } from './entities/sandbox.ts'
import { SessionEntity } from './entities/session.ts'
import { ChangeEntity, EventEntity } from './entities/timeline.ts'

export const SESSION_ENTITIES = [
  SessionEntity,
  ParticipantEntity,
  WsTokenEntity,
  WsClientEntity,
  MessageEntity,
  EventEntity,
  ChangeEntity,
  ArtifactEntity,
  SandboxEntity,
  MetaEntity,
] as const

/** Version 1: the seven tables that the specification promises, and three of our own. */
const tables: Migration = [
  `create table session (
    id text not null primary key, session_name text, title text,
    repo_owner text not null, repo_name text not null,
    repo_default_branch text not null default 'main', branch_name text,
    base_sha text, current_sha text, opencode_session_id text,
    model text not null default 'claude-haiku-4-5', reasoning_effort text,
    status text not null default 'created', total_cost real not null default 0,
    created_at integer not null, updated_at integer not null)`,
  `create table participants (
    id text not null primary key, user_id text not null, github_user_id text, github_login text,
    github_email text, github_name text, role text not null default 'member',
    github_access_token_encrypted text, github_refresh_token_encrypted text,
    github_token_expires_at integer, ws_auth_token text, ws_token_created_at integer,
    joined_at integer not null)`,
  'create index participants_user_id on participants (user_id)',
  `create table ws_tokens (
    participant_id text not null references participants (id), hash text not null,
    created_at integer not null, primary key (participant_id, hash))`,
  'create index ws_tokens_participant_id on ws_tokens (participant_id, created_at)',
  `create table ws_client_mapping (
    ws_id text not null primary key, participant_id text not null references participants (id),
    client_id text, created_at integer not null)`,
  `create table messages (
    id text not null primary key, author_id text not null references participants (id),
    content text not null, source text not null, model text, reasoning_effort text,
    attachments text, status text not null default 'pending', error_message text,
    client_request_id text, request_fingerprint text, stop_confirmation_deadline integer,
    created_at integer not null, started_at integer, completed_at integer, callback_context text,
    queued_sequence integer not null)`,
  'create index messages_status on messages (status)',
  'create index messages_author_id on messages (author_id)',
  'create index messages_created_at on messages (created_at, queued_sequence)',
  `create unique index messages_client_request_id on messages (client_request_id)
    where client_request_id is not null`,
  "create unique index messages_one_processing on messages (status) where status = 'processing'",
  `create table events (
    id text not null primary key, type text not null, data text not null, message_id text,
    created_at integer not null, timeline_sequence integer not null, sequence integer not null)`,
  'create unique index events_timeline_sequence on events (timeline_sequence)',
  'create index events_message_id on events (message_id)',
  'create index events_type on events (type)',
  'create index events_created_at on events (created_at, timeline_sequence)',
  `create table changes (
    sequence integer not null primary key, event_id text not null, position integer not null,
    event text not null, total_bytes integer not null)`,
  `create table artifacts (
    id text not null primary key, type text not null, url text, metadata text,
    created_at integer not null, updated_at integer not null)`,
  `create table sandbox (
    id text not null primary key, generation integer not null default 0, modal_sandbox_id text,
    modal_object_id text, snapshot_id text, snapshot_image_id text, auth_token text, status text not null default 'pending',
    git_sync_status text not null default 'pending', last_heartbeat integer,
    last_activity integer, created_at integer not null,
    spawn_failure_count integer not null default 0, last_spawn_failure integer,
    last_spawn_error text, last_spawn_error_at integer)`,
  `create table meta (
    id integer not null primary key, applied_sequence integer not null default 0,
    state_sequence integer, state text)`,
  'insert into meta (id) values (1)',
]

export const SESSION_MIGRATIONS: readonly Migration[] = [tables]

/**
 * Where a session's file is: `<folder>/<first two characters>/<sid>.db`.
 *
 * @throws code `INVALID_TOKEN_TEXT` when `sid` is none, and so could leave the folder.
 */
export const sessionFile = (folder: string, sid: string): string =>
  join(folder, sessionId(sid).slice(0, 2), `${sid}.db`)

export const prepareSessionDatabases = (): Promise<void> =>
  prepareDatabases(SESSION_ENTITIES, SESSION_MIGRATIONS)

/** @throws codes `STORE_DAMAGED` (set aside), `STORE_TOO_NEW`, `INVALID_TOKEN_TEXT`. */
export const openSessionDatabase = (folder: string, sid: string) =>
  openDatabase({
    file: sessionFile(folder, sid),
    entities: SESSION_ENTITIES,
    migrations: SESSION_MIGRATIONS,
  })

export type SessionDatabase = Awaited<ReturnType<typeof openSessionDatabase>>
/** The ORM's query builder over a session's tables, inside the transaction of `em` if there is one. */
export const queriesOf = (em: SessionDatabase['em']) => em.getKysely()
export type SessionQueries = ReturnType<typeof queriesOf>
