/** Does what a script says and tells about it by updates of the Agent Client Protocol. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import type { SessionUpdate, StopReason, ToolCallUpdate, ToolKind } from '@agentclientprotocol/sdk'
import { ABILITIES, type Script, type Step } from './script.ts'
import { runShell } from './shell.ts'

export type Stage = {
  readonly cwd: string
  readonly signal: AbortSignal
  readonly send: (update: SessionUpdate) => Promise<void>
}

let calls = 0
/** Unique over restarts of the agent too: a later process goes on in the same session. */
const callId = () => `${process.pid.toString(36)}-${Date.now().toString(36)}-${++calls}`

const text = (content: string) =>
  ({ type: 'content', content: { type: 'text', text: content } }) as const

/** @returns `end_turn`, or `cancelled` when the signal ended it */
export const perform = async (script: Script, stage: Stage): Promise<StopReason> => {
  const { signal } = stage
  if (script.silent) return 'end_turn'
  const say = async (sentence: string) => {
    for (const word of sentence.split(/(?<=\s)/)) {
      if (signal.aborted) return
      await stage.send({
        sessionUpdate: 'agent_message_chunk',
        content: { type: 'text', text: word },
      })
      await pause(script.wordEveryMs, signal)
    }
  }
  const tool = async (title: string, kind: ToolKind, rawInput: unknown) => {
    const toolCallId = callId()
    const times = script.duplicate ? 2 : 1
    const send = async (update: SessionUpdate) => {
      for (let time = 0; time < times; time += 1) await stage.send(update)
    }
    await send({ sessionUpdate: 'tool_call', toolCallId, title, kind, status: 'pending', rawInput })
    return (update: Omit<ToolCallUpdate, 'toolCallId'>) =>
      send({ sessionUpdate: 'tool_call_update', toolCallId, ...update })
  }

  if (script.steps.length === 0) {
    const heard = script.words === '' ? '' : `You said: “${script.words}”. `
    await say(`${heard}I am the demo agent; I need no model and no account. ${ABILITIES}`)
  }
  for (const [index, step] of script.steps.entries()) {
    if (signal.aborted) break
    const failure = await act(step, { ...stage, say, tool })
    if (failure === undefined || signal.aborted) continue
    const rest = script.steps.length - index - 1
    await say(`That did not work: ${failure}.${rest > 0 ? ' I leave the rest.' : ''}`)
    return 'end_turn'
  }
  if (signal.aborted) return 'cancelled'
  if (script.steps.length > 0) await say('Done.')
  return signal.aborted ? 'cancelled' : 'end_turn'
}

type Acting = Stage & {
  readonly say: (sentence: string) => Promise<void>
  readonly tool: (
    title: string,
    kind: ToolKind,
    rawInput: unknown,
  ) => Promise<(update: Omit<ToolCallUpdate, 'toolCallId'>) => Promise<void>>
}

/** Does one step; what went wrong comes back as a phrase. */
const act = async (step: Step, acting: Acting): Promise<string | undefined> => {
  switch (step.kind) {
    case 'run':
      await acting.say(`I run \`${step.command}\`.`)
      return command(step.command, step.command, {}, acting)
    case 'commit':
      await acting.say('I commit.')
      return command(
        `git commit -m ${JSON.stringify(step.message)}`,
        'git add -A && git commit -m "$MESSAGE" && git log -1 --format="%h %an <%ae>"',
        { MESSAGE: step.message },
        acting,
      )
    case 'write':
      await acting.say(`I ${step.append ? 'add to' : 'write'} ${step.path}.`)
      return write(step, acting)
    case 'stall':
      await acting.say('I stall.')
      return new Promise(resolve => {
        if (!step.hard) acting.signal.addEventListener('abort', () => resolve('stalled'))
      })
    case 'crash':
      await acting.say('I crash.')
      process.stderr.write('the demo agent crashes, as the prompt asked\n')
      return process.exit(13)
    case 'flood':
      for (let n = 1; n <= step.count && !acting.signal.aborted; n += 1) {
        const update = await acting.tool(`flood ${n}`, 'other', { n })
        await update({ status: 'completed', content: [text(`event ${n} of ${step.count}`)] })
      }
      return undefined
  }
}

const command = async (
  title: string,
  line: string,
  env: Readonly<Record<string, string>>,
  { tool, cwd, signal }: Acting,
): Promise<string | undefined> => {
  const update = await tool(title, 'execute', { command: title })
  await update({ status: 'in_progress' })
  let shown = Promise.resolve()
  let pending = false
  const end = await runShell({
    command: line,
    cwd,
    env,
    signal,
    onOutput: output => {
      // One update under way at a time: each holds the whole output, so the newest is enough.
      if (pending) return
      pending = true
      shown = update({ content: [text(output)] }).then(() => {
        pending = false
      })
    },
  })
  await shown
  const output = end.ok ? end.output : `${end.output}${end.output ? '\n' : ''}[${end.how}]`
  await update({ status: end.ok ? 'completed' : 'failed', content: [text(output)] })
  return end.ok ? undefined : end.how
}

const write = async (
  step: Extract<Step, { kind: 'write' }>,
  { tool, cwd }: Acting,
): Promise<string | undefined> => {
  const update = await tool(`${step.append ? 'append' : 'write'} ${step.path}`, 'edit', {
    path: step.path,
  })
  const path = resolve(cwd, step.path)
  if (relative(cwd, path).startsWith('..')) {
    await update({ status: 'failed', content: [text('outside the workspace')] })
    return `${step.path} is outside the workspace`
  }
  try {
    const before = await readFile(path, 'utf8').catch(() => null)
    const after = step.append ? (before ?? '') + step.text : step.text
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, after)
    const diff = { type: 'diff', path: step.path, oldText: before, newText: after } as const
    await update({ status: 'completed', content: [diff] })
    return undefined
  } catch (error) {
    await update({ status: 'failed', content: [text(String(error))] })
    return String(error)
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
