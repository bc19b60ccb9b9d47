/**
 * Sandboxes on this machine: one folder per session under `sandboxes/`, a clone of the repository in
 * it, and a bridge as a process of its own. The folder stays over the generations of a session, so a
 * replaced sandbox loses no work.
 *
 * Nothing that matters is only in memory. When this process is killed, the bridges run on; the next
 * one takes the living up by what their folders say and reports the dead. When it ends in order, it
 * ends them too.
 */
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, fail } from '../../../subjects/errors.ts'
import type { RestoreJob, SnapshotJob, SpawnJob } from '../../../subjects/jobs.ts'
import { isSessionId, sessionId } from '../../../subjects/subjects.ts'
import type { Objects } from '../../bus/objects.ts'
import { ensureDemoRepository } from '../../process/demo-repository.ts'
import type { Log } from '../../telemetry/log.ts'
import { clearStanding } from '../bridge/standing.ts'
import { type Access, type Provider, REPLACE_WITHIN_MS, type Reports } from '../provider.ts'
import { endOf } from './ending.ts'
import { type BridgeOptions, environmentOf } from './environment.ts'
import { notIsolated, type Probe, probeIsolation } from './isolation.ts'
import { openKeeper } from './keeper.ts'
import { openMirrors } from './mirror.ts'
import { type Note, readNote, writeNote } from './note.ts'
import { openPlaces } from './places.ts'
import { clearAway, startBridge } from './process.ts'
import { prepareWorkspace, repositoryFolder } from './repositories.ts'
import { openShelf } from './snapshot/shelf.ts'

export type LocalProviderOptions = BridgeOptions & {
  /** How many sandboxes may run at a time. */
  readonly limit: number
  /** Where snapshots are kept. */
  readonly objects: Objects
  readonly log: Log
}

export const localProvider = (options: LocalProviderOptions): Provider => {
  const { dataDir, log } = options
  const root = join(dataDir, 'sandboxes')
  const repos = join(dataDir, 'repos')
  const shelf = openShelf({ objects: options.objects, path: options.env.PATH ?? '' })
  const mirrors = options.gitHost && openMirrors(repos, options.gitHost)
  const lines = new Map<string, Promise<unknown>>()
  let probe: Probe = { works: false, why: 'not tried' }
  let reports: Reports = { ended: async () => {}, evict: async () => {} }

  const folderOf = (sid: string) => join(root, sessionId(sid))
  const keeper = openKeeper({ folderOf, ended: exit => reports.ended(exit), log })

  /** What concerns one session is done one after the other. */
  const inLine = <T>(sid: string, work: () => Promise<T>): Promise<T> => {
    const done = (lines.get(sid) ?? Promise.resolve()).then(work, work)
    lines.set(sid, done)
    const clear = () => {
      if (lines.get(sid) === done) lines.delete(sid)
    }
    done.then(clear, clear)
    return done
  }

  const { rulesOf, bridgeEnv } = environmentOf({ ...options, mirrors })

  const start = async (wanted: SpawnJob | RestoreJob, access: Access) => {
    const { sid, generation } = wanted
    const before = await readNote(folderOf(sid))
    const open = probe.works ? null : notIsolated(probe.why)
    // Done already, or overtaken by a younger one: either way there is nothing to start.
    if (before && before.generation > generation) return { objectId: sid, warning: open }
    if (before?.generation === generation && before.state !== 'starting') {
      if (before.state === 'ended') await keeper.noteEnd(before, endOf(before))
      return { objectId: sid, warning: before.warning }
    }
    return places.hold(sid, access.promptWaits, () => launch(wanted, access, before))
  }

  const places = openPlaces({
    limit: options.limit,
    taken: keeper.sids,
    resting: keeper.resting,
    evict: sandbox => reports.evict(sandbox),
  })

  const launch = async (
    wanted: SpawnJob | RestoreJob,
    access: Access,
    before: Note | undefined,
  ) => {
    const { sid, generation, sandboxId } = wanted
    const folder = folderOf(sid)
    const open = probe.works ? null : notIsolated(probe.why)
    await within(REPLACE_WITHIN_MS, keeper.end(sid, 'A newer sandbox takes its place.'))
    await clearAway(folder)
    const { repoOwner, repoName } = wanted
    const { repository, stale } = mirrors
      ? await mirrors.refreshed(repoOwner, repoName)
      : { repository: await repositoryFolder(repos, repoOwner, repoName), stale: null }
    const warning = [open, stale].filter(text => text !== null).join(' ') || null
    const origin = mirrors?.origin(repoOwner, repoName) ?? null
    for (const name of ['home', 'tmp', 'git']) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    }
    await chmod(folder, 0o700)
    await clearStanding(folder)
    const fill = async () => {
      const job =
        'snapshotImageId' in wanted
          ? await shelf.bringBack(wanted, { folder, repository, origin, here: before })
          : wanted
      const workspace = join(folder, 'workspace')
      await prepareWorkspace({ repository, workspace, sid, baseBranch: job.baseBranch, origin })
      return job
    }
    const job = await fill().catch((error: Error) => {
      // What an old copy lacks, the git host may have: a stored sandbox must not be given up for it.
      const passes = stale !== null && codeOf(error) === 'PROVIDER_REFUSED'
      const message = `${error.message} ${stale}`
      throw passes ? fail('PROVIDER_UNAVAILABLE', { message, error }) : error
    })
    const name = `${repoOwner}/${repoName}`
    const note = { v: 1, sid, generation, sandboxId, warning, repository: name } as const
    await writeNote(folder, { ...note, state: 'starting' })
    const bridge = await startBridge(
      folder,
      bridgeEnv(job, access, { folder, repository, isolated: probe.works }),
    )
    const { pid, birth } = bridge
    const known = { ...note, state: 'running', pid, birth } as const
    await writeNote(folder, known)
    keeper.keep(bridge, known, access.promptWaits)
    log.info({ sid, generation, pid }, 'sandbox started')
    return { objectId: sid, warning }
  }

  const begin = (job: SpawnJob | RestoreJob, access: Access) =>
    inLine(job.sid, () => start(job, access)).catch(error => {
      if (codeOf(error)) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw fail('PROVIDER_UNAVAILABLE', { message: `The sandbox did not start: ${why}`, error })
    })

  const store = async (job: SnapshotJob, jobId: string) => {
    const folder = folderOf(job.sid)
    const note = await readNote(folder)
    const [owner = '', name = ''] = note?.repository?.split('/') ?? []
    if (note?.generation !== job.generation || name === '') {
      throw fail('PROVIDER_REFUSED', { message: 'This sandbox is not on its host any more.' })
    }
    const repository = await repositoryFolder(repos, owner, name)
    const isolation = probe.works ? rulesOf(folder, repository) : null
    const stored = await shelf.store({ job, jobId, folder, repository, isolation })
    if (stored.leftOut.length > 0) {
      log.warn({ sid: job.sid, leftOut: stored.leftOut }, 'not everything is in the snapshot')
    }
    return stored
  }

  return {
    capabilities: { snapshots: true, restore: true, stop: true, hostBound: true },
    create: begin,
    restore: begin,
    snapshot: (job, jobId) => inLine(job.sid, () => store(job, jobId)),
    stop: (job, { remove }) =>
      inLine(job.sid, async () => {
        const note = await readNote(folderOf(job.sid))
        // A younger one has taken its place: the job is about what is gone already.
        if (note && note.generation > job.generation) return
        await keeper.end(job.sid, job.reason)
        if (!remove) return
        await rm(folderOf(job.sid), { recursive: true, force: true })
        await shelf.remove(job.sid)
      }),
    open: async given => {
      reports = given
      await mkdir(root, { recursive: true, mode: 0o700 })
      await mkdir(repos, { recursive: true, mode: 0o700 })
      if (!mirrors) await ensureDemoRepository(repos)
      probe = await probeIsolation()
      if (!probe.works) log.warn(notIsolated(probe.why))
      const sids = (await readdir(root)).filter(isSessionId)
      await Promise.all(
        sids.map(sid =>
          keeper
            .takeUp(sid)
            .catch(error => log.error({ err: error, sid }, 'a sandbox was not taken up')),
        ),
      )
    },
    close: () => keeper.endAll('The host of the sandbox shuts down.'),
  }
}

const within = async (ms: number, work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
