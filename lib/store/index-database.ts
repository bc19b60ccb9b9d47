/** The file of the list of all sessions: its tables, and every version of its schema. */
import { type Migration, openDatabase } from './database.ts'
import { IndexMetaEntity, RemovedEntity, SummaryEntity } from './entities/summaries.ts'

export const INDEX_ENTITIES = [SummaryEntity, RemovedEntity, IndexMetaEntity] as const

const tables: Migration = [
  `create table sessions (
    id text not null primary key, title text, title_folded text, repo_owner text not null,
    repo_name text not null, base_branch text not null, branch_name text, model text not null,
    reasoning_effort text, status text not null, created_at integer not null,
    updated_at integer not null, user_id text not null, scm_login text,
    message_count integer not null default 0, total_cost real not null default 0)`,
  'create index sessions_updated_at on sessions (updated_at, id)',
  'create index sessions_status on sessions (status, updated_at, id)',
  'create index sessions_repository on sessions (repo_owner, repo_name, updated_at, id)',
  'create index sessions_user_id on sessions (user_id, updated_at, id)',
  'create table removed (id text not null primary key)',
  `create table meta (
    id integer not null primary key, applied_sequence integer not null default 0)`,
  'insert into meta (id) values (1)',
]

const finishedAt: Migration = ['alter table sessions add column finished_at integer']

export const INDEX_MIGRATIONS: readonly Migration[] = [tables, finishedAt]

/** @throws codes `STORE_DAMAGED` (set aside), `STORE_TOO_NEW`. */
export const openIndexDatabase = (file: string) =>
  openDatabase({ file, entities: INDEX_ENTITIES, migrations: INDEX_MIGRATIONS })

export type IndexDatabase = Awaited<ReturnType<typeof openIndexDatabase>>
export const indexQueriesOf = (em: IndexDatabase['em']) => em.getKysely()
export type IndexQueries = ReturnType<typeof indexQueriesOf>
