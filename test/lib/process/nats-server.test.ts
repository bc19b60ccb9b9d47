import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import t from 'tap'
import { freePort } from '../../../lib/process/free-port.ts'
import { ensureNatsServer } from '../../../lib/process/nats-binary.ts'
import {
  endNatsServer,
  retireNatsServer,
  startNatsServer,
} from '../../../lib/process/nats-server.ts'
import { startNats } from '../../fixtures/nats-server.ts'

t.test('a killed server comes back on its port with what was acknowledged', async t => {
  const nats = await startNats(t)
  const first = await connect({ servers: nats.url, reconnect: false })
  await (await jetstreamManager(first)).streams.add({ name: 'S', subjects: ['s'] })
  await jetstream(first).publish('s', 'kept')
  const former = nats.pid()
  await nats.kill()
  await first.closed()

  await nats.restart()
  t.not(nats.pid(), former)
  const second = await connect({ servers: nats.url })
  t.teardown(() => second.close())
  const message = await (await jetstreamManager(second)).streams.getMessage('S', { seq: 1 })
  t.equal(message?.string(), 'kept')
})

t.test('a paused server answers nothing, and goes on when resumed', async t => {
  const nats = await startNats(t)
  const connection = await connect({ servers: nats.url })
  t.teardown(() => connection.close())
  const asked = () =>
    connection.request('nobody', '', { timeout: 300 }).catch((error: Error) => error)
  t.match(await asked(), { message: /no responders/ })
  nats.pause()
  // The signal takes its time, and what comes before it is answered.
  let answer = await asked()
  while (/no responders/.test((answer as Error).message)) answer = await asked()
  t.match(answer, { message: /timeout/i })
  nats.resume()
  await connection.flush()
})

t.test('what an earlier start left running on the store is ended first', async t => {
  const program = await ensureNatsServer(process.env)
  const folder = join(t.testdir({}), 'store')
  const options = { program, folder, port: await freePort() }
  const orphan = await startNatsServer(options)
  const orphanGone = once(orphan.child, 'exit')
  const next = await startNatsServer(options)
  t.teardown(() => endNatsServer(next.child, 'SIGKILL'))
  await orphanGone
  t.equal(statSync(folder).mode & 0o777, 0o700, 'only the owner may look')
  const connection = await connect({ servers: next.url })
  await connection.close()
})

t.test('a server that is to go moves its leaders before it shuts down', async t => {
  const program = await ensureNatsServer(process.env)
  const said: string[] = []
  const { child } = await startNatsServer({
    program,
    folder: join(t.testdir({}), 'store'),
    port: await freePort(),
    onLine: line => said.push(line),
  })
  t.teardown(() => endNatsServer(child, 'SIGKILL'))
  const closed = once(child, 'close')
  await retireNatsServer(child)
  await closed
  const place = (fits: RegExp) => said.findIndex(line => fits.test(line))
  t.ok(place(/lame duck mode/) >= 0, 'it moves them in its lame duck mode')
  t.ok(place(/lame duck mode/) < place(/Initiating Shutdown/))
})

t.test('a server that cannot start says why', async t => {
  const nats = await startNats(t)
  const program = await ensureNatsServer(process.env)
  await t.rejects(startNatsServer({ program, folder: t.testdir({}), port: nats.port }), {
    message: /address already in use/,
    cause: { code: 'NATS_SERVER_MISSING' },
  })
})
