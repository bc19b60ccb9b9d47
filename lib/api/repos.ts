/** `/repos`: what the App sees, its branches, and what people wrote down of it (spec 6.3). */
import { z } from 'zod'
import { codeOf, fail } from '../../subjects/errors.ts'
import { githubAnswers, repoMetadata } from '../../subjects/github.ts'
import { askGithub } from '../bus/ask-github.ts'
import { dropRepoList, fullNameOf, readMetadata, writeMetadata } from '../bus/repo-notes.ts'
import type { Resource, Room } from './room.ts'

const part = z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, { error: 'Invalid repository' })
const repoParams = z.object({ owner: part, name: part })
/** What is not one of the four is left out; what is, has to be right. */
const metadataIn = z.object(repoMetadata.shape)
const metadataOut = z.object({ repo: z.string(), metadata: repoMetadata.nullable() })

const requireGithub = ({ config }: Room): void => {
  if (!config.github) throw fail('GITHUB_NOT_CONFIGURED')
}

export const repos: Resource = (app, room) => {
  const { bus, repos: bucket } = room

  const list = {
    summary: 'The repositories that the GitHub App sees',
    refusals: ['GITHUB_NOT_CONFIGURED', 'REPOSITORIES_UNAVAILABLE', 'GITHUB_UNAVAILABLE'] as const,
    response: { 200: githubAnswers.repos },
  }
  app.get('/repos', { schema: list }, async () => {
    requireGithub(room)
    return askGithub(bus, { v: 1, type: 'repos' })
  })

  const branches = {
    summary: 'The branches of a repository, 500 at most',
    params: repoParams,
    refusals: [
      'GITHUB_NOT_CONFIGURED',
      'REPOSITORY_NOT_INSTALLED',
      'REPOSITORIES_UNAVAILABLE',
      'GITHUB_UNAVAILABLE',
      'GITHUB_REFUSED',
    ] as const,
    response: { 200: githubAnswers.branches },
  }
  app.get('/repos/:owner/:name/branches', { schema: branches }, async request => {
    requireGithub(room)
    return askGithub(bus, { v: 1, type: 'branches', ...request.params })
  })

  const shown = {
    summary: 'What people wrote down of a repository',
    params: repoParams,
    refusals: ['INTERNAL'] as const,
    response: { 200: metadataOut },
  }
  app.get('/repos/:owner/:name/metadata', { schema: shown }, async request => {
    const { params } = request
    const metadata = await readMetadata(bucket, params).catch((error: unknown) => {
      throw fail('INTERNAL', { message: 'Failed to get metadata', error })
    })
    return { repo: fullNameOf(params), metadata }
  })

  const written = {
    summary: 'Replaces what people wrote down of a repository',
    params: repoParams,
    refusals: ['INVALID_REQUEST', 'INTERNAL'] as const,
    response: { 200: metadataOut.extend({ status: z.literal('updated') }) },
  }
  app.put('/repos/:owner/:name/metadata', { schema: written }, async request => {
    const { params } = request
    const parsed = metadataIn.safeParse(request.body)
    if (!parsed.success) throw fail('INVALID_REQUEST', { message: 'Invalid repository metadata' })
    const metadata = parsed.data
    await writeMetadata(bucket, params, metadata).catch((error: unknown) => {
      throw codeOf(error)
        ? error
        : fail('INTERNAL', { message: 'Failed to update metadata', error })
    })
    // Written is written; the list's next refresh shows it all the same.
    await dropRepoList(bucket).catch((error: unknown) => {
      request.log.warn({ error }, 'the list of repositories stays in the cache')
    })
    return { status: 'updated' as const, repo: fullNameOf(params), metadata }
  })
}
