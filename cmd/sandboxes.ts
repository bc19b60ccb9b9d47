/** sandboxes: starts and ends what agents run in. See lib/sandbox. */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { main } from '../lib/process/main.ts'
import { runSandboxes } from '../lib/sandbox/run.ts'

await main('sandboxes', readConfig(process.env), runSandboxes)
