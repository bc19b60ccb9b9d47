/** The list of repositories: all pages, one fetch for all, an old one shown while a new one comes. */
import { generateKeyPairSync } from 'node:crypto'
import { Kvm, KvWatchInclude } from '@nats-io/kv'
import t from 'tap'
import { readRepoList, writeMetadata } from '../../lib/bus/repo-notes.ts'
import { openApp } from '../../lib/github/app.ts'
import { openRepositories } from '../../lib/github/repositories.ts'
import { codeOf } from '../../subjects/errors.ts'
import { REPOS_BUCKET } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from '../owner/owners.ts'
import { standIn } from './stand-in.ts'

const MINUTE = 60_000
const { bus } = await startBus(t)
const { log } = testLog(t, 'repositories')
const bucket = await new Kvm(bus.js).open(REPOS_BUCKET)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

let now = Date.parse('2026-05-01T12:00:00Z')
const LIST = 'GET /installation/repositories'
let count = 250
let gate = Promise.resolve()
const repository = (id: number) => ({
  id,
  name: `Repo.${id}`,
  full_name: `Acme/Repo.${id}`,
  owner: { login: 'Acme' },
  description: null,
  private: true,
  default_branch: 'trunk',
  archived: false,
  language: 'TypeScript',
  topics: ['a'],
})
const github = await standIn(t, {
  'POST /app/installations/8/access_tokens': (_request, reply) =>
    reply.code(201).send({ token: 't', expires_at: new Date(now + 60 * MINUTE), permissions: {} }),
  [LIST]: async request => {
    const { page, per_page } = request.query as { page: string; per_page: string }
    if (page === '1') await gate
    const first = (Number(page) - 1) * Number(per_page)
    const some = Array.from(
      { length: Math.max(0, Math.min(100, count - first)) },
      (_, i) => first + i + 1,
    )
    return { total_count: count, repositories: some.map(repository) }
  },
})
const app = openApp(
  {
    apiUrl: github.url,
    appId: 7,
    installationId: 8,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  },
  () => now,
)
const open = () => openRepositories({ app, bucket, log, nowMs: () => now })
const fetches = () => github.countOf(/repositories.*[?&]page=1(&|$)/)

t.test('cold: all pages, one fetch for all who ask, finished without them', async t => {
  const opening = Promise.withResolvers<void>()
  gate = opening.promise
  const repositories = open()
  const asked = [repositories.list(), repositories.list()]
  opening.resolve()
  const [one, two] = await Promise.all(asked)
  t.equal(fetches(), 1)
  t.match(one, { cached: false, cachedAt: '2026-05-01T12:00:00.000Z' })
  t.equal(one?.repos.length, 250)
  t.equal(two?.repos.length, 250)
  t.strictSame(one?.repos[249], {
    id: 250,
    owner: 'Acme',
    name: 'Repo.250',
    fullName: 'Acme/Repo.250',
    description: null,
    private: true,
    defaultBranch: 'trunk',
    archived: false,
    language: 'TypeScript',
    topics: ['a'],
    metadata: null,
  })
  t.equal((await readRepoList(bucket))?.repos.length, 250, 'shared with every other process')
})

t.test('fresh for five minutes, with what people wrote down since', async t => {
  now += 4 * MINUTE
  await writeMetadata(bucket, { owner: 'ACME', name: 'repo.3' }, { aliases: ['three'] })
  const { repos, cached, cachedAt } = await open().list()
  t.equal(cached, true)
  t.equal(cachedAt, '2026-05-01T12:00:00.000Z')
  t.strictSame(repos[2]?.metadata, { aliases: ['three'] })
  t.equal(fetches(), 1)
})

t.test('then shown as it was, and fetched behind the answer', async t => {
  now += 2 * MINUTE
  count = 251
  const repositories = open()
  const written = await bucket.watch({ include: KvWatchInclude.UpdatesOnly })
  t.match(await repositories.list(), { cached: true, repos: { length: 250 } })
  await written[Symbol.asyncIterator]().next()
  written.stop()
  t.equal((await repositories.list()).repos.length, 251)
  t.equal(fetches(), 2)
})

t.test('after an hour only a new one counts', async t => {
  now += 61 * MINUTE
  t.match(await open().list(), { cached: false, repos: { length: 251 } })
  now += 61 * MINUTE
  github.on(LIST, (_request, reply) => reply.code(502).send({}))
  t.equal(await open().list().then(String, codeOf), 'REPOSITORIES_UNAVAILABLE')
  github.on(LIST, () => ({ total_count: 1, repositories: [repository(1)] }))
  t.match(await open().list(), { cached: false, repos: { length: 1 } })
})

t.test('one that is not listed is looked for once more', async t => {
  const repositories = open()
  const find = (name: string) =>
    repositories.find({ owner: 'acme', name }).then(one => one.id, codeOf)
  t.equal(await find('repo.1'), 1)
  now += 10_000
  const before = fetches()
  github.on(LIST, () => ({ total_count: 2, repositories: [repository(1), repository(9)] }))
  t.equal(await find('REPO.9'), 9, 'it was installed a moment ago')
  t.equal(await find('repo.8'), 'REPOSITORY_NOT_INSTALLED')
  t.equal(await find('repo.7'), 'REPOSITORY_NOT_INSTALLED')
  t.equal(fetches() - before, 1, 'but the list is not fetched for every mistake')
})
