/** Pushing beside a running prompt, over real HTTP to git's own backend, with tokens of the moment. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { confinementOf } from '../../../lib/sandbox/bridge/confine.ts'
import { openGateway } from '../../../lib/sandbox/bridge/gateway.ts'
import { installPrograms, pathWith } from '../../../lib/sandbox/bridge/programs.ts'
import { createPushes, type PushFrame } from '../../../lib/sandbox/bridge/push.ts'
import { sandboxFolder } from '../control-plane.ts'
import { startGitServer } from '../git-server.ts'

const git = promisify(execFile)
const TOKEN = 'canary-token-of-the-moment'
const BRANCH = 'open-inspect/s1'
t.setTimeout(120_000)

type Said = { readonly type: string; readonly [field: string]: unknown }

const start = async (t: Parameters<typeof sandboxFolder>[0], withinMs?: number) => {
  const server = await startGitServer(t, TOKEN)
  const folder = await sandboxFolder(t)
  const workspace = join(folder, 'workspace')
  const inWorkspace = async (...args: string[]) => {
    const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
    return (await git('git', ['-C', workspace, ...who, ...args])).stdout.trim()
  }
  await inWorkspace('init', '-q')
  await inWorkspace('commit', '-q', '--allow-empty', '-m', 'one')
  const asked: string[] = []
  const plane = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    const body = { username: 'x-access-token', password: TOKEN, expires_at_epoch_ms: 4e12 }
    response.end(JSON.stringify(body))
  })
  plane.listen(0, '127.0.0.1')
  await once(plane, 'listening')
  const controlPlaneUrl = `http://127.0.0.1:${(plane.address() as AddressInfo).port}`
  const gateway = await openGateway({ controlPlaneUrl, sid: 's1', token: 'the-token' })
  t.teardown(() => {
    gateway.close()
    plane.close()
  })
  const remoteUrl = `${server.url}/demo/hello.git`
  await installPrograms({ folder, repositoryUrl: remoteUrl, isolated: false })
  const env = {
    PATH: pathWith(folder, process.env.PATH ?? ''),
    HOME: join(folder, 'home'),
    GIT_CONFIG_GLOBAL: join(folder, 'git', 'config'),
    GIT_TERMINAL_PROMPT: '0',
    SANDBOX_GATEWAY: gateway.url,
  }
  const said: Said[] = []
  let heard = Promise.withResolvers<void>()
  const { confine } = await confinementOf(null, env)
  const say = (event: Said) => {
    said.push(event)
    heard.resolve()
    heard = Promise.withResolvers()
  }
  const limit = withinMs === undefined ? {} : { withinMs }
  const pushes = createPushes({ workspace, folder, env, confine, say, ...limit })
  const frame = (
    pushId: string,
    more: { branchName?: string; force?: boolean } = {},
  ): PushFrame => {
    const { branchName = BRANCH, force = true } = more
    const about = { repoOwner: 'demo', repoName: 'hello' }
    const refspec = `HEAD:refs/heads/${branchName}`
    const pushSpec = {
      remoteUrl,
      redactedRemoteUrl: remoteUrl,
      refspec,
      targetBranch: branchName,
      force,
      ...about,
    }
    return { type: 'push', pushId, branchName, ...about, pushSpec }
  }
  const answer = async (pushId: string): Promise<Said> => {
    for (;;) {
      const found = said.find(one => one.pushId === pushId)
      if (found) return found
      await heard.promise
    }
  }
  return { server, folder, inWorkspace, pushes, frame, answer, said, asked, env }
}

t.test('what is committed is pushed, with force where that is allowed', async t => {
  const { server, folder, inWorkspace, pushes, frame, answer, asked, said, env } = await start(t)
  pushes.push(frame('p1'))
  pushes.push(frame('p1'))
  t.match(await answer('p1'), {
    type: 'push_complete',
    branchName: BRANCH,
    repoOwner: 'demo',
    repoName: 'hello',
  })
  const first = await inWorkspace('rev-parse', 'HEAD')
  t.equal(await server.at(BRANCH), first)
  t.same(
    asked,
    ['POST /sessions/s1/scm-credentials Bearer the-token'],
    'one token, asked for by git',
  )

  await inWorkspace('commit', '-q', '--amend', '--allow-empty', '-m', 'another one')
  pushes.push(frame('p2', { force: false }))
  t.match(await answer('p2'), { type: 'push_error', error: /rejected|non-fast-forward/ })
  t.equal(await server.at(BRANCH), first, 'what is there is not replaced')
  pushes.push(frame('p3'))
  t.match(await answer('p3'), { type: 'push_complete' })
  t.equal(await server.at(BRANCH), await inWorkspace('rev-parse', 'HEAD'))
  t.equal(said.length, 3, 'the same push again is not pushed again')

  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const file of files.filter(one => one.isFile())) {
    const text = await readFile(join(file.parentPath, file.name), 'latin1')
    if (/canary-token|the-token/.test(text)) t.fail(`${file.name} holds a token`)
  }
  t.notMatch(JSON.stringify(env), /the-token/)
})

t.test('a push that does not get through is tried again', async t => {
  const { server, inWorkspace, pushes, frame, answer } = await start(t)
  server.cuts = 2
  pushes.push(frame('p1'))
  t.match(await answer('p1'), { type: 'push_complete' })
  t.equal(server.cuts, 0)
  t.equal(await server.at(BRANCH), await inWorkspace('rev-parse', 'HEAD'))
})

t.test('the token is for this repository alone', async t => {
  const { server, inWorkspace, env, asked } = await start(t)
  const other = git('git', ['ls-remote', `${server.url}/demo/other.git`], { env })
  await t.rejects(other)
  t.same(asked, [])
  t.same(server.offered, [])
  t.ok(await inWorkspace('rev-parse', 'HEAD'))
})

t.test('a push that takes too long, or that nobody wants any more, ends', async t => {
  const slow = await start(t, 300)
  slow.server.silent = true
  slow.pushes.push(slow.frame('p1'))
  t.match(await slow.answer('p1'), { type: 'push_error', error: /took longer than/ })
  const given = await start(t)
  given.server.silent = true
  given.pushes.push(given.frame('p1'))
  given.pushes.cancel('p1')
  t.match(await given.answer('p1'), { type: 'push_error', error: 'The push was given up' })
  given.pushes.push(given.frame('p2'))
  await given.pushes.end('The sandbox ends')
  t.match(await given.answer('p2'), { error: 'The sandbox ends' })
})
