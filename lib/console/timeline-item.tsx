/** One line of the timeline. Drawn again only when it has changed: a session may have thousands. */
import { Component, type ComponentChildren } from 'preact'
import type { Item } from '../client/reading.ts'
import { Avatar } from './avatar.tsx'
import { RichText } from './rich-text.tsx'
import { ToolCall } from './tool-call.tsx'
import { clockTime } from './when.ts'

type Event = Item['event']
type Author = { userId?: string; participantId: string; name: string; avatar?: string }

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const UserMessage = ({ event, mine }: { event: Event; mine: boolean }) => {
  const author = (event.author ?? { participantId: '', name: 'Unknown' }) as Author
  return (
    <article class={`user-message ${mine ? 'mine' : ''}`}>
      <Avatar who={{ ...author, userId: author.userId ?? author.participantId }} />
      <div>
        <header>
          <strong>{author.name}</strong>
          {mine && <span class="dim"> (you)</span>}
          <time>{clockTime(event.timestamp)}</time>
        </header>
        <p class="content">{text(event.content)}</p>
      </div>
    </article>
  )
}

const Note = ({ kind, children }: { kind: string; children: ComponentChildren }) => (
  <p class={`note ${kind}`}>{children}</p>
)

const Completion = ({ event }: { event: Event }) =>
  event.success === true ? (
    <Note kind="done">Finished</Note>
  ) : (
    <Note kind="failed">{text(event.error) || 'Failed'}</Note>
  )

const Thought = ({ event }: { event: Event }) => (
  <details class="thought">
    <summary>Thought</summary>
    <RichText text={text(event.content)} />
  </details>
)

const QUEUE_CHANGES: Readonly<Record<string, string>> = {
  cancelled: 'removed a waiting prompt',
  edited: 'edited a waiting prompt',
  moved: 'moved a waiting prompt',
  held: 'held the queue',
  released: 'released the queue',
}
const queueChange = ({ by, action }: Event): string => {
  const name = text((by as { name?: unknown } | undefined)?.name) || 'Somebody'
  return `${name} ${QUEUE_CHANGES[text(action)] ?? 'changed the queue'}`
}

type Entry = { content?: unknown; status?: unknown }
const Plan = ({ event }: { event: Event }) => (
  <ul class="plan" aria-label="Plan">
    {(Array.isArray(event.entries) ? (event.entries as Entry[]) : []).map((entry, i) => (
      <li key={i} class={text(entry.status)}>
        {text(entry.content)}
      </li>
    ))}
  </ul>
)

/** What stands in the log, but tells a reader nothing. */
const SILENT: ReadonlySet<string> = new Set([
  'ready',
  'permission',
  'tool_result',
  'snapshot_ready',
])

const bodyOf = ({ event, text: words, growing }: Item, mine: boolean): ComponentChildren => {
  switch (event.type) {
    case 'user_message':
      return <UserMessage event={event} mine={mine} />
    case 'token':
      return (
        <div class={`words ${growing ? 'growing' : ''}`}>
          <RichText text={words ?? ''} />
        </div>
      )
    case 'tool_call':
      return <ToolCall event={event} />
    case 'agent_thought':
      return <Thought event={event} />
    case 'plan':
      return <Plan event={event} />
    case 'execution_complete':
      return <Completion event={event} />
    case 'error':
      return <Note kind="failed">{text(event.error)}</Note>
    case 'warning':
      return <Note kind="warned">{text(event.message)}</Note>
    case 'git_sync':
      return event.sha ? (
        <Note kind="git">
          Repository at <code>{text(event.sha).slice(0, 10)}</code>
        </Note>
      ) : null
    case 'artifact':
      return (
        <Note kind="git">
          {event.artifactType === 'pr' ? 'Pull request' : text(event.artifactType)}:{' '}
          <code>{text(event.url)}</code>
        </Note>
      )
    case 'push_complete':
      return <Note kind="git">Pushed {text(event.branchName)}</Note>
    case 'push_error':
      return <Note kind="failed">Push failed: {text(event.error)}</Note>
    case 'queue_change':
      return <Note kind="dim">{queueChange(event)}</Note>
    case 'context_compacted':
      return <Note kind="git">The agent summarised what came before</Note>
    default:
      return SILENT.has(event.type) ? null : <Note kind="dim">{event.type}</Note>
  }
}

type Props = { readonly item: Item; readonly me: string | null }

export class TimelineItem extends Component<Props> {
  override shouldComponentUpdate({ item, me }: Props) {
    const before = this.props.item
    return (
      item.event !== before.event ||
      item.text !== before.text ||
      item.growing !== before.growing ||
      me !== this.props.me
    )
  }
  override render({ item, me }: Props) {
    const author = item.event.author as Author | undefined
    const body = bodyOf(item, author?.participantId === me)
    return body && <li class={`line ${item.event.type}`}>{body}</li>
  }
}
