/** What a verified delivery means for a session. What is not for one is let go, with a word in the log. */
import type { CommandInput } from '../../../subjects/commands.ts'
import type { GithubDelivery } from '../../../subjects/github.ts'
import { HOOKS_READ } from '../../../subjects/webhooks.ts'
import { publishCommand } from '../../bus/command.ts'
import type { Bus } from '../../bus/connect.ts'
import type { Log } from '../../telemetry/log.ts'
import type { App } from '../app.ts'
import type { SessionOf } from '../session-of.ts'
import { onIssueComment, onReviewComment } from './comment.ts'
import { onPullRequest } from './pull-request.ts'
import { onPush } from './push.ts'

export type Hooks = {
  readonly app: Pick<App, 'asInstallation'>
  readonly sessionOf: SessionOf
  /** Logins, in lower case, whose comments become prompts. */
  readonly allowed: readonly string[]
  readonly maxPromptChars: number
  readonly log: Log
  /** Writes a command into a session's inbox; the same delivery twice is there once. */
  readonly tell: (sid: string, command: CommandInput, deliveryId: string) => Promise<void>
}

export const tellBy =
  (bus: Bus): Hooks['tell'] =>
  async (sid, command, deliveryId) => {
    await publishCommand(bus, sid, command, { id: `hook:${deliveryId}:${sid}` })
  }

/** What became of it, in words. @throws what may pass, so that it comes back */
const outcomeOf = async (hooks: Hooks, delivery: GithubDelivery): Promise<string> => {
  const { event, deliveryId, payload } = delivery
  switch (event) {
    case 'push': {
      const hook = HOOKS_READ.push.safeParse(payload)
      return hook.success ? onPush(hooks, hook.data, deliveryId) : 'of an unknown shape'
    }
    case 'pull_request': {
      const hook = HOOKS_READ.pull_request.safeParse(payload)
      return hook.success ? onPullRequest(hooks, hook.data, deliveryId) : 'of an unknown shape'
    }
    case 'pull_request_review_comment': {
      const hook = HOOKS_READ.pull_request_review_comment.safeParse(payload)
      return hook.success ? onReviewComment(hooks, hook.data, deliveryId) : 'of an unknown shape'
    }
    case 'issue_comment': {
      const hook = HOOKS_READ.issue_comment.safeParse(payload)
      return hook.success ? onIssueComment(hooks, hook.data, deliveryId) : 'of an unknown shape'
    }
    default:
      return 'nothing that we act on'
  }
}

export const deliver = async (hooks: Hooks, delivery: GithubDelivery): Promise<void> => {
  const { event, deliveryId } = delivery
  const outcome = await outcomeOf(hooks, delivery)
  hooks.log.debug({ event, deliveryId, outcome }, 'webhook')
}
