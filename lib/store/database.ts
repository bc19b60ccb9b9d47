/**
 * One SQLite file, opened by MikroORM. Owns how a file is made (rights, journal, schema) and what
 * counts as a damaged one. It must not know what is in the tables.
 *
 * Values reach SQLite through `em.getKysely()`, the ORM's query builder with bound parameters: its
 * other writers spell values into the SQL text, where a NUL inside a prompt would cut the statement
 * short. Raw SQL is left for what no builder has a word for: pragmas, and the schema of a migration.
 *
 * When the process dies: every transaction is whole or absent (WAL); after a power cut the newest
 * ones may be absent, and the log has them.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Configuration, type EntitySchemaWithMeta, MikroORM } from '@mikro-orm/sqlite'
import { LRUCache } from 'lru-cache'
import { fail } from '../../subjects/errors.ts'

/** Statements that lead from one version of a schema to the next. Never changed once released. */
export type Migration = readonly string[]

/** Tables, as entities. One list for all files of a kind: what the ORM learns of it is kept by it. */
export type Entities = readonly EntitySchemaWithMeta[]

export type DatabaseOptions<E extends Entities> = {
  readonly file: string
  readonly entities: E
  /** `migrations[n]` makes version n + 1. */
  readonly migrations: readonly Migration[]
}

/** Up to this size a file is checked when it is opened (about 1.3 ms a megabyte). */
const CHECKED_BYTES = 16 * 1024 ** 2
const SUFFIXES = ['', '-wal', '-shm'] as const

/** An open file. `em` is to be forked for every piece of work. */
export type Database<E extends Entities> = {
  readonly em: Orm<E>['em']
  close(): Promise<void>
}

/**
 * Opens the file, makes it first if need be (folder 0700, file 0600), brings its schema up to date.
 *
 * @throws code `STORE_DAMAGED` when it is no database or its structure is broken: it has been
 *   renamed (`movedTo` in the cause), so that opening it again starts an empty one.
 * @throws code `STORE_TOO_NEW` when a newer version of this program wrote it; it stays as it is.
 */
export const openDatabase = async <const E extends Entities>({
  file,
  entities,
  migrations,
}: DatabaseOptions<E>): Promise<Database<E>> => {
  const size = await sizeOf(file)
  if (size === 0) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, await blank(entities, migrations), { mode: 0o600 })
  }
  const database = await connect(file, entities)
  const connection = database.em.getConnection()
  const pragma = (text: string) => connection.execute(`pragma ${text}`)
  try {
    await pragma('busy_timeout = 5000')
    await pragma('journal_mode = wal')
    await pragma('synchronous = normal')
    await pragma('journal_size_limit = 4194304')
    // Hundreds of files are open at a time, and the driver's own default is 16 MB for each.
    await pragma('cache_size = -2000')
    if (size <= CHECKED_BYTES) {
      const [found] = await pragma('quick_check(1)')
      if (found?.quick_check !== 'ok') throw damage(String(found?.quick_check))
    }
    const [stamp] = await pragma('user_version')
    const version = Number(stamp?.user_version)
    if (version > migrations.length) {
      throw fail('STORE_TOO_NEW', {
        message: `${file} has schema version ${version}, this program knows ${migrations.length}: run the newer version, or delete the file`,
        file,
      })
    }
    await migrate(database, migrations, version)
    prepareOnce(await connection.getNativeClient())
    return database
  } catch (error) {
    await database.close()
    throw isDamage(error) ? await setAside(file, error) : error
  }
}

/** Brings the schema from a version to the newest. */
const migrate = async <const E extends Entities>(
  database: Database<E>,
  migrations: readonly Migration[],
  from: number,
): Promise<void> => {
  for (let next = from; next < migrations.length; next++) {
    await database.em.fork().transactional(async em => {
      for (const statement of migrations[next] ?? []) await em.execute(statement, [], 'run')
      await em.execute(`pragma user_version = ${next + 1}`, [], 'run')
    })
  }
}

/**
 * Does what the first file of a kind would wait for, some fifty milliseconds: for a process that is to
 * answer at once from the moment at which it is known.
 */
export const prepareDatabases = async <const E extends Entities>(
  entities: E,
  migrations: readonly Migration[],
): Promise<void> => {
  await blank(entities, migrations)
}

/** The bytes of a new file. Made once: to run dozens of statements takes longer than all the rest. */
const blank = <const E extends Entities>(
  entities: E,
  migrations: readonly Migration[],
): Promise<Uint8Array> => {
  const known = blanks.get(migrations)
  if (known) return known
  const made = makeBlank(entities, migrations)
  blanks.set(migrations, made)
  made.catch(() => blanks.delete(migrations))
  return made
}
const blanks = new WeakMap<readonly Migration[], Promise<Uint8Array>>()
const makeBlank = async <const E extends Entities>(
  entities: E,
  migrations: readonly Migration[],
): Promise<Uint8Array> => {
  const database = await connect(':memory:', entities)
  try {
    await migrate(database, migrations, 0)
    const connection = await database.em.getConnection().getNativeClient()
    return connection.serialize()
  } finally {
    await database.close()
  }
}

const discover = <const E extends Entities>(entities: E) =>
  MikroORM.init({ entities, dbName: ':memory:' })
type Orm<E extends Entities> = Awaited<ReturnType<typeof discover<E>>>
const discovered = new WeakMap<Entities, Promise<unknown>>()

/**
 * A connection to one file over the ORM's metadata of its entities. To discover those takes ten times
 * as long as to open a file, and an owner that takes over opens hundreds.
 */
const connect = async <const E extends Entities>(
  file: string,
  entities: E,
): Promise<Database<E>> => {
  const known = (discovered.get(entities) ?? discover(entities)) as Promise<Orm<E>>
  discovered.set(entities, known)
  const orm = await known
  const config = new Configuration({ ...orm.config.getAll(), dbName: file }, false)
  const driver = config.getDriver()
  driver.setMetadata(orm.getMetadata())
  return {
    em: driver.createEntityManager() as Orm<E>['em'],
    close: () => driver.close(true),
  }
}

/** Statements that a file keeps prepared, and the longest; those of many rows are all different. */
const STATEMENTS_KEPT = 32
const STATEMENT_CHARS = 1_500

/**
 * Lets a connection prepare each statement once. Neither the ORM nor its query builder does, and for
 * a single row preparing is most of the work.
 *
 * When the disk is full SQLite ends the transaction by itself; the rollback that the ORM sends after
 * it would fail, and the ORM would keep the connection to itself for ever.
 */
const prepareOnce = (connection: { prepare(sql: string): object; inTransaction: boolean }) => {
  const prepared = new LRUCache<string, object>({ max: STATEMENTS_KEPT })
  const prepare = connection.prepare.bind(connection)
  connection.prepare = asked => {
    const isOver = !connection.inTransaction && /^rollback$/i.test(asked)
    const sql = isOver ? NOTHING : asked
    const known = prepared.get(sql)
    if (known) return known
    const statement = prepare(sql)
    if (sql.length <= STATEMENT_CHARS) prepared.set(sql, statement)
    return statement
  }
}
const NOTHING = 'select 1 where false'

const damage = (text: string): Error => Object.assign(new Error(text), { code: 'SQLITE_CORRUPT' })

/** True for what SQLite says of a file that is no database, or a broken one. */
export const isDamage = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code)
}

/** True for what SQLite and the file system say when there is no room to write. */
export const isDiskFull = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(SQLITE_FULL|SQLITE_IOERR_WRITE|ENOSPC|EDQUOT)/.test(code)
}

/** Renames a closed database's files out of the way; gives the error that says so. */
export const setAside = async (file: string, error: unknown): Promise<Error> => {
  const movedTo = `${file}.damaged-${Date.now()}`
  for (const suffix of SUFFIXES) {
    await rename(file + suffix, movedTo + suffix).catch(ignoreMissing)
  }
  const reason = error instanceof Error ? error.message : String(error)
  return fail('STORE_DAMAGED', {
    message: `${file} is damaged (${reason}); it was renamed to ${movedTo}`,
    file,
    movedTo,
    error,
  })
}

/** Most often there is none: to have that said by an error costs a new session more than its decision. */
export const removeFile = async (path: string): Promise<void> => {
  if (existsSync(path)) await unlink(path).catch(ignoreMissing)
}

/** Removes a closed database's files. */
export const removeDatabase = async (file: string): Promise<void> => {
  for (const suffix of SUFFIXES) await removeFile(file + suffix)
}

/** In bytes; 0 when there is none. */
const sizeOf = async (file: string): Promise<number> => {
  const found = await stat(file).catch(ignoreMissing)
  return found?.size ?? 0
}

const ignoreMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}
