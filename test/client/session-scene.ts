/** A session of the SDK on an edge and a clock that tests move by hand. */
import { openSession, type Session, type SessionOptions } from '../../lib/client/session.ts'
import { startEdgeByHand } from './edge-by-hand.ts'
import { handClock } from './hand-clock.ts'

type Test = { teardown(end: () => void): unknown }

export const setUp = async (t: Test, extra: Partial<SessionOptions> = {}) => {
  const edge = await startEdgeByHand(t)
  const clock = handClock()
  const watchers = new Set<() => void>()
  let tokens = 0
  const errors: string[] = []
  const session = openSession({
    url: edge.url,
    sid: 's',
    getToken: async () => `token-${++tokens}`,
    onChange: () => {
      for (const look of watchers) look()
    },
    onError: ({ code }) => errors.push(code),
    clock,
    ...extra,
  })
  t.teardown(() => session.close())
  const until = (fits: (session: Session) => boolean) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (!fits(session)) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
    })
  const state = (kind: Session['connection']['kind']) => until(s => s.connection.kind === kind)
  const numbers = () => session.view.lines.map(({ event }) => event.n)
  return { edge, clock, session, until, state, numbers, errors, tokens: () => tokens }
}
