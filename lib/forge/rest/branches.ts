/** Branches and commits. */
import type { components } from '@octokit/openapi-types'
import { openRepository } from '../caller.ts'
import { type Commit, commitsOf, filesOf, findCommit, type Person } from '../git/facts.ts'
import { nodeId } from '../json/account.ts'
import { repositoryUrls } from '../json/repository.ts'
import { notFound, refusal } from '../refusal.ts'
import { branchSha, knownRefs } from '../repositories.ts'
import { type ForgeSettings, pathOf, type Repository, type Room } from '../room.ts'
import { pageFrom } from './page.ts'
import type { Routes } from './routes.ts'

type Schemas = components['schemas']
type Where = { owner: string; repo: string; '*': string }

const HEADS = 'refs/heads/'

export const branchRoutes: Routes = (api, room) => {
  const { settings, store } = room

  api.get('/repos/:owner/:repo/branches', async (request, reply) => {
    const where = request.params as Where
    const found = await openRepository(room, request.forgeCaller, where, 'contents', 'read')
    const refs = await store.within(db => knownRefs(db, found.id))
    const branches = [...refs].filter(([name]) => name.startsWith(HEADS))
    return pageFrom(room, request, reply, branches).map(([name, sha]): Schemas['short-branch'] => ({
      name: name.slice(HEADS.length),
      commit: { sha, url: `${repositoryUrls(settings, found).api}/commits/${sha}` },
      protected: false,
    }))
  })

  // Names of branches have slashes, hence the wildcards.
  api.get('/repos/:owner/:repo/branches/*', async request => {
    const where = request.params as Where
    const found = await openRepository(room, request.forgeCaller, where, 'contents', 'read')
    const name = where['*']
    const sha = await store.within(db => branchSha(db, found.id, name))
    if (!sha) throw refusal(404, 'Branch not found')
    const { api: url, web } = repositoryUrls(settings, found)
    const self = `${url}/branches/${name}`
    const answer: Schemas['branch-with-protection'] = {
      name,
      commit: await commitJson(settings, found, await commit(room, found, sha)),
      _links: { self, html: `${web}/tree/${name}` },
      protected: false,
      protection: { enabled: false },
      protection_url: `${self}/protection`,
    }
    return answer
  })

  api.get('/repos/:owner/:repo/commits/*', async request => {
    const where = request.params as Where
    const found = await openRepository(room, request.forgeCaller, where, 'contents', 'read')
    const ref = where['*']
    const refs = await store.within(db => knownRefs(db, found.id))
    const path = pathOf(settings, found)
    const sha =
      refs.get(`${HEADS}${ref}`) ??
      refs.get(`refs/tags/${ref}`) ??
      refs.get(`refs/${ref}`) ??
      (await findCommit(path, ref))
    if (!sha) throw refusal(422, `No commit found for SHA: ${ref}`)
    return commitJson(settings, found, await commit(room, found, sha))
  })
}

const commit = async (room: Room, repository: Repository, sha: string): Promise<Commit> => {
  const [found] = await commitsOf(pathOf(room.settings, repository), [sha], 1)
  if (!found) throw notFound()
  return found
}

/** A commit of a list. */
export const listedCommitJson = (
  settings: ForgeSettings,
  repository: Repository,
  { sha, tree, parents, author, committer, message }: Commit,
): Schemas['commit'] => {
  const { api, web } = repositoryUrls(settings, repository)
  const url = `${api}/commits/${sha}`
  const person = ({ name, email, date }: Person) => ({ name, email, date })
  return {
    sha,
    node_id: nodeId('Commit', Number.parseInt(sha.slice(0, 12), 16)),
    url,
    html_url: `${web}/commit/${sha}`,
    comments_url: `${url}/comments`,
    commit: {
      url: `${api}/git/commits/${sha}`,
      author: person(author),
      committer: person(committer),
      message,
      comment_count: 0,
      tree: { sha: tree, url: `${api}/git/trees/${tree}` },
      verification: {
        verified: false,
        reason: 'unsigned',
        payload: null,
        signature: null,
        verified_at: null,
      },
    },
    author: null,
    committer: null,
    parents: parents.map(parent => ({
      sha: parent,
      url: `${api}/commits/${parent}`,
      html_url: `${web}/commit/${parent}`,
    })),
  }
}

/** The empty tree: what a first commit is compared with. */
const NOTHING = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

const commitJson = async (
  settings: ForgeSettings,
  repository: Repository,
  one: Commit,
): Promise<Schemas['commit']> => {
  const path = pathOf(settings, repository)
  const parent = one.parents[0]
  const files = await filesOf(path, parent ?? NOTHING, one.sha, { ofTrees: true })
  const additions = files.reduce((sum, file) => sum + (file.additions ?? 0), 0)
  const deletions = files.reduce((sum, file) => sum + (file.deletions ?? 0), 0)
  return {
    ...listedCommitJson(settings, repository, one),
    stats: { additions, deletions, total: additions + deletions },
  }
}
