/**
 * An owner as a process. With `DIE_AT`, the name of a step, it kills itself the first time that it
 * comes by, as nothing else does more suddenly.
 */
import process from 'node:process'
import { readConfig } from '../../config/config.ts'
import { runOwner } from '../../lib/owner/run.ts'
import { main } from '../../lib/process/main.ts'

await main('owner', readConfig(process.env), (config, signal, log) =>
  runOwner(config, signal, log, {
    at: step => {
      if (step === process.env.DIE_AT) process.kill(process.pid, 'SIGKILL')
    },
  }),
)
