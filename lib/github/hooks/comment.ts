/**
 * A comment on a session's pull request becomes a prompt, but only of people who are configured: whoever
 * may comment could drive the agent otherwise. It must be new, and written by who sent it.
 */
import type { z } from 'zod'
import { userIdOf } from '../../../subjects/github.ts'
import type { issueCommentHook, reviewCommentHook } from '../../../subjects/webhooks.ts'
import type { Hooks } from './deliver.ts'
import { type CommentedCode, promptOf } from './prompt-text.ts'
import { isFork } from './pull-request.ts'

type Hook = Pick<
  z.infer<typeof reviewCommentHook> | z.infer<typeof issueCommentHook>,
  'action' | 'sender' | 'repository' | 'comment'
>
type Pull = { readonly number: number; readonly title: string; readonly head?: string }

/** Why it is no prompt, or undefined. */
const objection = ({ allowed }: Hooks, { action, sender, comment }: Hook): string | undefined => {
  if (action !== 'created') return 'not a new comment'
  if (sender.type === 'Bot' || comment.user?.id !== sender.id) return 'not a person of their own'
  return allowed.includes(sender.login.toLowerCase()) ? undefined : 'not allowed to prompt'
}

const prompt = async (
  hooks: Hooks,
  hook: Hook,
  pull: Pull,
  code: CommentedCode | null,
  deliveryId: string,
): Promise<string> => {
  const { repository, sender, comment } = hook
  const ref = { id: repository.id, fullName: repository.full_name }
  const sid = await hooks.sessionOf.pullRequest(ref, pull)
  if (sid === undefined) return 'no session has this pull request'
  const content = promptOf({
    login: sender.login,
    repository: repository.full_name,
    number: pull.number,
    title: pull.title,
    body: comment.body,
    url: comment.html_url,
    code,
  })
  await hooks.tell(
    sid,
    {
      v: 1,
      type: 'prompt',
      clientRequestId: `hook:${deliveryId}`,
      content: content.slice(0, hooks.maxPromptChars).toWellFormed(),
      authorId: userIdOf(String(sender.id)),
      source: 'github',
      author: { login: sender.login, githubUserId: String(sender.id) },
    },
    deliveryId,
  )
  return 'told'
}

export const onReviewComment = async (
  hooks: Hooks,
  hook: z.infer<typeof reviewCommentHook>,
  deliveryId: string,
): Promise<string> => {
  const objected = objection(hooks, hook)
  if (objected !== undefined) return objected
  if (isFork(hook.pull_request)) return 'from a fork'
  const { number, title, head } = hook.pull_request
  const { path, line, original_line, diff_hunk: hunk } = hook.comment
  const code = { path, line: line ?? original_line ?? null, hunk }
  return prompt(hooks, hook, { number, title, head: head.ref }, code, deliveryId)
}

export const onIssueComment = async (
  hooks: Hooks,
  hook: z.infer<typeof issueCommentHook>,
  deliveryId: string,
): Promise<string> => {
  const { number, title, pull_request } = hook.issue
  if (!pull_request) return 'on an issue'
  const objected = objection(hooks, hook)
  if (objected !== undefined) return objected
  // Without its branch: only a pull request that is known to be a session's.
  return prompt(hooks, hook, { number, title }, null, deliveryId)
}
