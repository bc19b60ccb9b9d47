/**
 * What the App sees: the repositories of its installation, from a list that is fresh for five minutes
 * and used for an hour while a newer one is fetched behind the answer. Only what is on that list is the
 * installation's: GitHub shows every public repository to anybody, so seeing one proves nothing.
 */
import type { KV } from '@nats-io/kv'
import { fail } from '../../subjects/errors.ts'
import type { GithubAnswerOf, Repo } from '../../subjects/github.ts'
import {
  allMetadata,
  fullNameOf,
  type RepoList,
  type RepoName,
  readRepoList,
  writeRepoList,
} from '../bus/repo-notes.ts'
import type { Log } from '../telemetry/log.ts'
import type { App } from './app.ts'
import { type GithubRequest, githubFailure, statusOf } from './request.ts'

const FRESH_MS = 5 * 60_000
const USABLE_MS = 60 * 60_000
/** Whoever asks for a repository that is not listed has a newer list fetched, but not more often. */
const LOOK_AGAIN_MS = 5_000
const PAGE = 100
const MOST_BRANCHES = 500

export type Repositories = {
  list(): Promise<GithubAnswerOf<'repos'>>
  /** @throws REPOSITORY_NOT_INSTALLED, REPOSITORIES_UNAVAILABLE */
  find(name: RepoName): Promise<Repo>
  branches(name: RepoName): Promise<GithubAnswerOf<'branches'>>
}

type Listed = Awaited<ReturnType<typeof pageOf>>['repositories'][number]

const pageOf = async (request: GithubRequest, page: number) => {
  const { data } = await request('GET /installation/repositories', { per_page: PAGE, page })
  return data
}

const repoOf = (one: Listed): Repo => ({
  id: Number(one.id),
  owner: one.owner.login,
  name: one.name,
  fullName: one.full_name,
  description: one.description,
  private: one.private,
  defaultBranch: one.default_branch,
  archived: one.archived,
  language: one.language ?? null,
  topics: one.topics ?? [],
})

/** The first page tells how many there are; the others are asked for together. */
const fetchAll = async (app: App): Promise<Repo[]> => {
  const first = await app.asInstallation(request => pageOf(request, 1))
  const pages = Math.ceil(first.total_count / PAGE)
  const others = await Promise.all(
    Array.from({ length: Math.max(0, pages - 1) }, (_, i) =>
      app.asInstallation(request => pageOf(request, i + 2)),
    ),
  )
  // A repository that came or went between two pages would be there twice.
  const all = [first, ...others].flatMap(page => page.repositories).map(repoOf)
  return [...new Map(all.map(one => [one.id, one])).values()]
}

export const openRepositories = (options: {
  readonly app: App
  readonly bucket: KV
  readonly log: Log
  readonly nowMs?: () => number
}): Repositories => {
  const { app, bucket, log, nowMs = Date.now } = options
  let fetching: Promise<RepoList> | undefined
  /** What the bucket would not take: it is too large, or the bus is away. */
  let own: RepoList | undefined

  const fetchList = async (): Promise<RepoList> => {
    const fetchedAtMs = nowMs()
    const list: RepoList = { v: 1, fetchedAtMs, repos: await fetchAll(app) }
    own = undefined
    await writeRepoList(bucket, list).catch((error: unknown) => {
      own = list
      log.warn({ error, repositories: list.repos.length }, 'the list of repositories is not shared')
    })
    return list
  }
  /** One fetch for all who want it; it goes on when they are gone. */
  const refresh = (): Promise<RepoList> => {
    fetching ??= fetchList().finally(() => {
      fetching = undefined
    })
    return fetching
  }
  const known = async (): Promise<RepoList | undefined> => {
    const list = own ?? (await readRepoList(bucket))
    return list && nowMs() - list.fetchedAtMs < USABLE_MS ? list : undefined
  }
  const fetched = () =>
    refresh().catch((error: unknown) => {
      log.warn({ error }, 'the repositories were not fetched')
      throw fail('REPOSITORIES_UNAVAILABLE', { error })
    })
  const listNow = async () => {
    const list = await known()
    if (!list) return { list: await fetched(), cached: false }
    if (nowMs() - list.fetchedAtMs >= FRESH_MS) fetched().catch(() => {})
    return { list, cached: true }
  }
  const findIn = ({ repos }: RepoList, name: RepoName) =>
    repos.find(one => fullNameOf(one) === fullNameOf(name))

  const find = async (name: RepoName): Promise<Repo> => {
    const { list } = await listNow()
    const listed = findIn(list, name)
    if (listed) return listed
    const isNew = nowMs() - list.fetchedAtMs < LOOK_AGAIN_MS
    const later = isNew ? undefined : findIn(await fetched(), name)
    if (!later) throw fail('REPOSITORY_NOT_INSTALLED')
    return later
  }

  return {
    find,
    list: async () => {
      const { list, cached } = await listNow()
      const notes = await allMetadata(bucket)
      return {
        repos: list.repos.map(one => ({ ...one, metadata: notes.get(fullNameOf(one)) ?? null })),
        cached,
        cachedAt: new Date(list.fetchedAtMs).toISOString(),
      }
    },
    branches: async name => {
      const { owner, name: repo } = await find(name)
      const branches: { name: string }[] = []
      for (let page = 1; branches.length < MOST_BRANCHES; page++) {
        const { data } = await app
          .asInstallation(request =>
            request('GET /repos/{owner}/{repo}/branches', { owner, repo, per_page: PAGE, page }),
          )
          .catch((error: unknown) => {
            throw statusOf(error) === 404 ? fail('REPOSITORY_NOT_INSTALLED') : githubFailure(error)
          })
        branches.push(...data.map(one => ({ name: one.name })))
        if (data.length < PAGE) break
      }
      return { branches: branches.slice(0, MOST_BRANCHES) }
    },
  }
}
