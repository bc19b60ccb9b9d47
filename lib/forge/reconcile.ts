/**
 * What follows from branches that have moved: `push` webhooks, and what it means for open pull
 * requests. It compares git with the refs that were last told of, so whatever moved them (a push, a
 * merge, a hand on the folder, also just before the process died) is told exactly once.
 */
import { accountById } from './accounts.ts'
import { isAncestor, keepHead, refsOf } from './git/facts.ts'
import { deliver } from './hooks.ts'
import { type PushChange, pushPayload } from './json/push.ts'
import { type PullFacts, pullFacts } from './pulls/facts.ts'
import { deliverPull } from './pulls/show.ts'
import { knownRefs, rememberRefs } from './repositories.ts'
import { pathOf, type Repository, type Room } from './room.ts'
import type { AccountRow, PullRow } from './tables.ts'

/** Takes in what has happened to the repository's branches, by `sender` as far as one knows. */
export const reconcile = (room: Room, repository: Repository, sender: AccountRow): Promise<void> =>
  room.alone(repository.id, () => reconcileAlone(room, repository, sender))

/** As {@link reconcile}, for whoever is alone in the repository already. */
export const reconcileAlone = async (
  room: Room,
  repository: Repository,
  sender: AccountRow,
): Promise<void> => {
  const { settings, store, hooks } = room
  const path = pathOf(settings, repository)
  const now = await refsOf(path)
  const [before, open] = await store.within(async db => [
    await knownRefs(db, repository.id),
    await db
      .selectFrom('pulls')
      .selectAll()
      .where('repository_id', '=', repository.id)
      .where('state', '=', 'open')
      .execute(),
  ])
  const changes = changesOf(before, now)
  if (changes.length === 0) return

  const at = settings.nowMs()
  const pushes: object[] = []
  for (const change of changes) {
    pushes.push(await pushPayload(settings, { repository, change, sender, path }))
  }
  const moves: Move[] = []
  for (const pull of open) {
    const move = await moveOf(pull, changes, path, sender, at)
    if (!move) continue
    moves.push(move)
    await keepHead(path, pull.number, move.row.head_sha ?? pull.head_sha)
  }

  await store.within(async db => {
    await rememberRefs(db, repository.id, now)
    await db
      .updateTable('repositories')
      .set({ pushed_at: at })
      .where('id', '=', repository.id)
      .execute()
    for (const payload of pushes) await deliver(db, { event: 'push', payload, repository }, at)
    for (const { pull, row, facts, action, extra } of moves) {
      await db.updateTable('pulls').set(row).where('id', '=', pull.id).execute()
      if (!action) continue
      const by = row.merged_by ? await accountById(db, row.merged_by) : sender
      const event = { repository, number: pull.number, facts, action, sender: by, extra }
      await deliverPull(db, settings, event)
    }
  })
  hooks.kick()
}

const changesOf = (
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): PushChange[] =>
  [...new Set([...before.keys(), ...now.keys()])].flatMap(ref => {
    const [was, is] = [before.get(ref) ?? null, now.get(ref) ?? null]
    return was === is ? [] : [{ ref, before: was, after: is }]
  })

type Move = {
  readonly pull: PullRow
  readonly row: Partial<PullRow>
  readonly facts: PullFacts
  /** What webhooks call it; undefined where nobody is told. */
  readonly action?: 'synchronize' | 'closed'
  readonly extra?: object
}

/** What the changes mean for one open pull request; undefined for nothing. */
const moveOf = async (
  pull: PullRow,
  changes: readonly PushChange[],
  path: string,
  sender: AccountRow,
  at: number,
): Promise<Move | undefined> => {
  const head = changes.find(({ ref }) => ref === `refs/heads/${pull.head}`)
  const base = changes.find(({ ref }) => ref === `refs/heads/${pull.base}`)
  if (!head && !base) return undefined
  const closed = { state: 'closed', closed_at: at, updated_at: at }
  if ((head && !head.after) || (base && !base.after)) {
    const facts = await pullFacts(path, pull.base_sha, pull.head_sha)
    return { pull, row: closed, facts, action: 'closed' }
  }
  const head_sha = head?.after ?? pull.head_sha
  const merged = base?.after ? await mergedAs(pull, head_sha, base.after, path) : undefined
  if (merged) {
    const facts = await pullFacts(path, pull.base_sha, head_sha)
    const by = merged === pull.merging_sha ? pull.merging_by : sender.id
    const fate = { merged_at: at, merged_by: by, merge_commit_sha: merged }
    return { pull, row: { ...closed, ...fate, head_sha }, facts, action: 'closed' }
  }
  const base_sha = base?.after ?? pull.base_sha
  const facts = await pullFacts(path, base_sha, head_sha)
  if (!head?.after) return { pull, row: { base_sha }, facts }
  const extra = { before: pull.head_sha, after: head_sha }
  const row = { head_sha, base_sha, updated_at: at }
  return { pull, row, facts, action: 'synchronize', extra }
}

/** The commit by which the new base contains the pull request; undefined when it does not. */
const mergedAs = async (
  pull: PullRow,
  head: string,
  base: string,
  path: string,
): Promise<string | undefined> => {
  if (pull.merging_sha && (await isAncestor(path, pull.merging_sha, base))) return pull.merging_sha
  return (await isAncestor(path, head, base)) ? base : undefined
}
