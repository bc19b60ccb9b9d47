import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { warmUp } from './want-sandbox.ts'

/** Warms a sandbox, at most once per throttle time (spec 4.6). */
export const warm = (draft: Draft, _command: CommandOf<'warm'>, context: Context): Reply => {
  const { warmedAtMs } = draft.state
  if (warmedAtMs === null || context.nowMs - warmedAtMs >= context.policy.warmThrottleMs) {
    warmUp(draft, context)
  }
  return { ok: true }
}
