import { rmSync, utimesSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { requireAccount } from '../../../lib/forge/accounts.ts'
import { createRepository } from '../../../lib/forge/repositories.ts'
import { openMirrors } from '../../../lib/sandbox/local/mirror.ts'
import { fail } from '../../../subjects/errors.ts'
import { installationToken, startForge } from '../../forge/forges.ts'

const rejection = (work: Promise<unknown>) => work.then(String, (error: Error) => error)

t.test('a mirror serves as it is while the git host is away, and only then', async t => {
  const here = await startForge(t)
  const { forge, folder, origin } = here
  const demo = await forge.store.within(db => requireAccount(db, 'demo'))
  for (const name of ['hidden', 'other']) {
    await createRepository(forge, { owner: demo, name, private: true })
  }
  let password = await installationToken(here)
  let credentials = async () => ({ username: 'x-access-token', password })
  const mirrors = openMirrors(join(folder, 'repos'), {
    url: origin,
    credentials: () => credentials(),
  })
  const first = await mirrors.refreshed('demo', 'hidden')
  t.equal(first.stale, null)
  const then = new Date(Date.now() - 3 * 3_600_000)
  utimesSync(join(first.repository, 'fetched'), then, then)

  t.comment('what the git host refuses is no outage')
  const good = password
  password = 'ghs_wrong'
  t.match(await rejection(mirrors.refreshed('demo', 'hidden')), {
    message: /^The repository demo\/hidden could not be read: .*Authentication failed/s,
    cause: { code: 'PROVIDER_UNAVAILABLE' },
  })
  const able = credentials
  for (const [code, becomes] of [
    ['GITHUB_REFUSED', 'PROVIDER_UNAVAILABLE'],
    ['REPOSITORY_NOT_INSTALLED', 'REPOSITORY_NOT_FOUND'],
  ] as const) {
    credentials = () => Promise.reject(fail(code))
    t.match(await rejection(mirrors.refreshed('demo', 'hidden')), { cause: { code: becomes } })
  }
  ;[password, credentials] = [good, able]

  t.comment('away: nobody answers, or there is no token to be had')
  await forge.close()
  const stale =
    /^The repository demo\/hidden could not be read: .*This host's copy of it is used, as of \d{4}-\d\d-\d\d \d\d:\d\d UTC, 3 hours ago\.$/s
  t.match(await mirrors.refreshed('demo', 'hidden'), { repository: first.repository, stale })
  t.match(await rejection(mirrors.refreshed('demo', 'other')), {
    message: /This host has no copy of it yet: send a prompt again once http.* answers\.$/,
    cause: { code: 'PROVIDER_UNAVAILABLE' },
  })
  credentials = () => Promise.reject(fail('GITHUB_UNAVAILABLE'))
  t.match(await mirrors.refreshed('demo', 'hidden'), { stale })
  credentials = able

  t.comment('half a mirror is none')
  rmSync(join(first.repository, 'fetched'))
  t.match(await rejection(mirrors.refreshed('demo', 'hidden')), { message: /no copy of it yet/ })
})

t.test('what a git host answers is told apart', async t => {
  const here = await startForge(t)
  const { folder, origin } = here
  const password = await installationToken(here)
  let answer = 0
  // In front of the forge: it answers what is asked for here, or cuts.
  const front = createServer((request, response) => {
    if (answer === 0) return void request.socket.destroy()
    response.writeHead(answer).end()
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void front.close())
  const repos = join(folder, 'repos')
  const credentials = async () => ({ username: 'x-access-token', password })
  await openMirrors(repos, { url: origin, credentials }).refreshed('demo', 'hello')
  const { port } = front.address() as AddressInfo
  const mirrors = openMirrors(repos, { url: `http://127.0.0.1:${port}`, credentials })
  for (answer of [0, 500, 502, 503, 429, 408]) {
    t.match(await mirrors.refreshed('demo', 'hello'), { stale: /copy of it/ }, `${answer} passes`)
  }
  for (answer of [401, 403, 404, 410]) {
    t.match(
      await rejection(mirrors.refreshed('demo', 'hello')),
      { cause: { code: 'PROVIDER_UNAVAILABLE' } },
      `${answer} is a refusal`,
    )
  }
})

t.test('a git host that hangs holds nobody up', async t => {
  const here = await startForge(t)
  const repos = join(here.folder, 'repos')
  const password = await installationToken(here)
  const credentials = async () => ({ username: 'x-access-token', password })
  await openMirrors(repos, { url: here.origin, credentials }).refreshed('demo', 'hello')
  let cut = 0
  const silent = createNetServer(socket => socket.resume().on('close', () => cut++))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const mirrors = openMirrors(repos, { url: `http://127.0.0.1:${port}`, credentials }, 100)
  t.match(await mirrors.refreshed('demo', 'hello'), { stale: /too slow\. This host's copy/ })
  await new Promise(resolve => silent.close(resolve))
  t.equal(cut, 1, 'no program of git waits on')
})
