/** People and organisations over REST. */
import type { components } from '@octokit/openapi-types'
import type { FastifyRequest } from 'fastify'
import { findAccount, organizationsOf, requireAccount } from '../accounts.ts'
import { accessOf } from '../caller.ts'
import { accountJson, organizationJson, personJson } from '../json/account.ts'
import { notFound, refusal } from '../refusal.ts'
import { allRepositories } from '../repositories.ts'
import type { AccountRow } from '../tables.ts'
import { pageFrom } from './page.ts'
import type { Routes } from './routes.ts'

export const userRoutes: Routes = (api, room) => {
  const { settings, store } = room
  const me = ({ forgeCaller }: FastifyRequest): AccountRow => {
    if (forgeCaller.kind === 'user') return forgeCaller.account
    throw forgeCaller.kind === 'installation'
      ? refusal(403, 'Resource not accessible by integration')
      : refusal(401, 'Requires authentication')
  }

  api.get('/user', async request => {
    const account = me(request)
    const all = await store.within(allRepositories)
    const seen = all.filter(one => accessOf(request.forgeCaller, one) === 'write' && !one.private)
    return personJson(settings, account, seen.length)
  })

  api.get('/user/emails', async (request, reply) => {
    const { email } = me(request)
    const all: components['schemas']['email'][] = email
      ? [{ email, primary: true, verified: true, visibility: 'public' }]
      : []
    return pageFrom(room, request, reply, all)
  })

  api.get('/user/orgs', async (request, reply) => {
    const account = me(request)
    const all = await store.within(db => organizationsOf(db, account.id))
    return pageFrom(room, request, reply, all).map(one => organizationJson(settings, one))
  })

  api.get('/user/memberships/orgs/:org', async request => {
    const account = me(request)
    const { org } = request.params as { org: string }
    const all = await store.within(db => organizationsOf(db, account.id))
    const organization = all.find(one => one.login_folded === org.toLowerCase())
    if (!organization) throw notFound()
    const json = organizationJson(settings, organization)
    const answer: components['schemas']['org-membership'] = {
      url: `${json.url}/memberships/${account.login}`,
      state: 'active',
      role: 'member',
      organization_url: json.url,
      organization: json,
      user: accountJson(settings, account),
    }
    return answer
  })

  api.get('/orgs/:org/members/:user', async (request, reply) => {
    const { org, user } = request.params as { org: string; user: string }
    const { forgeCaller } = request
    if (forgeCaller.kind !== 'user' && forgeCaller.kind !== 'installation') {
      throw refusal(401, 'Requires authentication')
    }
    const member = await store.within(async db => {
      const organization = await requireAccount(db, org)
      const account = await findAccount(db, user)
      const theirs = account ? await organizationsOf(db, account.id) : []
      return theirs.some(one => one.id === organization.id)
    })
    if (!member) throw notFound()
    return reply.code(204).send()
  })
}
