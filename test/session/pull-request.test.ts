import t from 'tap'
import { outstandingFor } from '../../lib/session/frames.ts'
import { summaryOf } from '../../lib/session/snapshot.ts'
import { pullRequestJob } from '../../subjects/github.ts'
import type { SessionEventOf } from '../../subjects/records.ts'
import { given, type Scene, type Told } from './scene.ts'
import {
  archive,
  cancelsPullRequest,
  changes,
  connected,
  create,
  disconnected,
  done,
  exited,
  fires,
  notPushed,
  OWN_BRANCH,
  opened,
  prompt,
  pullRequest,
  pushed,
  ready,
  remove,
  says,
  wsToken,
} from './tales.ts'

const running = [...ready, prompt('a')] as const
const ada = { kind: 'user', userId: 'ada' } as const
const requestOf = ({ state }: Scene): string => state.pullRequests.open?.requestId ?? 'none'
const outcomes = ({ state }: Scene) => state.pullRequests.outcomes.map(one => one.outcome)

t.test('a sandbox opens one for the author of the prompt that it runs', async t => {
  const { events, reply, scene } = given(...running)
    .when(pullRequest({ draft: true }))
    .gives(
      t,
      [
        {
          type: 'pull_request_requested',
          by: 'sandbox',
          headBranch: OWN_BRANCH,
          baseBranch: 'main',
          draft: true,
        },
        {
          type: 'push_requested',
          branchName: OWN_BRANCH,
          remoteUrl: 'https://git.example.org/acme/shop.git',
          force: true,
          generation: 1,
        },
      ],
      'the push comes first',
    )
  const requestId = requestOf(scene)
  t.match(reply, { ok: true, requestId })
  t.match(outstandingFor(scene.state).push, {
    type: 'push',
    pushId: requestId,
    branchName: OWN_BRANCH,
    pushSpec: { refspec: `HEAD:refs/heads/${OWN_BRANCH}`, force: true },
  })
  t.notMatch(JSON.stringify(events), /token/i, 'no token is part of it')

  const push = scene.tell(says(pushed({ branchName: ` ${OWN_BRANCH.toUpperCase()} ` })))
  t.match(
    push.events.map(one => one.type),
    ['timeline', 'push_finished', 'session_branch_changed', 'pull_request_opening'],
  )
  const [job] = push.record.effects
  t.match(job, { kind: 'github_job', job: 'pull_request' })
  t.match(pullRequestJob.parse(job?.payload), {
    requestId,
    head: OWN_BRANCH,
    base: 'main',
    draft: true,
    author: { userId: 'ada', login: 'ada-l', accessTokenEncrypted: null },
    known: null,
  })
  t.equal(summaryOf(scene.state).branchName, OWN_BRANCH)

  scene.tell(opened(requestId))
  t.same(outcomes(scene), [
    {
      status: 'opened',
      number: 7,
      url: 'https://git.example.org/acme/shop/pull/7',
      state: 'open',
      headBranch: OWN_BRANCH,
      baseBranch: 'main',
      updated: false,
    },
  ])
  t.equal(scene.state.pullRequests.open, null)
  t.same(scene.tell(opened(requestId)).events, [], 'a repeated answer changes nothing')

  scene.tell(pullRequest())
  const again = scene.tell(says(pushed()))
  t.match(again.record.effects[0]?.payload, { known: 7 }, 'the open one of this head is known')
})

t.test('who may, and when', async t => {
  const refusal = (history: readonly Told[], more: object, code: string, text?: RegExp) => {
    const { reply, events } = given(...history).when(pullRequest(more))
    t.match(reply, { ok: false, code, ...(text && { message: text }) })
    t.same(events, [], 'nothing has happened')
  }
  refusal([...ready], {}, 'NO_ACTIVE_PROMPT', /^No active prompt found/)
  refusal([...running], { by: { kind: 'sandbox', generation: 2 } }, 'SANDBOX_GONE')
  refusal([...running], { by: { kind: 'user', userId: 'eve' } }, 'NOT_A_PARTICIPANT')
  refusal([...ready, archive()], { by: ada }, 'SESSION_NOT_PROMPTABLE')
  refusal(
    [...running, pullRequest()],
    { by: ada },
    'PULL_REQUEST_BUSY',
    /already being created for acme\/shop/,
  )
  const invalid = /^headBranch must be a valid branch name$/
  for (const headBranch of [
    '',
    'HEAD',
    '/a',
    'a/',
    '.a',
    'a.',
    'a b',
    'a..b',
    'a@{b',
    ...'~^:?*[]\\'.split('').map(one => `a${one}b`),
    '-a',
    'a//b',
    'a/.b',
    'a.lock',
    'a\tb',
  ]) {
    refusal([...running], { headBranch }, 'INVALID_REQUEST', invalid)
  }
  refusal([...running], { headBranch: 'MAIN' }, 'INVALID_REQUEST', /another branch than the base/)
  refusal([...running], { baseBranch: 'a b' }, 'INVALID_REQUEST', /^baseBranch must be/)
})

t.test('a custom head', async t => {
  const { scene } = given(...running, pullRequest({ headBranch: 'Feature/One' }))
  const first = scene.state.pullRequests.open?.push
  t.match(first, { branchName: 'feature/one', force: false }, 'lower case; replaces nobody’s work')
  scene.tell(says(pushed({ branchName: 'feature/one' })))
  scene.tell(opened(requestOf(scene), { headBranch: 'feature/one' }))
  scene.tell(pullRequest())
  t.match(
    scene.state.pullRequests.open?.push,
    { branchName: 'feature/one', force: true },
    'it is the session’s branch from now on',
  )
  scene.tell(says(notPushed()))
  scene.tell(pullRequest({ headBranch: 'two' }))
  scene.tell(says(pushed({ branchName: 'two' })))
  scene.tell(opened(requestOf(scene), { headBranch: 'two', number: 8 }))
  const back = pullRequest({ headBranch: 'feature/one' })
  t.match(scene.tell(back).reply, { code: 'HEAD_BRANCH_CONFLICT' })
  scene.tell(changes({ headBranch: 'feature/one', state: 'closed' }))
  t.match(scene.tell(back).reply, { ok: true }, 'closed, it is free again')
})

t.test('however a push ends, the request is settled once', async t => {
  const failed = (scene: Scene, error: RegExp, code = 'PUSH_FAILED') => {
    t.equal(scene.state.pullRequests.open, null)
    t.match(outcomes(scene), [{ status: 'failed', code, error }])
    t.equal(scene.due('pull_request'), undefined)
  }
  const begun = () => given(...running, pullRequest()).scene
  const said = begun()
  said.tell(says(notPushed({ error: 'fatal: https://x:secret@git.example.org/ is gone' })))
  failed(said, /^Failed to push branch: fatal: https:\/\/git.example.org\/ is gone$/)
  t.notMatch(JSON.stringify(said.log), /x:secret/, 'also in the history without its token')
  t.same(said.tell(says(pushed())).events.length, 1, 'a late word is only history')

  const late = begun()
  t.equal(late.due('pull_request'), 360_000)
  const { events } = late.tell(fires('pull_request', 360_000))
  t.match(events[0], { type: 'push_finished', reported: false }, 'the sandbox is told to let go')
  failed(late, /no answer within 360 seconds/)

  const lost = begun()
  lost.tell(exited())
  failed(lost, /the sandbox ended/)

  const given_up = begun()
  t.match(given_up.tell(cancelsPullRequest({ requestId: 'other' })).reply, { ok: false })
  t.match(given_up.tell(cancelsPullRequest()).reply, { ok: true })
  failed(given_up, /given up/, 'PULL_REQUEST_CANCELLED')

  const elsewhere = begun()
  elsewhere.tell(says(notPushed({ branchName: 'other' }), notPushed({ pushId: 'other' })))
  t.ok(elsewhere.state.pullRequests.open, 'words about another push are not about this one')
  elsewhere.tell(says(done()))
  t.ok(elsewhere.state.pullRequests.open, 'nor does the end of the prompt end it')

  const gone = begun()
  gone.tell(remove())
  t.same(gone.tell(opened('x')).events, [], 'nothing happens after deletion')
})

t.test('without a socket what is there counts as pushed', async t => {
  const { scene } = given(...ready, disconnected())
  const { events, record } = scene.tell(pullRequest({ by: ada }))
  t.match(
    events.map(one => one.type),
    ['pull_request_requested', 'pull_request_opening'],
  )
  t.match(record.effects, [{ kind: 'github_job' }])
  scene.tell(connected('c2'))
  t.equal(outstandingFor(scene.state).push, null)
  t.match(scene.tell(cancelsPullRequest()).reply, { ok: false }, 'too late to take back')
  scene.tell(fires('pull_request', scene.due('pull_request')))
  t.match(outcomes(scene), [{ status: 'failed', error: /has not answered within 600 seconds/ }])
})

t.test('a token that was handed over', async t => {
  const token = (encrypted: string, expiresAtMs: number | null) =>
    create({ owner: { userId: 'ada', scmToken: { encrypted, expiresAtMs } } })
  const named = { ...token('one', 2_000), clientRequestId: 'r' } as ReturnType<typeof create>
  const { scene } = given(named)
  t.match(
    scene.tell({
      ...named,
      owner: { userId: 'ada', scmToken: { encrypted: 'other', expiresAtMs: 3 } },
    } as never).reply,
    {
      ok: true,
    },
    'encrypted anew, it is the same request',
  )
  const hand = (encrypted: string, expiresAtMs: number | null) =>
    scene.tell({
      ...wsToken('a'),
      user: { userId: 'ada', scmToken: { encrypted, expiresAtMs } },
    } as never)
  const kept = () => scene.state.participants[0]?.scmToken?.encrypted
  t.equal(kept(), 'one')
  hand('older', 1_000)
  hand('unknown', null)
  t.equal(kept(), 'one', 'one that ends before it does not replace it')
  hand('two', 3_000)
  t.equal(kept(), 'two')
  scene.tell(pullRequest({ by: ada }))
  const stored = scene.log.flatMap(one => one.events)
  const kinds = stored.filter(
    (one): one is SessionEventOf<'scm_token_stored'> => one.type === 'scm_token_stored',
  )
  t.same(
    kinds.map(one => one.encrypted),
    ['one', 'two'],
  )
  t.match(scene.log.at(-1)?.effects[0]?.payload, {
    author: { accessTokenEncrypted: 'two', tokenExpiresAtMs: 3_000 },
  })
})
