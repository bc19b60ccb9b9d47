/** Requests that are hardly HTTP are refused in the same form as all others. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { startSystem } from '../fixtures/system.ts'

const system = await startSystem(t)
const [api = ''] = system.apis
const { hostname, port } = new URL(api)
const authorization = `Authorization: Bearer ${serviceToken(system.secret, Date.now())}`

/** Sends bytes as they are; resolves with all that was answered until the connection ended. */
const raw = async (request: string) => {
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  socket.write(request)
  const all = await text(socket)
  const [head = '', body = ''] = all.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: body && JSON.parse(body) }
}

t.test('a content type that is none', async t => {
  for (const type of ['', 'json', 'application/', '/']) {
    const answer = await raw(
      `POST /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${authorization}\r\n` +
        `Content-Type: ${type}\r\nContent-Length: 2\r\n\r\n{}`,
    )
    t.match(
      answer,
      {
        status: 415,
        body: {
          error: 'The Content-Type header cannot be read: send application/json, or none',
          code: 'UNSUPPORTED_MEDIA_TYPE',
        },
      },
      `"${type}"`,
    )
  }
  const { paths } = (await system.call('GET', '/openapi.json')).body
  t.match(paths['/sessions'].post.responses['415'].description, /UNSUPPORTED_MEDIA_TYPE/)
})
