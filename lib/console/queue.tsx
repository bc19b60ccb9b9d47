/** Prompts that wait: those that the session has queued, then those that are still on their way to it. */
import type { Session } from '../client/session.ts'
import { Avatar } from './avatar.tsx'

export const Queue = ({
  session,
  onEdit,
}: {
  session: Session
  onEdit: (text: string) => void
}) => {
  const { view, outbox } = session
  const waiting = view.queue.filter(({ status }) => status === 'pending')
  if (waiting.length === 0 && outbox.length === 0) return null
  const running = view.queue.length - waiting.length
  return (
    <section class="queue" aria-label="Waiting prompts">
      <h2>
        Next up <span class="dim">{waiting.length + outbox.length}</span>
      </h2>
      <ol>
        {waiting.map((prompt, i) => (
          <li key={prompt.messageId} data-message={prompt.messageId}>
            <span class="place" title={`Place ${running + i + 1}`}>
              {running + i + 1}
            </span>
            <Avatar who={prompt.author} />
            <span class="who">{prompt.author.name}</span>
            <span class="what">{prompt.content}</span>
          </li>
        ))}
        {outbox.map(({ clientRequestId, content, refusal }) => (
          <li key={clientRequestId} class={refusal ? 'refused' : 'sending'}>
            <span class="place">{refusal ? '!' : '…'}</span>
            <span class="who">{refusal ? refusal.message : 'Sending'}</span>
            <span class="what">{content}</span>
            {refusal && (
              <span class="choices">
                <button type="button" onClick={() => session.retry(clientRequestId)}>
                  Try again
                </button>
                <button
                  type="button"
                  onClick={() => {
                    onEdit(content)
                    session.discard(clientRequestId)
                  }}
                >
                  Edit
                </button>
                <button type="button" onClick={() => session.discard(clientRequestId)}>
                  Discard
                </button>
              </span>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}
