/**
 * A sandbox's socket: one more follower of the session. What is meant for it stands in the records; what
 * it says goes into the inbox. It is the active one from the moment its own `sandbox_connected` is in the
 * log until another's is. Until then it is told nothing; what was outstanding when it came is told then.
 *
 * A prompt is sent once per socket. The WebSocket ping behind it comes back only when the sandbox has read
 * what was before: that is the confirmation.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { codeOf } from '../../subjects/errors.ts'
import type { SandboxFrame } from '../../subjects/frames-sandbox.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import { beatSubject, textSubject } from '../../subjects/subjects.ts'
import { publishCommand, requestCommand } from '../bus/command.ts'
import { publishSignal } from '../bus/signal.ts'
import type { Edge } from './edge.ts'
import { EVENT_BYTES } from './limits.ts'
import { evolveOutstanding, type Outstanding } from './outstanding.ts'
import type { Room } from './room.ts'
import { readSandboxFrame } from './sandbox-frame.ts'
import { makeSandboxIntake } from './sandbox-intake.ts'
import { makeSandboxText } from './sandbox-text.ts'
import type { Socket } from './socket.ts'

/** What one event means for a sandbox. */
export type ToSandbox = { readonly event: SessionEvent; readonly frames: readonly SandboxFrame[] }

export type SandboxPeer = {
  readonly socket: Socket
  /** Takes what a record meant. */
  tell(told: readonly ToSandbox[]): void
  /** Takes one text frame of the sandbox. */
  onText(text: string, bytes: number): void
  onPong(payload: string): void
  /** Says the present text of the running prompt again. */
  repeatText(): void
  /** The socket has ended. Resolves when everything it said is stored and its end is known. */
  onClosed(code: number): Promise<void>
}

/** How long what a closed socket has said may take to be stored. */
const FINISH_WITHIN_MS = 30_000
const FINISH_WITHIN_WHEN_STOPPING_MS = 3_000
const RETRY_MS = 500
/** The sandbox is not at fault: it reconnects and says again what was not acknowledged. */
const TRY_AGAIN_LATER = 1013

/** Reasons that stand for something gone wrong here, not for an end in good order. */
const INTERNAL_REASONS: ReadonlySet<string> = new Set([
  'Prompt dispatch send failed',
  'Stop command send failed',
  'Stop confirmation timed out',
])

/** @param joined who was let in, and what was outstanding then */
export const openSandbox = (
  edge: Edge,
  socket: Socket,
  room: Room,
  joined: { readonly generation: number; readonly outstanding: Outstanding },
): SandboxPeer => {
  const { bus, log } = edge
  const { sid } = room
  const { generation } = joined
  const { connectionId } = socket
  const identity = { v: 1, generation, connectionId } as const
  let outstanding = joined.outstanding
  let active = false
  let deleted = false
  const sentPrompts = new Set<string>()
  const unconfirmed = new Set<string>()

  const text = makeSandboxText(event =>
    publishSignal(bus, textSubject(sid), { v: 1, generation, event }),
  )
  const intake = makeSandboxIntake({
    bus,
    sid,
    generation,
    connectionId,
    log,
    onStored: ackIds => {
      for (const ackId of ackIds) socket.send({ type: 'ack', ackId })
    },
    onOverflow: () => socket.close(TRY_AGAIN_LATER, 'Too much is not stored yet'),
  })

  const send = (frame: SandboxFrame) => {
    if (frame.type === 'prompt') {
      if (sentPrompts.has(frame.messageId)) return
      sentPrompts.add(frame.messageId)
      unconfirmed.add(frame.messageId)
      socket.send(frame)
      socket.ping(frame.messageId)
      return
    }
    socket.send(frame)
  }
  const end = (reason: string) => {
    socket.send({ type: 'shutdown' })
    socket.close(INTERNAL_REASONS.has(reason) ? 1011 : 1000, reason)
  }
  const become = () => {
    active = true
    if (outstanding.prompt) send(outstanding.prompt)
    const { stop, stopMessageId } = outstanding
    if (outstanding.push) send(outstanding.push)
    if (stop) send({ type: 'stop', ...(stopMessageId && { messageId: stopMessageId }) })
  }
  const hear = ({ event, frames }: ToSandbox) => {
    if (event.type === 'sandbox_requested' && event.generation > generation) {
      return end('Sandbox terminated')
    }
    if (event.type === 'session_deleted') {
      deleted = true
      return end('Sandbox terminated')
    }
    if (event.type === 'sandbox_shutdown') {
      if (event.generation === generation) end(event.reason)
      return
    }
    if (event.type === 'sandbox_connected') {
      if (event.connectionId === connectionId) become()
      else if (active) socket.close(1000, 'New sandbox connecting')
      return
    }
    if (active) for (const frame of frames) send(frame)
    else outstanding = evolveOutstanding(outstanding, event, frames)
  }

  /** @returns false when the owner has refused; true also when it may know of the socket */
  const announce = async (): Promise<boolean> => {
    while (socket.isOpen) {
      try {
        const { reply } = await requestCommand(bus, sid, { ...identity, type: 'sandbox_connected' })
        if (reply.ok) {
          intake.begin()
          return true
        }
        log.info({ sid, generation, code: reply.code }, 'a sandbox came too late')
        socket.close(1000, 'Sandbox terminated')
        return false
      } catch (error) {
        log.warn({ sid, generation, code: codeOf(error) }, 'a sandbox is not announced yet')
        await wait(RETRY_MS)
      }
    }
    return true
  }
  const announced = announce()

  const onText = (raw: string, bytes: number) => {
    const read = readSandboxFrame(raw, bytes)
    if (!read.ok) {
      log.warn({ sid, generation, reason: read.reason }, 'a sandbox sent what cannot be taken')
      if (read.instead) intake.push(read.instead, 0)
      return
    }
    const { event } = read
    if ('truncated' in event) log.warn({ sid, generation, type: event.type, bytes }, 'cut an event')
    switch (event.type) {
      case 'heartbeat':
        publishSignal(bus, beatSubject(sid), { v: 1, generation, atMs: edge.now() })
        return
      case 'token': {
        const messageId = event.messageId ?? room.view()?.running?.messageId
        if (!messageId) return
        const content = String(event.content)
        text.say({ ...event, messageId })
        intake.say({ messageId, content, timestamp: event.timestamp ?? null })
        return
      }
      case 'step_start':
      case 'step_finish':
        text.pass(event)
        break
      case 'execution_complete':
      case 'context_compacted':
        text.end()
        break
    }
    intake.push(event, Math.min(bytes, EVENT_BYTES))
  }

  const onPong = (messageId: string) => {
    if (!unconfirmed.delete(messageId)) return
    const command = { ...identity, type: 'prompt_delivered', messageId } as const
    publishCommand(bus, sid, command).catch((error: unknown) =>
      // The owner announces the prompt again; the sandbox has it and drops a second one.
      log.warn({ sid, messageId, code: codeOf(error) }, 'a delivery could not be confirmed'),
    )
  }

  const onClosed = async (code: number) => {
    text.end()
    // Nobody is left to whom it could be said.
    if (deleted) return
    const deadlineMs = edge.isStopping() ? FINISH_WITHIN_WHEN_STOPPING_MS : FINISH_WITHIN_MS
    if (!(await announced)) return
    await intake.finish(deadlineMs)
    const command = { ...identity, type: 'sandbox_disconnected', code } as const
    await publishCommand(bus, sid, command, { deadlineMs }).catch((error: unknown) =>
      log.warn({ sid, generation, code: codeOf(error) }, 'the end of a socket is not known'),
    )
  }

  return {
    socket,
    tell: told => {
      for (const each of told) if (socket.isOpen) hear(each)
    },
    onText,
    onPong,
    repeatText: text.repeat,
    onClosed,
  }
}
