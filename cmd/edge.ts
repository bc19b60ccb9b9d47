/** edge: holds the WebSockets. See lib/edge. */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { runEdge } from '../lib/edge/run.ts'
import { main } from '../lib/process/main.ts'

await main('edge', readConfig(process.env), runEdge)
