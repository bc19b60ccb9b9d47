/**
 * Services over REST, as they should be: an id with everything, and the same again at the next api when
 * there was no answer or one that says "not now". What was accepted is sometimes sent once more, and must
 * get the same answer.
 */
import { serviceToken } from '../../../lib/auth/service-token.ts'
import type { Ledger } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { insist, type Pace, think } from './pace.ts'
import { contentOf } from './words.ts'

const ANSWER_WITHIN_MS = 15_000
/** One of so many is sent again. */
const AGAIN = 5
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

type Refusal = { readonly status?: number; readonly code?: string } | undefined

const statusOf = (error: unknown): number | undefined => ((error as Error).cause as Refusal)?.status
export const codeIn = (error: unknown): string | undefined =>
  ((error as Error).cause as Refusal)?.code

/** No answer at all, or one that says to come again. */
export const isPassing = (error: unknown): boolean => {
  const status = statusOf(error)
  return status === undefined || PASSING.has(status)
}

/** POSTs to the n-th api, counted around. @throws what is refused, with its status and code as the cause */
export const postOnce = async (
  { system }: World,
  n: number,
  path: string,
  body: object,
  headers: Record<string, string> = {},
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
): Promise<any> => {
  const answer = await fetch(`${system.apis[n % system.apis.length]}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${serviceToken(system.secret, Date.now())}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  })
  const text = await answer.text()
  if (answer.ok) return JSON.parse(text)
  const code = /"code":"(\w+)"/.exec(text)?.[1]
  throw new Error(`${path}: ${text}`, { cause: { status: answer.status, code } })
}

/** POSTs until it is answered. @throws what is refused for good, as {@link postOnce} does */
export const post = (
  world: World,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): ReturnType<typeof postOnce> =>
  insist(n => postOnce(world, n, path, body, headers), { isPassing, over: world.over })

/** Opens a session; asked again under the same key it must be the same one. */
export const createSession = async (world: World, ledger: Ledger, key: string): Promise<string> => {
  const body = { repoOwner: 'demo', repoName: 'hello', userId: 'alice' }
  const headers = { 'idempotency-key': key }
  const { sessionId } = await post(world, '/sessions', body, headers)
  const again = await post(world, '/sessions', body, headers)
  if (again.sessionId !== sessionId) ledger.wrongs.push(`${key} opened two sessions`)
  return sessionId
}

export const runRestService = async (
  world: World,
  ledger: Ledger,
  { sid, name, pace, random }: { sid: string; name: string; pace: Pace; random: Random },
): Promise<void> => {
  for (let n = 0; await think(pace, random); n++) {
    const id = `${name}-${n}`
    const body = { content: contentOf(id, random), clientRequestId: id, authorId: name }
    const sent = { sid, id, way: 'rest', sender: name, atMs: world.nowMs() } as const
    const entry: (typeof ledger.sent)[number] = { ...sent }
    ledger.sent.push(entry)
    const { messageId } = await post(world, `/sessions/${sid}/prompt`, body)
    entry.acceptedAtMs = world.nowMs()
    entry.messageId = messageId
    if (random.between(1, AGAIN) > 1) continue
    const again = await post(world, `/sessions/${sid}/prompt`, body)
    if (again.messageId !== messageId) ledger.wrongs.push(`${id} sent twice became two prompts`)
  }
}
