/**
 * The forge: a small git host that looks like GitHub to Octokit, to git and to a person, so that
 * everything can be tried without an account.
 *
 * It owns bare repositories and one SQLite file in its folder, and is one process. It is for
 * development: nobody has a password, so whoever reaches it may be anybody; it listens on the
 * loopback address alone. It knows nothing of the control plane but the address of its webhook.
 * When it dies, what was answered is kept: git's references and SQLite's transactions are what
 * counts, and webhooks that were not begun are sent at the next start.
 */
import { join } from 'node:path'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Log } from '../telemetry/log.ts'
import { GHOST_LOGIN, requireAccount, seedAccounts } from './accounts.ts'
import { serveGit } from './git/http.ts'
import { startHooks } from './hooks.ts'
import { exchangeRoutes } from './oauth/exchange.ts'
import { servePages } from './pages/pages.ts'
import { reconcile } from './reconcile.ts'
import { adoptRepositories, allRepositories, lossOf } from './repositories.ts'
import { serveApi } from './rest/api.ts'
import { type ForgeSettings, makeAlone, type Room } from './room.ts'
import { openStore } from './tables.ts'
import { sweepTokens } from './tokens.ts'

export type Forge = Room & {
  readonly app: FastifyInstance
  /** Ends what is under way, and closes everything. */
  readonly close: () => Promise<void>
}

/** Opens the forge's folder and builds its server; it does not listen yet. */
export const openForge = async (settings: ForgeSettings, log: Log): Promise<Forge> => {
  const store = await openStore(join(settings.dataDir, 'forge.db'))
  await store.within(async db => {
    await seedAccounts(db, settings.nowMs())
    await sweepTokens(db, settings.nowMs())
  })
  await adoptRepositories({ settings, store })
  const hooks = await startHooks(store, settings, log)
  const refreshes = { good: 0, refused: 0 }
  const room: Room = { settings, store, hooks, alone: makeAlone(), refreshes }
  await catchUp(room, log)

  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 2 * 1024 ** 2,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
  }) as unknown as FastifyInstance
  app.addContentTypeParser<string>(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body))),
  )
  await app.register(cookie)
  await app.register(api => serveApi(api, room), { prefix: '/api/v3' })
  await app.register(git => serveGit(git, room))
  await app.register(async oauth => exchangeRoutes(oauth, room))
  await app.register(pages => servePages(pages, room))
  app.get('/health', async () => ({ status: 'ok' }))
  return {
    ...room,
    app,
    close: async () => {
      await app.close()
      await hooks.close()
      await store.close()
    },
  }
}

/** Takes in what happened to the repositories while nobody looked. */
const catchUp = async (room: Room, log: Log): Promise<void> => {
  const [ghost, repositories] = await room.store.within(async db => [
    await requireAccount(db, GHOST_LOGIN),
    await allRepositories(db),
  ])
  for (const repository of repositories) {
    const loss = await lossOf(room.settings, repository)
    if (loss) log.error(loss)
    else await reconcile(room, repository, ghost)
  }
}
