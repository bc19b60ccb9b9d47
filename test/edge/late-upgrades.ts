/** A process for doorman.test.ts: its upgrades are decided later, and its sockets answer what they hear. */

import uWS from 'uWebSockets.js'
import process from 'node:process'
import { setImmediate as later } from 'node:timers/promises'
import { openDoorman } from '../../lib/edge/doorman.ts'
import { holdUpgrade } from '../../lib/edge/http.ts'
import { listen } from '../../lib/edge/server.ts'
import { makeLog } from '../../lib/telemetry/log.ts'

const doorman = await openDoorman(
  makeLog('test', { logLevel: 'silent', production: false, instance: undefined }),
)
const app = uWS.App().ws('/*', {
  upgrade: async (res, req, context) => {
    const pending = holdUpgrade(res, req, context, doorman.under)
    await later()
    pending.accept({})
  },
  message: (ws, bytes) => void ws.send(bytes, false),
})
process.send?.(listen(app, '127.0.0.1', 0).port)
