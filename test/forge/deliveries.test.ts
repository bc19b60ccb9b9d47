import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { freePort } from '../../lib/process/free-port.ts'
import {
  APP,
  clientsOf,
  clone,
  installationToken,
  signIn,
  startForge,
  startReceiver,
  withToken,
} from './forges.ts'

const repo = { owner: 'demo', repo: 'hello' }

t.test('a delivery is sent once, recorded, and sent again when asked for', async t => {
  let status = 500
  const receiver = await startReceiver(t, () => status)
  const here = await startForge(t, { webhookUrl: `${receiver.url}/webhooks/github` })
  const { app, forge, origin } = here
  const token = await installationToken(here)
  const work = await clone(t, withToken(origin, 'demo/hello', token))
  for (const branch of ['one', 'two', 'three']) {
    await work.commit(branch, { [branch]: branch })
    await work.run('push', '--quiet', 'origin', branch)
  }
  await forge.hooks.idle()
  t.equal(receiver.heard.length, 3, 'a failed one is not tried again by itself')

  const pages: number[] = []
  const all = []
  const pageOf = { per_page: 2 }
  for await (const page of app.octokit.paginate.iterator('GET /app/hook/deliveries', pageOf)) {
    pages.push(page.data.length)
    all.push(...page.data)
  }
  t.same(pages, [2, 1], 'pages by cursor')
  t.match(all, Array(3).fill({ event: 'push', status_code: 500, redelivery: false }))
  const newest = all[0]
  t.equal(newest?.guid, receiver.heard[2]?.id, 'newest first')

  status = 200
  const id = { delivery_id: Number(newest?.id) }
  const again = await app.octokit.request('POST /app/hook/deliveries/{delivery_id}/attempts', id)
  t.equal(again.status, 202)
  await forge.hooks.idle()
  t.equal(receiver.heard.length, 4)
  t.same(receiver.heard[3], receiver.heard[2], 'the same id and the same content')
  const { data: after } = await app.octokit.request('GET /app/hook/deliveries')
  t.match(after[0], { guid: newest?.guid, redelivery: true, status: 'OK', status_code: 200 })
  const { data: whole } = await app.octokit.request('GET /app/hook/deliveries/{delivery_id}', {
    delivery_id: Number(after[0]?.id),
  })
  t.match(whole, {
    request: { headers: { 'x-github-event': 'push' }, payload: { ref: 'refs/heads/three' } },
    response: { payload: 'taken' },
  })
})

/** The forge as a process of its own. */
const launch = async (t: Test, env: Record<string, string>) => {
  const script = new URL('../../cmd/forge.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script], { env: { PATH: process.env.PATH, ...env } })
  t.teardown(() => void child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) if (/listens on/.test(line)) break
  return child
}

t.test('kill -9 loses nothing that was answered', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'forge-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const receiver = await startReceiver(t)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const env = {
    DATA_DIR: folder,
    FORGE_PORT: String(port),
    CONTROL_PLANE_URL: receiver.url,
    GIT_HOST: 'forge',
    GITHUB_APP_ID: String(APP.appId),
    GITHUB_APP_INSTALLATION_ID: String(APP.installationId),
    GITHUB_APP_PRIVATE_KEY: APP.privateKey,
    GITHUB_WEBHOOK_SECRET: APP.webhookSecret,
    GITHUB_CLIENT_ID: APP.clientId,
    GITHUB_CLIENT_SECRET: APP.clientSecret,
  }
  const first = await launch(t, env)
  const clients = clientsOf({ origin })
  const token = await installationToken(clients)
  const work = await clone(t, withToken(origin, 'demo/hello', token))
  const sha = await work.commit('agent/one', { one: 'one' })
  await work.run('push', '--quiet', 'origin', 'agent/one')
  const octokit = clients.as(token)
  const made = { ...repo, title: 'One', head: 'agent/one', base: 'main' }
  await octokit.pulls.create(made)
  const merged = await octokit.pulls.merge({ ...repo, pull_number: 1 })
  first.kill('SIGKILL')
  await once(first, 'close')

  // What happens to a repository while the forge is down is told when it is up again.
  const bare = join(folder, 'forge/git/demo/hello.git')
  await work.run('push', '--quiet', bare, 'agent/one:refs/heads/by-hand')
  await launch(t, env)
  t.equal((await octokit.repos.getBranch({ ...repo, branch: 'agent/one' })).data.commit.sha, sha)
  t.match((await octokit.pulls.get({ ...repo, pull_number: 1 })).data, {
    merged: true,
    merge_commit_sha: merged.data.sha,
  })
  t.match((await signIn(origin, 'alice')).answer, { access_token: /^ghu_/ })
  await receiver.until(one => one.event === 'push' && one.payload.ref === 'refs/heads/by-hand')
  const ids = receiver.heard.map(one => one.id)
  t.equal(new Set(ids).size, ids.length, 'nothing was sent twice')
})
