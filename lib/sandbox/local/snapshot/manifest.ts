/**
 * What is in a snapshot: a git bundle whose refs stand apart from the session's own. It holds what the
 * repository does not, as commits, and in the last one's message how they fit together.
 */
import { z } from 'zod'

const hash = z.string().regex(/^[0-9a-f]{40,64}$/)

export const manifest = z.object({
  v: z.literal(1),
  /** The branch that is checked out, or the commit when none is. */
  head: z.union([
    z.object({ branch: z.string().startsWith('refs/heads/') }),
    z.object({ commit: hash }),
  ]),
  /** Branches and tags as they are in the workspace. */
  refs: z.array(z.tuple([z.string().regex(/^refs\/(heads|tags)\/[^\0\n]+$/), hash])),
  /** All files that are not ignored, byte for byte. */
  worktree: hash,
  /** What is staged. */
  staged: hash,
  /** The agent's own folder, with its conversations; null when it is too large. */
  home: hash.nullable(),
  /** What could not be taken along, in git's words. */
  leftOut: z.array(z.string()),
})
export type Manifest = z.infer<typeof manifest>

/** Below this are the refs of a snapshot. */
export const SNAPSHOT_REFS = 'refs/snapshot'
export const MANIFEST_REF = `${SNAPSHOT_REFS}/manifest`

/**
 * Attributes under which git changes no byte of a file, neither in nor out: line ends, keywords and
 * filters of the repository's own attributes do not count.
 */
export const BYTE_FOR_BYTE = '* -text -eol -ident -filter -working-tree-encoding\n'
