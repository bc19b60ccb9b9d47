/** How a person is shown, and how a sandbox names the author of a commit. */
import type { SandboxFrameOf } from '../../subjects/frames-sandbox.ts'
import type { PromptAuthor } from '../../subjects/records.ts'

type Named = Readonly<Pick<PromptAuthor, 'userId' | 'login' | 'name'>>

/** Display name, else login, else user id (spec 2.4). */
export const displayName = (person: Named): string => person.name || person.login || person.userId

/** Address of the person's picture, when the login is known. */
export const avatarOf = ({ login }: Pick<Named, 'login'>): string | undefined =>
  login ? `https://github.com/${encodeURIComponent(login)}.png` : undefined

/** A person as clients see one; `avatar` is absent when unknown. */
export const shownPerson = (person: Named & Readonly<{ participantId: string }>) => {
  const avatar = avatarOf(person)
  return {
    participantId: person.participantId,
    userId: person.userId,
    name: displayName(person),
    ...(avatar === undefined ? {} : { avatar }),
  }
}

const commitEmail = ({ email, login, githubUserId }: PromptAuthor): string | null =>
  email ?? (login && githubUserId ? `${githubUserId}+${login}@users.noreply.github.com` : null)

/** The author as a sandbox is told, with the fields of both ages of its protocol (spec 2.9). */
export const sandboxAuthorOf = (author: PromptAuthor): SandboxFrameOf<'prompt'>['author'] => {
  const name = author.name ?? author.login
  const email = commitEmail(author)
  return {
    userId: author.userId,
    githubName: name,
    githubEmail: email,
    gitIdentity: name && email ? { mode: 'attributed-user', name, email } : { mode: 'agent-only' },
  }
}
