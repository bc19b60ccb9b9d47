/** A nats-server whose disk was full: it comes back by itself, with what it has acknowledged. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import pino from 'pino'
import t from 'tap'
import { readConfig } from '../../../config/config.ts'
import { freePort } from '../../../lib/process/free-port.ts'
import { runNats } from '../../../lib/process/run-nats.ts'
import { fill, smallDisk } from '../../fixtures/small-disk.ts'

t.test('ends when there is room again', { timeout: 60_000 }, async t => {
  const folder = smallDisk(t, 64)
  if (!folder) {
    t.comment('skipped: needs the right to mount a small disk')
    return
  }
  const NATS_PORT = String(await freePort())
  const config = readConfig({ DATA_DIR: join(folder, 'data'), NATS_PORT, GIT_HOST: 'none' })
  let said = () => {}
  const log = new Writable({
    write(line, _encoding, done) {
      if (String(line).includes(wanted)) said()
      done()
    },
  })
  let wanted = ''
  const hears = (text: string) => {
    wanted = text
    return new Promise<void>(resolve => {
      said = resolve
    })
  }
  const stop = new AbortController()
  const run = () => runNats(config, stop.signal, pino(log))
  const up = hears('listens on')
  const first = run()
  const ended = t.rejects(first, { cause: { code: 'BUS_UNAVAILABLE' } }, 'to be started again')
  await up
  const servers = `127.0.0.1:${NATS_PORT}`
  const nc = await connect({ servers, reconnect: false })
  await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['s'] })
  await jetstream(nc).publish('s', 'kept')

  const ballast = join(folder, 'ballast')
  fill(folder, ballast)
  const full = hears('cannot be written')
  nc.publish('s', 'x'.repeat(100_000))
  await full
  rmSync(ballast)
  await ended

  const upAgain = hears('listens on')
  const second = run()
  await upAgain
  const again = await connect({ servers, reconnect: false })
  const jsm = await jetstreamManager(again)
  t.equal((await jsm.streams.getMessage('S', { seq: 1 }))?.string(), 'kept')
  t.ok(await jetstream(again).publish('s', 'more'))
  await again.close()
  stop.abort()
  await second
})
