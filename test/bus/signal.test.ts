/** Signals are sent and forgotten, whatever state the connection is in. */
import t from 'tap'
import { connectBus } from '../../lib/bus/connect.ts'
import { publishSignal } from '../../lib/bus/signal.ts'
import { presenceSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'

t.test('a signal that comes while the connection is being closed harms nobody', async t => {
  const { nats } = await startBus(t)
  const bus = await connectBus({ url: nats.url, name: 'leaves' })
  const send = () => publishSignal(bus, presenceSubject(sessionId('s1')), { v: 1 })
  const closed = bus.close()
  // Somewhere on its way the client begins to refuse what is published.
  for (; !bus.nc.isClosed(); await new Promise(setImmediate)) send()
  await closed
  send()
  t.pass('nothing was thrown')
})
