/** Who asks, by their token, and what they may do in a repository. */
import { createPublicKey, verify } from 'node:crypto'
import { accountById, BOT_LOGIN, requireAccount } from './accounts.ts'
import type { PermissionName } from './json/installation.ts'
import type { Access } from './json/repository.ts'
import { notFound, refusal } from './refusal.ts'
import { findRepository } from './repositories.ts'
import type { App, Repository, Room } from './room.ts'
import type { AccountRow, Db } from './tables.ts'
import { findToken } from './tokens.ts'

export type Permissions = Partial<Record<PermissionName, 'read' | 'write'>>

/** What an installation token is narrowed to; null for every repository of the installation. */
export type InstallationFacts = {
  readonly permissions: Permissions
  readonly repositories: readonly number[] | null
}

export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'app' }
  | ({ readonly kind: 'installation'; readonly account: AccountRow } & InstallationFacts)
  | {
      readonly kind: 'user'
      readonly account: AccountRow
      readonly organizations: ReadonlySet<number>
    }

/** Of a person at whose word something happens. */
export const actorOf = (caller: Caller): AccountRow => {
  if (caller.kind === 'user' || caller.kind === 'installation') return caller.account
  throw refusal(401, 'Requires authentication')
}

export const userCaller = async (db: Db, accountId: number): Promise<Caller> => {
  const rows = await db
    .selectFrom('members')
    .select('organization_id')
    .where('account_id', '=', accountId)
    .execute()
  return {
    kind: 'user',
    account: await accountById(db, accountId),
    organizations: new Set(rows.map(row => row.organization_id)),
  }
}

/** @throws 401 for a token that is good for nothing. */
export const callerOfToken = async (room: Room, token: string): Promise<Caller> => {
  const { settings, store } = room
  if (token.split('.').length === 3) {
    checkJwt(settings.app, token, settings.nowMs())
    return { kind: 'app' }
  }
  return store.within(async db => {
    const found = await findToken(db, token, ['installation', 'user'], settings.nowMs())
    if (!found) throw refusal(401, 'Bad credentials')
    if (found.kind === 'user') return userCaller(db, found.account_id)
    const facts = JSON.parse(found.facts) as InstallationFacts
    return { kind: 'installation', account: await requireAccount(db, BOT_LOGIN), ...facts }
  })
}

const CLOCK_SECONDS = 60
/** GitHub's limit for an App's JWT. */
const LONGEST_SECONDS = 600

/** @throws 401 unless it is a JWT by the App's private key that is good now. */
const checkJwt = (app: App, jwt: string, nowMs: number): void => {
  const [head = '', body = '', signature = ''] = jwt.split('.')
  const say = (why: string) => refusal(401, why)
  const part = (text: string): Record<string, unknown> => {
    try {
      return JSON.parse(Buffer.from(text, 'base64url').toString())
    } catch {
      throw say('A JSON web token could not be decoded')
    }
  }
  const key = createPublicKey(app.privateKey)
  const signed = Buffer.from(`${head}.${body}`)
  const good =
    part(head).alg === 'RS256' && verify('sha256', signed, key, Buffer.from(signature, 'base64url'))
  if (!good) throw say('A JSON web token could not be decoded')
  const { iss, iat, exp } = part(body)
  const now = nowMs / 1000
  if (String(iss) !== String(app.appId) && iss !== app.clientId) {
    throw say("'Issuer' claim ('iss') must be the App's id")
  }
  if (typeof exp !== 'number' || exp <= now)
    throw say("'Expiration time' claim ('exp') is in the past")
  if (exp > now + LONGEST_SECONDS + CLOCK_SECONDS) {
    throw say("'Expiration time' claim ('exp') is too far in the future")
  }
  if (typeof iat !== 'number' || iat > now + CLOCK_SECONDS) {
    throw say("'Issued at' claim ('iat') must be an Integer representing a time in the past")
  }
}

/** What `caller` may do in `repository` at all; undefined: it may not even know of it. */
export const accessOf = (caller: Caller, repository: Repository): Access | undefined => {
  const open = repository.private ? undefined : 'read'
  if (caller.kind === 'user') {
    const own = repository.owner_id === caller.account.id
    return own || caller.organizations.has(repository.owner_id) ? 'write' : open
  }
  if (caller.kind !== 'installation') return open
  const { repositories } = caller
  const covered = repository.installed && (!repositories || repositories.includes(repository.id))
  return covered ? 'write' : open
}

/** @throws 403 when `caller` may see it, but not do this; 404 when it may not even see it. */
export const requireAccess = (
  caller: Caller,
  repository: Repository,
  permission: PermissionName,
  wanted: Access,
): Access => {
  const access = accessOf(caller, repository)
  if (!access) throw notFound()
  if (caller.kind === 'installation' && access === 'write') {
    const granted = caller.permissions[permission]
    if (granted === 'write') return 'write'
    if (wanted === 'read' && (granted === 'read' || !repository.private)) return 'read'
    throw refusal(403, 'Resource not accessible by integration')
  }
  if (wanted === 'write' && access === 'read') {
    throw caller.kind === 'nobody'
      ? refusal(401, 'Requires authentication')
      : refusal(403, 'Must have write access to the repository')
  }
  return access
}

/** The repository of that name, if the caller may do that there. */
export const openRepository = async (
  room: Room,
  caller: Caller,
  where: { readonly owner: string; readonly repo: string },
  permission: PermissionName,
  wanted: Access,
): Promise<Repository> => {
  const found = await room.store.within(db => findRepository(db, where.owner, where.repo))
  if (!found) throw notFound()
  requireAccess(caller, found, permission, wanted)
  return found
}
