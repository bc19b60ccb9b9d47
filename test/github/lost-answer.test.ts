/** The answer to the creation of a pull request is lost, and people are faster than the second attempt. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { APP, clone, installationToken, startForge, withToken } from '../forge/forges.ts'
import { startScene } from './scene.ts'

const PULLS = '/repos/demo/hello/pulls'

/** Between us and the forge: a creation is done there, then `lost` happens, and nobody hears of it. */
const startFront = async (t: Test, origin: string, lost: (url: string) => Promise<unknown>) => {
  const front = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = 'GET', url = '/', headers } = request
    const { host: _, connection: __, 'content-length': ___, ...kept } = headers
    const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) }
    const answer = await fetch(origin + url, {
      method,
      headers: kept as Record<string, string>,
      ...body,
    })
    const text = await answer.text()
    if (method === 'POST' && url.endsWith(PULLS) && answer.status === 201) {
      await lost(JSON.parse(text).url)
      return void request.socket.destroy()
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.teardown(() => void front.close())
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`
}

t.test('what a lost answer told of is found again, whatever became of it', async t => {
  const forge = await startForge(t)
  const token = await installationToken(forge)
  const call = (method: string, url: string, body?: object) =>
    fetch(url, {
      method,
      headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  const people = {
    open: async () => {},
    closed: (url: string) => call('PATCH', url, { state: 'closed' }),
    merged: (url: string) => call('PUT', `${url}/merge`, {}),
  }
  let lost: (url: string) => Promise<unknown> = people.open
  const front = await startFront(t, forge.origin, url => lost(url))
  const scene = await startScene(t, {
    GITHUB_API_URL: `${front}/api/v3`,
    GITHUB_URL: forge.origin,
    GITHUB_APP_ID: String(APP.appId),
    GITHUB_APP_INSTALLATION_ID: String(APP.installationId),
    GITHUB_APP_PRIVATE_KEY: APP.privateKey,
  })
  await scene.startGithub()
  const work = await clone(t, withToken(forge.origin, 'demo/hello', token))
  let number = 0
  for (const [state, happens] of Object.entries(people)) {
    const sid = `lost-${state}`
    await scene.command(sid, {
      v: 1,
      type: 'create_session',
      clientRequestId: 'create',
      repoOwner: 'demo',
      repoName: 'hello',
      baseBranch: 'main',
      model: 'a/b',
      owner: { userId: 'alice' },
    })
    const headBranch = `open-inspect/${sid}`
    await work.commit(headBranch, { [sid]: 'work' })
    await work.run('push', '--quiet', 'origin', headBranch)
    lost = happens
    number += 1
    t.match(await scene.pullRequest(sid), { status: 'opened', number, state, updated: false })
    const query = `state=all&head=demo:${headBranch}`
    const answer = await call('GET', `${forge.baseUrl}${PULLS}?${query}`)
    t.match(await answer.json(), { length: 1 }, `one pull request, ${state}`)
    t.match((await scene.eventsOf(sid, 'pull_request_tracked')).at(-1), { number, state })
  }
})
