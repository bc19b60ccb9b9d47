/** What bots hear of the ends of their prompts, over a real bus and real HTTP. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { publishJob } from '../../lib/bus/jobs.ts'
import { destinationsOf, runCallbacks } from '../../lib/callbacks/run.ts'
import { callbackBody } from '../../lib/callbacks/send.ts'
import { makeLog } from '../../lib/telemetry/log.ts'
import { type CallbackJob, deadLetter } from '../../subjects/jobs.ts'
import { CALLBACK_JOB, deadLetterSubject } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'

const SECRET = 'callback-secret'
const job = (messageId: string, more: Partial<CallbackJob> = {}): CallbackJob => ({
  ...{ v: 1, sid: 's1', messageId, source: 'slack', success: true, error: null },
  context: { channel: 'c1', threadTs: '1.2' },
  finishedAtMs: 1_700_000_000_000,
  ...more,
})

t.test('the body is signed over its other fields, as they stand', async t => {
  const { signature, ...fields } = JSON.parse(
    callbackBody(job('m', { success: false, error: 'tests' }), SECRET),
  )
  t.same(Object.keys(fields), [
    ...['sessionId', 'messageId', 'success', 'timestamp', 'context', 'error'],
  ])
  const expected = createHmac('sha256', SECRET).update(JSON.stringify(fields)).digest('hex')
  t.equal(signature, expected)
  t.notMatch(callbackBody(job('m'), SECRET), /"error"/, 'only where there was one')
})

t.test('destinations', async t => {
  t.same(
    [...destinationsOf('slack=https://a.example/x?y=1,linear=http://b.example')],
    [
      ['slack', 'https://a.example/x?y=1'],
      ['linear', 'http://b.example'],
    ],
  )
  t.equal(destinationsOf(undefined).size, 0)
})

t.test('told, tried again, given up', async t => {
  const { bus } = await startBus(t)
  const heard: { path: string; body: Record<string, unknown> }[] = []
  const answers: Record<string, number[]> = { busy: [503, 429, 200], never: [404], led: [302] }
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const bytes of request) text += bytes
    const body = JSON.parse(text || '{}')
    heard.push({ path: request.url ?? '', body })
    response.statusCode = answers[body.messageId]?.shift() ?? 200
    if (response.statusCode === 302) response.setHeader('location', '/elsewhere')
    response.end('{}')
    for (const look of waiting) look()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bot/`
  const stop = new AbortController()
  const running = runCallbacks({
    bus,
    config: { callbackUrls: `slack=${base}`, internalCallbackSecret: SECRET },
    signal: stop.signal,
    log: makeLog('test', { logLevel: 'silent', production: false, instance: undefined }),
  })
  t.teardown(async () => {
    stop.abort()
    await running
    server.closeAllConnections()
    server.close()
  })
  const times = (messageId: string, n: number) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (heard.filter(one => one.body.messageId === messageId).length >= n) resolve()
      }
      waiting.add(look)
      look()
    })
  const send = (one: CallbackJob) => publishJob(bus, CALLBACK_JOB, one, one.messageId)

  await send(job('first'))
  await times('first', 1)
  t.match(heard[0], {
    path: '/bot/callbacks/complete',
    body: { sessionId: 's1', messageId: 'first', success: true, signature: String },
  })

  await send(job('busy'))
  await send(job('behind'))
  await Promise.all([times('busy', 3), times('behind', 1)])
  t.ok(
    heard.findIndex(one => one.body.messageId === 'behind') <
      heard.findLastIndex(one => one.body.messageId === 'busy'),
    'nobody waits behind a bot that is busy',
  )

  const reasons: string[] = []
  const buried = Promise.withResolvers<void>()
  bus.nc.subscribe(deadLetterSubject('callback'), {
    callback: (_, message) => {
      if (reasons.push(deadLetter.parse(message.json()).reason) === 3) buried.resolve()
    },
  })
  await send(job('never'))
  await send(job('led'))
  await send(job('nowhere', { source: 'linear' }))
  await buried.promise
  t.match(reasons.join('; '), /CALLBACK_URLS names no address for linear/)
  t.match(reasons.join('; '), /answered 302/)
  t.match(reasons.join('; '), /answered 404/)
  t.same(
    heard.filter(one => one.path === '/elsewhere'),
    [],
    'no bot is led to another host',
  )
  t.equal(heard.filter(one => one.body.messageId === 'never').length, 1)
})
