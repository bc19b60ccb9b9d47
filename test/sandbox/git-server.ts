/** Bare repositories over HTTP by git's own backend, for tests; to push, the password has to fit. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)

export type GitServer = {
  readonly url: string
  /** The commit of a branch of `demo/hello`, or an empty text. */
  readonly at: (branch: string) => Promise<string>
  /** Passwords that were offered, in order. */
  readonly offered: string[]
  /** Answer nothing from now on. */
  silent: boolean
  /** So many connections are cut off from now on. */
  cuts: number
}

const backend = (root: string, request: IncomingMessage, response: ServerResponse) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      REMOTE_USER: 'x-access-token',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(child.stdin)
  let head = Buffer.alloc(0)
  let sent = false
  child.stdout.on('data', (chunk: Buffer) => {
    if (sent) return void response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    sent = true
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s)
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.write(head.subarray(end + 4))
  })
  child.stdout.on('end', () => response.end())
}

export const startGitServer = async (t: Test, password: string): Promise<GitServer> => {
  const root = await mkdtemp(join(tmpdir(), 'git-server-'))
  const repository = join(root, 'demo', 'hello.git')
  await run('git', ['init', '-q', '--bare', repository])
  await run('git', ['-C', repository, 'config', 'http.receivepack', 'true'])
  const server = createServer((request, response) => {
    if (self.silent) return
    if (self.cuts > 0) {
      self.cuts--
      return void request.socket.destroy()
    }
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const given = Buffer.from(basic, 'base64').toString().split(/:(.*)/s)[1] ?? ''
    if (given) self.offered.push(given)
    if (given === password) return backend(root, request, response)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await rm(root, { recursive: true, force: true })
  })
  const self: GitServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    offered: [],
    silent: false,
    cuts: 0,
    at: branch =>
      run('git', ['-C', repository, 'rev-parse', `refs/heads/${branch}`]).then(
        ({ stdout }) => stdout.trim(),
        () => '',
      ),
  }
  return self
}
