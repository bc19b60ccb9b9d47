/**
 * One prompt at the agent: turns the agent's updates into events. Text is cumulative; every change of
 * a tool call's status is an event at once, growing output at most every 250 ms, and a version that
 * says nothing new is none. No I/O: the timer is an argument.
 */
import type { SessionUpdate } from '@agentclientprotocol/sdk'
import { clip, clipJson } from './clip.ts'
import type { SandboxSaying } from './outbox.ts'
import { isOver, merged, statusOf, type ToolCallState, toolCallEvent } from './tool-call.ts'

const MAX_TEXT_CHARS = 200_000
const MAX_THOUGHT_CHARS = 20_000
const OUTPUT_EVERY_MS = 250

export type TurnOptions = {
  readonly messageId: string
  readonly say: (event: SandboxSaying) => void
  readonly text: (messageId: string, content: string) => void
  readonly after: (ms: number, call: () => void) => () => void
}

export type Turn = {
  readonly messageId: string
  update(update: SessionUpdate): void
  /** A permission that was given, beside the call it was for. */
  permission(callId: string, title: string, answer: string): void
  /** True when the agent has shown anything: text or a tool call. */
  spoke(): boolean
  /** True while a tool runs: a long quiet command is not a stall. */
  busy(): boolean
  /** Nothing more comes: what was held back goes out, open tool calls end with an error. */
  finish(reason: string): void
  /** What the agent has spent in this session so far, as far as it says. */
  cost(): number | undefined
}

type Call = {
  state: ToolCallState
  told: string
  /** How much of the text came before it: readers cut the text there, and show the call in its place. */
  readonly textOffset: number
  cancelTimer?: (() => void) | undefined
}

export const createTurn = ({ messageId, say, text, after }: TurnOptions): Turn => {
  const calls = new Map<string, Call>()
  let content = ''
  let cut = false
  let paragraph = false
  let thought = ''
  let cost: number | undefined
  let over = false

  const flushThought = () => {
    if (thought.trim() !== '') {
      say({ type: 'agent_thought', messageId, content: clip(thought, MAX_THOUGHT_CHARS) })
    }
    thought = ''
  }

  const tell = (call: Call) => {
    call.cancelTimer?.()
    call.cancelTimer = undefined
    const event = { ...toolCallEvent(messageId, call.state), textOffset: call.textOffset }
    const version = JSON.stringify(event)
    if (version === call.told) return
    call.told = version
    say(event)
  }

  const addText = (addition: string) => {
    if (addition === '' || cut) return
    if (paragraph && content !== '' && !content.endsWith('\n')) content += '\n\n'
    paragraph = false
    content += addition
    if (content.length > MAX_TEXT_CHARS) {
      cut = true
      content = `${content.slice(0, MAX_TEXT_CHARS)}\n… the rest of this text was left out …`
    }
    text(messageId, content)
  }

  const updateCall = (update: Parameters<typeof merged>[1]) => {
    paragraph = true
    const known = calls.get(update.toolCallId)
    const state = merged(known?.state, update)
    if (!known) {
      const call: Call = { state, told: '', textOffset: content.length }
      calls.set(update.toolCallId, call)
      return tell(call)
    }
    const changed = statusOf(known.state) !== statusOf(state)
    known.state = state
    if (changed || isOver(state)) return tell(known)
    known.cancelTimer ??= after(OUTPUT_EVERY_MS, () => {
      known.cancelTimer = undefined
      tell(known)
    })
  }

  return {
    messageId,
    update: update => {
      if (over) return
      if (update.sessionUpdate !== 'agent_thought_chunk') flushThought()
      switch (update.sessionUpdate) {
        case 'agent_message_chunk':
          if (update.content.type === 'text') addText(update.content.text)
          else if (update.content.type === 'resource_link') addText(update.content.uri)
          return
        case 'agent_thought_chunk':
          if (update.content.type === 'text' && thought.length <= MAX_THOUGHT_CHARS) {
            thought += update.content.text
          }
          return
        case 'tool_call':
        case 'tool_call_update':
          return updateCall(update)
        case 'plan':
          return say({ type: 'plan', messageId, entries: clipJson(update.entries, 20_000) })
        case 'usage_update':
          if (update.cost) cost = update.cost.amount
          return
        default:
          // Modes, commands and the like concern an editor, not the people in a session.
          return
      }
    },
    permission: (callId, title, answer) => {
      if (!over) {
        say({ type: 'permission', messageId, callId, title: clip(title, 500), answer })
      }
    },
    spoke: () => content.trim() !== '' || calls.size > 0,
    busy: () => [...calls.values()].some(call => !isOver(call.state)),
    finish: reason => {
      if (over) return
      over = true
      flushThought()
      for (const call of calls.values()) {
        if (isOver(call.state)) continue
        const note = { type: 'content', content: { type: 'text', text: reason } } as const
        const before = call.state.content ?? []
        call.state = merged(call.state, {
          toolCallId: call.state.toolCallId,
          status: 'failed',
          content: [...before, note],
        })
        tell(call)
      }
    },
    cost: () => cost,
  }
}
