/**
 * sandboxes: does what the sessions want of sandboxes. Takes jobs, asks the provider, and tells the
 * session what came of it by commands. It decides nothing: whether and when a sandbox is wanted, and
 * what a failure means, is the owner's business.
 *
 * A job is done at least once and must not matter twice; results carry ids made of session and
 * generation. When this process dies, jobs under way come back, to it or to another host; local
 * sandboxes run on until it is back.
 */
import { mkdir } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { CommandInput } from '../../subjects/commands.ts'
import { fail } from '../../subjects/errors.ts'
import {
  type RestoreJob,
  type SnapshotJob,
  type SpawnJob,
  type StopJob,
  sandboxJobSchemas,
} from '../../subjects/jobs.ts'
import { JOB, SANDBOX_BUCKET } from '../../subjects/streams.ts'
import { ANY_HOST, type SandboxJobKind, sandboxJobsOf } from '../../subjects/subjects.ts'
import { askGithub } from '../bus/ask-github.ts'
import { followTime } from '../bus/clock.ts'
import { publishCommand } from '../bus/command.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { declareStreams } from '../bus/declare.ts'
import { consumeJobs, type JobMeta } from '../bus/jobs.ts'
import { openObjects } from '../bus/objects.ts'
import type { Log } from '../telemetry/log.ts'
import { httpProvider } from './http/provider.ts'
import { hostOf, lockOf } from './local/host.ts'
import { localProvider } from './local/provider.ts'
import { type Exit, isPermanent, type Provider } from './provider.ts'
import { pauseWhenFull, startSandbox } from './start.ts'

/** Jobs at the same time: most of each is waiting for a process or an answer. */
const CONCURRENCY = 8
/** A job that fails so often, by no fault of the provider's, is a dead letter. */
const ATTEMPTS = 100
const STORE_WITHIN_MS = 10_000

type AnyJob = SpawnJob | RestoreJob | SnapshotJob | StopJob

const DEMO_AGENT = join(import.meta.dirname, 'demo-agent', 'main.ts')
const shellQuoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const demoAgentCommand = () => `${shellQuoted(process.execPath)} ${shellQuoted(DEMO_AGENT)}`

const listOf = (text: string | undefined) => text?.split(',').filter(item => item !== '') ?? []

/** A small agent and what it runs; whoever has a larger one sets SANDBOX_LIMIT. */
const BYTES_PER_SANDBOX = 512 * 1024 ** 2
const SANDBOXES_PER_PROCESSOR = 8
const usualLimit = () => {
  const fitting = Math.floor(totalmem() / BYTES_PER_SANDBOX)
  return Math.max(4, Math.min(fitting, SANDBOXES_PER_PROCESSOR * availableParallelism()))
}

/** The provider that is configured; `none` has no process that comes here. */
const providerOf = async (
  config: Config,
  { bus, nowMs, log }: Pick<Serving, 'bus' | 'nowMs' | 'log'>,
): Promise<Provider> => {
  switch (config.sandboxProvider) {
    case 'local':
      return localProvider({
        dataDir: config.dataDir,
        agentCommand: config.agentCommand ?? demoAgentCommand(),
        agentInactivityMs: config.agentInactivityMs,
        limit: config.sandboxLimit ?? usualLimit(),
        agentEnv: listOf(config.agentEnv),
        hosts: listOf(config.sandboxHosts),
        env: process.env,
        gitHost: config.github && {
          url: config.github.url,
          credentials: (owner, name) =>
            askGithub(bus, { v: 1, type: 'credentials', owner, name, access: 'read' }),
        },
        objects: await openObjects(bus, SANDBOX_BUCKET),
        log,
      })
    case 'http':
      return httpProvider({
        url: config.sandboxApiUrl ?? '',
        secret: config.sandboxApiSecret ?? '',
        nowMs,
      })
    case 'none':
      throw fail('CONFIG_INVALID', { message: 'no sandbox provider is configured' })
  }
}

/** Runs until the signal aborts; then local sandboxes are ended and that is told. */
export const runSandboxes = async (
  config: Config,
  signal: AbortSignal,
  log: Log,
): Promise<void> => {
  if (config.sandboxProvider === 'none') {
    log.info('no provider is configured: no sandboxes are started')
    return aborted(signal)
  }
  const folder = join(config.dataDir, 'sandboxes')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Local sandboxes belong to their host, and to one process on it.
  const local = config.sandboxProvider === 'local'
  const lock = local ? await lockOf(folder, signal, log) : undefined
  if (signal.aborted) return lock?.release()
  const host = local ? await hostOf(folder) : ANY_HOST
  const bus = await connectBus({ url: config.natsUrl, name: `sandboxes-${host}` })
  try {
    await declareStreams(bus, { replicas: config.natsReplicas })
    const nowMs = await followTime(bus)
    const provider = await providerOf(config, { bus, nowMs, log })
    await serve({ bus, provider, host, config, nowMs, signal, log })
  } finally {
    await bus.close()
    lock?.release()
  }
}

type Serving = {
  readonly bus: Bus
  readonly provider: Provider
  readonly host: string
  readonly config: Config
  readonly nowMs: () => number
  readonly signal: AbortSignal
  readonly log: Log
}

const serve = async (serving: Serving): Promise<void> => {
  const { bus, provider, host, signal, log } = serving
  await provider.open({
    ended: exit => reportExit(serving, exit),
    evict: sandbox => evict(serving, sandbox),
  })
  const hosts = host === ANY_HOST ? [ANY_HOST] : [ANY_HOST, host]
  log.info({ host, provider: serving.config.sandboxProvider }, 'ready for jobs')
  const consuming = hosts.map(name =>
    consumeJobs<AnyJob>(bus, {
      stream: JOB,
      durable: `sandbox-${name}`,
      filter: sandboxJobsOf(name),
      schema: subject => sandboxJobSchemas[kindOf(subject)],
      kind: 'job',
      signal,
      concurrency: CONCURRENCY,
      attempts: ATTEMPTS,
      run: (job, meta) => doJob(serving, kindOf(meta.subject), job, meta),
      pauseMs: pauseWhenFull,
      onError: (error, meta) => {
        if (pauseWhenFull(error) !== undefined) log.debug(meta, 'this host is full')
        else log.warn({ err: error, ...meta }, 'a job failed')
      },
    }),
  )
  await Promise.all(consuming)
  await provider.close()
}

const kindOf = (subject: string): SandboxJobKind => {
  const kind = subject.split('.').at(-1) ?? ''
  if (!Object.hasOwn(sandboxJobSchemas, kind)) {
    throw fail('INVALID_REQUEST', { message: `no such job: ${subject}` })
  }
  return kind as SandboxJobKind
}

/** Does one job. Throws only what may pass, or what nobody can be told of. */
const doJob = async (
  serving: Serving,
  kind: SandboxJobKind,
  job: AnyJob,
  { attempt, sequence, storedMs }: JobMeta,
): Promise<void> => {
  const { provider, config, log } = serving
  switch (kind) {
    case 'spawn':
    case 'restore':
      return startSandbox(
        {
          ...serving,
          secret: config.internalCallbackSecret,
          controlPlaneUrl: config.controlPlaneUrl,
        },
        { kind, job: job as RestoreJob, attempt, askedMs: storedMs },
      )
    case 'stop':
    case 'destroy':
      await provider.stop(job as StopJob, { remove: kind === 'destroy' }).catch(error => {
        if (!isPermanent(error)) throw error
        // A sandbox that cannot be stopped ends by its own limits; the session has gone on.
        log.warn({ err: error, sid: job.sid }, 'a sandbox was not stopped')
      })
      return
    case 'snapshot':
      return snapshot(serving, job as SnapshotJob, `${JOB}.${sequence}`)
  }
}

/** Reports what came of it, also that nothing did: whoever waits for it has to go on. */
const snapshot = async ({ bus, provider, log }: Serving, job: SnapshotJob, jobId: string) => {
  const { sid, generation, askedAtMs } = job
  const reason = job.reason.slice(0, 256)
  let command: CommandInput
  try {
    const { imageId } = await provider.snapshot(job, jobId)
    log.info({ sid, generation, imageId }, 'snapshot taken')
    command = { v: 1, type: 'sandbox_snapshot_saved', generation, imageId, reason, askedAtMs }
  } catch (cause) {
    const error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 4_000)
    log.warn({ sid, generation, reason: error }, 'no snapshot')
    command = { v: 1, type: 'sandbox_snapshot_failed', generation, error, reason, askedAtMs }
  }
  await publishCommand(bus, sid, command, { id: `${sid}.${jobId}.${command.type}` })
}

/** Asks for a place. An image of what was done there may have to be stored first, so nobody waits here. */
const evict = async (
  { bus, log }: Serving,
  { sid, generation }: { readonly sid: string; readonly generation: number },
): Promise<void> => {
  log.info({ sid, generation }, 'a prompt needs the place of a sandbox at rest')
  await publishCommand(bus, sid, { v: 1, type: 'sandbox_evict', generation })
}

/** Tells the session; goes on trying until the bus has it, or this process has to end. */
const reportExit = async ({ bus, signal, log }: Serving, exit: Exit): Promise<void> => {
  const { sid, generation, orderly } = exit
  const reason = exit.reason.slice(0, 4_000)
  const command: CommandInput = { v: 1, type: 'sandbox_exited', generation, reason, orderly }
  for (;;) {
    // What cannot be told in time is in the sandbox's folder, and told at the next start.
    const deadlineMs = signal.aborted ? 2_000 : STORE_WITHIN_MS
    try {
      await publishCommand(bus, sid, command, { id: `${sid}.${generation}.exited`, deadlineMs })
      return
    } catch (error) {
      log.warn({ err: error, sid }, 'the end of a sandbox could not be told yet')
      if (signal.aborted) throw error
    }
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
