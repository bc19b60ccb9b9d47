/** People, organisations and the App's bot. Nobody has a password: the forge is for development. */
import { notFound, refusal } from './refusal.ts'
import type { AccountRow, Db } from './tables.ts'

export const BOT_NAME = 'agent-control-plane'
/** The login under which the App itself acts. */
export const BOT_LOGIN = `${BOT_NAME}[bot]`
/** Who is named when nobody knows who it was, as on GitHub. */
export const GHOST_LOGIN = 'ghost'

/** Letters, digits and single hyphens, as GitHub has it. */
const LOGIN = /^[a-z\d](?:[a-z\d]|-(?=[a-z\d])){0,38}$/i

export const findAccount = async (db: Db, login: string): Promise<AccountRow | undefined> =>
  db
    .selectFrom('accounts')
    .selectAll()
    .where('login_folded', '=', login.toLowerCase())
    .executeTakeFirst()

export const accountById = async (db: Db, id: number): Promise<AccountRow> => {
  const found = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
  if (!found) throw notFound()
  return found
}

export const requireAccount = async (db: Db, login: string): Promise<AccountRow> => {
  const found = await findAccount(db, login)
  if (!found) throw notFound()
  return found
}

type NewAccount = {
  readonly login: string
  readonly type: 'User' | 'Organization' | 'Bot'
  readonly name?: string
  readonly email?: string
}

/** The account of that login, made if it is not there. */
export const ensureAccount = async (
  db: Db,
  { login, type, name, email }: NewAccount,
  nowMs: number,
): Promise<AccountRow> => {
  await db
    .insertInto('accounts')
    .values({
      login,
      login_folded: login.toLowerCase(),
      type,
      name: name ?? null,
      email: email ?? null,
      created_at: nowMs,
    })
    .onConflict(on => on.column('login_folded').doNothing())
    .execute()
  return requireAccount(db, login)
}

export const join = (db: Db, organization: AccountRow, account: AccountRow) =>
  db
    .insertInto('members')
    .values({ organization_id: organization.id, account_id: account.id })
    .onConflict(on => on.doNothing())
    .execute()

/**
 * A new person, who becomes a member of every organisation: a newcomer is to be able to merge.
 *
 * @throws 422 when the login is none, or taken by something else than a person.
 */
export const newPerson = async (db: Db, login: string, nowMs: number): Promise<AccountRow> => {
  if (!LOGIN.test(login)) {
    throw refusal(422, 'A name has up to 39 letters, digits and single hyphens.')
  }
  const known = await findAccount(db, login)
  if (known) {
    if (known.type !== 'User' || known.login === GHOST_LOGIN) {
      throw refusal(422, `${login} is not a person who can sign in.`)
    }
    return known
  }
  const email = `${login.toLowerCase()}@example.com`
  const person = await ensureAccount(db, { login, type: 'User', email }, nowMs)
  const organizations = await db
    .selectFrom('accounts')
    .selectAll()
    .where('type', '=', 'Organization')
    .execute()
  for (const organization of organizations) await join(db, organization, person)
  return person
}

/** Everybody who can sign in. */
export const people = (db: Db): Promise<AccountRow[]> =>
  db
    .selectFrom('accounts')
    .selectAll()
    .where('type', '=', 'User')
    .where('login', '!=', GHOST_LOGIN)
    .orderBy('id')
    .execute()

export const organizationsOf = (db: Db, accountId: number): Promise<AccountRow[]> =>
  db
    .selectFrom('accounts')
    .selectAll()
    .where('id', 'in', eb =>
      eb.selectFrom('members').select('organization_id').where('account_id', '=', accountId),
    )
    .orderBy('login_folded')
    .execute()

/** Who is there from the start: `carol` belongs to no organisation, for those who test that. */
export const seedAccounts = async (db: Db, nowMs: number): Promise<void> => {
  await ensureAccount(db, { login: GHOST_LOGIN, type: 'User' }, nowMs)
  await ensureAccount(db, { login: BOT_LOGIN, type: 'Bot' }, nowMs)
  const demo = await ensureAccount(db, { login: 'demo', type: 'Organization', name: 'Demo' }, nowMs)
  for (const [login, name] of [
    ['alice', 'Alice Example'],
    ['bob', 'Bob Example'],
    ['carol', 'Carol Example'],
  ] as const) {
    const email = `${login}@example.com`
    const person = await ensureAccount(db, { login, type: 'User', name, email }, nowMs)
    if (login !== 'carol') await join(db, demo, person)
  }
}
