/**
 * Who may do what with a session. Whoever may come in at all may read, join, prompt, stop, change the
 * queue and rename (single tenant, spec 3.9). To end or put away a session is its owner's and the
 * developer's, and a service's for somebody who takes part; to bring one back is for whoever takes
 * part; to add others is the developer's and a service's. A command that does not say on whose word it comes is an internal service's: nobody else
 * can write one.
 */
import type { AUTHORITIES, SessionCommand } from '../../subjects/commands.ts'
import type { Reply } from '../../subjects/replies.ts'
import { refused } from './requests.ts'
import type { SessionState } from './state.ts'

type Authority = (typeof AUTHORITIES)[number]

const VERBS = {
  delete_session: 'delete',
  archive_session: 'archive',
  unarchive_session: 'unarchive',
  cancel_session: 'cancel',
} as const

const roleOf = (state: SessionState, userId: string | null | undefined) =>
  state.participants.find(one => one.userId === userId)?.role

/** The refusal of a command whose sender may not, or undefined. */
export const refusalOf = (state: SessionState, command: SessionCommand): Reply | undefined => {
  switch (command.type) {
    case 'add_participant':
      return command.authority === 'person'
        ? refused('FORBIDDEN', 'Only the developer may add participants')
        : undefined
    case 'delete_session':
    case 'archive_session':
    case 'unarchive_session':
    case 'cancel_session': {
      const authority: Authority = command.authority ?? 'service'
      const role = roleOf(state, command.userId)
      const verb = VERBS[command.type]
      if (authority === 'developer') return undefined
      if (authority === 'person' && role !== 'owner' && command.type !== 'unarchive_session') {
        return refused('FORBIDDEN', `Only the session's owner or the developer may ${verb} it`)
      }
      if (role === undefined && command.type !== 'delete_session') {
        return refused('NOT_A_PARTICIPANT', `Not authorized to ${verb} this session`)
      }
      return undefined
    }
    default:
      return undefined
  }
}
