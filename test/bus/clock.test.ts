/**
 * The wall clock of a process is set, far ahead and far back, while it works and before it starts. Everything
 * goes by the nats-servers' time, so nobody notices: nothing is refused, ended early or forgotten to be ended.
 */
import t from 'tap'
import type { SessionEventType } from '../../subjects/records.ts'
import { eventsOf as allOf, untilEvents } from '../fixtures/awaiting.ts'
import { openBus } from '../fixtures/bus.ts'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

const HOUR_MS = 3_600_000
const EXECUTION_TIMEOUT_MS = 1_500

const provider = await startProvider(t)
const system = await startSystem(t, {
  provider,
  clocks: true,
  env: {
    HEARTBEAT_STALE_MS: '1000',
    EXECUTION_TIMEOUT_MS: String(EXECUTION_TIMEOUT_MS),
    OWNER_LEASE_MS: '2000',
  },
})
const [edge = ''] = system.edges
const bus = await openBus(t, system.nats.url)

const eventsOf = <T extends SessionEventType>(sid: string, type: T) => allOf(bus, sid, type)
/** Resolves with the events once there are so many. */
const eventsUpTo = <T extends SessionEventType>(sid: string, type: T, count: number) =>
  untilEvents(bus, sid, type, all => all.length >= count)
const isEnd = ({ status }: { readonly status: string }) => status === 'stale'
const ends = async (sid: string) => (await eventsOf(sid, 'sandbox_status_changed')).filter(isEnd)
const prompt = (sid: string, content: string) =>
  system.call('POST', `/sessions/${sid}/prompt`, { content, authorId: 'alice' })
/** A session with a sandbox that beats until it is told not to. */
const living = async () => {
  const sid = await system.createSession()
  await prompt(sid, 'one')
  const created = await provider.until('create', body => body.session_id === sid)
  const sandbox = await connectSandbox(t, edge, created)
  const beating = setInterval(() => sandbox.emit({ type: 'heartbeat' }), 100)
  const quiet = () => clearInterval(beating)
  t.teardown(quiet)
  const { messageId } = await sandbox.prompt(0)
  return { sid, sandbox, quiet, messageId }
}
type Role = 'owner' | 'edge' | 'api' | 'sandboxes'
/** Until the end of the test. */
const setClock = async (
  t: { teardown(end: () => Promise<void>): unknown },
  role: Role,
  aheadMs: number,
) => {
  await system.process(role).setClock(aheadMs)
  t.teardown(() => system.process(role).setClock(0))
}

t.test(
  'owner: a sandbox lives as long as it lives, whatever the clock says',
  { timeout: 15_000 },
  async t => {
    const { sid, sandbox, quiet, messageId } = await living()
    sandbox.complete(messageId)
    let looked = 0
    for (const aheadMs of [-HOUR_MS, HOUR_MS, 0]) {
      await setClock(t, 'owner', aheadMs)
      looked = (await eventsOf(sid, 'sandbox_observed')).length
      await eventsUpTo(sid, 'sandbox_observed', looked + 1)
    }
    t.same(await ends(sid), [], 'it was looked for, and seen')
    await setClock(t, 'owner', HOUR_MS)
    await eventsUpTo(sid, 'sandbox_observed', looked + 2)
    quiet()
    await untilEvents(bus, sid, 'sandbox_status_changed', all => all.some(isEnd))
    t.match(await ends(sid), [{ status: 'stale' }], 'and missed when it was gone')
  },
)

t.test(
  'owner: a deadline is in effect once, and not before its time',
  { timeout: 15_000 },
  async t => {
    const { sid, messageId } = await living()
    await setClock(t, 'owner', HOUR_MS)
    const [started] = await eventsOf(sid, 'prompt_started')
    const [finished] = await eventsUpTo(sid, 'prompt_finished', 1)
    t.match(finished, { messageId, success: false })
    t.ok((finished?.finishedAtMs ?? 0) >= (started?.startedAtMs ?? 0) + EXECUTION_TIMEOUT_MS)
    await setClock(t, 'owner', -HOUR_MS)
    t.equal((await prompt(sid, 'two')).status, 200)
    t.match((await eventsUpTo(sid, 'prompt_queued', 2))[1], { content: 'two' })
    t.equal((await eventsOf(sid, 'prompt_finished')).length, 1)
  },
)

t.test('owner: a token is as old as it is', { timeout: 15_000 }, async t => {
  const sid = await system.createSession()
  const token = await system.wsToken(sid, 'bob')
  await setClock(t, 'owner', 25 * HOUR_MS)
  const client = await subscribe(t, edge, { sid, token })
  t.match(client.subscribed, { type: 'subscribed' })
})

t.test(
  'api and sandboxes: who signs with the right time is believed',
  { timeout: 15_000 },
  async t => {
    for (const aheadMs of [HOUR_MS, -HOUR_MS]) {
      await setClock(t, 'api', aheadMs)
      await setClock(t, 'sandboxes', aheadMs)
      const { sid } = await living()
      t.match((await system.call('GET', `/sessions/${sid}`)).status, 200, `${aheadMs} ms`)
    }
    await system.process('api').kill()
    await system.process('api').start()
    t.equal((await system.call('GET', '/sessions')).status, 200, 'also when it starts like that')
  },
)

t.test(
  'edge: set back, it still finds the nats-server again, and limits nobody for an hour',
  { timeout: 15_000 },
  async t => {
    const sid = await system.createSession()
    const client = await subscribe(t, edge, { sid, token: await system.wsToken(sid, 'bob') })
    const cursor = { timestamp: Date.now(), id: 'z' }
    const page = (n: number) => client.until(frame => frame.type === 'history_page', n)
    client.send({ type: 'fetch_history', cursor })
    await page(0)
    await setClock(t, 'edge', -HOUR_MS)
    // The limit is some 200 ms: whoever asks again and again is soon answered.
    const isAnswer = ({ type }: { type: string }) => /history_page|error/.test(type)
    for (let answer = ''; answer !== 'history_page'; ) {
      const seen = client.frames.length
      client.send({ type: 'fetch_history', cursor })
      answer = (await client.until(isAnswer, seen)).type
    }

    await system.nats.kill()
    await system.nats.restart()
    client.send({ type: 'prompt', content: 'still there?', clientRequestId: 'after' })
    t.match(await client.until('prompt_queued'), { clientRequestId: 'after' })
  },
)
