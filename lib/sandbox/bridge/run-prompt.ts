/**
 * Runs one prompt to its end. However it ends, exactly one `execution_complete` is said: done,
 * stopped, stalled, crashed or never begun.
 */
import type { SandboxFrameOf } from '../../../subjects/frames-sandbox.ts'
import { type Agent, describe } from './agent.ts'
import { clip } from './clip.ts'
import { contentOf } from './content.ts'
import { writeGitIdentity } from './git-identity.ts'
import type { SandboxSaying } from './outbox.ts'
import type { Seat } from './seat.ts'
import { createTurn, type Turn } from './turn.ts'
import { answerOf, type Wish } from './wishes.ts'

export type PromptFrame = SandboxFrameOf<'prompt'>

export type RunOptions = {
  readonly prompt: PromptFrame
  /** The session's own model: a prompt with another one has chosen it. */
  readonly sessionModel: string | null
  /** True when people have not been told so yet. */
  readonly isNews: (message: string) => boolean
  readonly folder: string
  readonly seat: Seat
  /** Aborted with the reason, a sentence, when the prompt is to be stopped. */
  readonly stop: AbortSignal
  readonly inactivityMs: number
  readonly cancelGraceMs: number
  readonly after: (ms: number, call: () => void) => () => void
  readonly say: (event: SandboxSaying) => void
  readonly text: (messageId: string, content: string) => void
  /** Tells which turn the agent's updates belong to from now on. */
  readonly onTurn: (turn: (Turn & { stir(): void }) | undefined) => void
  /** Ends what an agent that had to be killed may have left running. */
  readonly sweep: () => Promise<void>
}

type Outcome = { readonly success: boolean; readonly error?: string; readonly reason: string }

export const runPrompt = async (options: RunOptions): Promise<void> => {
  const { messageId } = options.prompt
  const turn = createTurn({ messageId, say: options.say, text: options.text, after: options.after })
  options.say({ type: 'step_start', messageId })
  let outcome: Outcome
  try {
    await writeGitIdentity(options.folder, options.prompt.author)
    outcome = await converse(options, turn)
  } catch (error) {
    outcome = { success: false, error: describe(error), reason: 'error' }
  }
  options.onTurn(undefined)
  turn.finish(outcome.error ?? 'The agent ended its turn before this was done.')
  const cost = turn.cost()
  options.say({
    type: 'step_finish',
    messageId,
    reason: outcome.reason,
    ...(cost === undefined ? {} : { cost }),
  })
  options.say({
    type: 'execution_complete',
    messageId,
    success: outcome.success,
    ...(outcome.error === undefined ? {} : { error: clip(outcome.error, 4_000) }),
  })
}

const converse = async (options: RunOptions, turn: Turn): Promise<Outcome> => {
  const { seat, stop } = options
  const stopped = new Promise<string>(resolve => {
    if (stop.aborted) resolve(String(stop.reason))
    stop.addEventListener('abort', () => resolve(String(stop.reason)), { once: true })
  })
  const agent = await Promise.race([seat.taken(stop), stopped])
  if (typeof agent === 'string') return { success: false, error: agent, reason: 'cancelled' }

  const stall = watchForStall(options, turn)
  options.onTurn({ ...turn, stir: stall.stir })
  try {
    const { blocks, problems } = contentOf(options.prompt, agent.capabilities)
    for (const problem of problems) warn(options, 'media', problem)
    await Promise.race([grant(agent, options), stopped])
    const answer = agent.prompt(blocks)
    answer.catch(() => {})
    const first = await Promise.race([
      answer.then(stopReason => ({ stopReason })),
      stopped.then(error => ({ error })),
      stall.stalled.then(error => ({ error })),
    ])
    if ('stopReason' in first) return ended(first.stopReason, turn)
    await cancel(agent, answer, options)
    return { success: false, error: first.error, reason: 'cancelled' }
  } catch (error) {
    // The process that fails a prompt may be half alive: the next prompt gets a new one.
    await options.seat.clear(0)
    await options.sweep()
    throw error
  } finally {
    stall.end()
  }
}

const warn = ({ prompt, say }: RunOptions, scope: string, message: string): void =>
  say({ type: 'warning', messageId: prompt.messageId, scope, message: clip(message, 2_000) })

/** Has the agent use what the prompt wishes; what it cannot is said, and it goes on without. */
const grant = async (agent: Agent, options: RunOptions): Promise<void> => {
  const { model, reasoningEffort } = options.prompt
  const wishes: Wish[] = [
    { category: 'model', value: model, chosen: model !== options.sessionModel },
    ...(reasoningEffort
      ? [{ category: 'thought_level', value: reasoningEffort, chosen: true } as const]
      : []),
  ]
  for (const wish of wishes) {
    const answer = answerOf(wish, agent.offered())
    if (answer.kind === 'warning' && (wish.chosen || options.isNews(answer.message))) {
      warn(options, 'setup', answer.message)
    }
    if (answer.kind !== 'set') continue
    await agent.choose(answer.configId, answer.value).catch((error: unknown) => {
      if (!agent.alive()) throw error
      warn(options, 'setup', `The agent refused ${answer.value}: ${describe(error)}`)
    })
  }
}

/** Asks the agent to stop; one that does not is ended, with all that it had started. */
const cancel = async (agent: Agent, answer: Promise<unknown>, options: RunOptions) => {
  const settled = answer.then(
    () => true,
    () => false,
  )
  await agent.cancel().catch(() => {})
  const late = new Promise<boolean>(resolve => {
    options.after(options.cancelGraceMs, () => resolve(false))
  })
  if (await Promise.race([settled, late])) return
  await options.seat.clear(500)
  await options.sweep()
}

const ended = (stopReason: string, turn: Turn): Outcome => {
  if (stopReason === 'refusal') {
    return { success: false, error: 'The agent refused to go on.', reason: stopReason }
  }
  if (stopReason === 'cancelled') {
    return { success: false, error: 'The agent cancelled its turn.', reason: stopReason }
  }
  if (!turn.spoke()) {
    return { success: false, error: 'The agent ended without saying anything.', reason: stopReason }
  }
  if (stopReason !== 'end_turn') {
    return { success: false, error: `The agent stopped early: ${stopReason}.`, reason: stopReason }
  }
  return { success: true, reason: stopReason }
}

/** Resolves when the agent has said nothing for too long while no tool was running. */
const watchForStall = (options: RunOptions, turn: Turn) => {
  const { promise: stalled, resolve } = Promise.withResolvers<string>()
  const seconds = Math.round(options.inactivityMs / 1000)
  let cancelTimer: (() => void) | undefined
  const stir = () => {
    cancelTimer?.()
    cancelTimer = options.after(options.inactivityMs, () => {
      if (turn.busy()) stir()
      else resolve(`The agent has said nothing for ${seconds} seconds.`)
    })
  }
  stir()
  return { stalled, stir, end: () => cancelTimer?.() }
}
