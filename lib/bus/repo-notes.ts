/** What people wrote down of repositories, and the cached list of them: the bucket `repos`. */
import type { KV } from '@nats-io/kv'
import { z } from 'zod'
import { type RepoMetadata, repo, repoMetadata } from '../../subjects/github.ts'

export type RepoName = { readonly owner: string; readonly name: string }

const LIST_KEY = 'list'
const NOTES = 'meta.'

/** Names hold letters, digits, `-`, `_` and dots; a dot means something in a key, `=` in no name. */
const keyOf = (name: RepoName): string => NOTES + fullNameOf(name).replaceAll('.', '=2E')

/** `owner/name`, in lower case. */
export const fullNameOf = ({ owner, name }: RepoName): string => `${owner}/${name}`.toLowerCase()

const stored = async <T>(bucket: KV, key: string, schema: z.ZodType<T>) => {
  const entry = await bucket.get(key)
  if (entry?.operation !== 'PUT') return undefined
  const parsed = schema.safeParse(JSON.parse(entry.string()))
  return parsed.success ? parsed.data : undefined
}

export const readMetadata = async (bucket: KV, name: RepoName): Promise<RepoMetadata | null> =>
  (await stored(bucket, keyOf(name), repoMetadata)) ?? null

/** Replaces all that was written down before. */
export const writeMetadata = async (
  bucket: KV,
  name: RepoName,
  metadata: RepoMetadata,
): Promise<void> => {
  await bucket.put(keyOf(name), JSON.stringify(metadata))
}

/** Of every repository of which there is some, by its full name. */
export const allMetadata = async (bucket: KV): Promise<Map<string, RepoMetadata>> => {
  const keys: string[] = []
  for await (const key of await bucket.keys(`${NOTES}>`)) keys.push(key)
  const all = new Map<string, RepoMetadata>()
  await Promise.all(
    keys.map(async key => {
      const metadata = await stored(bucket, key, repoMetadata)
      if (metadata) all.set(key.slice(NOTES.length).replaceAll('=2E', '.'), metadata)
    }),
  )
  return all
}

const repoList = z.object({ v: z.literal(1), fetchedAtMs: z.int(), repos: z.array(repo) })
export type RepoList = z.infer<typeof repoList>

export const readRepoList = (bucket: KV): Promise<RepoList | undefined> =>
  stored(bucket, LIST_KEY, repoList)

export const writeRepoList = async (bucket: KV, list: RepoList): Promise<void> => {
  await bucket.put(LIST_KEY, JSON.stringify(list))
}

export const dropRepoList = (bucket: KV): Promise<void> => bucket.delete(LIST_KEY)
