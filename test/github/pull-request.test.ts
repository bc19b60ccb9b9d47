/** The job that opens pull requests: as whom, once, and what is told of failures (spec 6.4). */
import t from 'tap'
import { publishJob } from '../../lib/bus/jobs.ts'
import { pullRequestJob } from '../../subjects/github.ts'
import { JOB } from '../../subjects/streams.ts'
import { githubJobSubject } from '../../subjects/subjects.ts'
import { followDone } from '../fixtures/awaiting.ts'
import { startScene } from './scene.ts'

const scene = await startScene(t)
await scene.startGithub()
const { bus, github, session, pullRequest, eventsOf, signedIn, encrypted } = scene
const HOUR = 3_600_000
const handed = (token: string, expiresAtMs: number | null) => ({
  scmToken: { encrypted: encrypted(token), expiresAtMs },
})

t.test('as the person, with the token of their sign-in; then brought up to date', async t => {
  await signedIn('42', 'ghu_alice')
  const sid = await session({ githubUserId: '42' })
  t.match(await pullRequest(sid, { draft: true }), {
    status: 'opened',
    number: 1,
    state: 'draft',
    headBranch: `open-inspect/${sid}`,
    baseBranch: 'main',
    updated: false,
  })
  t.equal(github.authors[0], 'ghu_alice')
  t.match(github.pulls[0], {
    title: 'A title',
    body: `A body\n\n---\n*Opened by [a coding agent session](http://plane.example/s/${sid})*`,
  })
  t.match(await pullRequest(sid, { title: 'Another' }), { number: 1, updated: true })
  t.equal(github.pulls.length, 1, 'one for each branch')
  t.equal(github.pulls[0].title, 'Another')
  const tracked = await eventsOf(sid, 'pull_request_tracked')
  t.match(tracked.at(-1), { authoredBy: 'user', repositoryId: 5, headSha: 'abc', title: 'Another' })
})

t.test('as the person, with a token that a web app handed over', async t => {
  const sid = await session(handed('ghu_handed', Date.now() + HOUR))
  t.match(await pullRequest(sid), { status: 'opened' })
  t.equal(github.authors.at(-1), 'ghu_handed')
})

t.test('as the App, where the person has no usable token', async t => {
  for (const [why, alice] of Object.entries({
    none: {},
    'never signed in': { githubUserId: '99' },
    'ends within a minute': handed('ghu_late', Date.now() + 59_000),
    'of a key that we do not have': {
      scmToken: { encrypted: encrypted('x').replace(/^.{8}/, '00000000'), expiresAtMs: null },
    },
    'not allowed there': handed('ghu_barred', null),
  })) {
    github.barred.add('ghu_barred')
    const sid = await session(alice)
    t.match(await pullRequest(sid), { status: 'opened' }, why)
    t.equal(github.authors.at(-1), 'ghs_app', why)
    t.match((await eventsOf(sid, 'pull_request_tracked')).at(-1), { authoredBy: 'app' })
  }
})

t.test('by hand, where not even the App may', async t => {
  github.barred.add('ghs_app')
  const sid = await session()
  t.strictSame(await pullRequest(sid, { headBranch: 'fix/50%', baseBranch: 'release/1' }), {
    status: 'manual',
    url: `${github.url}/Acme/hello/pull/new/release%2F1...fix%2F50%25`,
    headBranch: 'fix/50%',
    baseBranch: 'release/1',
  })
  github.barred.delete('ghs_app')
})

t.test('what GitHub refuses is told in its words, and not tried again', async t => {
  const sid = await session()
  const before = github.countOf(/^POST .*pulls$/)
  const message = 'No commits between main and x'
  github.failures.push({
    status: 422,
    body: { message: 'Validation Failed', errors: [{ resource: 'PullRequest', message }] },
  })
  t.strictSame(await pullRequest(sid), {
    status: 'failed',
    code: 'GITHUB_REFUSED',
    error: `Nothing is committed yet, do that first (Validation Failed: ${message})`,
  })
  t.equal(github.countOf(/^POST .*pulls$/) - before, 1)
  const other = await session()
  github.failures.push({
    status: 422,
    body: { message: 'Validation Failed', errors: [{ field: 'head', code: 'invalid' }] },
  })
  t.match(await pullRequest(other), { error: 'Validation Failed: head is invalid' })
})

t.test('what passes is tried again', async t => {
  const sid = await session()
  github.failures.push({ status: 502, body: { message: 'Bad gateway' } })
  t.match(await pullRequest(sid), { status: 'opened' })
  const limited = await session()
  github.failures.push({
    status: 403,
    body: { message: 'You have exceeded a secondary rate limit' },
  })
  t.match(await pullRequest(limited), { status: 'opened' }, 'a rate limit is no refusal')
})

t.test('done twice it is there once', async t => {
  const sid = await session()
  const outcome = await pullRequest(sid, { headBranch: 'feature' })
  t.match(outcome, { status: 'opened', updated: false })
  const before = github.pulls.length
  const [{ requestId } = { requestId: '' }] = await eventsOf(sid, 'pull_request_requested')
  const again = pullRequestJob.parse({
    v: 1,
    sid,
    requestId,
    repoOwner: 'acme',
    repoName: 'hello',
    title: 'A title',
    body: 'A body',
    head: 'feature',
    base: 'main',
    draft: false,
    author: {
      userId: 'alice',
      login: null,
      githubUserId: null,
      accessTokenEncrypted: null,
      tokenExpiresAtMs: null,
    },
    known: null,
  })
  const done = await followDone(bus, JOB)
  await publishJob(bus, githubJobSubject('pull_request'), again, 'the same once more')
  await done()
  t.equal(github.pulls.length, before)
  t.equal((await eventsOf(sid, 'pull_request_settled')).length, 1)
  t.equal(github.countOf(/^PATCH .*pulls.*/), 1, 'and nothing is changed by it')
})

t.test('the answer to its creation gets lost', async t => {
  const sid = await session()
  const before = github.pulls.length
  const patches = github.countOf(/^PATCH/)
  github.lost.count = 1
  t.match(await pullRequest(sid), { status: 'opened', number: before + 1, updated: false })
  t.equal(github.pulls.length, before + 1, 'the second attempt finds it')
  t.equal(github.countOf(/^PATCH/), patches)
})

t.test("somebody else's pull request is left alone", async t => {
  const sid = await session()
  const repo = { id: 5 }
  github.pulls.push({
    ...github.pulls[0],
    number: 1_000,
    title: 'Theirs',
    html_url: 'http://theirs',
    head: { ref: 'theirs', sha: 'x', repo },
    base: { ref: 'main', repo },
  })
  const outcome = await pullRequest(sid, { headBranch: 'theirs' })
  t.match(outcome, {
    status: 'failed',
    code: 'GITHUB_REFUSED',
    error: /not this session's: http:\/\/theirs/,
  })
  t.equal(github.pulls.at(-1).title, 'Theirs')
})
