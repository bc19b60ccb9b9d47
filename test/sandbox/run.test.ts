/** The sandboxes process as a process: jobs in, bridges up, results out as commands. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { sandboxToken } from '../../lib/auth/sandbox-token.ts'
import { publishJob } from '../../lib/bus/jobs.ts'
import { processBirth } from '../../lib/sandbox/local/identity.ts'
import { BRIDGE_MARK, processesOf } from '../../lib/sandbox/sweep.ts'
import { type CommandInput, command } from '../../subjects/commands.ts'
import type { SpawnJob } from '../../subjects/jobs.ts'
import { CMD, JOB } from '../../subjects/streams.ts'
import {
  commandSubject,
  type SandboxJobKind,
  sandboxJobSubject,
  sessionId,
} from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { completes, promptFrame, type Said, startControlPlane } from './control-plane.ts'

const SECRET = 'internal-secret'
const SANDBOXES = join(import.meta.dirname, '../../cmd/sandboxes.ts')

const start = async (t: Test, env: Readonly<Record<string, string>> = {}) => {
  const { bus, nats } = await startBus(t)
  const plane = await startControlPlane(t)
  const dataDir = mkdtempSync(join(tmpdir(), 'sandboxes-'))
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
  host.start()

  const folder = (sid: string) => join(dataDir, 'sandboxes', sid)
  return {
    bus,
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
}

const spawnJob = (sid: string, generation: number, more: Partial<SpawnJob> = {}): SpawnJob => ({
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

const stopJob = (sid: string, generation: number) => ({
  v: 1,
  sid,
  generation,
  sandboxId: `sandbox-demo-hello-${generation}`,
  objectId: sid,
  reason: 'inactive',
})

const connections = (said: readonly Said[]) =>
  said.filter(event => event.type === 'CONNECTED').length

t.test('a sandbox from its job to its end', async t => {
  const system = await start(t)
  const { plane } = system
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  const spawned = await system.until('sandbox_spawned', 1)
  t.match(spawned, { objectId: 's1', host: /^h[0-9a-f]{16}$/ })
  const host = (spawned as { host: string }).host
  const connected = await plane.until(event => event.type === 'CONNECTED')
  t.match(connected.headers, {
    authorization: `Bearer ${sandboxToken(SECRET, 's1', 1)}`,
    'x-sandbox-id': 'sandbox-demo-hello-1',
  })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', 'write a.txt: 1\ncommit Add a\n$ git status --short --branch'))
  t.match(await plane.until(completes('m1')), { success: true })
  t.match(plane.said.filter(event => event.type === 'tool_call').at(-1), {
    output: '## open-inspect/s1\n',
  })
  const cwd = join(system.folder('s1'), 'workspace')
  const log = () => execFileSync('git', ['log', '--format=%an %s'], { cwd, encoding: 'utf8' })
  t.match(log(), /^Ada Add a\nGrace Hopper Tell how to use it\n/)

  t.comment('the same job again')
  const pid = system.note('s1').pid
  await system.job('spawn', spawnJob('s1', 1))
  await system.idle()
  t.equal(system.note('s1').pid, pid)
  t.equal(connections(plane.said), 1, 'no second bridge')

  t.comment('a newer generation keeps the work')
  await system.job('spawn', spawnJob('s1', 2))
  t.match(await system.until('sandbox_exited', 1), { orderly: true })
  await system.until('sandbox_spawned', 2)
  await plane.until(event => event.type === 'ready', plane.said.indexOf(connected) + 3)
  t.match(log(), /^Ada Add a\n/)
  await system.job('spawn', spawnJob('s1', 1))
  await system.idle()
  t.equal(system.note('s1').generation, 2, 'a late job of an older one does nothing')

  t.comment('stop')
  await system.job('stop', stopJob('s1', 1), host)
  await system.idle()
  t.equal(system.note('s1').state, 'running', 'a stop for an older one does nothing')
  await system.job('stop', stopJob('s1', 2), host)
  t.match(await system.until('sandbox_exited', 2), { orderly: true, reason: 'inactive' })
  await system.idle()
  t.same(await processesOf(system.folder('s1'), [BRIDGE_MARK]), [])
  t.equal(existsSync(cwd), true)
  await system.job('destroy', stopJob('s1', 2), host)
  await system.idle()
  t.equal(existsSync(system.folder('s1')), false)

  const { messages } = (await system.bus.jsm.streams.info(CMD)).state
  t.equal(messages, 4, 'each result is stored once: spawned and exited, twice')
})

t.test('what cannot be started is said, for good', async t => {
  const system = await start(t)
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1, { repoOwner: '..', repoName: 'x' }))
  t.match(await system.until('sandbox_spawn_failed', 1), {
    permanent: true,
    error: /There is no repository \.\.\/x on this host\. There is: demo\/hello\./,
  })
  await system.job('spawn', spawnJob('s1', 2, { baseBranch: 'nope' }))
  t.match(await system.until('sandbox_spawn_failed', 2), {
    permanent: true,
    error: 'The repository has no branch nope. It has: main.',
  })
})

t.test('people are told when nothing isolates a sandbox', async t => {
  const bin = mkdtempSync(join(tmpdir(), 'bin-'))
  t.teardown(() => rmSync(bin, { recursive: true, force: true }))
  for (const name of ['git', 'sh', 'cat']) {
    const folder = `${process.env.PATH}`.split(delimiter).find(one => existsSync(join(one, name)))
    if (folder) symlinkSync(join(folder, name), join(bin, name))
  }
  const system = await start(t, { PATH: bin })
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  t.match(await system.until('sandbox_spawned', 1), { warning: /is not isolated/ })
  await system.plane.until(event => event.type === 'ready')
  system.plane.send(promptFrame('m1', '$ cat src/hello.js'))
  t.match(await system.plane.until(completes('m1')), { success: true }, 'it runs all the same')
})

t.test('a killed bridge is reported at once', async t => {
  const system = await start(t)
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await system.plane.until(event => event.type === 'ready')
  system.plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await system.plane.until(event => /begun/.test(`${event.output}`))
  process.kill(system.note('s1').pid, 'SIGKILL')
  t.match(await system.until('sandbox_exited', 1), { orderly: false, reason: /SIGKILL/ })
  t.same(
    await processesOf(system.folder('s1'), [BRIDGE_MARK, 'SANDBOX_AGENT_FOLDER']),
    [],
    'nothing of it runs on',
  )
})

t.test('an orderly end of the host ends its sandboxes and says so', async t => {
  const system = await start(t)
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await system.plane.until(event => event.type === 'ready')
  system.plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await system.plane.until(event => /begun/.test(`${event.output}`))
  await system.host.end('SIGTERM')
  t.match(await system.plane.until(completes('m1')), {
    success: false,
    error: 'The sandbox was shut down.',
  })
  t.match(await system.until('sandbox_exited', 1), { orderly: true })
  t.match(system.note('s1'), { state: 'ended', orderly: true, reported: true })
})

t.test('kill -9 of the process ends no run', async t => {
  const system = await start(t)
  const { plane } = system
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo begun; until [ -e go ]; do sleep 0.05; done; echo done'))
  await plane.until(event => /begun/.test(`${event.output}`))
  await system.host.end('SIGKILL')
  system.host.start()
  writeFileSync(join(system.folder('s1'), 'workspace', 'go'), '')
  t.match(await plane.until(completes('m1')), { success: true })
  t.equal(connections(plane.said), 1, 'the very same bridge')
  const numbers = plane.said.flatMap(event => (event.seq as number) ?? [])
  t.equal(new Set(numbers).size, numbers.length, 'each event once')

  t.comment('the next process looks after it')
  const { pid } = system.note('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await system.idle()
  t.equal(system.note('s1').pid, pid)
  process.kill(pid, 'SIGKILL')
  t.match(await system.until('sandbox_exited', 1), { orderly: false })
})

t.test('a bridge that died while its host was away is reported when it is back', async t => {
  const system = await start(t)
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await system.until('sandbox_spawned', 1)
  await system.plane.until(event => event.type === 'ready')
  await system.idle()
  await system.host.end('SIGKILL')
  const { pid, birth } = system.note('s1')
  process.kill(pid, 'SIGKILL')
  while ((await processBirth(pid)) === birth) await new Promise(resolve => setImmediate(resolve))
  t.equal(system.commands.length, 1)
  system.host.start()
  t.match(await system.until('sandbox_exited', 1), {
    orderly: false,
    reason: /while its host was away/,
  })
})
