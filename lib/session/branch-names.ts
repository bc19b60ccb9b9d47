/** Names of branches that a session pushes to (spec 6.4). */

const MOST_CHARS = 255
/** Spaces, control characters, and what git gives a meaning of its own. */
const FORBIDDEN = /[\s~^:?*[\]\\]|\p{Cc}|\.\.|@\{|\/\/|\.lock(?:\/|$)|(?:^|\/)\./u

/** Whether git, and we, take it for the name of a branch. */
export const isBranchName = (name: string): boolean =>
  name.length > 0 &&
  name.length <= MOST_CHARS &&
  name.toLowerCase() !== 'head' &&
  name !== '@' &&
  !/^[-/.]|[/.]$/.test(name) &&
  !FORBIDDEN.test(name)

/** The branch as it is pushed, or undefined for a name that cannot be one. */
export const headBranchName = (name: string): string | undefined =>
  isBranchName(name) ? name.toLowerCase() : undefined

/** Where a session's work goes unless somebody says otherwise. */
export const ownBranch = (sid: string): string => `open-inspect/${sid.toLowerCase()}`

/** As branches are compared when a sandbox reports on one (spec 6.4). */
export const sameBranch = (a: string, b: string): boolean =>
  a.trim().toLowerCase() === b.trim().toLowerCase()
