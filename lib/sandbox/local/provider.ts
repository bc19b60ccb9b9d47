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
import type { SpawnJob } from '../../../subjects/jobs.ts'
import { isSessionId, sessionId } from '../../../subjects/subjects.ts'
import type { Log } from '../../telemetry/log.ts'
import { type Access, type Exit, type Provider, REPLACE_WITHIN_MS } from '../provider.ts'
import { BRIDGE_MARK } from '../sweep.ts'
import { ensureDemoRepository } from './demo-repository.ts'
import { isolationOf, notIsolated, type Probe, probeIsolation } from './isolation.ts'
import { type Note, type NoteOf, readNote, writeNote } from './note.ts'
import {
  adoptBridge,
  type BridgeProcess,
  clearAway,
  endBridge,
  lastWords,
  startBridge,
} from './process.ts'
import { prepareWorkspace, repositoryFolder } from './repositories.ts'

export type LocalProviderOptions = {
  readonly dataDir: string
  /** A shell command line. */
  readonly agentCommand: string
  readonly agentInactivityMs: number
  /** Names of variables in `env` that the agent gets. */
  readonly agentEnv: readonly string[]
  /** Hosts that an isolated agent may reach. */
  readonly hosts: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

/** Variables of the host that a bridge needs. */
const PASSED = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'NODE_EXTRA_CA_CERTS']
/** Exit code of a bridge that the control plane does not want any more. */
const REFUSED = 3

type Running = {
  readonly bridge: BridgeProcess
  readonly note: NoteOf<'running'>
  /** Why it was ended from here, if it was. */
  ending?: string
  /** Resolves when its end is noted and reported. */
  settled: Promise<void>
}

export const localProvider = (options: LocalProviderOptions): Provider => {
  const { dataDir, log } = options
  const root = join(dataDir, 'sandboxes')
  const repos = join(dataDir, 'repos')
  const running = new Map<string, Running>()
  const lines = new Map<string, Promise<unknown>>()
  let probe: Probe = { works: false, why: 'not tried' }
  let report: (exit: Exit) => Promise<void> = async () => {}

  const folderOf = (sid: string) => join(root, sessionId(sid))

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

  const noteEnd = async (note: Note, how: { reason: string; orderly: boolean }) => {
    const { v, sid, generation, sandboxId, warning } = note
    const folder = folderOf(sid)
    const base = { v, sid, generation, sandboxId, warning, state: 'ended', ...how } as const
    await writeNote(folder, { ...base, reported: false })
    await report({ sid, generation, ...how })
    // A younger one may have begun while the report was on its way.
    const now = await readNote(folder)
    if (now?.state === 'ended' && now.generation === generation) {
      await writeNote(folder, { ...base, reported: true })
    }
  }

  /** Looks after a living bridge until it has ended and that is reported. */
  const look = (bridge: BridgeProcess, note: NoteOf<'running'>) => {
    const entry: Running = { bridge, note, settled: Promise.resolve() }
    entry.settled = bridge.ended
      .then(async ({ code, signal }) => {
        const folder = folderOf(note.sid)
        await clearAway(folder, bridge)
        running.delete(note.sid)
        const how = await howItEnded(folder, entry, code, signal)
        log.info(
          { sid: note.sid, generation: note.generation, reason: how.reason },
          'sandbox ended',
        )
        await noteEnd(note, how)
      })
      .catch(error =>
        log.error({ err: error, sid: note.sid }, 'the end of a sandbox was not noted'),
      )
    running.set(note.sid, entry)
  }

  const end = async (sid: string, reason: string) => {
    const entry = running.get(sid)
    if (!entry) return
    entry.ending ??= reason
    await endBridge(folderOf(sid), entry.bridge)
    await entry.settled
  }

  const bridgeEnv = (job: SpawnJob, access: Access, folder: string, repository: string) => {
    const named = [...PASSED, ...options.agentEnv].filter(name => options.env[name] !== undefined)
    const rules = isolationOf({ dataDir, folder, repository, hosts: options.hosts })
    return {
      ...Object.fromEntries(named.map(name => [name, options.env[name] as string])),
      SANDBOX_ID: job.sandboxId,
      CONTROL_PLANE_URL: access.controlPlaneUrl,
      SANDBOX_AUTH_TOKEN: access.token,
      REPO_OWNER: job.repoOwner,
      REPO_NAME: job.repoName,
      SESSION_CONFIG: JSON.stringify({
        session_id: job.sid,
        repo_owner: job.repoOwner,
        repo_name: job.repoName,
        model: job.model,
        opencode_session_id: job.agentSessionId,
      }),
      WORKSPACE: join(folder, 'workspace'),
      [BRIDGE_MARK]: folder,
      AGENT_COMMAND: options.agentCommand,
      AGENT_INACTIVITY_MS: String(options.agentInactivityMs),
      AGENT_ENV: options.agentEnv.join(','),
      ...(probe.works ? { AGENT_ISOLATION: JSON.stringify(rules) } : {}),
    }
  }

  const start = async (job: SpawnJob, access: Access) => {
    const { sid, generation, sandboxId } = job
    const folder = folderOf(sid)
    const before = await readNote(folder)
    const warning = probe.works ? null : notIsolated(probe.why)
    const answer = { objectId: sid, warning }
    // Done already, or overtaken by a younger one: either way there is nothing to start.
    if (before && before.generation > generation) return answer
    if (before?.generation === generation && before.state !== 'starting') {
      if (before.state === 'ended') await noteEnd(before, endOf(before))
      return { objectId: sid, warning: before.warning }
    }
    await within(REPLACE_WITHIN_MS, end(sid, 'A newer sandbox takes its place.'))
    await clearAway(folder)
    const repository = await repositoryFolder(repos, job.repoOwner, job.repoName)
    for (const name of ['home', 'tmp', 'git']) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    }
    await chmod(folder, 0o700)
    const workspace = join(folder, 'workspace')
    await prepareWorkspace({ repository, workspace, sid, baseBranch: job.baseBranch })
    const note = { v: 1, sid, generation, sandboxId, warning } as const
    await writeNote(folder, { ...note, state: 'starting' })
    const bridge = await startBridge(folder, bridgeEnv(job, access, folder, repository))
    const { pid, birth } = bridge
    const known = { ...note, state: 'running', pid, birth } as const
    await writeNote(folder, known)
    look(bridge, known)
    log.info({ sid, generation, pid }, 'sandbox started')
    return answer
  }

  /** One folder, as an earlier process left it. */
  const takeUp = async (sid: string) => {
    const note = await readNote(folderOf(sid))
    if (note?.state === 'ended' && !note.reported) await noteEnd(note, endOf(note))
    if (note?.state !== 'running') return
    const bridge = await adoptBridge(note.pid, note.birth)
    if (bridge) {
      look(bridge, note)
      log.info({ sid, pid: note.pid }, 'sandbox taken up')
      return
    }
    await clearAway(folderOf(sid))
    const said = await lastWords(folderOf(sid))
    await noteEnd(note, {
      reason: `The sandbox ended while its host was away. Its last words: ${said || 'none'}`,
      orderly: false,
    })
  }

  return {
    capabilities: { snapshots: false, restore: false, stop: true, hostBound: true },
    create: (job, access) =>
      inLine(job.sid, () => start(job, access)).catch(error => {
        if (codeOf(error)) throw error
        const why = error instanceof Error ? error.message : String(error)
        throw fail('PROVIDER_UNAVAILABLE', { message: `The sandbox did not start: ${why}`, error })
      }),
    restore: async () => {
      throw fail('PROVIDER_UNSUPPORTED', { message: 'A local sandbox is not restored' })
    },
    snapshot: async () => {
      throw fail('PROVIDER_UNSUPPORTED', { message: 'A local sandbox has no snapshots' })
    },
    stop: (job, { remove }) =>
      inLine(job.sid, async () => {
        const note = await readNote(folderOf(job.sid))
        // A younger one has taken its place: the job is about what is gone already.
        if (note && note.generation > job.generation) return
        await end(job.sid, job.reason)
        if (remove) await rm(folderOf(job.sid), { recursive: true, force: true })
      }),
    open: async onExit => {
      report = onExit
      await mkdir(root, { recursive: true, mode: 0o700 })
      await mkdir(repos, { recursive: true, mode: 0o700 })
      await ensureDemoRepository(repos)
      probe = await probeIsolation()
      if (!probe.works) log.warn(notIsolated(probe.why))
      const sids = (await readdir(root)).filter(isSessionId)
      await Promise.all(
        sids.map(sid =>
          takeUp(sid).catch(error => log.error({ err: error, sid }, 'a sandbox was not taken up')),
        ),
      )
    },
    close: async () => {
      const ending = [...running.keys()].map(sid => end(sid, 'The host of the sandbox shuts down.'))
      await Promise.all(ending)
    },
  }
}

const endOf = ({ reason, orderly }: NoteOf<'ended'>) => ({ reason, orderly })

const howItEnded = async (
  folder: string,
  entry: Running,
  code: number | null,
  signal: string | null,
) => {
  if (entry.ending !== undefined) return { reason: entry.ending, orderly: true }
  const said = await lastWords(folder)
  if (code === 0 || code === REFUSED)
    return { reason: said || 'It was told to end.', orderly: true }
  const how = signal ? `by ${signal}` : code === null ? 'by itself' : `with code ${code}`
  return {
    reason: `The sandbox's process ended ${how}. Its last words: ${said || 'none'}`,
    orderly: false,
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
