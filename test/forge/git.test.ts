import { randomBytes } from 'node:crypto'
import t from 'tap'
import { requireAccount } from '../../lib/forge/accounts.ts'
import { createRepository } from '../../lib/forge/repositories.ts'
import { clone, deliveriesOf, installationToken, signIn, startForge, withToken } from './forges.ts'

t.test('git reads and writes over HTTP, as far as its token goes', async t => {
  const here = await startForge(t)
  const { forge, origin } = here
  const open = await clone(t, `${origin}/demo/hello.git`)
  t.match(await open.run('log', '--oneline'), /Begin/, 'anybody may read a public repository')
  const sha = await open.commit('topic', { 'large.bin': randomBytes(3_000_000).toString('base64') })
  await t.rejects(open.run('push', 'origin', 'topic'), /could not read Username/)
  const push = (token: string, name?: string) =>
    open.run('push', '--quiet', withToken(origin, 'demo/hello', token, name), 'topic')
  await t.rejects(push('ghs_wrong'), /Authentication failed/)

  const narrow = { permissions: { contents: 'read' } }
  await t.rejects(push(await installationToken(here, narrow)), /403/, 'a token that may only read')
  const carol = (await signIn(origin, 'carol')).answer.access_token
  await t.rejects(push(carol, 'carol'), /403/, 'a person who is no member')
  t.same(await deliveriesOf(here, 'push'), [], 'nothing of this is a push')

  const alice = (await signIn(origin, 'alice')).answer.access_token
  await push(alice, 'alice')
  t.match(await deliveriesOf(here, 'push'), [
    {
      payload: {
        ref: 'refs/heads/topic',
        before: '0'.repeat(40),
        after: sha,
        created: true,
        pusher: { name: 'alice' },
        head_commit: { id: sha },
      },
    },
  ])
  await t.rejects(
    open.run('push', withToken(origin, 'demo/hello', alice), 'topic:refs/pull/1/head'),
    /deny updating a hidden ref/,
  )

  const demo = await forge.store.within(db => requireAccount(db, 'demo'))
  await createRepository(forge, { owner: demo, name: 'secret', private: true })
  await createRepository(forge, { owner: demo, name: 'apart', private: true, installed: false })
  const token = await installationToken(here, { repositories: ['hello'] })
  const look = (repo: string, token: string) =>
    open.run('ls-remote', withToken(origin, repo, token))
  await t.rejects(open.run('ls-remote', `${origin}/demo/secret.git`), /could not read Username/)
  await t.rejects(look('demo/secret', token), /not found/, 'a token for another repository')
  await t.rejects(look('demo/apart', await installationToken(here)), /not found/)
  await look('demo/secret', await installationToken(here))
  await look('demo/apart', alice)

  const octokit = await here.installation()
  const { data } = await octokit.request('GET /installation/repositories', { per_page: 1 })
  t.match(data, { total_count: 2, repositories: [{ full_name: 'demo/hello' }] })
  t.equal(data.repositories.length, 1)
  const pages = octokit.paginate('GET /installation/repositories', { per_page: 1 })
  t.same(
    (await pages).map(one => one.name),
    ['hello', 'secret'],
    'all pages by their links',
  )
  const hello = { owner: 'demo', repo: 'hello' }
  const branch = { ...hello, branch: 'agent/a b' }
  await open.run('push', '--quiet', withToken(origin, 'demo/hello', alice), 'topic:agent/x')
  const { data: found } = await octokit.request('GET /repos/{owner}/{repo}/branches/{branch}', {
    ...branch,
    branch: 'agent/x',
  })
  t.match(found, { name: 'agent/x', commit: { sha } })
  const asked = { ...hello, ref: 'agent/x' }
  const { data: commit } = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}', asked)
  t.match(commit, { sha, commit: { message: 'Change large.bin' } })
})
