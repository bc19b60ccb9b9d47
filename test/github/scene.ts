/** An owner, a github process and a small GitHub with one repository, whose pull requests are counted. */
import { Kvm } from '@nats-io/kv'
import type { FastifyRequest } from 'fastify'
import { parseConfig } from '../../config/config.ts'
import { encryptionKeys, encryptToken } from '../../lib/auth/token-encryption.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import { openUserTokens } from '../../lib/github/user-tokens.ts'
import type { CommandInput } from '../../subjects/commands.ts'
import type { SessionEventType } from '../../subjects/records.ts'
import { SCM_BUCKET } from '../../subjects/streams.ts'
import { eventsOf as allOf, untilEvents } from '../fixtures/awaiting.ts'
import { startBus } from '../fixtures/bus.ts'
import { appEnv, githubTestEnv, spawnGithub, startApi, startGithub } from '../fixtures/github.ts'
import { startOwner, testLog } from '../owner/owners.ts'
import { standIn } from './stand-in.ts'

type Test = Parameters<typeof testLog>[0]

export const REPOSITORY = { id: 5, full_name: 'Acme/hello' }
const PULLS = '/repos/Acme/hello/pulls'

const tokenOf = (request: FastifyRequest) => request.headers.authorization?.split(' ')[1] ?? ''

/** GitHub, as far as pull requests of `Acme/hello` go. */
const smallGithub = async (t: Test) => {
  const github = await standIn(t)
  // biome-ignore lint/suspicious/noExplicitAny: shapes are GitHub's
  const pulls: any[] = []
  /** What a creation answers instead, once each. */
  const failures: { status: number; body: object }[] = []
  /** Tokens that may not create; by default everybody may. */
  const barred = new Set<string>()
  /** How many answers to creations get lost on the way. */
  const lost = { count: 0 }
  const state = { pulls, failures, barred, lost, authors: [] as string[] }
  github.on('POST /app/installations/8/access_tokens', (_request, reply) =>
    reply.code(201).send({ token: 'ghs_app', expires_at: '2100-01-01T00:00:00Z', permissions: {} }),
  )
  github.on('GET /app/hook/deliveries', () => [])
  github.on('GET /installation/repositories', () => ({
    total_count: 1,
    repositories: [
      {
        ...REPOSITORY,
        name: 'hello',
        owner: { login: 'Acme' },
        description: null,
        private: false,
        default_branch: 'trunk',
        archived: false,
      },
    ],
  }))
  const barredFrom = (request: FastifyRequest) => barred.has(tokenOf(request))
  github.on(`GET ${PULLS}`, (request, reply) => {
    if (barredFrom(request)) return reply.code(404).send({ message: 'Not Found' })
    const { head, state } = request.query as { head: string; state: string }
    const asked = pulls.filter(one => state === 'all' || one.state === state)
    return asked.filter(one => `Acme:${one.head.ref}` === head)
  })
  github.on(`POST ${PULLS}`, (request, reply) => {
    if (barredFrom(request)) return reply.code(403).send({ message: 'Not accessible' })
    const failure = failures.shift()
    if (failure) return reply.code(failure.status).send(failure.body)
    const { title, body, head, base, draft } = request.body as Record<string, string>
    const number = pulls.length + 1
    const repo = { id: REPOSITORY.id }
    const pull = {
      number,
      html_url: `${github.url}/Acme/hello/pull/${number}`,
      title,
      body,
      state: 'open',
      draft: draft ?? false,
      merged_at: null,
      updated_at: '2026-05-01T12:00:00Z',
      head: { ref: head, sha: 'abc', repo },
      base: { ref: base, repo },
    }
    pulls.push(pull)
    state.authors.push(tokenOf(request))
    github.on(`PATCH ${PULLS}/${number}`, patch => {
      Object.assign(pull, patch.body)
      return pull
    })
    if (lost.count-- > 0) return reply.raw.destroy()
    return reply.code(201).send(pull)
  })
  return { ...github, ...state }
}

export const startScene = async (t: Test, env: Record<string, string> = {}) => {
  const { nats, bus } = await startBus(t)
  const github = await smallGithub(t)
  const variables = await githubTestEnv(t, nats.url, {
    ...appEnv(),
    GITHUB_API_URL: github.url,
    GITHUB_URL: github.url,
    CONTROL_PLANE_URL: 'http://plane.example',
    SANDBOX_PROVIDER: 'none',
    ...env,
  })
  const config = parseConfig(variables)
  startOwner(t, config)
  const keys = encryptionKeys(config.tokenEncryptionKey)

  const command = async (sid: string, wanted: CommandInput) => {
    const { reply } = await requestCommand(bus, sid, wanted)
    if (!reply.ok) throw new Error(`${reply.code}: ${reply.message}`)
    return reply
  }
  let sessions = 0
  /** A session of alice's, with whatever else is known of her. */
  const session = async (alice: object = {}): Promise<string> => {
    const sid = `session-${++sessions}`
    await command(sid, {
      v: 1,
      type: 'create_session',
      clientRequestId: 'create',
      repoOwner: 'acme',
      repoName: 'hello',
      baseBranch: 'main',
      model: 'a/b',
      owner: { userId: 'alice', ...alice },
    })
    return sid
  }
  const eventsOf = <T extends SessionEventType>(sid: string, type: T) => allOf(bus, sid, type)
  let requests = 0
  /** Asks for a pull request and resolves with what came of it. */
  const pullRequest = async (sid: string, more: object = {}) => {
    const before = (await eventsOf(sid, 'pull_request_settled')).length
    await command(sid, {
      v: 1,
      type: 'create_pull_request',
      clientRequestId: `pr-${++requests}`,
      by: { kind: 'user', userId: 'alice' },
      title: 'A title',
      body: 'A body',
      ...more,
    })
    const settled = await untilEvents(bus, sid, 'pull_request_settled', all => all.length > before)
    return settled[before]?.outcome
  }
  /** Keeps tokens as a sign-in does. */
  const signedIn = async (githubUserId: string, access: string) => {
    const tokens = openUserTokens({
      bucket: await new Kvm(bus.js).open(SCM_BUCKET),
      keys,
      oauth: { refresh: async () => ({ outcome: 'unspent', error: new Error('not here') }) },
      log: testLog(t, 'sign-in').log,
    })
    const expiresAtMs = Date.now() + 3_600_000
    await tokens.keep(githubUserId, {
      access,
      expiresAtMs,
      refresh: null,
      refreshExpiresAtMs: null,
    })
  }
  return {
    bus,
    config,
    github,
    startGithub: () => startGithub(t, config),
    startApi: () => startApi(t, config),
    /** As a process of its own. */
    spawnGithub: () => spawnGithub(t, variables),
    command,
    session,
    eventsOf,
    pullRequest,
    signedIn,
    encrypted: (token: string) => encryptToken(keys, token),
  }
}
