/** The sandboxes process for tests: jobs in, results out as commands. It can be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { answerAsks } from '../../lib/bus/ask.ts'
import { publishJob } from '../../lib/bus/jobs.ts'
import type { Question } from '../../subjects/asks.ts'
import { type CommandInput, command } from '../../subjects/commands.ts'
import { fail } from '../../subjects/errors.ts'
import type { SpawnJob } from '../../subjects/jobs.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { JOB } from '../../subjects/streams.ts'
import {
  commandSubject,
  type SandboxJobKind,
  sandboxJobSubject,
  sessionId,
} from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { type Said, startControlPlane } from './control-plane.ts'

export const SECRET = 'internal-secret'
const SANDBOXES = join(import.meta.dirname, '../../cmd/sandboxes.ts')

/** Starts one with a bus, a data folder and a control plane of its own. */
export const startHost = async (t: Test, env: Readonly<Record<string, string>> = {}) => {
  const { bus, nats } = await startBus(t)
  const plane = await startControlPlane(t)
  // As long as people's paths are: a socket's may have 107 bytes.
  const dataDir = join(mkdtempSync(join(tmpdir(), 'sandboxes-')), 'x'.repeat(60))
  mkdirSync(dataDir)
  const commands: CommandInput[] = []
  let waiting: Array<() => void> = []
  let jobs = 0
  let child: ChildProcess | undefined
  const output: string[] = []

  const host = {
    start: () => {
      child = spawn(process.execPath, [SANDBOXES], {
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          DATA_DIR: dataDir,
          NATS_URL: nats.url,
          GIT_HOST: 'none',
          INTERNAL_CALLBACK_SECRET: SECRET,
          CONTROL_PLANE_URL: plane.url,
          LOG_LEVEL: 'debug',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', bytes => output.push(String(bytes)))
      }
    },
    end: async (signal: NodeJS.Signals) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
  }
  t.teardown(async () => {
    await host.end('SIGTERM')
    if (!t.passing()) t.comment(output.join(''))
    rmSync(dataDir, { recursive: true, force: true })
  })
  const answerOf = (question: Question) => {
    if (question.type !== 'sandbox_wanted') throw fail('INVALID_REQUEST')
    const { sid, generation } = question
    const { wanted = true, promptWaits = false } = system.sessions.get(sid) ?? {}
    if (wanted === 'unknown') throw fail('SESSION_NOT_FOUND')
    system.asked.push(`${sid}.${generation}`)
    return Promise.resolve({ recordSeq: 1, wanted, promptWaits })
  }
  for (let p = 0; p < PARTITIONS; p++) {
    const answering = answerAsks(bus, p, async question => answerOf(question))
    t.teardown(() => answering.close())
  }
  host.start()

  const folder = (sid: string) => join(dataDir, 'sandboxes', sid)
  const system = {
    /** What sessions say of the sandboxes that jobs ask for: wanted, to be ready, unless set. */
    sessions: new Map<string, { wanted?: boolean | 'unknown'; promptWaits?: boolean }>(),
    /** Sandboxes that were asked about, `<session>.<generation>`. */
    asked: [] as string[],
    bus,
    nats,
    plane,
    dataDir,
    host,
    folder,
    note: (sid: string) => JSON.parse(readFileSync(join(folder(sid), 'sandbox.json'), 'utf8')),
    follow: (sid: string) => {
      const subscription = bus.nc.subscribe(commandSubject(sessionId(sid)), {
        callback: (_, message) => {
          commands.push(command.parse(message.json()))
          const woken = waiting
          waiting = []
          for (const wake of woken) wake()
        },
      })
      t.teardown(() => subscription.unsubscribe())
    },
    commands,
    until: async (type: CommandInput['type'], generation: number) => {
      const fits = (one: CommandInput) =>
        one.type === type && (one as { generation?: number }).generation === generation
      for (;;) {
        const found = commands.find(fits)
        if (found) return found
        await new Promise<void>(resolve => waiting.push(resolve))
      }
    },
    job: async (kind: SandboxJobKind, job: object, to = 'any') => {
      jobs += 1
      await publishJob(bus, sandboxJobSubject(to, kind), job, `job-${jobs}`)
    },
    /** Resolves when no job waits or is under way. */
    idle: async () => {
      while ((await bus.jsm.streams.info(JOB)).state.messages > 0) {
        await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
  return system
}

export const spawnJob = (
  sid: string,
  generation: number,
  more: Partial<SpawnJob> = {},
): SpawnJob => ({
  v: 1,
  sid,
  generation,
  sandboxId: `sandbox-demo-hello-${generation}`,
  repoOwner: 'demo',
  repoName: 'hello',
  baseBranch: 'main',
  model: 'anthropic/claude-haiku-4-5',
  agentSessionId: null,
  replaces: null,
  ...more,
})

export const stopJob = (sid: string, generation: number) => ({
  v: 1,
  sid,
  generation,
  sandboxId: `sandbox-demo-hello-${generation}`,
  objectId: sid,
  reason: 'inactive',
})

export const connections = (said: readonly Said[]) =>
  said.filter(event => event.type === 'CONNECTED').length
