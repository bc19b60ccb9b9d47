/** A tool call of the Agent Client Protocol as the control plane tells it (spec 2.8). */
import type { ToolCallContent, ToolCallUpdate } from '@agentclientprotocol/sdk'
import { clip, clipJson } from './clip.ts'
import type { SandboxSaying } from './outbox.ts'

/** All that is known of a call; each update replaces the fields it has. */
export type ToolCallState = ToolCallUpdate & { readonly firstTitle?: string }

export const merged = (
  before: ToolCallState | undefined,
  update: ToolCallUpdate,
): ToolCallState => {
  const given = Object.fromEntries(
    Object.entries(update).filter(([, value]) => value !== undefined && value !== null),
  ) as ToolCallUpdate
  const firstTitle = before?.firstTitle ?? update.title ?? undefined
  return { ...before, ...given, ...(firstTitle === undefined ? {} : { firstTitle }) }
}

const STATUS = {
  pending: 'pending',
  in_progress: 'running',
  completed: 'completed',
  failed: 'error',
} as const

export type ToolStatus = (typeof STATUS)[keyof typeof STATUS]

export const statusOf = (call: ToolCallState): ToolStatus => STATUS[call.status ?? 'pending']
export const isOver = (call: ToolCallState): boolean =>
  call.status === 'completed' || call.status === 'failed'

const KIND_NAMES: Readonly<Record<string, string>> = { execute: 'bash' }

/** A short name: the agent's own when it gives one, else one for the kind of tool. */
const nameOf = (call: ToolCallState): string => {
  if (call.name) return call.name.slice(0, 64)
  // The title of a command is the command, which may be a single word as well.
  const kind = call.kind ?? 'other'
  if (KIND_NAMES[kind]) return KIND_NAMES[kind]
  return call.firstTitle && /^[\w.:-]{1,64}$/.test(call.firstTitle) ? call.firstTitle : kind
}

/** The `tool_call` event of a call's present state. */
export const toolCallEvent = (messageId: string, call: ToolCallState): SandboxSaying => {
  const output = outputOf(call)
  return {
    type: 'tool_call',
    messageId,
    tool: nameOf(call),
    title: clip(call.title ?? '', 500),
    callId: call.toolCallId.slice(0, 256),
    status: statusOf(call),
    args: clipJson(call.rawInput ?? {}),
    ...(output === '' ? {} : { output }),
  }
}

const outputOf = (call: ToolCallState): string => {
  const shown = (call.content ?? []).map(textOf).filter(text => text !== '')
  if (shown.length > 0) return clip(shown.join('\n'))
  return call.rawOutput === undefined ? '' : clip(rawText(call.rawOutput))
}

const rawText = (raw: unknown): string => {
  if (typeof raw === 'string') return raw
  const output = (raw as { output?: unknown } | null)?.output
  return typeof output === 'string' ? output : (JSON.stringify(raw) ?? '')
}

const textOf = (content: ToolCallContent): string => {
  if (content.type === 'diff') {
    return diffText(content.path, content.oldText ?? '', content.newText)
  }
  if (content.type === 'terminal') return ''
  const block = content.content
  if (block.type === 'text') return block.text
  if (block.type === 'resource_link') return block.uri
  if (block.type === 'resource' && 'text' in block.resource) return block.resource.text
  return `[${block.type}]`
}

/** The changed lines with two lines around them, for reading, not for applying. */
const diffText = (path: string, before: string, after: string): string => {
  const a = before === '' ? [] : before.split('\n')
  const b = after === '' ? [] : after.split('\n')
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end += 1
  }
  return [
    `--- ${path}`,
    ...a.slice(Math.max(0, start - 2), start).map(line => `  ${line}`),
    ...a.slice(start, a.length - end).map(line => `- ${line}`),
    ...b.slice(start, b.length - end).map(line => `+ ${line}`),
    ...b.slice(b.length - end, b.length - end + 2).map(line => `  ${line}`),
  ].join('\n')
}
