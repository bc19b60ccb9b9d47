/** Who acts, and how a request is named: what most commands have in common. */
import { z } from 'zod'

/** Text of people. A database could not keep half of a surrogate pair, and would show something else. */
export const text = z
  .string()
  .refine(value => value.isWellFormed(), 'holds half of a surrogate pair, which is no character')

/** Chosen by the sender; the same id twice is the same request. */
export const requestId = text.min(1).max(128)
/** A person's token of the git host, as a web app handed it over: never in plain in a command. */
export const scmToken = z.strictObject({
  /** By `TOKEN_ENCRYPTION_KEY` (spec 6.1). */
  encrypted: z.string().min(1).max(8192),
  expiresAtMs: z.int().nullable(),
})
/** Who acts: a user id of the caller's, and what is known of the user. */
export const actor = z.strictObject({
  userId: text.min(1).max(256),
  login: text.max(256).nullish(),
  name: text.max(256).nullish(),
  email: text.max(320).nullish(),
  githubUserId: text.max(64).nullish(),
  /** Kept for the person's pull requests, unless one that lives longer is kept already. */
  scmToken: scmToken.nullish(),
})
export type Actor = z.infer<typeof actor>
