/** How things stand: the session, its sandbox, and this page's connection. */
import { useEffect, useState } from 'preact/hooks'
import type { ConnectionState } from '../client/connection.ts'
import type { View } from '../client/fold.ts'
import type { Session } from '../client/session.ts'

const SANDBOX: Readonly<Record<string, readonly [tone: string, text: string]>> = {
  pending: ['off', 'No sandbox yet'],
  spawning: ['busy', 'Sandbox starts'],
  connecting: ['busy', 'Sandbox starts'],
  warming: ['busy', 'Sandbox starts'],
  syncing: ['busy', 'Sandbox syncs'],
  ready: ['good', 'Sandbox ready'],
  running: ['good', 'Sandbox ready'],
  snapshotting: ['busy', 'Sandbox saves'],
  stale: ['bad', 'Sandbox lost'],
  stopped: ['off', 'Sandbox asleep'],
  failed: ['bad', 'Sandbox failed'],
}

const Pill = ({ tone, text, name }: { tone: string; text: string; name: string }) => (
  <span class={`pill ${tone}`} data-status={name}>
    {text}
  </span>
)

export const SandboxPill = ({ view }: { view: View }) => {
  const status = view.session?.sandboxStatus ?? 'pending'
  const [tone, text] = SANDBOX[status] ?? ['off', `Sandbox ${status}`]
  return <Pill tone={tone} text={text} name="sandbox" />
}

const SESSION_TONES: Readonly<Record<string, string>> = {
  active: 'busy',
  completed: 'good',
  failed: 'bad',
}
const SESSION_TEXTS: Readonly<Record<string, string>> = {
  created: 'New',
  active: 'Working',
  completed: 'Done',
  failed: 'Failed',
  archived: 'Archived',
  cancelled: 'Cancelled',
}
export const sessionText = (status: string): string => SESSION_TEXTS[status] ?? status
/** A session is active from its first prompt on; the agent works only while one of them runs. */
export const SessionPill = ({ status, runs }: { status: string; runs: boolean }) =>
  status === 'active' && !runs ? (
    <Pill tone="off" text="Waiting" name="session" />
  ) : (
    <Pill tone={SESSION_TONES[status] ?? 'off'} text={sessionText(status)} name="session" />
  )

const secondsTo = (atMs: number) => Math.max(0, Math.ceil((atMs - Date.now()) / 1000))

const waitingText = (state: ConnectionState): string => {
  if (state.kind !== 'waiting') return 'Connecting …'
  const seconds = secondsTo(state.retryAtMs)
  return seconds > 1
    ? `Connection lost, trying again in ${seconds} s`
    : 'Connection lost, trying again …'
}

/** Nothing while all is well; people see only what they may have to wait for or act upon. */
export const ConnectionBar = ({ session }: { session: Session }) => {
  const state = session.connection
  const fresh = session.view.session === null
  const [, tick] = useState(0)
  useEffect(() => {
    if (state.kind !== 'waiting') return
    const timer = setInterval(() => tick(n => n + 1), 500)
    return () => clearInterval(timer)
  }, [state.kind])
  if (state.kind === 'live' || (fresh && state.kind === 'connecting')) return null
  if (state.kind === 'ended') {
    return (
      <div class="bar bad" role="status">
        {state.reason}
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </div>
    )
  }
  return (
    <div class="bar" role="status">
      {waitingText(state)}
      {state.kind === 'waiting' && (
        <button type="button" onClick={() => session.nudge()}>
          Now
        </button>
      )}
    </div>
  )
}
