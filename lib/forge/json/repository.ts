/** Repositories as GitHub's REST and webhooks show them. */
import type { components } from '@octokit/openapi-types'
import type { ForgeSettings, Repository } from '../room.ts'
import { accountJson, isoOf, nodeId } from './account.ts'

type Schemas = components['schemas']

export const fullName = ({ owner, name }: Repository): string => `${owner.login}/${name}`

export const repositoryUrls = ({ origin }: Pick<ForgeSettings, 'origin'>, repo: Repository) => ({
  api: `${origin}/api/v3/repos/${fullName(repo)}`,
  web: `${origin}/${fullName(repo)}`,
})

/** The addresses; many lead nowhere here, but clients take them for granted. */
const addresses = (settings: ForgeSettings, repo: Repository) => {
  const { api, web } = repositoryUrls(settings, repo)
  return {
    url: api,
    html_url: web,
    archive_url: `${api}/{archive_format}{/ref}`,
    assignees_url: `${api}/assignees{/user}`,
    blobs_url: `${api}/git/blobs{/sha}`,
    branches_url: `${api}/branches{/branch}`,
    clone_url: `${web}.git`,
    collaborators_url: `${api}/collaborators{/collaborator}`,
    comments_url: `${api}/comments{/number}`,
    commits_url: `${api}/commits{/sha}`,
    compare_url: `${api}/compare/{base}...{head}`,
    contents_url: `${api}/contents/{+path}`,
    contributors_url: `${api}/contributors`,
    deployments_url: `${api}/deployments`,
    downloads_url: `${api}/downloads`,
    events_url: `${api}/events`,
    forks_url: `${api}/forks`,
    git_commits_url: `${api}/git/commits{/sha}`,
    git_refs_url: `${api}/git/refs{/sha}`,
    git_tags_url: `${api}/git/tags{/sha}`,
    git_url: `${web}.git`,
    hooks_url: `${api}/hooks`,
    issue_comment_url: `${api}/issues/comments{/number}`,
    issue_events_url: `${api}/issues/events{/number}`,
    issues_url: `${api}/issues{/number}`,
    keys_url: `${api}/keys{/key_id}`,
    labels_url: `${api}/labels{/name}`,
    languages_url: `${api}/languages`,
    merges_url: `${api}/merges`,
    milestones_url: `${api}/milestones{/number}`,
    mirror_url: null,
    notifications_url: `${api}/notifications{?since,all,participating}`,
    pulls_url: `${api}/pulls{/number}`,
    releases_url: `${api}/releases{/id}`,
    ssh_url: `${web}.git`,
    stargazers_url: `${api}/stargazers`,
    statuses_url: `${api}/statuses/{sha}`,
    subscribers_url: `${api}/subscribers`,
    subscription_url: `${api}/subscription`,
    svn_url: web,
    tags_url: `${api}/tags`,
    teams_url: `${api}/teams`,
    trees_url: `${api}/git/trees{/sha}`,
  }
}

export const repositoryJson = (settings: ForgeSettings, repo: Repository) =>
  ({
    id: repo.id,
    node_id: nodeId('Repository', repo.id),
    name: repo.name,
    full_name: fullName(repo),
    private: repo.private === 1,
    owner: accountJson(settings, repo.owner),
    description: repo.description,
    fork: false,
    ...addresses(settings, repo),
    homepage: null,
    created_at: isoOf(repo.created_at),
    updated_at: isoOf(repo.pushed_at),
    pushed_at: isoOf(repo.pushed_at),
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: false,
    has_downloads: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    archived: false,
    disabled: false,
    open_issues_count: 0,
    license: null,
    allow_forking: false,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repo.private ? 'private' : 'public',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: repo.default_branch,
  }) satisfies Schemas['repository']

/** What a caller may do in a repository. */
export type Access = 'write' | 'read'

const permissions = (access: Access) => ({
  admin: false,
  maintain: false,
  push: access === 'write',
  triage: access === 'write',
  pull: true,
})

export const listedRepositoryJson = (
  settings: ForgeSettings,
  repo: Repository,
  access: Access,
): Schemas['repository'] => ({
  ...repositoryJson(settings, repo),
  permissions: permissions(access),
})

export const fullRepositoryJson = (
  settings: ForgeSettings,
  repo: Repository,
  access: Access,
): Schemas['full-repository'] => ({
  ...repositoryJson(settings, repo),
  permissions: permissions(access),
  allow_merge_commit: true,
  allow_squash_merge: true,
  allow_rebase_merge: true,
  allow_auto_merge: false,
  delete_branch_on_merge: false,
  subscribers_count: 0,
  network_count: 0,
  ...(repo.owner.type === 'Organization'
    ? { organization: accountJson(settings, repo.owner) }
    : {}),
})
