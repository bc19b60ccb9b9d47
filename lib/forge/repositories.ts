/** Repositories: bare ones under `git/<owner>/<name>.git`, and a row for each. */
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ensureDemoRepository } from '../process/demo-repository.ts'
import { git } from '../process/git.ts'
import { accountById, ensureAccount, join as joinOrganization, people } from './accounts.ts'
import { refsOf } from './git/facts.ts'
import { invalid, notFound } from './refusal.ts'
import { pathOf, type Repository, type Room, repositoriesDir } from './room.ts'
import type { AccountRow, Db } from './tables.ts'

/** As GitHub has it, without the names that mean something to a file system. */
const NAME = /^(?!\.{1,2}$)(?!.*\.git$)[\w.-]{1,100}$/i

export const findRepository = async (
  db: Db,
  owner: string,
  name: string,
): Promise<Repository | undefined> => {
  const row = await db
    .selectFrom('repositories')
    .selectAll()
    .where('name_folded', '=', name.toLowerCase())
    .where('owner_id', 'in', eb =>
      eb.selectFrom('accounts').select('id').where('login_folded', '=', owner.toLowerCase()),
    )
    .executeTakeFirst()
  return row && { ...row, owner: await accountById(db, row.owner_id) }
}

export const repositoryById = async (db: Db, id: number): Promise<Repository> => {
  const rows = db.selectFrom('repositories').selectAll().where('id', '=', id)
  const row = await rows.executeTakeFirst()
  if (!row) throw notFound()
  return { ...row, owner: await accountById(db, row.owner_id) }
}

export const allRepositories = async (db: Db): Promise<Repository[]> => {
  const rows = await db.selectFrom('repositories').selectAll().orderBy('id').execute()
  return Promise.all(
    rows.map(async row => ({ ...row, owner: await accountById(db, row.owner_id) })),
  )
}

/**
 * Says what to do when a repository's folder is gone though its row is there; undefined while it is there.
 * It is not made again: an empty one would tell everybody that their branches were deleted.
 */
export const lossOf = async (
  settings: Room['settings'],
  repository: Repository,
): Promise<string | undefined> => {
  const path = pathOf(settings, repository)
  const isThere = await access(join(path, 'HEAD')).then(
    () => true,
    () => false,
  )
  if (isThere) return undefined
  const where = relative(settings.dataDir, path)
  const { owner, name } = repository
  return `The folder of ${owner.login}/${name} is gone: put a bare clone of it at ${where} in the forge's folder`
}

/** Branches and tags as they were last told of, by full name. */
export const knownRefs = async (db: Db, repositoryId: number): Promise<Map<string, string>> => {
  const rows = await db
    .selectFrom('refs')
    .select(['name', 'sha'])
    .where('repository_id', '=', repositoryId)
    .orderBy('name')
    .execute()
  return new Map(rows.map(row => [row.name, row.sha]))
}

export const branchSha = async (
  db: Db,
  repositoryId: number,
  branch: string,
): Promise<string | undefined> => {
  const row = await db
    .selectFrom('refs')
    .select('sha')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', `refs/heads/${branch}`)
    .executeTakeFirst()
  return row?.sha
}

/** Puts `refs` in the place of what was known. */
export const rememberRefs = async (
  db: Db,
  repositoryId: number,
  refs: ReadonlyMap<string, string>,
): Promise<void> => {
  await db.deleteFrom('refs').where('repository_id', '=', repositoryId).execute()
  for (const [name, sha] of refs) {
    await db.insertInto('refs').values({ repository_id: repositoryId, name, sha }).execute()
  }
}

export type NewRepository = {
  readonly owner: AccountRow
  readonly name: string
  readonly description?: string | null
  readonly private?: boolean
  /** Whether the App is installed on it; default true. */
  readonly installed?: boolean
}

/**
 * Makes a repository. One that lies in its place already, such as a bare clone put there by hand, is
 * taken as it is.
 *
 * @throws 422 for a name that is none, or taken.
 */
export const createRepository = async (
  room: Pick<Room, 'settings' | 'store'>,
  { owner, name, description, private: hidden = false, installed = true }: NewRepository,
): Promise<Repository> => {
  const { settings, store } = room
  if (!NAME.test(name)) throw invalid({ resource: 'Repository', field: 'name', code: 'invalid' })
  const path = pathOf(settings, { owner, name_folded: name.toLowerCase() })
  await initBare(path)
  const head = await git(['-C', path, 'symbolic-ref', '--short', 'HEAD'])
  const refs = await refsOf(path)
  const at = settings.nowMs()
  return store.within(async db => {
    if (await findRepository(db, owner.login, name)) {
      const message = 'name already exists on this account'
      throw invalid({ resource: 'Repository', field: 'name', code: 'custom', message })
    }
    const made = await db
      .insertInto('repositories')
      .values({
        owner_id: owner.id,
        name,
        name_folded: name.toLowerCase(),
        description: description ?? null,
        private: hidden ? 1 : 0,
        installed: installed ? 1 : 0,
        default_branch: head.trim(),
        created_at: at,
        pushed_at: at,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await rememberRefs(db, made.id, refs)
    return repositoryById(db, made.id)
  })
}

const initBare = async (path: string): Promise<void> => {
  const folder = join(path, '..')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fresh = await mkdtemp(join(folder, '.new-'))
  await git(['init', '--quiet', '--bare', '--initial-branch=main', fresh])
  // Fails where something is already: that is taken as it is.
  await rename(fresh, path).catch(() => rm(fresh, { recursive: true, force: true }))
}

/** Makes `demo/hello`, and takes in every bare repository that lies in the folder and is not known. */
export const adoptRepositories = async (room: Pick<Room, 'settings' | 'store'>): Promise<void> => {
  const { settings, store } = room
  const folder = repositoriesDir(settings)
  await ensureDemoRepository(folder)
  for (const login of await readdir(folder)) {
    for (const entry of await readdir(join(folder, login))) {
      const name = /^(?!\.)(.+)\.git$/.exec(entry)?.[1]
      if (!name) continue
      const owner = await store.within(async db => {
        if (await findRepository(db, login, name)) return undefined
        const at = settings.nowMs()
        const organization = await ensureAccount(db, { login, type: 'Organization' }, at)
        if (organization.login !== 'demo' && organization.type === 'Organization') {
          for (const person of await people(db)) await joinOrganization(db, organization, person)
        }
        return organization
      })
      const description = `${login}/${name}` === 'demo/hello' ? 'A small program to try on' : null
      if (owner) await createRepository(room, { owner, name, description })
    }
  }
}
