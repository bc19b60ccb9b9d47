/** Hears of a request for a pull request that it is settled, from the session's live records. */
import { record } from '../../subjects/records.ts'
import { liveSubject, sessionId } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { parseJson } from './json.ts'

export type Settled = {
  /** Resolves when it is settled, or after `ms`: then it may be all the same. */
  within(ms: number): Promise<void>
  close(): void
}

/** Begins to listen at once, so that nothing between a question and `within` is missed. */
export const followSettled = (bus: Bus, sid: string, requestId: string): Settled => {
  const heard = Promise.withResolvers<void>()
  const subscription = bus.nc.subscribe(liveSubject(sessionId(sid)), {
    callback: (error, message) => {
      const parsed = error ? undefined : parseJson(record, message.data)
      if (!parsed?.ok) return
      const { events } = parsed.value
      const isIt = events.some(
        event =>
          event.type === 'session_deleted' ||
          (event.type === 'pull_request_settled' && event.requestId === requestId),
      )
      if (isIt) heard.resolve()
    },
  })
  return {
    within: async ms => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, ms)
      })
      await Promise.race([heard.promise, late])
      clearTimeout(timer)
    },
    close: () => subscription.unsubscribe(),
  }
}
