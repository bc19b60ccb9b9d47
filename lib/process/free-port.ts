/** Asks the system for TCP ports. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fail } from '../../subjects/errors.ts'

const LOOPBACK = '127.0.0.1'

/** A port of the loopback address that nobody listens on at this moment. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, LOOPBACK)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (!address || typeof address === 'string') throw fail('INTERNAL')
  return address.port
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
