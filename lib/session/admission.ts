/** Who may join a session, and which sandbox it waits for: a pure look at the state. Tokens are known by their SHA-256 (hex) only. */
import { timingSafeEqual } from 'node:crypto'
import type { ErrorCode } from '../../subjects/errors.ts'
import type { Policy } from './policy.ts'
import { isClosed, isDead, type Participant, type SessionState } from './state.ts'

type Refusal = Readonly<{ ok: false; code: ErrorCode }>

const refuse = (code: ErrorCode): Refusal => ({ ok: false, code })

const sameHash = (a: string, b: string): boolean => {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The participant whose live token this is; `TOKEN_INVALID` or `TOKEN_EXPIRED` otherwise. */
export const admitClient = (
  state: SessionState,
  tokenHash: string,
  nowMs: number,
  policy: Pick<Policy, 'wsTokenTtlMs'>,
): Readonly<{ ok: true; participant: Participant }> | Refusal => {
  for (const participant of state.participants) {
    for (const token of participant.tokens) {
      if (!sameHash(token.hash, tokenHash)) continue
      return nowMs - token.issuedAtMs > policy.wsTokenTtlMs
        ? refuse('TOKEN_EXPIRED')
        : { ok: true, participant }
    }
  }
  return refuse('TOKEN_INVALID')
}

/**
 * Whether a sandbox may connect, in the order of spec 2.7: status, id, token; a replaced one is told
 * that it is the wrong one. A failed one may: a slow boot heals itself.
 */
export const admitSandbox = (
  state: SessionState,
  { sandboxId, tokenHash }: { readonly sandboxId: string; readonly tokenHash: string },
): Readonly<{ ok: true; generation: number }> | Refusal => {
  const { sandbox } = state
  if (!state.exists) return refuse('SESSION_NOT_FOUND')
  if (isClosed(state)) return refuse('SESSION_TERMINAL')
  if (sandbox.status === 'stopped' || sandbox.status === 'stale') return refuse('SANDBOX_GONE')
  if (sandbox.sandboxId !== null && sandbox.sandboxId !== sandboxId) {
    return refuse('SANDBOX_WRONG_ID')
  }
  return sandbox.tokenHash !== null && sameHash(sandbox.tokenHash, tokenHash)
    ? { ok: true, generation: sandbox.generation }
    : refuse('SANDBOX_TOKEN_INVALID')
}

/**
 * Whether a sandbox that was asked for is still wanted: a request may lie in a queue until nobody waits
 * for it. One that runs already is wanted too.
 */
export const wantsSandbox = (
  state: SessionState,
  generation: number,
): Readonly<{ wanted: boolean; promptWaits: boolean }> => {
  const { sandbox, running, queue, held } = state
  const wanted = !isClosed(state) && sandbox.generation === generation && !isDead(sandbox)
  const promptWaits = running !== null || (queue.length > 0 && !held)
  return { wanted, promptWaits: wanted && promptWaits }
}
