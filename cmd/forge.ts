/** forge: a git host for development that looks like GitHub. See lib/forge. */
import { readConfig } from '../config/config.ts'
import { runForge } from '../lib/forge/run.ts'
import { main } from '../lib/process/main.ts'

await main('forge', readConfig(process.env), runForge)
