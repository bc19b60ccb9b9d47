/** Accounts as GitHub's REST and webhooks show them. */
import type { components } from '@octokit/openapi-types'
import type { ForgeSettings } from '../room.ts'
import type { AccountRow } from '../tables.ts'

type Schemas = components['schemas']

export const isoOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

export const nodeId = (kind: string, id: number): string =>
  Buffer.from(`${kind}:${id}`).toString('base64url')

export const accountJson = (
  { origin }: Pick<ForgeSettings, 'origin'>,
  account: AccountRow,
): Schemas['simple-user'] => {
  const url = `${origin}/api/v3/users/${encodeURIComponent(account.login)}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('User', account.id),
    avatar_url: `${origin}/avatars/${account.id}`,
    gravatar_id: '',
    url,
    html_url: `${origin}/${encodeURIComponent(account.login)}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    site_admin: false,
  }
}

/** The signed-in person, as `GET /user` tells them. */
export const personJson = (
  settings: ForgeSettings,
  account: AccountRow,
  repositories: number,
): Schemas['public-user'] => ({
  ...accountJson(settings, account),
  name: account.name,
  email: account.email,
  company: null,
  blog: null,
  location: null,
  hireable: null,
  bio: null,
  public_repos: repositories,
  public_gists: 0,
  followers: 0,
  following: 0,
  created_at: isoOf(account.created_at),
  updated_at: isoOf(account.created_at),
})

export const organizationJson = (
  { origin }: Pick<ForgeSettings, 'origin'>,
  account: AccountRow,
): Schemas['organization-simple'] => {
  const url = `${origin}/api/v3/orgs/${encodeURIComponent(account.login)}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('Organization', account.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${origin}/avatars/${account.id}`,
    description: account.name,
  }
}
