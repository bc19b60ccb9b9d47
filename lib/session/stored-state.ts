/**
 * The state as it is kept beside a session's rows and in its snapshots. The log behind a snapshot is
 * cut, so a kept state must be readable for ever: a field that is added needs nothing but its place
 * in `initialState`, whose value older states get; anything else that changes raises the version and
 * adds the step that leads there. test/session/stored-state.test.ts holds states of every version.
 */
import { fail } from '../../subjects/errors.ts'
import { initialState, type SessionState } from './state.ts'

type Json = Readonly<Record<string, unknown>>

/** `STEPS[n]` makes a state of version n + 2 from one of version n + 1. Never changed once released. */
const STEPS: readonly ((state: Json) => Json)[] = []
const VERSION = STEPS.length + 1

export type PackedState = { readonly v: number; readonly state: unknown }

export const packState = (state: SessionState): PackedState => ({ v: VERSION, state })

/**
 * @returns undefined when it is no packed state at all
 * @throws code RECORD_TOO_NEW when a newer version of this program packed it
 */
export const unpackState = (packed: unknown): SessionState | undefined => {
  if (!isJson(packed) || !isJson(packed.state)) return undefined
  const { v, state } = packed
  if (typeof v !== 'number' || !Number.isInteger(v) || v < 1) return undefined
  if (v > VERSION) {
    throw fail('RECORD_TOO_NEW', {
      message: `a state of version ${v} was kept, this program knows ${VERSION}: run the newer version`,
    })
  }
  const brought = STEPS.slice(v - 1).reduce((old, step) => step(old), state)
  return withDefaults(initialState, brought) as SessionState
}

/** Fields that are missing, at any depth that the initial state has. Tables by foreign keys stay. */
const withDefaults = (initial: Json, state: Json): Json => {
  const filled: Record<string, unknown> = { ...initial, ...state }
  for (const [key, value] of Object.entries(initial)) {
    const own = state[key]
    if (isJson(value) && isJson(own)) filled[key] = withDefaults(value, own)
  }
  return filled
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
