/** A forge of its own for one test: listening, with a control plane that keeps what it is sent. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from '@octokit/app'
import { Octokit } from '@octokit/rest'
import { Webhooks } from '@octokit/webhooks'
import pino from 'pino'
import { type Forge, openForge } from '../../lib/forge/forge.ts'
import type { ForgeSettings } from '../../lib/forge/room.ts'
import { freePort } from '../../lib/process/free-port.ts'
import { git } from '../../lib/process/git.ts'

type Test = { teardown(end: () => void | Promise<void>): unknown }

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

export const APP = {
  appId: 17,
  installationId: 99,
  privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  webhookSecret: 'hush',
  clientId: 'Iv1.test',
  clientSecret: 'psst',
} as const

export const MAIN = 'refs/heads/main'

// biome-ignore lint/suspicious/noExplicitAny: payloads are matched against what a test expects
export type Loose = any

/** A delivery as the control plane got it; its signature was checked. */
export type Heard = { readonly id: string; readonly event: string; readonly payload: Loose }

/** Takes webhooks in, answers `status()`, and refuses what Octokit says is not signed. */
export const startReceiver = async (t: Test, status: () => number = () => 200) => {
  const webhooks = new Webhooks({ secret: APP.webhookSecret })
  const heard: Heard[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const header = (name: string) => String(request.headers[name])
    const good = await webhooks.verify(body, header('x-hub-signature-256'))
    const answer = good ? status() : 401
    if (good) {
      const [id, event] = [header('x-github-delivery'), header('x-github-event')]
      heard.push({ id, event, payload: JSON.parse(body) })
      for (const look of waiting) look()
    }
    response.writeHead(answer).end('taken')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as { port: number }
  /** Resolves with the first delivery that fits, past or future. */
  const until = (fits: (one: Heard) => boolean) =>
    new Promise<Heard>(resolve => {
      const look = () => {
        const found = heard.find(fits)
        if (!found) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return { url: `http://127.0.0.1:${port}`, heard, until }
}

export const startForge = async (t: Test, own: Partial<ForgeSettings> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'forge-'))
  const port = await freePort()
  const receiver = await startReceiver(t)
  const settings: ForgeSettings = {
    dataDir: join(folder, 'forge'),
    origin: `http://127.0.0.1:${port}`,
    app: APP,
    webhookUrl: `${receiver.url}/webhooks/github`,
    callbackUrl: 'http://127.0.0.1:8787/login/github',
    userTokenMs: 28_800_000,
    rateLimit: 15_000,
    nowMs: Date.now,
    ...own,
  }
  const forge = await openForge(settings, pino({ level: 'silent' }))
  await forge.app.listen({ host: '127.0.0.1', port })
  t.teardown(async () => {
    await forge.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return { forge, folder, ...clientsOf(settings), heard: receiver.heard }
}

/** Octokit's own clients on a forge. */
export const clientsOf = ({ origin }: Pick<ForgeSettings, 'origin'>) => {
  const baseUrl = `${origin}/api/v3`
  const app = new App({
    appId: APP.appId,
    privateKey: APP.privateKey,
    Octokit: Octokit.defaults({ baseUrl }),
  })
  return {
    origin,
    baseUrl,
    app,
    /** As the App's installation. */
    installation: () => app.getInstallationOctokit(APP.installationId),
    as: (token: string) => new Octokit({ baseUrl, auth: token }),
  }
}

/** A token of the installation, narrowed as `body` says. */
export const installationToken = async (
  { app }: Pick<ReturnType<typeof clientsOf>, 'app'>,
  body: object = {},
): Promise<string> => {
  const answer = await app.octokit.request(
    'POST /app/installations/{installation_id}/access_tokens',
    { installation_id: APP.installationId, ...body },
  )
  return answer.data.token
}

const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: new URL(url).origin, accept: 'application/json', ...headers },
    body: new URLSearchParams(form),
  })

/** What the browser and the App's server do to sign `login` in; gives all that came of it. */
export const signIn = async (origin: string, login: string, own: Record<string, string> = {}) => {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const redirect = 'http://127.0.0.1:8787/login/github/callback'
  const asked = {
    client_id: APP.clientId,
    redirect_uri: redirect,
    state: 'state-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  const chosen = await post(`${origin}/login/oauth/authorize`, { ...asked, login })
  const back = new URL(chosen.headers.get('location') ?? 'about:blank')
  const code = back.searchParams.get('code') ?? ''
  const answer = await exchange(origin, {
    code,
    code_verifier: verifier,
    redirect_uri: redirect,
    ...own,
  })
  const cookie = (chosen.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return { back, code, verifier, answer, cookie }
}

/** Asks `/login/oauth/access_token` as the App's server. */
export const exchange = async (
  origin: string,
  form: Record<string, string>,
): Promise<Record<string, Loose>> => {
  const client = { client_id: APP.clientId, client_secret: APP.clientSecret }
  const answer = await post(`${origin}/login/oauth/access_token`, { ...client, ...form })
  return { status: answer.status, ...((await answer.json()) as Record<string, Loose>) }
}

/** Sends one of the forge's forms as the browser with that cookie does. */
export const submit = (origin: string, path: string, cookie: string, form = {}) =>
  post(`${origin}${path}`, form, { cookie })

const PERSON = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']

/** A clone, with what tests do in it. */
export const clone = async (t: Test, url: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'forge-clone-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const run = (...args: string[]) => git([...PERSON, '-C', folder, ...args])
  await git(['clone', '--quiet', url, folder])
  return {
    folder,
    run,
    /** A commit with these files on a branch that begins at `from`. */
    commit: async (branch: string, files: Record<string, string>, from = 'origin/main') => {
      const { mkdirSync, writeFileSync } = await import('node:fs')
      await run('checkout', '--quiet', '-B', branch, from)
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(join(folder, name, '..'), { recursive: true })
        writeFileSync(join(folder, name), text)
      }
      await run('add', '--all')
      await run('commit', '--quiet', '-m', `Change ${Object.keys(files).join(', ')}`)
      return (await run('rev-parse', 'HEAD')).trim()
    },
  }
}

/** What a request was refused with; undefined when it was not. */
export const refusalOf = (request: Promise<unknown>): Promise<Loose> =>
  request.then(
    () => undefined,
    error => ({ ...error.response?.data, status: error.status }),
  )

/** The address of a repository for somebody with a token. */
export const withToken = (origin: string, repo: string, token: string, name = 'x-access-token') =>
  `${origin.replace('//', `//${name}:${token}@`)}/${repo}.git`

/** The deliveries of a kind, once everything that waited was sent. */
export const deliveriesOf = async (
  { forge, heard }: { readonly forge: Forge; readonly heard: readonly Heard[] },
  event: string,
): Promise<Heard[]> => {
  await forge.hooks.idle()
  return heard.filter(one => one.event === event)
}
