/** nats: the nats-server of a single machine. See lib/process/run-nats.ts. */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { main } from '../lib/process/main.ts'
import { runNats } from '../lib/process/run-nats.ts'

await main('nats', readConfig(process.env), runNats)
