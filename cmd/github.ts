/** github: all that is asked of GitHub, or of the forge. See lib/github. */
import process from 'node:process'
import { readConfig } from '../config/config.ts'
import { runGithub } from '../lib/github/run.ts'
import { main } from '../lib/process/main.ts'

await main('github', readConfig(process.env), runGithub)
