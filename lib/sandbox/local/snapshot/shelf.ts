/**
 * Where the snapshots of local sandboxes are: in the object store, the newest of each session under
 * the session's id, so that any host can go on with the work of a host that is gone.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../../subjects/errors.ts'
import type { RestoreJob, SnapshotJob } from '../../../../subjects/jobs.ts'
import type { Objects } from '../../../bus/objects.ts'
import type { Isolation } from '../../bridge/environment.ts'
import { readStanding } from '../../bridge/standing.ts'
import type { Note } from '../note.ts'
import { withBundle } from './bundle.ts'
import { restoreWorkspace } from './restore.ts'

/** What may be new or changed in a workspace, and how large the stored bundle may be. */
const MAX_BYTES = 128 * 1024 ** 2
const MAX_HOME_BYTES = 16 * 1024 ** 2

/** The reason of a snapshot that is worth nothing once the next prompt runs. */
const AT_REST = 'execution_complete'

export type ShelfOptions = { readonly objects: Objects; readonly path: string }

export type StoreOptions = {
  readonly job: SnapshotJob
  /** The same whenever the same job comes back. */
  readonly jobId: string
  readonly folder: string
  readonly repository: string
  readonly isolation: Isolation | null
}

export type Where = {
  readonly folder: string
  readonly repository: string
  readonly origin: string | null
  /** What is noted of the sandbox that was on this host last. */
  readonly here: Note | undefined
}

export type Stored = { readonly imageId: string; readonly leftOut: readonly string[] }

export type Shelf = {
  /** @throws code PROVIDER_REFUSED with a sentence that says why there is no snapshot */
  store(options: StoreOptions): Promise<Stored>
  /**
   * Puts workspace and home back as they were stored, unless what is in the folder is younger: this
   * host has had the session since then.
   * @returns the job, with what the snapshot knows of the agent's session
   * @throws code PROVIDER_REFUSED when the snapshot is gone, or does not fit the repository
   */
  bringBack(job: RestoreJob, where: Where): Promise<RestoreJob>
  remove(sid: string): Promise<void>
}

const refuse = (message: string) => fail('PROVIDER_REFUSED', { message })

export const openShelf = ({ objects, path }: ShelfOptions): Shelf => {
  const store = async ({ job, jobId, folder, repository, isolation }: StoreOptions) => {
    const { sid, generation, reason } = job
    const before = await objects.info(sid)
    const { facts } = before
    if (facts.jobId === jobId && facts.imageId) return { imageId: facts.imageId, leftOut: [] }
    if (Number(facts.generation ?? 0) > generation) {
      throw refuse('The work of a newer sandbox is stored already.')
    }
    const wanted = {
      workspace: join(folder, 'workspace'),
      home: join(folder, 'home'),
      ...{ repository, folder, isolation, path },
      maxBytes: MAX_BYTES,
      maxHomeBytes: MAX_HOME_BYTES,
    }
    await mustRest(folder, reason)
    return withBundle(wanted, async (bundle, { leftOut }) => {
      await mustRest(folder, reason)
      const { agentSessionId } = await readStanding(folder)
      const imageId = `${sid}.${generation}.${randomBytes(8).toString('hex')}`
      const known = agentSessionId === null ? {} : { agentSessionId }
      const file = await open(bundle, constants.O_RDONLY | constants.O_NOFOLLOW)
      try {
        const said = { imageId, jobId, generation: String(generation), ...known }
        await objects.put(sid, file, said, before)
      } finally {
        await file.close()
      }
      return { imageId, leftOut }
    })
  }

  const bringBack = async (job: RestoreJob, { folder, repository, origin, here }: Where) => {
    const [workspace, home] = [join(folder, 'workspace'), join(folder, 'home')]
    const stored = Number((await objects.info(job.sid)).facts.generation ?? 0)
    if (here && here.generation >= stored && (await isFolder(workspace))) return job
    const into = await mkdtemp(join(folder, 'restore-'))
    try {
      const bundle = join(into, 'bundle')
      const file = await open(bundle, 'wx', 0o600)
      const facts = await objects.get(job.sid, file).finally(() => file.close())
      if (!facts) throw refuse(`The stored sandbox ${job.snapshotImageId} is not there any more.`)
      await restoreWorkspace({ bundle, repository, origin, workspace, home })
      return { ...job, agentSessionId: job.agentSessionId ?? facts.agentSessionId ?? null }
    } finally {
      await rm(into, { recursive: true, force: true })
    }
  }

  return { store, bringBack, remove: objects.remove }
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

/** What is stored at rest is not stored half way through the next prompt. */
const mustRest = async (folder: string, reason: string) => {
  if (reason !== AT_REST) return
  const { running } = await readStanding(folder)
  if (running !== null) throw refuse('The next prompt runs already.')
}
