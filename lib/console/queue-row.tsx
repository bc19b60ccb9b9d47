/** One waiting prompt: whose, what, and what may be done about it. Alt+↑ and Alt+↓ move it as well. */
import type { ComponentChildren } from 'preact'
import type { Session } from '../client/session.ts'
import { Avatar } from './avatar.tsx'

export type Move = 'up' | 'down'

type Props = {
  readonly prompt: Session['view']['queue'][number]
  /** Among the unfinished prompts, the running one included. */
  readonly place: number
  readonly canUp: boolean
  readonly canDown: boolean
  readonly onMove: (move: Move) => void
  readonly onEdit: () => void
  readonly onRemove: () => void
  /** The editor, while somebody here edits it. */
  readonly children?: ComponentChildren
}

export const QueueRow = (props: Props) => {
  const { prompt, place, canUp, canDown, onMove, children } = props
  const may: Readonly<Record<Move, boolean>> = { up: canUp, down: canDown }
  const onKeyDown = (event: KeyboardEvent) => {
    const move = { ArrowUp: 'up', ArrowDown: 'down' }[event.key] as Move | undefined
    if (!move || !event.altKey) return
    event.preventDefault()
    if (may[move]) onMove(move)
  }
  const mover = (move: Move, sign: string) => (
    <button
      type="button"
      class="quiet"
      data-move={move}
      disabled={!may[move]}
      aria-label={`Move ${move}`}
      title={`Move ${move} (Alt+${sign})`}
      onClick={() => onMove(move)}
    >
      {sign}
    </button>
  )
  // A bot waits for the answer to what it asked: only it may take that back.
  const mayRemove = prompt.source === 'web'
  return (
    <li data-message={prompt.messageId} class={children ? 'edited' : ''} onKeyDown={onKeyDown}>
      <span class="place" title={`Place ${place}`}>
        {place}
      </span>
      <Avatar who={prompt.author} />
      <span class="who">{prompt.author.name}</span>
      {children || <span class="what">{prompt.content}</span>}
      {!children && (
        <span class="choices">
          {mover('up', '↑')}
          {mover('down', '↓')}
          <button type="button" class="quiet" onClick={props.onEdit}>
            Edit
          </button>
          <button
            type="button"
            class="quiet"
            disabled={!mayRemove}
            title={mayRemove ? '' : 'Asked by a bot, which waits for the answer'}
            onClick={props.onRemove}
          >
            Remove
          </button>
        </span>
      )}
    </li>
  )
}
