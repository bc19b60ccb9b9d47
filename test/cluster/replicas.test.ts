import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { declareStreams } from '../../lib/bus/declare.ts'
import { BUCKET_STREAMS, CMD, streams } from '../../subjects/streams.ts'
import { openBus } from '../fixtures/bus.ts'
import { startNatsCluster } from '../fixtures/nats-server.ts'
import { promptOf } from '../owner/owners.ts'

t.test('what was kept once is kept three times when asked for, with all that is in it', async t => {
  const servers = await startNatsCluster(t)
  const bus = await openBus(t, servers.map(server => server.url).join())
  await declareStreams(bus, { replicas: 1 })
  const { sequence } = await publishCommand(bus, 'sid', promptOf('a'))
  await declareStreams(bus, { replicas: 3 })
  const names = [...streams({ replicas: 3 }).map(stream => stream.name), ...BUCKET_STREAMS]
  for (const name of names) {
    const { config } = await bus.jsm.streams.info(name)
    t.equal(config.num_replicas, 3, name)
  }
  t.ok(await bus.jsm.streams.getMessage(CMD, { seq: sequence }))
  await declareStreams(bus, { replicas: 3 })
})
