/**
 * What we read of GitHub's webhook payloads: these fields and no others. A payload that the bus would
 * not take is cut down to them. Titles and comments are people's text, and foreign.
 */
import { z } from 'zod'

const text = z.string()
const user = z.object({ id: z.int(), login: text, type: text.optional() })
const repository = z.object({ id: z.int(), full_name: text })
export type HookRepository = z.infer<typeof repository>

const pull = z.object({
  number: z.int(),
  html_url: text,
  title: text,
  state: z.enum(['open', 'closed']),
  draft: z.boolean().optional(),
  merged: z.boolean().nullish(),
  merged_at: text.nullish(),
  updated_at: text,
  head: z.object({ ref: text, sha: text, repo: z.object({ id: z.int() }).nullable() }),
  base: z.object({ ref: text, repo: z.object({ id: z.int() }) }),
})
export type HookPullRequest = z.infer<typeof pull>

export const pushHook = z.object({
  repository,
  /** `refs/heads/<branch>`, or a tag. */
  ref: text,
  after: text,
  deleted: z.boolean().optional(),
})

export const pullRequestHook = z.object({ action: text, repository, pull_request: pull })

const comment = z.object({
  id: z.int(),
  body: text.max(70_000),
  html_url: text,
  user: user.nullable(),
})

export const reviewCommentHook = z.object({
  action: text,
  repository,
  sender: user,
  pull_request: pull.pick({ number: true, title: true, head: true, base: true }),
  comment: comment.extend({
    path: text,
    line: z.int().nullish(),
    original_line: z.int().nullish(),
    diff_hunk: text,
  }),
})

export const issueCommentHook = z.object({
  action: text,
  repository,
  sender: user,
  issue: z.object({
    number: z.int(),
    title: text,
    /** There, and not null, when the issue is a pull request. */
    pull_request: z.looseObject({}).nullish(),
  }),
  comment,
})

export const HOOKS_READ = {
  push: pushHook,
  pull_request: pullRequestHook,
  pull_request_review_comment: reviewCommentHook,
  issue_comment: issueCommentHook,
} as const
export type HookRead = keyof typeof HOOKS_READ
export const isHookRead = (event: string): event is HookRead => Object.hasOwn(HOOKS_READ, event)

/** A payload with nothing but what is read; of an event that is not read, nothing. */
export const essentialsOf = (event: string, payload: unknown): Record<string, unknown> => {
  if (!isHookRead(event)) return {}
  const parsed = HOOKS_READ[event].safeParse(payload)
  return parsed.success ? parsed.data : {}
}
