import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { httpProvider } from '../../../lib/sandbox/http/provider.ts'
import { isPermanent } from '../../../lib/sandbox/provider.ts'
import { codeOf } from '../../../subjects/errors.ts'
import type { SpawnJob } from '../../../subjects/jobs.ts'
import { startProvider } from '../../fixtures/provider.ts'

const job: SpawnJob = {
  v: 1,
  sid: 's1',
  generation: 2,
  sandboxId: 'sandbox-o-n-1',
  repoOwner: 'o',
  repoName: 'n',
  baseBranch: 'main',
  model: 'anthropic/claude-haiku-4-5',
  agentSessionId: 'agent-1',
  replaces: { sandboxId: 'sandbox-o-n-0', objectId: 'object-0' },
}
const access = {
  token: 'sandbox-token',
  controlPlaneUrl: 'https://plane.example.com',
  promptWaits: true,
}
const stop = { ...job, objectId: 'object-1', reason: 'inactive' }

t.test('asks with the names of the wire', async t => {
  const service = await startProvider(t)
  const provider = httpProvider({
    url: `${service.url}/api/`,
    secret: service.secret,
    nowMs: Date.now,
  })
  t.strictSame(await provider.create(job, access), {
    objectId: 'object-sandbox-o-n-1',
    warning: null,
  })
  await provider.restore({ ...job, replaces: null, snapshotImageId: 'image-1' }, access)
  t.match(await provider.snapshot(stop, 'JOB.1'), { imageId: /^image-/ })
  await provider.stop(stop, { remove: false })
  await provider.stop({ ...stop, objectId: null }, { remove: false })
  t.strictSame(service.calls, [
    {
      operation: 'stop',
      body: { sandbox_id: 'object-0', session_id: 's1', reason: 'replaced' },
    },
    {
      operation: 'create',
      body: {
        session_id: 's1',
        sandbox_id: 'sandbox-o-n-1',
        repo_owner: 'o',
        repo_name: 'n',
        control_plane_url: 'https://plane.example.com',
        sandbox_auth_token: 'sandbox-token',
        snapshot_id: null,
        opencode_session_id: 'agent-1',
        git_user_name: null,
        git_user_email: null,
        provider: 'anthropic',
        model: 'claude-haiku-4-5',
      },
    },
    {
      operation: 'restore',
      body: {
        snapshot_image_id: 'image-1',
        session_config: {
          session_id: 's1',
          repo_owner: 'o',
          repo_name: 'n',
          provider: 'anthropic',
          model: 'claude-haiku-4-5',
        },
        sandbox_id: 'sandbox-o-n-1',
        control_plane_url: 'https://plane.example.com',
        sandbox_auth_token: 'sandbox-token',
      },
    },
    {
      operation: 'snapshot',
      body: { sandbox_id: 'object-1', session_id: 's1', reason: 'inactive' },
    },
    { operation: 'stop', body: { sandbox_id: 'object-1', session_id: 's1', reason: 'inactive' } },
  ])
})

/** A service that always answers the same. */
const answering = async (t: Test, status: number, body: string) => {
  const server = createServer((_, response) => {
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {})
    response.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return httpProvider({ url, secret: 'x', nowMs: Date.now })
}

for (const [status, body, code, permanent] of [
  [200, '{"success":false,"error":"no such image"}', 'PROVIDER_REFUSED', true],
  [400, '{"success":false}', 'PROVIDER_REFUSED', true],
  [401, 'Unauthorized', 'PROVIDER_REFUSED', true],
  [429, '', 'PROVIDER_UNAVAILABLE', false],
  [500, 'oops', 'PROVIDER_UNAVAILABLE', false],
  [501, '', 'PROVIDER_UNSUPPORTED', true],
  [200, 'not json', 'PROVIDER_UNAVAILABLE', false],
  [302, '', 'PROVIDER_UNAVAILABLE', false],
] as const) {
  t.test(`${status} ${body}`, async t => {
    const provider = await answering(t, status, body)
    const error = await provider.create({ ...job, replaces: null }, access).then(
      () => undefined,
      caught => caught,
    )
    t.equal(codeOf(error), code)
    t.equal(isPermanent(error), permanent)
    if (body.includes('image')) t.match(error.message, 'no such image')
  })
}

t.test('nobody there', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const provider = httpProvider({
    url: `http://127.0.0.1:${port}`,
    secret: 'x',
    nowMs: Date.now,
  })
  await t.rejects(provider.create({ ...job, replaces: null }, access), {
    message: /cannot be reached for create/,
    cause: { code: 'PROVIDER_UNAVAILABLE' },
  })
})
