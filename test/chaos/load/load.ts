/**
 * Who uses the system: in every session people with the SDK, a service over REST, two on the bus, and those
 * who work with its pull requests; and the git host, which tells of all that happens there.
 */
import type { Ledger } from '../ledger.ts'
import { randomOf } from '../random.ts'
import type { World } from '../world.ts'
import { runGitPeople } from './git-people.ts'
import { startPerson, type Watcher } from './people.ts'
import { createSession, runRestService } from './rest.ts'
import { startSandboxes } from './sandboxes.ts'
import { runBusService } from './services.ts'
import { startWebhooks } from './webhooks.ts'

const LEAST_PAUSE_MS = 500
const MOST_PAUSE_MS = 2_500

export const startLoad = async (
  world: World,
  ledger: Ledger,
  options: { readonly seed: number; readonly sessions: number; readonly people: number },
) => {
  const { seed, sessions, people } = options
  const ending = new AbortController()
  const pace = {
    leastMs: LEAST_PAUSE_MS,
    mostMs: MOST_PAUSE_MS,
    ending: ending.signal,
    over: world.over,
  }
  const sandboxes = startSandboxes(world, ledger, id => randomOf(seed, id))
  const webhooks = startWebhooks(world, ledger, randomOf(seed, 'webhooks'))
  const numbers = Array.from({ length: sessions }, (_, n) => n)
  const sids = await Promise.all(
    numbers.map(n => createSession(world, ledger, `chaos-${seed}-${n}`)),
  )
  const watchers: Watcher[] = []
  const services: Promise<void>[] = []
  for (const [n, sid] of sids.entries()) {
    const by = (name: string) => {
      const full = `${name}-${n}`
      return { sid, name: full, pace, random: randomOf(seed, full) }
    }
    for (let m = 0; m < people; m++) {
      const person = by(`person${m}`)
      // However many they are, together they ask for as much as two.
      const slower = Math.max(1, people / 2)
      const rare = { leastMs: pace.leastMs * slower, mostMs: pace.mostMs * slower }
      watchers.push(startPerson(world, ledger, { ...person, pace: { ...pace, ...rare } }))
    }
    services.push(
      runRestService(world, ledger, by('rest')),
      runBusService(world, ledger, { ...by('bus'), reply: false }),
      runBusService(world, ledger, { ...by('asking'), reply: true }),
      runGitPeople(world, ledger, by('git')),
    )
  }
  return {
    sids,
    watchers,
    /** Sends nothing new; resolves once everything that was sent is answered. */
    rest: async (): Promise<undefined> => {
      ending.abort()
      await Promise.all([...services, ...watchers.map(watcher => watcher.done)])
    },
    /** Resolves once every webhook of the git host was taken. */
    delivered: webhooks.delivered,
    end: () => {
      for (const { session } of watchers) session.close()
      sandboxes.end()
    },
  }
}
