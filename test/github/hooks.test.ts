/** What webhooks do to sessions: each its effect, once, whatever their order and however often. */
import { randomInt } from 'node:crypto'
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishJob } from '../../lib/bus/jobs.ts'
import { DLQ, HOOK } from '../../subjects/streams.ts'
import { GITHUB_HOOK } from '../../subjects/subjects.ts'
import { followDone, untilEvents } from '../fixtures/awaiting.ts'
import { REPOSITORY, startScene } from './scene.ts'

const scene = await startScene(t, {
  GITHUB_COMMENT_PROMPTS: 'Alice, carol',
  MAX_UNFINISHED_PROMPTS: '1000',
})
const { bus, github, session, eventsOf, pullRequest } = scene
const process = scene.spawnGithub()
await process.start()

const ALICE = { id: 42, login: 'alice', type: 'User' }
let deliveries = 0
type Delivery = { readonly id: string; readonly event: string; readonly payload: object }
const delivery = (event: string, payload: object, id = `d-${++deliveries}`): Delivery => ({
  id,
  event,
  payload: { repository: REPOSITORY, sender: ALICE, ...payload },
})
/** `messageId`: other than the delivery's own when the stream has forgotten it. */
const publish = ({ id, event, payload }: Delivery, messageId = id) =>
  publishJob(
    bus,
    GITHUB_HOOK,
    { v: 1, deliveryId: id, event, receivedAtMs: Date.now(), payload },
    messageId,
  )
const drained = await followDone(bus, HOOK)
const send = async (...all: Delivery[]) => {
  for (const one of all) await publish(one)
  await drained()
}

type PullState = { state?: string; draft?: boolean; merged?: boolean; title?: string; at?: number }
const pullOf = (number: number, ref: string, one: PullState = {}, headRepo = REPOSITORY.id) => ({
  number,
  html_url: `http://github/pull/${number}`,
  title: one.title ?? 'A title',
  state: one.state ?? 'open',
  draft: one.draft ?? false,
  merged: one.merged ?? false,
  updated_at: new Date(Date.parse('2026-05-01T12:00:00Z') + (one.at ?? 1) * 1000).toISOString(),
  head: { ref, sha: `sha-${one.at ?? 1}`, repo: { id: headRepo } },
  base: { ref: 'main', repo: { id: REPOSITORY.id } },
})
const changed = (...args: Parameters<typeof pullOf>) =>
  delivery('pull_request', { action: 'edited', pull_request: pullOf(...args) })
const push = (branch: string, sha: string) =>
  delivery('push', { ref: `refs/heads/${branch}`, after: sha })
/** Where a branch stands at GitHub. */
const stands = (branch: string, sha: string) =>
  github.on(`GET /repos/Acme/hello/branches/${encodeURIComponent(branch)}`, () => ({
    name: branch,
    commit: { sha },
  }))
const comment = (number: number, body: string, more: object = {}) =>
  delivery('issue_comment', {
    action: 'created',
    issue: { number, title: 'A title', pull_request: {} },
    comment: { id: deliveries, body, html_url: 'http://github/c', user: ALICE },
    ...more,
  })

const tracked = async (sid: string) => (await eventsOf(sid, 'pull_request_tracked')).at(-1)
const prompts = async (sid: string) =>
  (await eventsOf(sid, 'prompt_queued')).map(one => one.content)

t.test('a pull request lives', async t => {
  const sid = await session()
  await pullRequest(sid)
  const { number = 0 } = (await tracked(sid)) ?? {}
  const branch = `open-inspect/${sid}`
  await send(changed(number, branch, { draft: true, at: 100, title: 'Better' }))
  t.match(await tracked(sid), { state: 'draft', title: 'Better', headSha: 'sha-100' })
  await send(
    changed(number, branch, { state: 'closed', merged: true, at: 200 }),
    changed(number, branch, { at: 150 }),
  )
  t.match(await tracked(sid), { state: 'merged' }, 'what comes late changes nothing')
})

t.test('whose it is', async t => {
  const sid = await session()
  const branch = `open-inspect/${sid}`
  await send(
    changed(70, branch, {}, 6),
    delivery('pull_request', {
      action: 'opened',
      pull_request: pullOf(71, branch),
      repository: { id: 9, full_name: 'evil/hello' },
    }),
    changed(72, 'open-inspect/no-such-session'),
    changed(73, 'main'),
  )
  t.equal(await tracked(sid), undefined, 'not of a fork, nor of another repository')
  await send(changed(74, branch, { title: 'By hand' }))
  t.match(await tracked(sid), { number: 74, title: 'By hand' }, 'but one that a person opened')

  const other = await session()
  await pullRequest(other, { headBranch: 'Feature/X' })
  const { number = 0, headBranch = '' } = (await tracked(other)) ?? {}
  await send(changed(number, headBranch, { state: 'closed', at: 9 }))
  t.match(await tracked(other), { state: 'closed' }, 'a branch of any name, by its number')
})

t.test('a push', async t => {
  const sid = await session()
  const branch = `open-inspect/${sid}`
  stands(branch, 'newest')
  await send(push(branch, 'older'), push(branch, 'newest'), push(branch, 'older'))
  const { details } = await ask(bus, { v: 1, type: 'snapshot', sid })
  t.match(details, { currentSha: 'newest', sandbox: { gitSyncStatus: 'completed' } })
  t.equal((await eventsOf(sid, 'session_sha_changed')).length, 1)
  await send(delivery('push', { ref: `refs/tags/${branch}`, after: 'x' }))
  await send(delivery('push', { ref: `refs/heads/${branch}`, after: '0', deleted: true }))
  t.equal((await eventsOf(sid, 'session_sha_changed')).length, 1)
})

t.test('an answer of GitHub that was overtaken by a newer one', async t => {
  const sid = await session()
  const branch = `open-inspect/${sid}`
  const shas = async () => (await eventsOf(sid, 'session_sha_changed')).map(({ sha }) => sha)
  const newerIsTold = Promise.withResolvers<void>()
  const olderIsAsked = Promise.withResolvers<void>()
  github.on(`GET /repos/Acme/hello/branches/${encodeURIComponent(branch)}`, async () => {
    stands(branch, 'newer')
    olderIsAsked.resolve()
    await newerIsTold.promise
    return { name: branch, commit: { sha: 'older' } }
  })
  await publish(push(branch, 'older'))
  await olderIsAsked.promise
  await publish(push(branch, 'newer'))
  await untilEvents(bus, sid, 'session_sha_changed', all => all.some(({ sha }) => sha === 'newer'))
  newerIsTold.resolve()
  await drained()
  t.equal((await shas()).at(-1), 'newer')
})

t.test('a comment is a prompt, of those who may', async t => {
  const sid = await session()
  await pullRequest(sid)
  const { number = 0 } = (await tracked(sid)) ?? {}
  const mallory = { id: 66, login: 'mallory', type: 'User' }
  const by = (user: object, sender = user) => ({
    sender,
    comment: { id: 1, body: 'rm -rf /', html_url: 'x', user },
  })
  await send(
    comment(number, 'x', by(mallory)),
    comment(number, 'x', by(mallory, ALICE)),
    comment(number, 'x', by({ ...ALICE, type: 'Bot' })),
    comment(number, 'edited', { action: 'edited' }),
    comment(number, 'on an issue', { issue: { number, title: 'x', pull_request: null } }),
    comment(9_999, 'elsewhere'),
  )
  t.strictSame(await prompts(sid), [])
  await send(comment(number, 'Please rename it'))
  t.strictSame(await prompts(sid), [
    `alice commented on pull request #${number} (A title) of Acme/hello:\n\nPlease rename it\n\nhttp://github/c`,
  ])
  const review = (more: object = {}) => ({
    action: 'created',
    sender: { id: 43, login: 'Carol', type: 'User' },
    pull_request: pullOf(number, `open-inspect/${sid}`),
    comment: {
      id: 1,
      body: 'Why?',
      html_url: 'http://github/r',
      user: { id: 43, login: 'Carol' },
      path: 'src/a.ts',
      line: 7,
      diff_hunk: '@@ -1 +1 @@\n+```\n+code',
      ...more,
    },
  })
  await send(delivery('pull_request_review_comment', review()))
  t.equal(
    (await prompts(sid))[1],
    `Carol commented on pull request #${number} (A title) of Acme/hello, on src/a.ts line 7:\n\n` +
      '````diff\n@@ -1 +1 @@\n+```\n+code\n````\n\nWhy?\n\nhttp://github/r',
  )
  const queued = await eventsOf(sid, 'prompt_queued')
  t.match(queued[1], { source: 'github', clientRequestId: /^hook:d-/ })
  const joined = await eventsOf(sid, 'participant_joined')
  t.match(joined.at(-1), { userId: 'github:43', login: 'Carol', githubUserId: '43' })
})

t.test('a thousand, doubled and shuffled, with the process killed in between', async t => {
  const sids = await Promise.all([session(), session(), session()])
  for (const sid of sids) await pullRequest(sid)
  const all: Delivery[] = []
  for (const [i, sid] of sids.entries()) {
    const { number = 0 } = (await tracked(sid)) ?? {}
    const branch = `open-inspect/${sid}`
    stands(branch, `end-${i}`)
    for (let n = 0; n < 10; n++) {
      all.push(push(branch, n === 9 ? `end-${i}` : `on-${n}`), comment(number, `comment ${n}`))
      all.push(changed(number, branch, { at: 1_000 + n, title: `Title ${n}` }))
    }
    all.push(changed(number, branch, { at: 2_000, state: 'closed', merged: true, title: 'Done' }))
    all.push(delivery('ping', { zen: 'ok' }))
  }
  // Some of them again so late that the stream does not know them any more.
  const thousand = Array.from({ length: Math.ceil(1_000 / all.length) }, (_, round) =>
    all.map(one => ({ one, messageId: round % 3 === 2 ? `${one.id}.${round}` : one.id })),
  ).flat()
  for (let i = thousand.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[thousand[i], thousand[j]] = [
      thousand[j] as (typeof thousand)[0],
      thousand[i] as (typeof thousand)[0],
    ]
  }
  t.ok(thousand.length >= 1_000)
  await process.kill()
  const half = thousand.length / 2
  for (let i = 0; i < half; i += 50) {
    await Promise.all(
      thousand
        .slice(i, Math.min(half, i + 50))
        .map(({ one, messageId }) => publish(one, messageId)),
    )
  }
  await process.start()
  for (let i = half; i < thousand.length; i += 50) {
    await Promise.all(
      thousand.slice(i, i + 50).map(({ one, messageId }) => publish(one, messageId)),
    )
    if (i === half + 100) {
      await process.kill()
      await process.start()
    }
  }
  await drained()
  for (const [i, sid] of sids.entries()) {
    t.match(await tracked(sid), { state: 'merged', title: 'Done' })
    const shas = (await eventsOf(sid, 'session_sha_changed')).map(one => one.sha)
    t.strictSame(shas, [`end-${i}`], 'the push once')
    const said = (await prompts(sid)).map(text => /comment \d/.exec(text)?.[0])
    t.strictSame(
      said.toSorted(),
      Array.from({ length: 10 }, (_, n) => `comment ${n}`),
      'each comment once',
    )
  }
  t.equal((await bus.jsm.streams.info(DLQ)).state.messages, 0)
})
