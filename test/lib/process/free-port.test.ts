import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort, requirePort } from '../../../lib/process/free-port.ts'

t.test('a free port can be listened on, one in use cannot', async t => {
  const port = await freePort()
  await requirePort('PORT', port)
  const other = createServer().listen(port, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  await t.rejects(requirePort('PORT', port), {
    message: `Port ${port} (PORT) is in use by another program: stop that program, or set PORT to another port.`,
    cause: { code: 'PORT_IN_USE', port },
  })
  await t.rejects(
    requirePort('PORT', port, '203.0.113.1'),
    /cannot be listened on \(EADDRNOTAVAIL\)/,
  )
})
