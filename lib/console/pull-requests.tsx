/** The session's pull requests, and branches that a person still has to make one of. */
import type { View } from '../client/fold.ts'

type Artifact = View['artifacts'][number]

const STATES: Readonly<Record<string, string>> = {
  open: 'Open',
  draft: 'Draft',
  closed: 'Closed',
  merged: 'Merged',
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Only such an address is followed: an artifact may come from a sandbox. */
const linkTo = (url: string | null) =>
  url !== null && /^https?:\/\//.test(url)
    ? ({ href: url, target: '_blank', rel: 'noreferrer' } as const)
    : {}

const PullRequest = ({ artifact }: { artifact: Artifact }) => {
  const { number, title, state, head, base } = artifact.metadata ?? {}
  const shown = STATES[text(state)] ?? 'Open'
  return (
    <li class="pull-request">
      <span class={`pr-state ${shown.toLowerCase()}`}>{shown}</span>
      <a {...linkTo(artifact.url)}>
        {text(title) || 'Pull request'} <span class="dim">#{String(number ?? '?')}</span>
      </a>
      <span class="dim branches">
        {text(base)} ← {text(head)}
      </span>
    </li>
  )
}

const Branch = ({ artifact }: { artifact: Artifact }) => (
  <li class="pull-request">
    <span class="pr-state draft">Pushed</span>
    <a {...linkTo(artifact.url)}>Open a pull request of {text(artifact.metadata?.head)}</a>
  </li>
)

export const PullRequests = ({ artifacts }: { artifacts: readonly Artifact[] }) => {
  const pulls = artifacts.filter(({ type }) => type === 'pr')
  const opened = new Set(pulls.map(({ metadata }) => metadata?.head))
  const branches = artifacts.filter(
    ({ type, metadata }) => type === 'branch' && !opened.has(metadata?.head),
  )
  if (pulls.length + branches.length === 0) return null
  return (
    <ul class="pull-requests" aria-label="Pull requests">
      {pulls.map(one => (
        <PullRequest key={one.id} artifact={one} />
      ))}
      {branches.map(one => (
        <Branch key={one.id} artifact={one} />
      ))}
    </ul>
  )
}
