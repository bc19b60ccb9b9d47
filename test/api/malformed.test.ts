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

t.test('what is no HTTP', async t => {
  const get = 'GET /health HTTP/1.1\r\nHost: x\r\n'
  for (const [what, request, status, code] of [
    ['a request line', 'nonsense\r\n\r\n', 400, 'INVALID_HTTP'],
    ['a method', 'DANCE / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'INVALID_HTTP'],
    ['a header', `${get}no header\r\n\r\n`, 400, 'INVALID_HTTP'],
    ['long headers', `${get}X: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [
      'a chunk',
      `POST /sessions HTTP/1.1\r\nHost: x\r\n${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n`,
      400,
      'INVALID_HTTP',
    ],
  ] as const) {
    const { head, ...answer } = await raw(request)
    t.match(answer, { status, body: { error: String, code } }, what)
    t.match(head, /^x-request-id: [0-9a-f-]{36}\r$/m)
    t.match(head, /^access-control-allow-origin: \*\r$/m)
  }
  t.equal((await fetch(`${api}/health`)).status, 200, 'and nobody else notices')
})
