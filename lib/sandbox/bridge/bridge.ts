/**
 * The bridge: stands between an agent and the control plane, inside the sandbox. It owns the socket,
 * what is not yet confirmed, and the agent's process. It decides nothing about the session: prompts
 * come one at a time, each is run once, whatever happens to the socket meanwhile. When its process
 * dies, the run dies with it, and whoever started the sandbox reports that.
 */
import { randomBytes } from 'node:crypto'
import type { SandboxFrame } from '../../../subjects/frames-sandbox.ts'
import { GATEWAY } from '../programs/ask-bridge.ts'
import { AGENT_MARK, sweep } from '../sweep.ts'
import { clip } from './clip.ts'
import { confinementOf } from './confine.ts'
import { type ConnectionTiming, openConnection } from './connection.ts'
import type { BridgeEnvironment } from './environment.ts'
import { openGateway } from './gateway.ts'
import { createOutbox } from './outbox.ts'
import { installPrograms, pathWith } from './programs.ts'
import { createPushes } from './push.ts'
import { type PromptFrame, runPrompt } from './run-prompt.ts'
import { createSeat } from './seat.ts'
import { writeStanding } from './standing.ts'
import type { Turn } from './turn.ts'

const HEARTBEAT_EVERY_MS = 30_000
/** Well below the control plane's own wait for the confirmation of a stop. */
const CANCEL_GRACE_MS = 5_000
/** What the last words of a sandbox may take to be confirmed when it is told to end. */
const FAREWELL_MS = 1_500
/** How long `ready` waits for an agent that starts slowly. */
const READY_WITHIN_MS = 10_000

export type BridgeEnd = { readonly refused: boolean; readonly reason: string }

export type BridgeOptions = {
  readonly environment: BridgeEnvironment
  /** Aborted when the host wants the sandbox to end. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  readonly timing?: ConnectionTiming
  readonly cancelGraceMs?: number
}

const after = (ms: number, call: () => void) => {
  const timer = setTimeout(call, ms)
  return () => clearTimeout(timer)
}

/** Runs until the control plane or the host ends the sandbox. */
export const runBridge = async (options: BridgeOptions): Promise<BridgeEnd> => {
  const { environment, log } = options
  const { promise: over, resolve: finish } = Promise.withResolvers<BridgeEnd>()
  const outbox = createOutbox({
    run: randomBytes(8).toString('hex'),
    sandboxId: environment.sandboxId,
    nowMs: Date.now,
    after,
  })
  const { folder, workspace, isolation } = environment
  const gateway = await openGateway(environment)
  const env = {
    ...environment.agentEnv,
    PATH: pathWith(folder, environment.agentEnv.PATH ?? ''),
    [GATEWAY]: gateway.url,
  }
  await installPrograms({ ...environment, isolated: isolation !== null })
  const rules = isolation && { ...isolation, hosts: [...isolation.hosts, gateway.host] }
  const confinement = await confinementOf(rules, env)
  const { confine } = confinement
  const pushes = createPushes({ workspace, folder, env, confine, say: outbox.say })
  let turn: (Turn & { stir(): void }) | undefined
  const seat = createSeat({
    commandLine: environment.agentCommand,
    workspace,
    env,
    confine,
    sessionId: environment.agentSessionId,
    onUpdate: update => {
      if (update.sessionUpdate === 'session_info_update' && update.title?.trim()) {
        outbox.say({ type: 'session_title', title: clip(update.title.trim(), 200) })
      }
      turn?.update(update)
      turn?.stir()
    },
    onPermission: (callId, title, answer) => turn?.permission(callId, title, answer),
    log,
  })
  const warm = seat.taken(AbortSignal.abort()).then(
    () => {},
    () => {},
  )

  /** What people were told of this sandbox's agent. */
  const told = new Set<string>()
  /** Every prompt that was ever taken on: the same one again is not run again. */
  const taken = new Set<string>()
  let running: { readonly messageId: string; readonly stop: AbortController } | undefined
  let line: Promise<void> = Promise.resolve()
  /** Set when the sandbox ends: nothing new is begun. */
  let ending: string | undefined

  /** Tells the host what it has to know for a snapshot. */
  let standing: Promise<void> = Promise.resolve()
  const stand = () => {
    standing = standing
      .then(() => {
        const agentSessionId = seat.sessionId()
        const messageId = running?.messageId ?? null
        return writeStanding(environment.folder, { agentSessionId, running: messageId })
      })
      .catch(error => log(`the state of the bridge was not noted: ${error}`))
    return standing
  }
  void warm.then(stand)

  const run = async (prompt: PromptFrame) => {
    const stop = new AbortController()
    running = { messageId: prompt.messageId, stop }
    if (ending !== undefined) stop.abort(ending)
    await stand()
    await runPrompt({
      prompt,
      sessionModel: environment.model,
      isNews: message => !told.has(message) && told.add(message).has(message),
      folder: environment.folder,
      seat,
      stop: stop.signal,
      inactivityMs: environment.agentInactivityMs,
      cancelGraceMs: options.cancelGraceMs ?? CANCEL_GRACE_MS,
      after,
      say: outbox.say,
      text: outbox.text,
      onTurn: newTurn => {
        turn = newTurn
      },
      sweep: () => sweep(environment.folder, [AGENT_MARK]),
    })
    running = undefined
    await stand()
  }

  const stop = (frame: SandboxFrame) => {
    const messageId = typeof frame.messageId === 'string' ? frame.messageId : undefined
    if (running && (messageId === undefined || messageId === running.messageId)) {
      running.stop.abort('Execution was stopped')
    } else if (messageId !== undefined && !taken.has(messageId)) {
      // The prompt was lost on its way. It is over before it began, and its sender learns that.
      taken.add(messageId)
      const error = 'Execution was stopped'
      outbox.say({ type: 'execution_complete', messageId, success: false, error })
    }
  }

  const onFrame = (frame: SandboxFrame) => {
    switch (frame.type) {
      case 'prompt':
        if (taken.has(frame.messageId)) return
        taken.add(frame.messageId)
        line = line.then(() => run(frame))
        return
      case 'stop':
        return stop(frame)
      case 'ack':
        return outbox.acked(frame.ackId)
      case 'push':
        return pushes.push(frame)
      case 'push_cancel':
        return pushes.cancel(frame.pushId)
      case 'snapshot':
        return outbox.say({ type: 'snapshot_ready', opencodeSessionId: seat.sessionId() })
      case 'shutdown':
        return finish({ refused: false, reason: 'The control plane ended the sandbox.' })
    }
  }

  let heartbeat: NodeJS.Timeout | undefined
  const common = () => ({ sandboxId: environment.sandboxId, timestamp: Date.now() / 1000 })
  let attached: object | undefined
  /** `ready` is the first word on a socket, and tells the agent's session as soon as there is one. */
  const introduce = async (send: (frame: string) => void) => {
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
    const cancelLate = after(READY_WITHIN_MS, giveUp)
    await Promise.race([warm, late])
    cancelLate()
    if (attached !== send) return
    const opencodeSessionId = seat.sessionId()
    send(JSON.stringify({ type: 'ready', ...common(), opencodeSessionId, dedupes: true }))
    outbox.attach(send)
  }
  if (environment.restored) log('goes on from a snapshot')
  const connection = openConnection({
    ...environment,
    ...(options.timing ? { timing: options.timing } : {}),
    onOpen: send => {
      log('connected')
      attached = send
      void introduce(send)
      heartbeat = setInterval(
        () => send(JSON.stringify({ type: 'heartbeat', ...common(), status: 'ready' })),
        HEARTBEAT_EVERY_MS,
      )
    },
    onFrame,
    onClose: () => {
      clearInterval(heartbeat)
      attached = undefined
      outbox.detach()
    },
    onFinal: reason =>
      finish({ refused: true, reason: `The control plane refused the sandbox: ${reason}` }),
    log,
  })
  const asked = () => finish({ refused: false, reason: 'The sandbox was shut down.' })
  options.signal.addEventListener('abort', asked, { once: true })
  if (options.signal.aborted) asked()

  const end = await over
  ending = end.reason
  running?.stop.abort(end.reason)
  await seat.clear(500)
  await Promise.all([line, pushes.end(end.reason)])
  gateway.close()
  await sweep(environment.folder, [AGENT_MARK])
  const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
  const cancelLate = after(end.refused ? 0 : FAREWELL_MS, giveUp)
  await Promise.race([outbox.drained(), late])
  cancelLate()
  clearInterval(heartbeat)
  connection.close()
  await confinement.end()
  return end
}
