/**
 * Git over HTTP, answered by git's own `git http-backend`: packs go through in both directions as
 * they come and are never held in memory.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { accountById, GHOST_LOGIN, requireAccount } from '../accounts.ts'
import { accessOf, type Caller, callerOfToken, requireAccess } from '../caller.ts'
import { reconcile } from '../reconcile.ts'
import { refusalOf } from '../refusal.ts'
import { findRepository, lossOf } from '../repositories.ts'
import { pathOf, type Repository, type Room } from '../room.ts'

const SERVICES = ['git-upload-pack', 'git-receive-pack'] as const

/** The token of a Basic header: its password, or the name where there is none. */
const tokenOf = (header: string | undefined): string | undefined => {
  const [, basic] = /^basic\s+(\S+)$/i.exec(header ?? '') ?? []
  if (basic === undefined) return /^(?:bearer|token)\s+(\S+)$/i.exec(header ?? '')?.[1]
  const [name = '', password = ''] = splitOnce(Buffer.from(basic, 'base64').toString())
  return password && password !== 'x-oauth-basic' ? password : name
}
const splitOnce = (text: string) => {
  const at = text.indexOf(':')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

type Where = { owner: string; repo: string }
type Asked = { readonly service: (typeof SERVICES)[number]; readonly pathInfo: string }

/** Adds the addresses of git's smart protocol to the forge's origin. */
export const serveGit = async (app: FastifyInstance, room: Room): Promise<void> => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.get<{ Params: Where; Querystring: { service?: string } }>(
    '/:owner/:repo/info/refs',
    async (request, reply) => {
      const service = SERVICES.find(name => name === request.query.service)
      if (!service) return reply.code(400).type('text/plain').send('Please upgrade your git.\n')
      return answer(room, request, reply, { service, pathInfo: 'info/refs' })
    },
  )
  for (const service of SERVICES) {
    app.post<{ Params: Where }>(`/:owner/:repo/${service}`, (request, reply) =>
      answer(room, request, reply, { service, pathInfo: service }),
    )
  }
}

const answer = async (
  room: Room,
  request: FastifyRequest<{ Params: Where }>,
  reply: FastifyReply,
  asked: Asked,
) => {
  const writes = asked.service === 'git-receive-pack'
  const say = (status: number, text: string) =>
    reply
      .code(status)
      .type('text/plain')
      .headers(status === 401 ? { 'www-authenticate': 'Basic realm="Forge"' } : {})
      .send(`${text}\n`)
  let caller: Caller = { kind: 'nobody' }
  const token = tokenOf(request.headers.authorization)
  try {
    if (token) caller = await callerOfToken(room, token)
  } catch (error) {
    if (!refusalOf(error)) throw error
    return say(401, 'Invalid username or token.')
  }
  const { owner, repo } = request.params
  const name = repo.replace(/\.git$/, '')
  const found = await room.store.within(db => findRepository(db, owner, name))
  if (!found || !accessOf(caller, found)) {
    return say(caller.kind === 'nobody' ? 401 : 404, 'Repository not found.')
  }
  try {
    requireAccess(caller, found, 'contents', writes ? 'write' : 'read')
  } catch (error) {
    const refused = refusalOf(error)
    if (!refused) throw error
    const who = caller.kind === 'user' ? caller.account.login : 'this token'
    return say(refused.status, `Permission to ${owner}/${name} denied to ${who}.`)
  }
  const loss = await lossOf(room.settings, found)
  if (loss) return say(500, `${loss}.`)
  const sender = await room.store.within(db =>
    'account' in caller ? accountById(db, caller.account.id) : requireAccount(db, GHOST_LOGIN),
  )
  await runBackend(room, { request, reply, repository: found, login: sender.login, ...asked })
  if (writes && request.method === 'POST') await reconcile(room, found, sender)
  reply.raw.end()
}

type Backend = Asked & {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly repository: Repository
  /** Null for one who may only read. */
  readonly login: string
}

/** Resolves when git has ended; what it said is sent then, but the answer is not ended yet. */
const runBackend = async (room: Room, backend: Backend): Promise<void> => {
  const { request, reply, repository, login, service, pathInfo } = backend
  const header = (name: string) => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : ''
  }
  const optional = {
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
  }
  const git = spawn('git', ['-c', 'safe.directory=*', 'http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '3',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      // What the forge itself keeps is not to be pushed to, and no hook of a repository runs.
      GIT_CONFIG_KEY_1: 'receive.hideRefs',
      GIT_CONFIG_VALUE_1: 'refs/pull',
      GIT_CONFIG_KEY_2: 'core.hooksPath',
      GIT_CONFIG_VALUE_2: '/dev/null',
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROJECT_ROOT: pathOf(room.settings, repository),
      PATH_INFO: `/${pathInfo}`,
      REQUEST_METHOD: request.method,
      QUERY_STRING: request.method === 'GET' ? `service=${service}` : '',
      CONTENT_TYPE: header('content-type'),
      REMOTE_USER: login,
      REMOTE_ADDR: request.ip,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value)),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = once(git, 'close')
  git.stderr.on('data', (bytes: Buffer) => request.log.debug(`git: ${bytes.toString().trim()}`))
  // A client that is gone: git notices that its input ends, and refuses half a pack.
  git.stdin.on('error', () => {})
  const body = request.body as Readable | undefined
  if (body) {
    body.on('error', () => git.stdin.destroy())
    body.on('aborted', () => git.stdin.destroy())
    body.pipe(git.stdin)
  } else git.stdin.end()

  reply.hijack()
  const { raw } = reply
  raw.on('close', () => git.stdout.resume())
  const { status, headers, rest } = await readHead(git.stdout)
  raw.writeHead(status, headers)
  raw.write(rest)
  git.stdout.on('data', (bytes: Buffer) => {
    if (raw.destroyed || raw.write(bytes)) return
    git.stdout.pause()
    raw.once('drain', () => git.stdout.resume())
  })
  await ended
}

/** Reads the header that a CGI program begins with. */
const readHead = async (output: Readable) => {
  let bytes = Buffer.alloc(0)
  let end = -1
  while (end < 0) {
    const chunk: Buffer | null = output.read()
    if (chunk) {
      bytes = Buffer.concat([bytes, chunk])
      end = bytes.indexOf('\r\n\r\n')
    } else if (output.readableEnded) throw new Error('git http-backend said nothing')
    else await Promise.race([once(output, 'readable'), once(output, 'end')])
  }
  const lines = bytes.subarray(0, end).toString().split('\r\n')
  const headers = lines.map(line => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  const { status = '200', ...others } = Object.fromEntries(headers) as Record<string, string>
  return { status: Number.parseInt(status, 10), headers: others, rest: bytes.subarray(end + 4) }
}
