/** Comments as GitHub's REST and webhooks show them. */
import type { components } from '@octokit/openapi-types'
import type { ForgeSettings, Repository } from '../room.ts'
import type { AccountRow, CommentRow } from '../tables.ts'
import { accountJson, isoOf, nodeId } from './account.ts'
import { type PullView, pullUrls, simplePullJson } from './pull.ts'
import { repositoryUrls } from './repository.ts'

type Schemas = components['schemas']

export type CommentView = {
  readonly comment: CommentRow
  readonly repository: Repository
  readonly author: AccountRow
}

const reactions = (url: string): Schemas['reaction-rollup'] => ({
  url: `${url}/reactions`,
  total_count: 0,
  '+1': 0,
  '-1': 0,
  laugh: 0,
  confused: 0,
  heart: 0,
  hooray: 0,
  eyes: 0,
  rocket: 0,
})

/** A comment on the whole pull request. */
export const issueCommentJson = (
  settings: ForgeSettings,
  { comment, repository, author }: CommentView,
): Schemas['issue-comment'] => {
  const { api } = repositoryUrls(settings, repository)
  const pull = pullUrls(settings, repository, comment.pull_number)
  const url = `${api}/issues/comments/${comment.id}`
  return {
    url,
    html_url: `${pull.web}#issuecomment-${comment.id}`,
    issue_url: pull.issue,
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    user: accountJson(settings, author),
    created_at: isoOf(comment.created_at),
    updated_at: isoOf(comment.created_at),
    body: comment.body,
    author_association: 'MEMBER',
    reactions: reactions(url),
    performed_via_github_app: null,
  }
}

/** A comment on a line of the diff. */
export const reviewCommentJson = (
  settings: ForgeSettings,
  { comment, repository, author }: CommentView,
): Schemas['pull-request-review-comment'] => {
  const { api } = repositoryUrls(settings, repository)
  const pull = pullUrls(settings, repository, comment.pull_number)
  const url = `${api}/pulls/comments/${comment.id}`
  const html = `${pull.web}#discussion_r${comment.id}`
  const line = comment.line === null ? {} : { line: comment.line, original_line: comment.line }
  return {
    url,
    pull_request_review_id: null,
    id: comment.id,
    node_id: nodeId('ReviewComment', comment.id),
    diff_hunk: comment.diff_hunk ?? '',
    path: comment.path ?? '',
    commit_id: comment.commit_sha ?? '',
    original_commit_id: comment.commit_sha ?? '',
    ...(comment.in_reply_to === null ? {} : { in_reply_to_id: comment.in_reply_to }),
    user: accountJson(settings, author),
    body: comment.body,
    created_at: isoOf(comment.created_at),
    updated_at: isoOf(comment.created_at),
    html_url: html,
    pull_request_url: pull.api,
    author_association: 'MEMBER',
    _links: { self: { href: url }, html: { href: html }, pull_request: { href: pull.api } },
    start_line: null,
    original_start_line: null,
    start_side: null,
    ...line,
    side: comment.side === 'LEFT' ? 'LEFT' : 'RIGHT',
    subject_type: comment.line === null ? 'file' : 'line',
    reactions: reactions(url),
  }
}

/** The pull request as `issue_comment` webhooks tell of it: as an issue. */
export const issueJson = (settings: ForgeSettings, view: PullView): object => {
  const pull = simplePullJson(settings, view)
  const { web, api, issue } = pullUrls(settings, view.repository, view.pull.number)
  const { title, user, state, body, number, labels, locked, draft, milestone, assignee } = pull
  return {
    url: issue,
    repository_url: repositoryUrls(settings, view.repository).api,
    labels_url: `${issue}/labels{/name}`,
    comments_url: `${issue}/comments`,
    events_url: `${issue}/events`,
    html_url: web,
    id: view.pull.id,
    node_id: pull.node_id,
    number,
    title,
    user,
    labels,
    state,
    locked,
    assignee,
    assignees: [],
    milestone,
    comments: view.comments,
    created_at: pull.created_at,
    updated_at: pull.updated_at,
    closed_at: pull.closed_at,
    author_association: 'MEMBER',
    active_lock_reason: null,
    draft,
    pull_request: {
      url: api,
      html_url: web,
      diff_url: `${web}.diff`,
      patch_url: `${web}.patch`,
      merged_at: pull.merged_at,
    },
    body,
    reactions: reactions(issue),
    timeline_url: `${issue}/timeline`,
    performed_via_github_app: null,
    state_reason: null,
  }
}
