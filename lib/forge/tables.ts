/** The forge's one SQLite file: its tables, and every version of its schema. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import { type Migration, openDatabase } from '../store/database.ts'
import type { Row } from '../store/entities/row.ts'

/** A person, an organisation, or the App's own bot. Times are milliseconds since the epoch. */
const AccountEntity = defineEntity({
  name: 'accounts',
  tableName: 'accounts',
  properties: {
    id: p.integer().primary().autoincrement(),
    login: p.text(),
    login_folded: p.text().unique(),
    /** `User`, `Organization` or `Bot`. */
    type: p.text(),
    name: p.text().nullable(),
    email: p.text().nullable(),
    created_at: p.integer(),
  },
})
export type AccountRow = Row<typeof AccountEntity>

const MemberEntity = defineEntity({
  name: 'members',
  tableName: 'members',
  properties: { organization_id: p.integer().primary(), account_id: p.integer().primary() },
})

const RepositoryEntity = defineEntity({
  name: 'repositories',
  tableName: 'repositories',
  properties: {
    id: p.integer().primary().autoincrement(),
    owner_id: p.integer(),
    name: p.text(),
    name_folded: p.text(),
    description: p.text().nullable(),
    private: p.integer(),
    /** Whether the App is installed on it. */
    installed: p.integer(),
    default_branch: p.text(),
    created_at: p.integer(),
    pushed_at: p.integer(),
  },
})
export type RepositoryRow = Row<typeof RepositoryEntity>

/** Branches and tags as they were last told of: what git has beyond this is a push to announce. */
const RefEntity = defineEntity({
  name: 'refs',
  tableName: 'refs',
  properties: {
    repository_id: p.integer().primary(),
    name: p.text().primary(),
    sha: p.text(),
  },
})

const PullEntity = defineEntity({
  name: 'pulls',
  tableName: 'pulls',
  properties: {
    id: p.integer().primary().autoincrement(),
    repository_id: p.integer(),
    number: p.integer(),
    title: p.text(),
    body: p.text().nullable(),
    /** Names of branches, without `refs/heads/`. */
    head: p.text(),
    base: p.text(),
    head_sha: p.text(),
    base_sha: p.text(),
    author_id: p.integer(),
    /** `open` or `closed`. */
    state: p.text(),
    draft: p.integer(),
    created_at: p.integer(),
    updated_at: p.integer(),
    closed_at: p.integer().nullable(),
    merged_at: p.integer().nullable(),
    merged_by: p.integer().nullable(),
    merge_commit_sha: p.text().nullable(),
    /** The commit that is about to become the base's tip, and who merges: written before git is told. */
    merging_sha: p.text().nullable(),
    merging_by: p.integer().nullable(),
  },
})
export type PullRow = Row<typeof PullEntity>

const CommentEntity = defineEntity({
  name: 'comments',
  tableName: 'comments',
  properties: {
    id: p.integer().primary().autoincrement(),
    repository_id: p.integer(),
    pull_number: p.integer(),
    author_id: p.integer(),
    body: p.text(),
    created_at: p.integer(),
    /** These are of a comment on a line of the diff, null for one on the whole. */
    path: p.text().nullable(),
    line: p.integer().nullable(),
    side: p.text().nullable(),
    commit_sha: p.text().nullable(),
    diff_hunk: p.text().nullable(),
    in_reply_to: p.integer().nullable(),
  },
})
export type CommentRow = Row<typeof CommentEntity>

/** Everything that opens a door, by its SHA-256. */
const TokenEntity = defineEntity({
  name: 'tokens',
  tableName: 'tokens',
  properties: {
    hash: p.text().primary(),
    /** `installation`, `user`, `refresh`, `code` or `browser`. */
    kind: p.text(),
    account_id: p.integer(),
    /** One sign-in at the OAuth client: refreshing spends the older tokens of it. */
    grant_id: p.text().nullable(),
    /** JSON: what it may do, or what its use must match. */
    facts: p.text(),
    expires_at: p.integer(),
    spent_at: p.integer().nullable(),
  },
})
export type TokenRow = Row<typeof TokenEntity>

const DeliveryEntity = defineEntity({
  name: 'deliveries',
  tableName: 'deliveries',
  properties: {
    id: p.integer().primary().autoincrement(),
    guid: p.text(),
    event: p.text(),
    action: p.text().nullable(),
    repository_id: p.integer().nullable(),
    /** JSON. */
    payload: p.text(),
    redelivery: p.integer(),
    created_at: p.integer(),
    /** Written before it is sent: what was begun is never begun again. */
    attempted_at: p.integer().nullable(),
    status: p.text().nullable(),
    status_code: p.integer().nullable(),
    duration_ms: p.integer().nullable(),
    /** JSON. */
    request_headers: p.text().nullable(),
    response_headers: p.text().nullable(),
    response_body: p.text().nullable(),
  },
})
export type DeliveryRow = Row<typeof DeliveryEntity>

const ENTITIES = [
  AccountEntity,
  MemberEntity,
  RepositoryEntity,
  RefEntity,
  PullEntity,
  CommentEntity,
  TokenEntity,
  DeliveryEntity,
] as const

const tables: Migration = [
  `create table accounts (
    id integer not null primary key autoincrement, login text not null,
    login_folded text not null unique, type text not null, name text, email text,
    created_at integer not null)`,
  `create table members (
    organization_id integer not null, account_id integer not null,
    primary key (organization_id, account_id))`,
  `create table repositories (
    id integer not null primary key autoincrement, owner_id integer not null, name text not null,
    name_folded text not null, description text, private integer not null,
    installed integer not null, default_branch text not null, created_at integer not null,
    pushed_at integer not null, unique (owner_id, name_folded))`,
  `create table refs (
    repository_id integer not null, name text not null, sha text not null,
    primary key (repository_id, name))`,
  `create table pulls (
    id integer not null primary key autoincrement, repository_id integer not null,
    number integer not null, title text not null, body text, head text not null,
    base text not null, head_sha text not null, base_sha text not null, author_id integer not null,
    state text not null, draft integer not null, created_at integer not null,
    updated_at integer not null, closed_at integer, merged_at integer, merged_by integer,
    merge_commit_sha text, merging_sha text, merging_by integer, unique (repository_id, number))`,
  // The same rule as GitHub's: one open pull request from a branch into another.
  `create unique index pulls_one_open on pulls (repository_id, head, base) where state = 'open'`,
  `create table comments (
    id integer not null primary key autoincrement, repository_id integer not null,
    pull_number integer not null, author_id integer not null, body text not null,
    created_at integer not null, path text, line integer, side text, commit_sha text,
    diff_hunk text, in_reply_to integer)`,
  'create index comments_pull on comments (repository_id, pull_number, id)',
  `create table tokens (
    hash text not null primary key, kind text not null, account_id integer not null, grant_id text,
    facts text not null, expires_at integer not null, spent_at integer)`,
  'create index tokens_grant on tokens (grant_id)',
  'create index tokens_expires_at on tokens (expires_at)',
  `create table deliveries (
    id integer not null primary key autoincrement, guid text not null, event text not null,
    action text, repository_id integer, payload text not null, redelivery integer not null,
    created_at integer not null, attempted_at integer, status text, status_code integer,
    duration_ms integer, request_headers text, response_headers text, response_body text)`,
  'create index deliveries_waiting on deliveries (id) where attempted_at is null',
]

/** @throws codes `STORE_DAMAGED` (set aside), `STORE_TOO_NEW`. */
const openTables = (file: string) =>
  openDatabase({ file, entities: ENTITIES, migrations: [tables] })

type Tables = Awaited<ReturnType<typeof openTables>>
const queriesOf = (em: Tables['em']) => em.getKysely()

/** The query builder inside a transaction. */
export type Db = ReturnType<typeof queriesOf>

export type Store = {
  /** Runs `work` in a transaction. They run one after the other: one inside another never ends. */
  readonly within: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

export const openStore = async (file: string): Promise<Store> => {
  const database = await openTables(file)
  return {
    within: work => database.em.fork().transactional(em => work(queriesOf(em))),
    close: () => database.close(),
  }
}
