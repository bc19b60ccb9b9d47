/**
 * nats: a nats-server of this machine, the only one or the n-th of NATS_NODES: `node cmd/nats.ts 2`.
 * See lib/process/run-nats.ts.
 */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { main } from '../lib/process/main.ts'
import { runNats } from '../lib/process/run-nats.ts'

const number = Number(process.argv[2] ?? 1)

await main('nats', readConfig(process.env), (config, signal, log) =>
  runNats(config, signal, log, number),
)
