/**
 * What a prompt wishes of the agent besides its text: a model, how hard to think. An agent offers such
 * choices as config options of its session; what it does not offer cannot be had, and people are told.
 * Pure.
 */
import type { SessionConfigOption, SessionConfigSelectOption } from '@agentclientprotocol/sdk'

export type Wish = {
  readonly category: 'model' | 'thought_level'
  readonly value: string
  /** Somebody chose it for this prompt: that it cannot be had is worth a word in any case. */
  readonly chosen: boolean
}

export type Answer =
  | { readonly kind: 'set'; readonly configId: string; readonly value: string }
  /** It is so already, or nobody would miss it. */
  | { readonly kind: 'nothing' }
  /** It cannot be had: why, for people. */
  | { readonly kind: 'warning'; readonly message: string }

const NAMES = { model: 'model', thought_level: 'reasoning effort' } as const
/** Agents may offer hundreds of models. */
const MOST_NAMED = 8

const choicesOf = (option: SessionConfigOption): readonly SessionConfigSelectOption[] =>
  option.type === 'select'
    ? option.options.flatMap(one => ('group' in one ? one.options : [one]))
    : []

const lastPart = (text: string): string => text.slice(text.lastIndexOf('/') + 1).toLowerCase()

/** Exactly that value, else the only one of the same name under another provider's prefix. */
const fitting = (
  choices: readonly SessionConfigSelectOption[],
  wanted: string,
): SessionConfigSelectOption | undefined => {
  const exact = choices.find(one => one.value === wanted)
  if (exact) return exact
  const similar = choices.filter(one => lastPart(one.value) === lastPart(wanted))
  return similar.length === 1 ? similar[0] : undefined
}

/** What to do about a wish, given what the agent offers. */
export const answerOf = (
  wish: Wish,
  offered: readonly SessionConfigOption[] | null | undefined,
): Answer => {
  const { category, value, chosen } = wish
  const name = NAMES[category]
  const option = offered?.find(one => one.category === category && one.type === 'select')
  if (option?.type !== 'select') {
    return chosen
      ? { kind: 'warning', message: `The agent offers no choice of ${name}: ${value} is ignored` }
      : { kind: 'nothing' }
  }
  const choices = choicesOf(option)
  const found = fitting(choices, value)
  if (!found) {
    const some = choices.slice(0, MOST_NAMED).map(one => one.value)
    const more = choices.length > some.length ? ' …' : ''
    const message = `The agent does not offer the ${name} ${value} and goes on with ${option.currentValue}; it offers ${some.join(', ')}${more}`
    return { kind: 'warning', message }
  }
  return found.value === option.currentValue
    ? { kind: 'nothing' }
    : { kind: 'set', configId: option.id, value: found.value }
}
