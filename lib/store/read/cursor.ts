/**
 * Where a page of a list ends. Written as `<createdAt>:<order>:<urlencoded id>`; older clients'
 * `<createdAt>:<id>` and `<createdAt>` are read as well (spec 3.8).
 */
import { fail } from '../../../subjects/errors.ts'

/** The last row of the page before. What is null was not in the cursor. */
export type Position = {
  readonly createdAt: number
  readonly order: number | null
  readonly id: string | null
}

export const cursorOf = (createdAt: number, order: number, id: string): string =>
  `${createdAt}:${order}:${encodeURIComponent(id)}`

/** @throws code `INVALID_CURSOR` for anything that no list of ours has handed out. */
export const parseCursor = (text: string | null | undefined): Position | undefined => {
  if (text === null || text === undefined) return undefined
  const full = /^(\d{1,15}):(\d{1,15}):([^:]{1,1024})$/.exec(text)
  if (full) return { createdAt: Number(full[1]), order: Number(full[2]), id: decode(full[3]) }
  const older = /^(\d{1,15})(?::(.{1,1024}))?$/.exec(text)
  if (!older) throw fail('INVALID_CURSOR', { cursor: text.slice(0, 80) })
  const id = older[2] === undefined ? null : decode(older[2])
  return { createdAt: Number(older[1]), order: null, id }
}

const decode = (text: string | undefined): string => {
  try {
    return decodeURIComponent(text ?? '')
  } catch (error) {
    throw fail('INVALID_CURSOR', { error })
  }
}
