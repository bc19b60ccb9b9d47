/**
 * An owner as a process. `DIE_AT` names a step and a command's type, `<step>:<type>`: the process
 * kills itself there, the first time it comes by, as a power cut would.
 */
import process from 'node:process'
import { readConfig } from '../../config/config.ts'
import { runOwner } from '../../lib/owner/run.ts'
import { main } from '../../lib/process/main.ts'

const [step, nth] = (process.env.DIE_AT ?? ':').split(':')
let passes = 0

await main('owner', readConfig(process.env), (config, signal, log) =>
  runOwner(config, signal, log, {
    at: now => {
      if (now === step && ++passes === Number(nth)) process.kill(process.pid, 'SIGKILL')
    },
  }),
)
