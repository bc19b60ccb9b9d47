/** The App about itself, its installation, and the tokens of that. */
import type { components } from '@octokit/openapi-types'
import { z } from 'zod'
import { BOT_LOGIN, requireAccount } from '../accounts.ts'
import type { InstallationFacts, Permissions } from '../caller.ts'
import { isoOf } from '../json/account.ts'
import { APP_PERMISSIONS, appJson, installationJson } from '../json/installation.ts'
import { listedRepositoryJson } from '../json/repository.ts'
import { notFound, refusal } from '../refusal.ts'
import { allRepositories } from '../repositories.ts'
import type { Repository, Room } from '../room.ts'
import { makeToken } from '../tokens.ts'
import { pageFrom } from './page.ts'
import { bodyAs, type Routes } from './routes.ts'

const TOKEN_MS = 3_600_000

const level = z.enum(['read', 'write'])
const tokenAsked = z.object({
  repositories: z.array(z.string()).max(500).optional(),
  repository_ids: z.array(z.int()).max(500).optional(),
  permissions: z.record(z.string(), level).optional(),
})

export const appRoutes: Routes = (api, room) => {
  const { settings, store } = room
  const demo = () => store.within(db => requireAccount(db, 'demo'))
  const onlyApp = async (request: { forgeCaller: { kind: string } }) => {
    if (request.forgeCaller.kind === 'app') return
    throw refusal(401, 'A JSON web token could not be decoded')
  }
  const installation = (params: unknown) => {
    const { id } = params as { id: string }
    if (id !== String(settings.app.installationId)) throw notFound()
  }

  api.get('/app', { preHandler: onlyApp }, async () => appJson(settings, await demo()))
  api.get('/app/installations', { preHandler: onlyApp }, async () => [
    installationJson(settings, await demo()),
  ])
  api.get('/app/installations/:id', { preHandler: onlyApp }, async request => {
    installation(request.params)
    return installationJson(settings, await demo())
  })

  api.post(
    '/app/installations/:id/access_tokens',
    { preHandler: onlyApp },
    async (request, reply) => {
      installation(request.params)
      const asked = bodyAs(tokenAsked, request, 'Installation')
      const permissions = narrowed(asked.permissions)
      const repositories = await chosen(room, asked)
      const facts: InstallationFacts = {
        permissions,
        repositories: repositories?.map(({ id }) => id) ?? null,
      }
      const expiresAtMs = settings.nowMs() + TOKEN_MS
      const token = await store.within(async db => {
        const { id: accountId } = await requireAccount(db, BOT_LOGIN)
        return makeToken(db, { kind: 'installation', accountId, expiresAtMs, facts })
      })
      const answer: components['schemas']['installation-token'] = {
        token,
        expires_at: isoOf(expiresAtMs),
        permissions,
        repository_selection: 'selected',
        ...(repositories
          ? { repositories: repositories.map(one => listedRepositoryJson(settings, one, 'write')) }
          : {}),
      }
      return reply.code(201).send(answer)
    },
  )

  api.get('/installation/repositories', async (request, reply) => {
    const caller = request.forgeCaller
    if (caller.kind !== 'installation') {
      throw refusal(403, 'You must authenticate with an installation access token')
    }
    const all = await store.within(allRepositories)
    const { repositories } = caller
    const mine = all.filter(
      one => one.installed && (!repositories || repositories.includes(one.id)),
    )
    const page = pageFrom(room, request, reply, mine)
    return {
      total_count: mine.length,
      repository_selection: 'selected',
      repositories: page.map(one => listedRepositoryJson(settings, one, 'write')),
    }
  })
}

/** @throws 422 when more is asked than the App has. */
const narrowed = (asked: Readonly<Record<string, 'read' | 'write'>> | undefined): Permissions => {
  if (!asked) return APP_PERMISSIONS
  const granted: Readonly<Record<string, string>> = APP_PERMISSIONS
  for (const [name, wanted] of Object.entries(asked)) {
    if (granted[name] === 'write' || granted[name] === wanted) continue
    throw refusal(422, 'The permissions requested are not granted to this installation.')
  }
  return { metadata: 'read', ...asked }
}

/** The repositories that a token is asked for; undefined for all. Names are of the installation. */
const chosen = async (
  room: Room,
  { repositories: names, repository_ids: ids }: z.output<typeof tokenAsked>,
): Promise<Repository[] | undefined> => {
  if (!names && !ids) return undefined
  const all = (await room.store.within(allRepositories)).filter(one => one.installed)
  const found = [
    ...(names ?? []).map(name => all.filter(one => one.name_folded === name.toLowerCase())),
    ...(ids ?? []).map(id => all.filter(one => one.id === id)),
  ]
  if (found.some(some => some.length === 0)) {
    throw refusal(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    )
  }
  return [...new Set(found.flat())]
}
