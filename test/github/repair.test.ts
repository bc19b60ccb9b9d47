/** Missed webhooks: found in the App's list, asked for again, by one process, not for ever. */
import { Kvm } from '@nats-io/kv'
import t from 'tap'
import { openRepair } from '../../lib/github/repair.ts'
import { openRequest } from '../../lib/github/request.ts'
import { GITHUB_BUCKET } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from '../owner/owners.ts'
import { standIn } from './stand-in.ts'

const { bus } = await startBus(t)
const { log } = testLog(t, 'repair')
const bucket = await new Kvm(bus.js).open(GITHUB_BUCKET)
const EVERY = 300_000
let now = Date.parse('2026-05-01T12:00:00Z')

type Delivery = { id: bigint; guid: string; delivered_at: string; status_code: number }
/** Newest first, as GitHub lists them. Ids are larger than JavaScript's whole numbers. */
const list: Delivery[] = []
let ids = 9_007_199_254_740_993n
const arrive = (guid: string, status_code: number) => {
  list.unshift({ id: ++ids, guid, delivered_at: new Date(now).toISOString(), status_code })
  return String(ids)
}

const github = await standIn(t)
/** What GitHub answers to a new attempt; each attempt is on the list afterwards. */
let attempt = (_id: string): number => 200
const PAGE = 2
github.on('GET /app/hook/deliveries', (request, reply) => {
  const { cursor = '0' } = request.query as { cursor?: string }
  const from = Number(cursor)
  const page = list.slice(from, from + PAGE)
  if (from + PAGE < list.length) {
    reply.header(
      'link',
      `<${github.url}/app/hook/deliveries?per_page=100&cursor=${from + PAGE}>; rel="next"`,
    )
  }
  const json = page.map(({ id, ...rest }) => `{"id":${id},${JSON.stringify(rest).slice(1)}`)
  return reply.type('application/json').send(`[${json.join(',')}]`)
})
const ask = (id: string) => {
  github.on(`POST /app/hook/deliveries/${id}/attempts`, (_request, reply) => {
    const guid = list.find(one => String(one.id) === id)?.guid ?? ''
    const status = attempt(id)
    if (status !== 0) asks(arrive(guid, status))
    return reply.code(202).send({})
  })
}
const asks = (id: string): string => {
  ask(id)
  return id
}
const miss = (guid: string) => asks(arrive(guid, 503))

const request = openRequest(github.url)
const open = (name: string) =>
  openRepair({ app: { asApp: async () => request }, bucket, log, name, nowMs: () => now })
const one = open('one')
const two = open('two')
const later = () => {
  now += EVERY
}
const attempts = () => github.countOf(/^POST .*attempts$/)
const lists = () => github.countOf(/^GET /)

t.test('what no attempt brought through is asked for, once', async t => {
  arrive('a', 200)
  const first = miss('b')
  miss('c')
  arrive('c', 200)
  miss('d')
  t.equal(await one.round(EVERY), 2)
  t.ok(github.calls.includes(`POST /app/hook/deliveries/${first}/attempts`), 'by its exact id')
  t.equal(await one.round(EVERY), 0, 'not before its time')
  later()
  t.equal(await one.round(EVERY), 0, 'they came through')
  t.equal(attempts(), 2)
})

t.test('of two processes one does it', async t => {
  later()
  miss('e')
  const before = attempts()
  const counts = await Promise.all([one.round(EVERY), two.round(EVERY)])
  t.same(counts.toSorted(), [0, 1])
  t.equal(attempts() - before, 1)
})

t.test('a round that was cut short is done again', async t => {
  later()
  miss('f')
  miss('g')
  attempt = () => {
    throw new Error('GitHub fails in the middle')
  }
  await t.rejects(one.round(EVERY))
  attempt = () => 200
  later()
  t.equal(await two.round(EVERY), 2)

  later()
  miss('h')
  const entry = await bucket.get('repair')
  const lease = { by: 'dead', untilMs: now + 1_000 }
  await bucket.put('repair', JSON.stringify({ ...entry?.json<object>(), lease }))
  t.equal(await two.round(EVERY), 0, 'while somebody may still be at it')
  now += 1_001
  t.equal(await two.round(EVERY), 1, 'and at once when they are dead')
})

t.test('one that does not come through is asked for ever more rarely, and given up', async t => {
  later()
  miss('poison')
  attempt = () => 500
  const counts: number[] = []
  for (let i = 0; i < 8; i++) {
    counts.push(await one.round(EVERY))
    later()
  }
  t.same(counts, [1, 1, 0, 1, 0, 0, 0, 1])
  const before = attempts()
  for (let i = 0; i < 20; i++) {
    now += 6 * 60 * 60_000
    await one.round(EVERY)
  }
  t.equal(attempts() - before, 14, 'for days')
  attempt = () => 200
})

t.test('an attempt of which nothing is heard is asked for again', async t => {
  later()
  miss('silent')
  attempt = () => 0
  t.equal(await one.round(EVERY), 1)
  later()
  attempt = () => 200
  t.equal(await one.round(EVERY), 1)
  later()
  t.equal(await one.round(EVERY), 0)
})

t.test('the list is read back to where it is known, and no further', async t => {
  for (let i = 0; i < 20; i++) arrive(`ok-${i}`, 200)
  later()
  later()
  later()
  await one.round(EVERY)
  const before = lists()
  later()
  arrive('last', 200)
  await one.round(EVERY)
  t.ok(lists() - before < 14, `${lists() - before} pages`)
  now += 3 * EVERY
  const again = lists()
  await one.round(EVERY)
  t.ok(lists() - again <= 2, `${lists() - again} pages when nothing happened`)
})
