/**
 * The growing text of one sandbox's socket on its way to the people: at most one per message in a while,
 * the newest wins. Passing steps go in between, in order. Nothing here is stored.
 */
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'

/** How often a message's text may go out. */
export const TEXT_EVERY_MS = 50
/** Every so many characters it goes out that much more seldom: the whole of it is sent each time. */
const CHARS_PER_PAUSE = 16_384

export type SandboxText = {
  /** A whole text; goes out now, or soon together with what follows. */
  say(event: SandboxEvent): void
  /** A step; goes out now, after the text before it. */
  pass(event: SandboxEvent): void
  /** Says the present text again, for somebody who has just come. */
  repeat(): void
  /** The text is over: it will not be said again. What waits goes out first. */
  end(): void
}

/** @param publish sends an event to everybody who looks */
export const makeSandboxText = (
  publish: (event: SandboxEvent) => void,
  everyMs = TEXT_EVERY_MS,
): SandboxText => {
  let newest: SandboxEvent | undefined
  let waits = false
  let timer: NodeJS.Timeout | undefined

  const flush = () => {
    if (waits && newest) publish(newest)
    waits = false
  }
  const rest = () => {
    timer = setTimeout(
      () => {
        timer = undefined
        if (!waits) return
        flush()
        rest()
      },
      everyMs * (1 + String(newest?.content ?? '').length / CHARS_PER_PAUSE),
    )
  }

  return {
    say: event => {
      // Another message's text does not replace this one's.
      if (newest && newest.messageId !== event.messageId) flush()
      newest = event
      waits = true
      if (timer) return
      flush()
      rest()
    },
    pass: event => {
      flush()
      publish(event)
    },
    repeat: () => {
      if (newest && !waits) publish(newest)
    },
    end: () => {
      flush()
      newest = undefined
      clearTimeout(timer)
      timer = undefined
    },
  }
}
