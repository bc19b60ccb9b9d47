/** A session: what happened, what waits, who is there, and a place to type. */
import { useEffect, useState } from 'preact/hooks'
import type { Person } from '../client/rest.ts'
import type { Session } from '../client/session.ts'
import { Avatar } from './avatar.tsx'
import { Invite } from './invite.tsx'
import { PromptBox } from './prompt-box.tsx'
import { PullRequestButton } from './pull-request-form.tsx'
import { PullRequests } from './pull-requests.tsx'
import { Queue } from './queue.tsx'
import { rest } from './rest.ts'
import { SessionMenu, unarchive } from './session-menu.tsx'
import { SessionTitle } from './session-title.tsx'
import { ConnectionBar, SandboxPill, SessionPill } from './status.tsx'
import { SUGGESTIONS } from './suggestions.ts'
import { Timeline } from './timeline.tsx'
import { toast } from './toasts.tsx'
import { useSession } from './use-session.ts'
import { SESSIONS_CHANGED } from './use-sessions.ts'

const draftKey = (sid: string) => `draft:${sid}`

/** What is typed survives a reload and a change of session. */
const useDraft = (sid: string) => {
  const [draft, setDraft] = useState(() => sessionStorage.getItem(draftKey(sid)) ?? '')
  return [
    draft,
    (text: string) => {
      sessionStorage.setItem(draftKey(sid), text)
      setDraft(text)
    },
  ] as const
}

/** Says aloud, for screen readers, what sighted people see at a glance. */
const Announcement = ({ session }: { session: Session }) => {
  const { session: info, queue } = session.view
  const waiting = queue.filter(({ status }) => status === 'pending').length
  const words = info?.isProcessing ? 'The agent is working.' : 'The agent is idle.'
  return (
    <p class="unseen" role="status">
      {info && `${words} ${waiting > 0 ? `${waiting} waiting.` : ''}`}
    </p>
  )
}

const Head = ({ sid, session, me }: { sid: string; session: Session; me: Person }) => {
  const { view } = session
  const info = view.session
  const status = info?.status
  return (
    <header class="session-head">
      <div class="what">
        {info ? (
          <SessionTitle sid={sid} title={info.title} />
        ) : (
          <h1>{session.connection.kind === 'ended' ? 'No session' : 'Loading …'}</h1>
        )}
        {info && (
          <p class="dim">
            {info.repoOwner}/{info.repoName}
            {info.branchName && ` · ${info.branchName}`}
          </p>
        )}
      </div>
      {info && (
        <div class="pills">
          <SessionPill status={info.status} runs={info.isProcessing} />
          <SandboxPill view={view} />
        </div>
      )}
      <section class="people" aria-label="Who is here">
        {view.people.map(person => (
          <Avatar key={person.participantId} who={person} status={person.status} />
        ))}
        {info && me.gitHost !== false && status !== 'archived' && (
          <PullRequestButton sid={sid} title={info.title} />
        )}
        {me.role === 'developer' && <Invite sid={sid} />}
        {info && (
          <SessionMenu
            sid={sid}
            status={info.status}
            mayEnd={me.role === 'developer' || view.me?.role === 'owner'}
          />
        )}
      </section>
    </header>
  )
}

export const SessionPage = ({ sid, me }: { sid: string; me: Person }) => {
  const session = useSession(sid)
  const [draft, setDraft] = useDraft(sid)
  const view = session?.view
  const warning = view?.warning
  const processing = view?.session?.isProcessing === true
  const title = view?.session?.title || 'Session'
  useEffect(() => {
    document.title = `${processing ? '● ' : ''}${title}`
  }, [title, processing])
  const status = view?.session?.status
  useEffect(() => {
    if (!status) return
    const tell = () => dispatchEvent(new Event(SESSIONS_CHANGED))
    // Whoever has it before their eyes has seen it; a page in the background has not.
    if (document.hidden) tell()
    else rest.markRead(sid).then(tell, tell)
  }, [sid, status, title, view?.queueVersion])
  useEffect(() => {
    if (warning) toast('note', warning.text)
  }, [warning])
  if (!session) return null
  const empty = view?.session !== null && view?.lines.length === 0 && view.queue.length === 0
  const stop = () => {
    if (!session.stop()) toast('error', 'There is no connection just now, try again')
  }
  return (
    <div class="session">
      <Head sid={sid} session={session} me={me} />
      <ConnectionBar session={session} />
      {view?.sandboxError && (
        <div class="bar bad" role="alert">
          {view.sandboxError}
        </div>
      )}
      <PullRequests artifacts={session.view.artifacts} />
      <Timeline session={session} />
      <Announcement session={session} />
      <footer>
        <Queue session={session} onEdit={setDraft} />
        {processing && (
          <button type="button" class="stop" onClick={stop}>
            <span aria-hidden="true" /> Stop
          </button>
        )}
        {status === 'archived' && (
          <p class="archived">
            This session is archived.
            <button type="button" onClick={() => void unarchive(sid)}>
              Bring it back
            </button>
          </p>
        )}
        <PromptBox
          text={draft}
          disabled={status === 'archived' || session.connection.kind === 'ended'}
          onText={text => {
            setDraft(text)
            if (text !== '') session.typing()
          }}
          onSend={text => {
            session.prompt(text)
            setDraft('')
          }}
          label="Prompt"
          action="Send"
          placeholder={processing ? 'Queue another prompt' : 'What is to be done?'}
          {...(empty ? { suggestions: SUGGESTIONS } : {})}
        />
      </footer>
    </div>
  )
}
