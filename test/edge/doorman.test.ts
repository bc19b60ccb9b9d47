/**
 * A socket whose upgrade is decided later stays open. glibc is told to write 16 into freed memory, which
 * uWebSockets.js, reading it after such an upgrade, takes for "close the connection": without the doorman
 * nearly every socket here ends as soon as it has opened. With another C library nothing is shown.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openSocket } from '../fixtures/socket.ts'

t.test('an upgrade that was decided later does not end the socket', async t => {
  const program = fileURLToPath(new URL('late-upgrades.ts', import.meta.url))
  const child = fork(program, { env: { ...process.env, MALLOC_PERTURB_: '16' } })
  t.teardown(() => child.kill())
  const [port] = await once(child, 'message')
  for (let n = 0; n < 40; n++) {
    const socket = await openSocket(t, `http://127.0.0.1:${port}/`)
    socket.send({ type: 'hello' })
    await socket.until('hello')
    await socket.close()
  }
  t.pass('each was answered')
})
