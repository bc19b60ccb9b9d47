/** Ids are derived from the command, so that deciding it again gives the same ids. */
import { createHash } from 'node:crypto'

/** 32 lower-case hex characters, a function of session, command, kind and number within the command. */
export const derivedId = (
  at: { readonly sid: string; readonly commandSequence: number },
  kind: string,
  n = 0,
): string =>
  createHash('sha256')
    .update(`${at.sid}:${at.commandSequence}:${kind}:${n}`)
    .digest('hex')
    .slice(0, 32)
