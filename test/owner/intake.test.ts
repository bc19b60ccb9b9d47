/** The commands of one partition: what is done with leaves the work queue, also when a message is lost. */
import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { openIntake } from '../../lib/owner/intake.ts'
import { claimPartition } from '../../lib/owner/ownership/takeover.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from './owners.ts'

type Test = Parameters<typeof testLog>[0] & { fail(reason: string): unknown }

/** The bus, but the first acknowledgement of a command never arrives. */
const losingAnAck = (bus: Bus): { readonly bus: Bus; readonly lost: () => number } => {
  let lost = 0
  const publish: Bus['nc']['publish'] = (subject, payload, options) => {
    if (payload === '+ACK' && lost === 0) lost++
    else bus.nc.publish(subject, payload, options)
  }
  const nc = new Proxy(bus.nc, {
    get: (target, name) => {
      if (name === 'publish') return publish
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { bus: { ...bus, nc }, lost: () => lost }
}

const SID = 'a-session'

const claimed = async (bus: Bus) => {
  const me = { owner: 'one', incarnation: 'one' }
  const claim = await claimPartition(bus, partitionOf(SID), me, undefined)
  if (!claim) throw new Error('not claimed')
  return claim
}
const publish = (bus: Bus) => publishCommand(bus, SID, { v: 1, type: 'warm', reason: 'request' })
/** Resolves when nothing is left in the work queue. */
const empty = async (bus: Bus) => {
  while ((await bus.jsm.streams.info(CMD)).state.messages > 0) await bus.nc.flush()
}

/** An intake, the sequences of what came out of it, and what settles all of that. */
const collect = async (t: Test, bus: Bus) => {
  const came: number[] = []
  const settles: (() => void)[] = []
  const news = new EventEmitter()
  const intake = await openIntake(bus, await claimed(bus), {
    onCommand: (message, settle) => {
      came.push(message.seq)
      settles.push(settle)
      news.emit('one')
    },
    onBroken: reason => t.fail(reason),
    log: testLog(t, 'intake').log,
  })
  t.teardown(() => intake.close())
  const until = async (count: number) => {
    while (came.length < count) await once(news, 'one')
  }
  const settleAll = () => {
    for (const settle of settles) settle()
  }
  return { intake, came, until, settleAll }
}

t.test('what is lost on its way comes again in order, and nothing comes twice', async t => {
  const { bus } = await startBus(t)
  const { came, until, settleAll } = await collect(t, bus)
  const published = [(await publish(bus)).sequence]
  await until(1)
  // A delivery that somebody else gets is one that never comes.
  const thief = await bus.js.consumers.get(CMD, `p${partitionOf(SID)}-e1`)
  const stolen = thief.next({ expires: 30_000 }).then(message => message?.seq)
  let isStolen = false
  void stolen.then(() => {
    isStolen = true
  })
  while (!isStolen) {
    published.push((await publish(bus)).sequence)
    await bus.nc.flush()
  }
  await until(published.length)
  t.same(came, published)
  t.ok(published.includes((await stolen) as number))
  settleAll()
  await empty(bus)
})

t.test('begun again, it goes on with what nobody has settled', async t => {
  const { bus } = await startBus(t)
  const { intake, came, until, settleAll } = await collect(t, bus)
  const published: number[] = []
  for (let n = 0; n < 3; n++) published.push((await publish(bus)).sequence)
  await until(3)
  intake.again('the test wants it')
  published.push((await publish(bus)).sequence)
  await until(4)
  t.same(came, published)
  settleAll()
  await empty(bus)
})

t.test('an acknowledgement that is lost is said again', async t => {
  const { bus } = await startBus(t)
  const claim = await claimed(bus)
  const losing = losingAnAck(bus)
  const settled = new EventEmitter()
  const intake = await openIntake(losing.bus, claim, {
    onCommand: (_message, settle) => {
      settle()
      settled.emit('one')
    },
    onBroken: reason => t.fail(reason),
    log: testLog(t, 'intake').log,
    compareEveryMs: 200,
  })
  t.teardown(() => intake.close())
  const first = once(settled, 'one')
  await publish(bus)
  await first
  t.equal(losing.lost(), 1)
  await empty(bus)
  t.pass('the work queue is empty long before it would deliver again')
})
