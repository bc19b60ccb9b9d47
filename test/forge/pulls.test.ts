import t from 'tap'
import {
  clone,
  deliveriesOf,
  installationToken,
  type Loose,
  MAIN,
  signIn,
  startForge,
  submit,
  withToken,
} from './forges.ts'

const repo = { owner: 'demo', repo: 'hello' }

const failure = (promise: Promise<unknown>): Promise<Loose> =>
  promise.then(
    () => t.fail('it did not fail'),
    error => ({ status: error.status, ...error.response.data }),
  )

/** A forge, a clone that may push, and two branches with a commit each. */
const prepared = async (t: Parameters<typeof startForge>[0]) => {
  const here = await startForge(t)
  const token = await installationToken(here)
  const work = await clone(t, withToken(here.origin, 'demo/hello', token))
  const sha = await work.commit('agent/one', { 'src/one.js': 'export const one = 1\n' })
  await work.run('push', '--quiet', 'origin', 'agent/one')
  return { ...here, token, work, sha, octokit: await here.installation() }
}

t.test('a pull request is opened, told of, found, edited and merged', async t => {
  const here = await prepared(t)
  const { octokit, sha } = here
  const asked = { ...repo, title: 'One', body: 'The first', head: 'agent/one', base: 'main' }
  const { data: made } = await octokit.request('POST /repos/{owner}/{repo}/pulls', asked)
  t.match(made, {
    number: 1,
    state: 'open',
    draft: false,
    merged: false,
    mergeable: true,
    html_url: `${here.origin}/demo/hello/pull/1`,
    user: { login: 'agent-control-plane[bot]', type: 'Bot' },
    head: { ref: 'agent/one', sha, label: 'demo:agent/one', repo: { full_name: 'demo/hello' } },
    base: { ref: 'main', repo: { id: made.head.repo.id } },
    commits: 1,
    additions: 1,
    changed_files: 1,
  })

  t.match(
    await failure(octokit.request('POST /repos/{owner}/{repo}/pulls', asked)),
    {
      status: '422',
      message: 'Validation Failed',
      errors: [
        {
          resource: 'PullRequest',
          code: 'custom',
          message: 'A pull request already exists for demo:agent/one.',
        },
      ],
    },
    'a second one from the same branch is refused as on GitHub',
  )
  t.match(
    await failure(octokit.request('POST /repos/{owner}/{repo}/pulls', { ...asked, head: 'gone' })),
    { errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }] },
  )
  t.match(
    await failure(octokit.request('POST /repos/{owner}/{repo}/pulls', { ...asked, head: 'main' })),
    { errors: [{ message: 'No commits between main and main' }] },
  )

  const list = (query: object) =>
    octokit.request('GET /repos/{owner}/{repo}/pulls', { ...repo, ...query })
  t.equal((await list({ head: 'demo:agent/one', base: 'main' })).data.length, 1)
  t.equal((await list({ head: 'demo:other' })).data.length, 0)
  t.equal((await list({ state: 'closed' })).data.length, 0)

  const number = { ...repo, pull_number: 1 }
  const edit = { ...number, title: 'Number one' }
  await octokit.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', edit)

  await here.work.commit('agent/one', { 'src/two.js': 'export const two = 2\n' }, 'agent/one')
  await here.work.run('push', '--quiet', 'origin', 'agent/one')
  const stale = octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
    ...number,
    sha,
  })
  t.equal((await failure(stale)).status, '409', 'the head has moved on')
  const { data: merged } = await octokit.request(
    'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
    number,
  )
  t.match(merged, { merged: true, sha: /^[\da-f]{40}$/ })
  const { data: after } = await octokit.request(
    'GET /repos/{owner}/{repo}/pulls/{pull_number}',
    number,
  )
  t.match(after, { state: 'closed', merged: true, merge_commit_sha: merged.sha, commits: 2 })
  await here.work.run('fetch', '--quiet', 'origin')
  const tip = (await here.work.run('rev-parse', 'origin/main')).trim()
  t.equal(tip, merged.sha, 'git has it')
  const parents = (await here.work.run('log', '-1', '--format=%P', tip)).trim().split(' ')
  t.equal(parents.length, 2, 'as a merge commit')

  const events = await deliveriesOf(here, 'pull_request')
  t.same(
    events.map(one => one.payload.action),
    ['opened', 'edited', 'synchronize', 'closed'],
  )
  t.match(events.at(-1)?.payload, {
    number: 1,
    pull_request: {
      merged: true,
      merge_commit_sha: merged.sha,
      updated_at: /^\d{4}-.*Z$/,
      head: { ref: 'agent/one', repo: { id: made.base.repo.id } },
      merged_by: { login: 'agent-control-plane[bot]' },
    },
    repository: { full_name: 'demo/hello', default_branch: 'main' },
    installation: { id: 99 },
    sender: { type: 'Bot' },
  })
  const pushes = await deliveriesOf(here, 'push')
  t.match(
    pushes.map(one => one.payload),
    [
      { ref: 'refs/heads/agent/one', created: true, after: sha, commits: [{ id: sha }] },
      { ref: 'refs/heads/agent/one', created: false, before: sha },
      { ref: MAIN, after: merged.sha, pusher: { name: 'agent-control-plane[bot]' } },
    ],
  )
})

for (const method of ['squash', 'rebase'] as const) {
  t.test(`${method}`, async t => {
    const { octokit, work } = await prepared(t)
    await work.commit('agent/one', { 'src/two.js': '2\n' }, 'agent/one')
    await work.run('push', '--quiet', 'origin', 'agent/one')
    await work.commit('main', { 'src/main.js': 'main\n' })
    await work.run('push', '--quiet', 'origin', 'main')
    const asked = { ...repo, title: 'One', head: 'agent/one', base: 'main' }
    await octokit.request('POST /repos/{owner}/{repo}/pulls', asked)
    const { data } = await octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...repo,
      pull_number: 1,
      merge_method: method,
    })
    await work.run('fetch', '--quiet', 'origin')
    const log = await work.run('log', '--format=%s|%an|%p', '-3', data.sha)
    const subjects = log.split('\n').map(line => line.split('|')[0])
    if (method === 'squash') t.equal(subjects[0], 'One (#1)')
    else t.same(subjects.slice(0, 2), ['Change src/two.js', 'Change src/one.js'])
    const { data: pull } = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
      ...repo,
      pull_number: 1,
    })
    t.match(pull, { merged: true, merge_commit_sha: data.sha })
  })
}

t.test('conflicts, drafts, and a branch that goes away', async t => {
  const here = await prepared(t)
  const { octokit, work, origin } = here
  await work.commit('left', { 'README.md': 'left\n' })
  await work.commit('right', { 'README.md': 'right\n' })
  await work.run('push', '--quiet', 'origin', 'left', 'right')
  for (const head of ['left', 'right']) {
    const asked = { ...repo, title: head, head, base: 'main', draft: head === 'right' }
    await octokit.request('POST /repos/{owner}/{repo}/pulls', asked)
  }
  const merge = (pull_number: number) =>
    octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', { ...repo, pull_number })
  await merge(1)
  t.match(await failure(merge(1)), { status: '405', message: 'Pull Request is not mergeable' })
  t.match(await failure(merge(2)), { status: '405', message: /still a draft/ })

  const { cookie } = await signIn(origin, 'alice')
  t.equal((await submit(origin, '/demo/hello/pull/2/ready', cookie)).status, 303)
  const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
    ...repo,
    pull_number: 2,
  })
  t.match(data, { draft: false, mergeable: false, mergeable_state: 'dirty' })
  t.match(await failure(merge(2)), { status: '405', message: /conflicts in README\.md/ })
  const main = (await work.run('ls-remote', 'origin', MAIN)).slice(0, 40)
  t.equal(main, data.base.sha, 'main has not moved')

  await work.run('push', '--quiet', 'origin', '--delete', 'right')
  const closed = await deliveriesOf(here, 'pull_request')
  t.match(closed.at(-1)?.payload, {
    action: 'closed',
    pull_request: { number: 2, merged: false, state: 'closed' },
  })
  const actions = closed.map(one => `${one.payload.number} ${one.payload.action}`)
  t.same(actions, ['1 opened', '2 opened', '1 closed', '2 ready_for_review', '2 closed'])
})

t.test('comments, on the whole and on a line', async t => {
  const here = await prepared(t)
  const { octokit } = here
  const asked = { ...repo, title: 'One', head: 'agent/one', base: 'main' }
  await octokit.request('POST /repos/{owner}/{repo}/pulls', asked)
  const alice = here.as((await signIn(here.origin, 'alice')).answer.access_token)
  await alice.issues.createComment({ ...repo, issue_number: 1, body: 'Nice' })
  const line = { ...repo, pull_number: 1, commit_id: here.sha, path: 'src/one.js' }
  const { data } = await alice.pulls.createReviewComment({ ...line, line: 1, body: 'Why?' })
  t.match(data, { path: 'src/one.js', line: 1, diff_hunk: /^@@.*\n\+export const one = 1$/ })
  const outside = alice.pulls.createReviewComment({ ...line, line: 9, body: 'Where?' })
  t.match(await failure(outside), { errors: [{ field: 'line' }] })
  t.match(
    (await deliveriesOf(here, 'issue_comment')).map(one => one.payload),
    [
      {
        action: 'created',
        issue: { number: 1, pull_request: { html_url: /pull\/1$/ } },
        comment: { body: 'Nice', user: { login: 'alice' } },
        sender: { login: 'alice', type: 'User' },
      },
    ],
  )
  t.match(
    (await deliveriesOf(here, 'pull_request_review_comment')).map(one => one.payload),
    [{ comment: { body: 'Why?', path: 'src/one.js' }, pull_request: { number: 1 } }],
  )
})
