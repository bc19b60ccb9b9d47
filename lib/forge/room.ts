/** What everything in the forge works with. */
import { join } from 'node:path'
import type { GithubConfig } from '../../config/github.ts'
import type { Hooks } from './hooks.ts'
import type { AccountRow, RepositoryRow, Store } from './tables.ts'

/** The App as the forge knows it: its key pair, its webhook, its OAuth client. */
export type App = Pick<
  GithubConfig,
  'appId' | 'installationId' | 'privateKey' | 'webhookSecret' | 'clientId' | 'clientSecret'
>

export type ForgeSettings = {
  /** The forge's own folder. */
  readonly dataDir: string
  /** `http://127.0.0.1:<port>`; REST is at `/api/v3` there. */
  readonly origin: string
  readonly app: App
  /** Where webhooks go. */
  readonly webhookUrl: string
  /** Where the App's people are sent back to after signing in: this address, or one below it. */
  readonly callbackUrl: string
  /** How long a user's token lives. GitHub's default: 8 h. */
  readonly userTokenMs: number
  /** Requests an hour of one token. */
  readonly rateLimit: number
  readonly nowMs: () => number
}

export type Room = {
  readonly settings: ForgeSettings
  readonly store: Store
  readonly hooks: Hooks
  /** Runs `work` when no other work of this kind is under way in the repository. */
  readonly alone: <T>(repositoryId: number, work: () => Promise<T>) => Promise<T>
  /** How refresh tokens were answered since the start. */
  readonly refreshes: { good: number; refused: number }
}

/** A repository with its owner. */
export type Repository = RepositoryRow & { readonly owner: AccountRow }

export const repositoriesDir = (settings: Pick<ForgeSettings, 'dataDir'>): string =>
  join(settings.dataDir, 'git')

/** Names are folded on disk, because they are compared so. */
export const pathOf = (
  settings: Pick<ForgeSettings, 'dataDir'>,
  { owner, name_folded }: Pick<Repository, 'owner' | 'name_folded'>,
): string => join(repositoriesDir(settings), owner.login_folded, `${name_folded}.git`)

/** Makes {@link Room.alone}: a queue for each repository. */
export const makeAlone = (): Room['alone'] => {
  const last = new Map<number, Promise<unknown>>()
  return (repositoryId, work) => {
    const before = last.get(repositoryId) ?? Promise.resolve()
    const mine = before.then(work, work)
    last.set(
      repositoryId,
      mine.catch(() => {}),
    )
    return mine
  }
}
