/**
 * What a sandbox still has to be told, from the answer to its join until its socket is known to be the
 * active one. Pure; the records between the two are applied in order.
 */
import type { SandboxFrame, SandboxFrameOf } from '../../subjects/frames-sandbox.ts'
import type { SessionEvent } from '../../subjects/records.ts'

export type Outstanding = {
  /** A prompt whose delivery nobody has confirmed. */
  readonly prompt: SandboxFrameOf<'prompt'> | null
  /** A stop that the sandbox has not confirmed. */
  readonly stop: boolean
  /** Which prompt that stop concerns. */
  readonly stopMessageId?: string | null
  /** A push that the sandbox has not reported on. */
  readonly push?: SandboxFrameOf<'push'> | null
}

/** @param frames what the event means for the sandbox: see lib/session/view */
export const evolveOutstanding = (
  outstanding: Outstanding,
  event: SessionEvent,
  frames: readonly SandboxFrame[],
): Outstanding => {
  switch (event.type) {
    case 'prompt_started':
    case 'prompt_announced': {
      const prompt = frames.find(frame => frame.type === 'prompt')
      return prompt ? { ...outstanding, prompt } : outstanding
    }
    case 'prompt_delivered':
    case 'prompt_finished':
      return outstanding.prompt?.messageId === event.messageId
        ? { ...outstanding, prompt: null }
        : outstanding
    case 'stop_requested':
      return { ...outstanding, stop: true, stopMessageId: event.messageId }
    case 'stop_confirmed':
    case 'stop_expired':
      return { ...outstanding, stop: false, stopMessageId: null }
    case 'push_requested':
      return { ...outstanding, push: frames.find(frame => frame.type === 'push') ?? null }
    case 'push_finished':
      return { ...outstanding, push: null }
    default:
      return outstanding
  }
}
