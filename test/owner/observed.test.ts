import t from 'tap'
import { publishSignal } from '../../lib/bus/signal.ts'
import { observePartition } from '../../lib/owner/observed.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { PRESENCE_FORGET_MS, type SocketPresence } from '../../subjects/signals.ts'
import { beatSubject, presenceSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'

const sid = sessionId('watched')
const socket = (connectionId: string): SocketPresence => ({
  connectionId,
  clientId: null,
  participantId: 'p',
  userId: 'u',
  name: 'U',
  avatar: null,
  status: 'active',
  lastSeenMs: 1,
})

t.test('observed', async t => {
  const { bus } = await startBus(t)
  let nowMs = 1_000_000
  let heard: readonly string[] = []
  const observed = observePartition(bus, partitionOf(sid), {
    nowMs: () => nowMs,
    onSockets: (_sid, sockets) => {
      heard = sockets.map(one => one.connectionId)
    },
  })
  t.teardown(() => observed.close())
  const announce = async (edge: string, ...ids: string[]) => {
    publishSignal(bus, presenceSubject(sid), { v: 1, edge, sockets: ids.map(socket) })
    await bus.nc.flush()
  }
  const beat = async (generation: number) => {
    publishSignal(bus, beatSubject(sid), { v: 1, generation, atMs: 5 })
    await bus.nc.flush()
  }

  await t.test('sockets of all edges', async t => {
    t.equal(observed.clients(sid), 0)
    await announce('e1', 'a', 'b')
    await announce('e2', 'c')
    t.equal(observed.clients(sid), 3)
    t.same([...heard].sort(), ['a', 'b', 'c'])
    await announce('e1', 'b')
    t.equal(observed.clients(sid), 2)
    await announce('e2')
    t.same(heard, ['b'], 'an empty list is good-bye')
    nowMs += PRESENCE_FORGET_MS
    t.equal(observed.clients(sid), 0, 'an edge that is silent for too long is forgotten')
    t.same(observed.presence(sid), [])
  })

  await t.test('heartbeats of the present sandbox only', async t => {
    t.equal(observed.lastHeartbeatMs(sid, 1), null)
    await beat(1)
    t.equal(observed.lastHeartbeatMs(sid, 1), nowMs, 'by our own clock, not by the edge’s')
    t.equal(observed.lastHeartbeatMs(sid, 2), null)
    await beat(2)
    nowMs += 10
    await beat(1)
    t.equal(observed.lastHeartbeatMs(sid, 2), nowMs - 10, 'a replaced one changes nothing')
  })

  await t.test('what does not belong is ignored', async t => {
    bus.nc.publish(
      `presence.${partitionOf(sid)}.${'x'.repeat(80)}`,
      '{"v":1,"edge":"e","sockets":[]}',
    )
    bus.nc.publish(beatSubject(sid), 'no JSON')
    await bus.nc.flush()
    t.equal(observed.lastHeartbeatMs(sid, 2), nowMs - 10)
  })
})
