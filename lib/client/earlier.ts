/** Asking for the page of the timeline before the one that is held. One at a time: pages have no id. */
import type { ClientFrame } from '../../subjects/frames-client.ts'
import type { Clock } from './clock.ts'
import type { HistoryCursor } from './fold.ts'
import { type Refusal, refusalError } from './requests.ts'

const ANSWER_WITHIN_MS = 20_000

export type Earlier = {
  /** Resolves once the page is in the view; at once when there is none, or it is on its way already. */
  load(cursor: HistoryCursor | null): Promise<void>
  loaded(): void
  /** Takes in an error that names no request; false when it is not about a page. */
  refused(refusal: Refusal): boolean
  /** The socket is gone, and the answer with it. */
  lost(): void
}

export const makeEarlier = (options: {
  readonly clock: Clock
  readonly send: (frame: ClientFrame) => boolean
}): Earlier => {
  let open: { done: PromiseWithResolvers<void>; cancel: () => void } | undefined

  const settle = (error?: Error): boolean => {
    const one = open
    open = undefined
    one?.cancel()
    if (error) one?.done.reject(error)
    else one?.done.resolve()
    return one !== undefined
  }
  const lost = () => {
    settle(refusalError({ code: 'NO_CONNECTION', message: 'There is no connection, try again' }))
  }
  return {
    load: async cursor => {
      if (open) return open.done.promise
      if (!cursor) return
      const done = Promise.withResolvers<void>()
      open = { done, cancel: options.clock.after(ANSWER_WITHIN_MS, lost) }
      if (!options.send({ type: 'fetch_history', cursor })) lost()
      return done.promise
    },
    loaded: () => void settle(),
    refused: refusal => settle(refusalError(refusal)),
    lost,
  }
}
