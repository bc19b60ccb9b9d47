/** Asks the system for TCP ports. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fail } from '../../subjects/errors.ts'

const LOOPBACK = '127.0.0.1'

/**
 * Ports that systems do not give to outgoing connections (those begin at 32,768 at the earliest):
 * between the look and the listening, nobody takes one by chance.
 */
const FIRST = 10_000
const PAST = 32_000

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, LOOPBACK)
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/** A port of the loopback address that nobody listens on at this moment. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(FIRST, PAST)
    if (await isFree(port)) return port
  }
  throw fail('INTERNAL', { message: 'no free port was found' })
}

/**
 * Makes sure that a port can be listened on.
 *
 * @param variable the setting that the port came from, for the sentence.
 * @throws code `PORT_IN_USE`
 */
export const requirePort = async (variable: string, port: number, host = LOOPBACK) => {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code
    throw fail('PORT_IN_USE', {
      message:
        why === 'EADDRINUSE'
          ? `Port ${port} (${variable}) is in use by another program: stop that program, or set ${variable} to another port.`
          : `Port ${port} (${variable}) on ${host} cannot be listened on (${why}): set ${variable} or HOST to something else.`,
      port,
      variable,
    })
  } finally {
    if (server.listening) {
      server.close()
      await once(server, 'close')
    }
  }
}
