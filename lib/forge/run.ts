/** The forge as a process. What it is: forge.ts. */
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { fail } from '../../subjects/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { openForge } from './forge.ts'

const USER_TOKEN_MS = 28_800_000
/** GitHub Enterprise Cloud's limit of an App. */
const RATE_LIMIT = 15_000

/** Runs until `signal` aborts. */
export const runForge = async (config: Config, signal: AbortSignal, log: Log): Promise<void> => {
  const { github, forgePort, controlPlaneUrl } = config
  if (github?.host !== 'forge') {
    throw fail('CONFIG_INVALID', { message: 'GIT_HOST is not forge: there is no forge to run.' })
  }
  const settings = {
    dataDir: join(config.dataDir, 'forge'),
    origin: `http://127.0.0.1:${forgePort}`,
    app: github,
    webhookUrl: `${controlPlaneUrl}/webhooks/github`,
    callbackUrl: `${controlPlaneUrl}/login/github`,
    userTokenMs: USER_TOKEN_MS,
    rateLimit: RATE_LIMIT,
    nowMs: Date.now,
  }
  const forge = await openForge(settings, log)
  try {
    const listenTextResolver = (listening: string) => `listens on ${listening}`
    const where = { host: '127.0.0.1', port: forgePort, listenTextResolver }
    await forge.app.listen(where).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      throw fail('PORT_IN_USE', {
        message: `Port ${forgePort} is in use: stop what uses it, or set FORGE_PORT to another.`,
      })
    })
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    await forge.close()
  }
}
