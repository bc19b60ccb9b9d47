/**
 * Point 21 of the conformance list, over the wire: a fake sandbox of the original's age, the real github
 * process and the forge. Pushes that fail, that nobody answers, that outlive a socket and an owner.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { sandboxToken } from '../../lib/auth/sandbox-token.ts'
import { connectSandbox, startProvider, type TestSandbox } from '../fixtures/provider.ts'
import { startSystem } from '../fixtures/system.ts'
import { of, sessionOf } from './scene.ts'

const git = promisify(execFile)
t.setTimeout(240_000)

const provider = await startProvider(t)
const system = await startSystem(t, {
  provider,
  githubs: 2,
  owners: 2,
  edges: 2,
  env: { PUSH_TIMEOUT_MS: '4000' },
})

type Scene = { sid: string; sandbox: TestSandbox; connect: (edge: number) => Promise<TestSandbox> }
const begin = async (): Promise<Scene> => {
  const sid = await system.createSession()
  const asked = await provider.until('create', body => sessionOf({ operation: '', body }) === sid)
  const connect = (edge: number) => connectSandbox(t, system.edges[edge] as string, asked)
  const sandbox = await connect(0)
  await system.call('POST', `/sessions/${sid}/prompt`, { content: 'work', authorId: 'alice' })
  await sandbox.prompt(0)
  return { sid, sandbox, connect }
}
const bySandbox = (sid: string, key?: string) => ({
  headers: {
    authorization: `Bearer ${sandboxToken(system.secret, sid, 1)}`,
    ...(key ? { 'idempotency-key': key } : {}),
  },
})
const words = { title: 'Work', body: 'It works.' }
const openPr = (sid: string, more: object = {}, key?: string) =>
  system.call('POST', `/sessions/${sid}/pr`, { ...words, ...more }, bySandbox(sid, key))

/** What a sandbox program does with its push, with a token that was lent for git. */
const pushFor = async (sid: string, branch: string) => {
  const lent = await system.call('POST', `/sessions/${sid}/scm-credentials`, {}, bySandbox(sid))
  const url = new URL(`${system.forge}/demo/hello.git`)
  url.username = lent.body.username
  url.password = lent.body.password
  const folder = `${t.testdir({ [sid]: {} })}/${sid}`
  const run = (...args: string[]) =>
    git('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args])
  await git('git', ['clone', '-q', url.href, folder])
  await run('commit', '-q', '--allow-empty', '-m', `Work of ${sid}`)
  await run('push', '-q', '-f', url.href, `HEAD:refs/heads/${branch}`)
}

t.test('a push, its frame, and one request at a time', async t => {
  const { sid, sandbox } = await begin()
  const branchName = `open-inspect/${sid}`
  const opening = openPr(sid, {}, 'one')
  const frame = await sandbox.until('push')
  const remoteUrl = `${system.forge}/demo/hello.git`
  t.match(frame, {
    branchName,
    repoOwner: 'demo',
    repoName: 'hello',
    pushSpec: {
      remoteUrl,
      redactedRemoteUrl: remoteUrl,
      refspec: `HEAD:refs/heads/${branchName}`,
      targetBranch: branchName,
      force: true,
    },
  })
  t.notMatch(JSON.stringify(frame), /gh[sur]_/, 'no token is in it')
  t.match(await openPr(sid), {
    status: 409,
    body: { error: /^A pull request is already being created for/ },
  })
  const again = openPr(sid, {}, 'one')
  await pushFor(sid, branchName)
  sandbox.emit({ type: 'push_complete', branchName: branchName.toUpperCase() })
  const [first, second] = await Promise.all([opening, again])
  t.match(first, {
    status: 200,
    body: {
      prNumber: /\d/,
      state: 'open',
      headBranch: branchName,
      baseBranch: 'main',
      updated: false,
    },
  })
  t.same(second.body, first.body, 'the same request has the same outcome')
  const later = openPr(sid, { title: 'More' })
  await sandbox.until('push', sandbox.frames.indexOf(frame) + 1)
  sandbox.emit({ type: 'push_complete', branchName })
  t.match((await later).body, { prNumber: first.body.prNumber, updated: true })
})

t.test('pushes that fail: without a branch, unanswered, given up', async t => {
  const { sid, sandbox } = await begin()
  const without = openPr(sid)
  await sandbox.until('push')
  sandbox.emit({ type: 'push_error', error: 'No repository found' })
  t.match(await without, {
    status: 500,
    body: { error: 'Failed to push branch: No repository found' },
  })
  const unanswered = openPr(sid)
  t.match(await unanswered, { status: 500, body: { error: /no answer within 4 seconds/ } })
  await sandbox.until('push_cancel')
  const from = sandbox.frames.length
  const unwanted = openPr(sid)
  await sandbox.until('push', from)
  const cancelled = await system.call('DELETE', `/sessions/${sid}/pr`, undefined, bySandbox(sid))
  t.match(cancelled, { status: 200, body: { status: 'cancelled' } })
  t.match(await unwanted, { status: 409, body: { code: 'PULL_REQUEST_CANCELLED' } })
  const { body } = await system.call('GET', `/sessions/${sid}/artifacts`)
  t.same(body.artifacts, [])
})

t.test('a push outlives its socket, and the wait for it an owner', async t => {
  const { sid, sandbox, connect } = await begin()
  const opening = openPr(sid)
  await sandbox.until('push')
  sandbox.socket.terminate()
  await system.process('owner', 0).kill()
  const next = await connect(1)
  t.match(await next.until('push'), { branchName: `open-inspect/${sid}` })
  await pushFor(sid, `open-inspect/${sid}`)
  next.emit({ type: 'push_complete', branchName: `open-inspect/${sid}` })
  t.match(await opening, { status: 200, body: { updated: false } })
  await system.process('owner', 0).start()
})

t.test('who may, and what has to be there', async t => {
  const { sid, sandbox } = await begin()
  const call = (body: object, options = {}) =>
    system.call('POST', `/sessions/${sid}/pr`, body, options)
  t.match(await call({ title: 'x' }, bySandbox(sid)), {
    status: 400,
    body: { error: 'title and body are required' },
  })
  t.match(await openPr(sid, { headBranch: 'a b' }), {
    status: 400,
    body: { error: 'headBranch must be a valid branch name' },
  })
  const forged = { headers: { authorization: `Bearer ${'0'.repeat(64)}` } }
  t.match(await call(words, forged), { status: 401 })
  t.match(await system.call('POST', `/sessions/${sid}/scm-credentials`, {}), { status: 401 })
  t.match(await call({ ...words, userId: 'eve' }), { status: 403 })
  t.match(await system.call('POST', '/sessions/unknown/pr', { ...words, userId: 'eve' }), {
    status: 404,
  })
  sandbox.complete((await sandbox.prompt(0)).messageId as string)
  await sandbox.until(of('ack'))
  t.match(await openPr(sid), { status: 400, body: { error: /^No active prompt found/ } })
  const alone = await system.createSession()
  const body = { ...words, userId: 'alice', headBranch: 'never-pushed' }
  const unpushed = system.call('POST', `/sessions/${alone}/pr`, body)
  t.match(
    await unpushed,
    { status: 500, body: { error: /never-pushed|head/i } },
    'what is not there cannot be opened',
  )
})
