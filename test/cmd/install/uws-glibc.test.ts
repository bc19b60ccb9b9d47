import uWS from 'uWebSockets.js'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import WebSocket from 'ws'
import { patchUws, thisMachine } from '../../../cmd/install/uws-glibc.ts'
import { freePort } from '../../../lib/process/free-port.ts'

const installed = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))
const file = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`
const debian12 = { platform: 'linux', glibc: '2.36' }

t.test('the binary loads here and echoes', async t => {
  const port = await freePort()
  const app = uWS.App().ws('/*', { message: (socket, message) => void socket.send(message) })
  t.teardown(() => app.close())
  await new Promise(resolve => app.listen('127.0.0.1', port, resolve))
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  await once(socket, 'open')
  socket.send('echo')
  const [message] = await once(socket, 'message')
  t.equal(String(message), 'echo')
  socket.close()
  await once(socket, 'close')
})

t.test('it is patched once, and only where that is needed', async t => {
  const { platform, glibc } = thisMachine()
  t.equal(platform, process.platform)
  const [, minor = 0] = (glibc ?? '').split('.').map(Number)
  t.equal(
    patchUws(installed, file, thisMachine()),
    platform === 'linux' && (minor === 36 || minor === 37) ? 'patched before' : 'not needed',
  )
  for (const machine of [
    { platform: 'darwin', glibc: undefined },
    { platform: 'linux', glibc: undefined },
    { platform: 'linux', glibc: '2.38' },
    { platform: 'linux', glibc: '2.41' },
  ]) {
    t.equal(patchUws('/nowhere', file, machine), 'not needed', JSON.stringify(machine))
  }
})

t.test('what it cannot help with is refused', async t => {
  t.throws(() => patchUws('/nowhere', file, { platform: 'linux', glibc: '2.31' }), {
    message: /^This system has glibc 2\.31, and uWebSockets\.js needs 2\.36 or newer/,
    cause: { code: 'GLIBC_TOO_OLD' },
  })
  const folder = t.testdir({})
  copyFileSync(join(installed, file), join(folder, file))
  const changed = readFileSync(join(folder, file))
  changed[changed.length - 1] = 1 ^ (changed.at(-1) ?? 0)
  writeFileSync(join(folder, file), changed)
  t.throws(() => patchUws(folder, file, debian12), { cause: { code: 'GLIBC_TOO_OLD' } })
  t.ok(readFileSync(join(folder, file)).equals(changed), 'and left as it was')
})
