/**
 * How long the clients of an edge that is killed are away: from its end until each is back on the other
 * one and has seen what was said meanwhile. Beside it the same number of bare WebSockets that open anew.
 *
 *   npm run bench:edge-lost -- [clients] [rounds] [sessions]
 */
import { once } from 'node:events'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket as BareSocket } from 'ws'
import { requestCommand } from '../lib/bus/command.ts'
import { retryDelayMs } from '../lib/client/retry.ts'
import { openSession, type Session } from '../lib/client/session.ts'
import { openBus } from '../test/fixtures/bus.ts'
import { promptOf } from '../test/owner/owners.ts'
import { startChild } from './child.ts'
import type { RawSays, RawTask } from './raw-server.ts'
import { machineFacts, percentile } from './report.ts'
import { openScope, type Scope } from './scope.ts'
import { startStage } from './stage.ts'

const clients = Number(process.argv[2] ?? 200)
const rounds = Number(process.argv[3] ?? 10)
const sessions = Number(process.argv[4] ?? 20)
const LINES = 300
/** Between two rounds: until then a client takes another break for the same trouble, and backs off. */
const REST_MS = 5_200

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const say = (what: string, tookMs: readonly number[]) => {
  const [p50, p99] = [0.5, 0.99].map(share => percentile(tookMs, share).toFixed(0))
  const worst = Math.max(...tookMs).toFixed(0)
  console.log(
    `${what.padEnd(44)} p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms (${tookMs.length})`,
  )
}

/** A client of the system, and when it last lost its socket, opened one, and was let in. */
const openClient = (urls: readonly [string, ...string[]], sid: string, token: string) => {
  const at = { openMs: 0, liveMs: 0 }
  let look = () => {}
  let edge = ''
  const session = openSession({
    url: urls,
    sid,
    getToken: async () => token,
    makeSocket: url => {
      const socket = new WebSocket(url)
      socket.addEventListener('open', () => {
        edge = url
        at.openMs = performance.now()
      })
      return socket
    },
    onFrame: frame => {
      if (frame.type === 'subscribed') at.liveMs = performance.now()
    },
    onChange: () => look(),
  })
  return {
    session,
    at,
    isOn: (url: string) => edge.startsWith(url.replace(/^http/, 'ws')),
    /** Resolves once the view fits. */
    until: (fits: (session: Session) => boolean) =>
      new Promise<void>(resolve => {
        look = () => {
          if (fits(session)) resolve()
        }
        look()
      }),
  }
}

/** Milliseconds in which as many bare sockets as `count` are open again, when their server has ended. */
const bare = async (count: number): Promise<number[]> => {
  const scope = openScope()
  const startRaw = async (scope: Scope) => {
    const raw = startChild<RawTask, RawSays>(scope, 'raw-server.ts', { NATS_URL: system.nats.url })
    return `ws://127.0.0.1:${(await raw.says('listening')).port}/`
  }
  const victim = openScope()
  const [first, second] = [await startRaw(victim), await startRaw(scope)]
  const connect = async (url: string) => {
    const socket = new BareSocket(url, { perMessageDeflate: false })
    scope.teardown(() => socket.terminate())
    await once(socket, 'open')
    return socket
  }
  const sockets = await Promise.all(numbers(count).map(() => connect(first)))
  let endedMs = 0
  const back = sockets.map(async socket => {
    await once(socket, 'close')
    await delay(retryDelayMs(0, Math.random()))
    await connect(second)
    return performance.now() - endedMs
  })
  endedMs = performance.now()
  await victim.end(false)
  const tookMs = await Promise.all(back)
  await scope.end(false)
  return tookMs
}

const scope = openScope()
for (const fact of await machineFacts()) console.log(fact)
const { system, session: stagedSession } = await startStage(scope, { edges: 2 })
const bus = await openBus(scope, system.nats.url, 'edge-lost')
const urls = system.edges as readonly [string, ...string[]]
const sids: string[] = []
for (const _ of numbers(sessions)) {
  const { sid, sandbox } = await stagedSession()
  const line = (n: number) => ({
    type: 'tool_call',
    messageId: 'm',
    callId: `c${n}`,
    tool: 'bash',
    args: { command: 'npm test' },
    output: 'ok '.repeat(70),
  })
  await sandbox.say(numbers(LINES).map(line))
  sids.push(sid)
}
const people = await Promise.all(
  numbers(clients).map(async n => {
    const sid = sids[n % sessions] ?? ''
    return openClient(urls, sid, await system.wsToken(sid, `user${n % 50}`))
  }),
)
await Promise.all(people.map(one => one.until(({ connection }) => connection.kind === 'live')))

const [lost, opened, live, caughtUp]: number[][] = [[], [], [], []]
const bareMs: number[] = []
for (const round of numbers(rounds)) {
  const n = round % 2
  const victims = people.filter(one => one.isOn(urls[n] ?? ''))
  const content = `said in round ${round}`
  const killedMs = performance.now()
  const away = victims.map(async one => {
    await one.until(({ connection }) => connection.kind !== 'live')
    lost?.push(performance.now() - killedMs)
    await one.until(
      ({ connection, view }) =>
        connection.kind === 'live' && view.queue.some(prompt => prompt.content === content),
    )
    opened?.push(one.at.openMs - killedMs)
    live?.push(one.at.liveMs - killedMs)
    caughtUp?.push(performance.now() - killedMs)
  })
  await system.process('edge', n).kill()
  for (const sid of sids) {
    void requestCommand(bus, sid, promptOf(content))
  }
  await Promise.all(away)
  await system.process('edge', n).start()
  bareMs.push(...(await bare(victims.length)))
  await delay(REST_MS)
}
console.log(`${clients} clients of ${sessions} sessions on 2 edges, one killed ${rounds} times`)
say('knows that its socket is gone', lost ?? [])
say('has another one', opened ?? [])
say('is let in', live ?? [])
say('has seen what was said meanwhile', caughtUp ?? [])
say('bare WebSockets, open again', bareMs)
const ratio = percentile(caughtUp ?? [], 0.99) / percentile(bareMs, 0.99)
console.log(`p99 caught up / p99 bare: ${ratio.toFixed(1)}x`)
await scope.end(false)
process.exit(0)
