/** api: REST, signing in, and the page. See lib/api. */
import { readConfig } from '../config/config.ts'
import { runApi } from '../lib/api/run.ts'
import { main } from '../lib/process/main.ts'

await main('api', readConfig(process.env), runApi)
