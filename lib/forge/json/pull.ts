/** Pull requests as GitHub's REST and webhooks show them. */
import type { components } from '@octokit/openapi-types'
import type { PullFacts } from '../pulls/facts.ts'
import type { ForgeSettings, Repository } from '../room.ts'
import type { AccountRow, PullRow } from '../tables.ts'
import { accountJson, isoOf, nodeId } from './account.ts'
import { repositoryJson, repositoryUrls } from './repository.ts'

type Schemas = components['schemas']

/** A pull request with all that is shown of it. */
export type PullView = {
  readonly pull: PullRow
  readonly repository: Repository
  readonly author: AccountRow
  readonly mergedBy: AccountRow | null
  readonly comments: number
  readonly reviewComments: number
}

const link = (href: string): Schemas['link'] => ({ href })
const timeOrNull = (ms: number | null) => (ms === null ? null : isoOf(ms))

export const pullUrls = (settings: ForgeSettings, repository: Repository, number: number) => {
  const { api, web } = repositoryUrls(settings, repository)
  return {
    api: `${api}/pulls/${number}`,
    issue: `${api}/issues/${number}`,
    web: `${web}/pull/${number}`,
  }
}

/** What a list has of it. */
export const simplePullJson = (settings: ForgeSettings, view: PullView) => {
  const { pull, repository } = view
  const urls = pullUrls(settings, repository, pull.number)
  const user = accountJson(settings, view.author)
  const owner = accountJson(settings, repository.owner)
  const repo = repositoryJson(settings, repository)
  const statuses = `${repo.url}/statuses/${pull.head_sha}`
  const side = (ref: string, sha: string) => ({
    label: `${repository.owner.login}:${ref}`,
    ref,
    sha,
    user: owner,
    repo,
  })
  return {
    url: urls.api,
    id: pull.id,
    node_id: nodeId('PullRequest', pull.id),
    html_url: urls.web,
    diff_url: `${urls.web}.diff`,
    patch_url: `${urls.web}.patch`,
    issue_url: urls.issue,
    commits_url: `${urls.api}/commits`,
    review_comments_url: `${urls.api}/comments`,
    review_comment_url: `${repo.url}/pulls/comments{/number}`,
    comments_url: `${urls.issue}/comments`,
    statuses_url: statuses,
    number: pull.number,
    state: pull.state === 'open' ? ('open' as const) : ('closed' as const),
    locked: false,
    title: pull.title,
    user,
    body: pull.body,
    labels: [],
    milestone: null,
    active_lock_reason: null,
    created_at: isoOf(pull.created_at),
    updated_at: isoOf(pull.updated_at),
    closed_at: timeOrNull(pull.closed_at),
    merged_at: timeOrNull(pull.merged_at),
    merge_commit_sha: pull.merge_commit_sha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    head: side(pull.head, pull.head_sha),
    base: side(pull.base, pull.base_sha),
    _links: {
      self: link(urls.api),
      html: link(urls.web),
      issue: link(urls.issue),
      comments: link(`${urls.issue}/comments`),
      review_comments: link(`${urls.api}/comments`),
      review_comment: link(`${repo.url}/pulls/comments{/number}`),
      commits: link(`${urls.api}/commits`),
      statuses: link(statuses),
    },
    author_association: 'MEMBER',
    auto_merge: null,
    draft: pull.draft === 1,
  } satisfies Schemas['pull-request-simple']
}

/** The whole. `mergeable` is null where it has not been looked at, as on GitHub. */
export const pullJson = (
  settings: ForgeSettings,
  view: PullView,
  facts: PullFacts,
  mergeable: boolean | null = null,
): Schemas['pull-request'] => ({
  ...simplePullJson(settings, view),
  merged: view.pull.merged_at !== null,
  mergeable,
  rebaseable: mergeable,
  mergeable_state: mergeable === null ? 'unknown' : mergeable ? 'clean' : 'dirty',
  merged_by: view.mergedBy && accountJson(settings, view.mergedBy),
  comments: view.comments,
  review_comments: view.reviewComments,
  maintainer_can_modify: false,
  ...facts,
})
