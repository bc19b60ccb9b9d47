/**
 * Shares partitions out among owners without anybody in charge: everybody computes the same answer
 * from the same list of names, and a name that comes or goes moves only its own share.
 */
import { createHash } from 'node:crypto'

const score = (owner: string, p: number): number =>
  createHash('sha256').update(`${owner}/${p}`).digest().readUIntBE(0, 6)

/**
 * The owner that a partition belongs to, by the highest random weight.
 * @param members names of the owners that are there, in any order
 * @returns undefined when there is none
 */
export const desiredOwner = (p: number, members: Iterable<string>): string | undefined => {
  let best: string | undefined
  let most = -1
  for (const owner of members) {
    const weight = score(owner, p)
    if (weight > most || (weight === most && best !== undefined && owner < best)) {
      best = owner
      most = weight
    }
  }
  return best
}
