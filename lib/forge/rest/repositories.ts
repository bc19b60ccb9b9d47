/** Repositories: one, those of a person, and new ones. */
import { z } from 'zod'
import { organizationsOf, requireAccount } from '../accounts.ts'
import { accessOf, actorOf, openRepository } from '../caller.ts'
import { fullRepositoryJson, listedRepositoryJson } from '../json/repository.ts'
import { refusal } from '../refusal.ts'
import { allRepositories, createRepository } from '../repositories.ts'
import type { AccountRow } from '../tables.ts'
import { pageFrom } from './page.ts'
import { bodyAs, type Routes } from './routes.ts'

const newRepository = z.object({
  name: z.string(),
  description: z.string().max(350).nullish(),
  private: z.boolean().default(false),
})

export const repositoryRoutes: Routes = (api, room) => {
  const { settings, store } = room

  api.get('/repos/:owner/:repo', async request => {
    const caller = request.forgeCaller
    const where = request.params as { owner: string; repo: string }
    const found = await openRepository(room, caller, where, 'metadata', 'read')
    return fullRepositoryJson(settings, found, accessOf(caller, found) ?? 'read')
  })

  api.get('/user/repos', async (request, reply) => {
    const caller = request.forgeCaller
    if (caller.kind !== 'user') throw refusal(401, 'Requires authentication')
    const all = await store.within(allRepositories)
    const mine = all.filter(one => accessOf(caller, one) === 'write')
    const page = pageFrom(room, request, reply, mine)
    return page.map(one => listedRepositoryJson(settings, one, 'write'))
  })

  const create = async (owner: AccountRow, asked: z.output<typeof newRepository>) => {
    const { name, description = null, private: hidden } = asked
    const made = await createRepository(room, { owner, name, description, private: hidden })
    return fullRepositoryJson(settings, made, 'write')
  }
  api.post('/user/repos', async (request, reply) => {
    const caller = request.forgeCaller
    if (caller.kind !== 'user') throw refusal(401, 'Requires authentication')
    const asked = bodyAs(newRepository, request, 'Repository')
    return reply.code(201).send(await create(caller.account, asked))
  })
  api.post('/orgs/:org/repos', async (request, reply) => {
    const { org } = request.params as { org: string }
    const asked = bodyAs(newRepository, request, 'Repository')
    const actor = actorOf(request.forgeCaller)
    const owner = await store.within(async db => {
      const organization = await requireAccount(db, org)
      const theirs = await organizationsOf(db, actor.id)
      if (theirs.some(({ id }) => id === organization.id)) return organization
      throw refusal(403, 'Must be a member of the organization')
    })
    return reply.code(201).send(await create(owner, asked))
  })
}
