/** owner: the only process that decides. See lib/owner. */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { runOwner } from '../lib/owner/run.ts'
import { main } from '../lib/process/main.ts'

await main('owner', readConfig(process.env), runOwner)
