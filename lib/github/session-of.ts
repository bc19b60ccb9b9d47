/**
 * Which session a branch or a pull request belongs to. A branch `open-inspect/<session>` says so itself,
 * but it is text that anybody with a fork may write: it counts only in the session's own repository.
 * For everything else there is the bucket `github`, written when a session's branch or pull request
 * becomes known, under the repository's id, which outlives its name.
 */
import { createHash } from 'node:crypto'
import type { KV } from '@nats-io/kv'
import { isTombstone, type SessionSummary } from '../../subjects/records.ts'
import { isSessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { newestRecord } from '../bus/newest.ts'

export const BRANCH_PREFIX = 'open-inspect/'
const OWN_BRANCH = /^open-inspect\/(.+)$/

/** A repository as a webhook or an answer of GitHub's names it. */
export type RepositoryRef = { readonly id: number; readonly fullName: string }

export type SessionOf = {
  branch(repository: RepositoryRef, branch: string): Promise<string | undefined>
  pullRequest(
    repository: RepositoryRef,
    pull: { readonly number: number; readonly head?: string },
  ): Promise<string | undefined>
  claimBranch(repositoryId: number, branch: string, sid: string): Promise<void>
  claimPullRequest(repositoryId: number, number: number, sid: string): Promise<void>
}

const branchKey = (repositoryId: number, branch: string) =>
  `head.${repositoryId}.${createHash('sha256').update(branch.toLowerCase()).digest('hex')}`
const pullKey = (repositoryId: number, number: number) => `pr.${repositoryId}.${number}`

export const openSessionOf = (bus: Bus, bucket: KV): SessionOf => {
  const summaryOf = async (sid: string): Promise<SessionSummary | undefined> => {
    if (!isSessionId(sid)) return undefined
    const newest = await newestRecord(bus, sid)
    if (!newest || isTombstone(newest.record)) return undefined
    return newest.record.summary ?? undefined
  }
  const written = async (key: string): Promise<string | undefined> => {
    const entry = await bucket.get(key)
    const sid = entry?.operation === 'PUT' ? entry.string() : undefined
    return sid !== undefined && (await summaryOf(sid)) ? sid : undefined
  }
  const named = async ({ fullName }: RepositoryRef, branch: string) => {
    const sid = OWN_BRANCH.exec(branch)?.[1]
    const summary = sid === undefined ? undefined : await summaryOf(sid)
    if (!summary) return undefined
    const own = `${summary.repoOwner}/${summary.repoName}`
    return own.toLowerCase() === fullName.toLowerCase() ? sid : undefined
  }
  const branchOf = async (repository: RepositoryRef, branch: string) =>
    (await named(repository, branch)) ?? (await written(branchKey(repository.id, branch)))

  return {
    branch: branchOf,
    pullRequest: async (repository, { number, head }) =>
      (await written(pullKey(repository.id, number))) ??
      (head === undefined ? undefined : await branchOf(repository, head)),
    claimBranch: async (repositoryId, branch, sid) => {
      if (branch !== BRANCH_PREFIX + sid) await bucket.put(branchKey(repositoryId, branch), sid)
    },
    claimPullRequest: async (repositoryId, number, sid) => {
      await bucket.put(pullKey(repositoryId, number), sid)
    },
  }
}
