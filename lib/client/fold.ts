/**
 * What a client knows of a session, made from the frames it receives, one after the other. Pure: no
 * socket, no clock. It also keeps count: a stored line whose `sequence` is not the next one means
 * that something was lost, and then nothing is folded and the caller has to subscribe again.
 */
import type {
  Artifact,
  Presence,
  QueuedPrompt,
  ServerFrame,
  ServerFrameOf,
  SessionInfo,
} from '../../subjects/frames-server.ts'
import { type Line, withEarlier, withGrowing, withoutGrowing, withStored } from './lines.ts'

export type Me = {
  participantId: string
  userId: string
  name: string
  avatar?: string | undefined
  role?: 'owner' | 'member' | undefined
}
export type HistoryCursor = { timestamp: number; id: string; sequence: number }

export type View = {
  readonly me: Me | null
  readonly session: SessionInfo | null
  /** The last `sequence` seen: what to say in `subscribe.after`. */
  readonly sequence: number
  readonly lines: readonly Line[]
  /** Older lines exist before the first one, from this cursor on. */
  readonly hasEarlier: boolean
  readonly cursor: HistoryCursor | null
  readonly queue: readonly QueuedPrompt[]
  readonly queueVersion: number
  readonly held: boolean
  readonly people: readonly Presence[]
  readonly artifacts: readonly Artifact[]
  /** Why there is no sandbox, until there is one. */
  readonly sandboxError: string | null
  /** The last thing that the people were warned of, and how many there were. */
  readonly warning: { readonly text: string; readonly count: number } | null
}

export const emptyView: View = {
  me: null,
  session: null,
  sequence: 0,
  lines: [],
  hasEarlier: false,
  cursor: null,
  queue: [],
  queueVersion: 0,
  held: false,
  people: [],
  artifacts: [],
  sandboxError: null,
  warning: null,
}

/** `undefined`: something is missing before this frame. */
export type Folded = View | undefined

type Stored = { eventId: string; sequence: number; timelineSequence: number; event: Line['event'] }

const addLine = (view: View, item: Stored): Folded => {
  if (item.sequence <= view.sequence) return view
  if (item.sequence !== view.sequence + 1) return undefined
  const { event } = item
  const lines = withStored(view.lines, item)
  const over = event.type === 'execution_complete' && typeof event.messageId === 'string'
  return {
    ...view,
    sequence: item.sequence,
    lines: over ? withoutGrowing(lines, event.messageId as string) : lines,
  }
}

const subscribed = (view: View, frame: ServerFrameOf<'subscribed'>): Folded => {
  const { participant, session, timeline } = frame
  const base: View = {
    ...view,
    me: participant,
    session,
    queue: frame.promptQueue,
    queueVersion: frame.version,
    held: frame.held,
    artifacts: frame.artifacts,
    sandboxError: frame.spawnError,
  }
  if (frame.recovered) {
    const caught = timeline.events.reduce<Folded>((now, item) => now && addLine(now, item), base)
    return caught?.sequence === frame.sequence ? caught : undefined
  }
  return {
    ...base,
    sequence: frame.sequence,
    lines: timeline.events.reduce<readonly Line[]>(withStored, []),
    hasEarlier: timeline.hasMore,
    cursor: timeline.cursor,
  }
}

const sandboxEvent = (view: View, frame: ServerFrameOf<'sandbox_event'>): Folded => {
  const { event, eventId, sequence, timelineSequence } = frame
  if (eventId !== undefined && sequence !== undefined && timelineSequence !== undefined) {
    return addLine(view, { eventId, sequence, timelineSequence, event })
  }
  return event.type === 'token' ? { ...view, lines: withGrowing(view.lines, event) } : view
}

const withSession = (view: View, change: Partial<SessionInfo>): View =>
  view.session ? { ...view, session: { ...view.session, ...change } } : view

const sandboxStatus = (view: View, status: string): View => {
  const alive = status === 'ready' || status === 'running'
  return withSession(alive ? { ...view, sandboxError: null } : view, { sandboxStatus: status })
}

const warn = (view: View, text: string): View => ({
  ...view,
  warning: { text, count: (view.warning?.count ?? 0) + 1 },
})

/** The view after a frame; `undefined` when frames before it were lost. */
export const fold = (view: View, frame: ServerFrame): Folded => {
  switch (frame.type) {
    case 'subscribed':
      return subscribed(view, frame)
    case 'sandbox_event':
      return sandboxEvent(view, frame)
    case 'presence_sync':
    case 'presence_update':
      return { ...view, people: frame.participants }
    case 'presence_leave':
      return { ...view, people: view.people.filter(({ userId }) => userId !== frame.userId) }
    case 'prompt_queue_updated':
      // Frames of a session are in order, but a resumed one may repeat an older version.
      if (frame.version < view.queueVersion) return view
      return { ...view, queue: frame.promptQueue, queueVersion: frame.version, held: frame.held }
    case 'processing_status':
      return withSession(view, { isProcessing: frame.isProcessing })
    case 'session_status':
      return withSession(view, { status: frame.status })
    case 'session_title':
      return withSession(view, { title: frame.title })
    case 'sandbox_status':
      return sandboxStatus(view, frame.status)
    case 'sandbox_ready':
      return sandboxStatus(view, 'ready')
    case 'sandbox_spawning':
      return { ...sandboxStatus(view, 'spawning'), sandboxError: null }
    case 'sandbox_warming':
      return view
    case 'sandbox_error':
      return { ...sandboxStatus(view, 'failed'), sandboxError: frame.error }
    case 'sandbox_warning':
      return warn(view, frame.message)
    case 'sandbox_restored':
      return warn(view, frame.message)
    case 'artifact_created':
      return {
        ...view,
        artifacts: [
          { url: null, metadata: null, createdAt: 0, updatedAt: 0, ...frame.artifact },
          ...view.artifacts.filter(({ id }) => id !== frame.artifact.id),
        ],
      }
    case 'artifact_updated':
      return {
        ...view,
        artifacts: view.artifacts.map(one =>
          one.id === frame.artifact.id ? { ...one, ...frame.artifact } : one,
        ),
      }
    case 'session_branch':
      return withSession(view, { branchName: frame.branchName })
    case 'history_page': {
      const earlier = frame.items.map(({ eventId, event }) => ({ id: eventId, event }))
      const lines = withEarlier(view.lines, earlier)
      return { ...view, lines, hasEarlier: frame.hasMore, cursor: frame.cursor ?? view.cursor }
    }
    // Answers to one's own requests: see outbox.ts, requests.ts and connection.ts.
    case 'prompt_queued':
    case 'prompt_cancelled':
    case 'queue_changed':
    case 'error':
    case 'pong':
    case 'snapshot_saved':
      return view
  }
}
