/** The commands of one partition: what is done with leaves the work queue, also when a message is lost. */
import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { openIntake } from '../../lib/owner/intake.ts'
import { claimPartition } from '../../lib/owner/takeover.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from './owners.ts'

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

t.test('an acknowledgement that is lost is said again', async t => {
  const { bus } = await startBus(t)
  const sid = 'a-session'
  const claim = await claimPartition(
    bus,
    partitionOf(sid),
    { owner: 'one', incarnation: 'one' },
    undefined,
  )
  if (!claim) throw new Error('not claimed')
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
  await publishCommand(bus, sid, { v: 1, type: 'warm', reason: 'request' })
  await first
  t.equal(losing.lost(), 1)
  for (;;) {
    const { state } = await bus.jsm.streams.info(CMD)
    if (state.messages === 0) break
  }
  t.pass('the work queue is empty long before it would deliver again')
})
