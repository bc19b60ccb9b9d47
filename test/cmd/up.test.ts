import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { freePort } from '../../lib/process/free-port.ts'

const probe = fileURLToPath(new URL('../fixtures/probe.ts', import.meta.url))
const script = fileURLToPath(new URL('../../cmd/up.ts', import.meta.url))

const PROCFILE = `
# a comment
nats: node cmd/nats.ts
owner: node ${probe} owner
edge: node ${probe} edge
api: node ${probe} api
`

/** A machine of its own: a data folder, a Procfile and ports. */
const machine = async (t: Test) => {
  const folder = t.testdir({ Procfile: PROCFILE })
  const ports = { PORT: await freePort(), EDGE_PORT: await freePort(), NATS_PORT: await freePort() }
  const env: Record<string, string> = { DATA_DIR: join(folder, 'data') }
  for (const [name, port] of Object.entries(ports)) env[name] = String(port)
  return { folder, env, ports }
}

type Machine = Awaited<ReturnType<typeof machine>>

/** Runs cmd/up.ts there; `said` waits until its output matches. */
const up = (t: Test, { folder, env }: Machine, args: readonly string[] = []) => {
  const command = [script, '--procfile', join(folder, 'Procfile'), ...args]
  const { NATS_URL: _, NODE_ENV: __, ...inherited } = process.env
  const child = spawn(process.execPath, command, { env: { ...inherited, ...env } })
  t.teardown(() => stopped(child))
  const heard: (() => void)[] = []
  const it = { child, output: '' }
  const hear = (chunk: Buffer) => {
    it.output += chunk
    for (const look of heard.splice(0)) look()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ended = once(child, 'close').then(([code]) => ({ code, output: it.output }))
  const said = async (pattern: RegExp, from = 0): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(it.output.slice(from))
      if (match) return match
      const more = new Promise<'more'>(resolve => heard.push(() => resolve('more')))
      const next = await Promise.race([more, ended])
      if (next !== 'more' && !pattern.test(it.output.slice(from))) throw new Error(it.output)
    }
  }
  return { it, child, ended, said }
}

const stopped = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

const pidOf = async (
  said: (pattern: RegExp, from?: number) => Promise<RegExpExecArray>,
  name: string,
  from = 0,
) => Number((await said(new RegExp(`${name}: runs as (\\d+)`), from))[1])

t.test('all start, one address is printed, and all stop in order', async t => {
  const here = await machine(t)
  const { child, said, ended } = up(t, here, ['owner=2', 'edge=2'])
  const [, address] = await said(/^Ready: (\S+)$/m)
  t.match(address, new RegExp(`^http://127.0.0.1:${here.ports.PORT}/login\\?code=[\\w-]{22}$`))
  await said(new RegExp(`edge-2: runs as \\d+ with edge port ${here.ports.EDGE_PORT + 1}`))
  await said(/owner-2: runs/)
  child.kill('SIGINT')
  const { code, output } = await ended
  t.equal(code, 0)
  t.equal(output.match(/http:/g)?.length, 1, 'exactly one address')
  const order = [...output.matchAll(/^(\w+)[-\d]*: stopped$/gm)].map(([, name]) => name)
  t.same(order, ['api', 'edge', 'edge', 'owner', 'owner'])
})

t.test('what is killed comes back', async t => {
  const { it, said, child, ended } = up(t, await machine(t))
  await said(/^Ready/m)
  const former = await pidOf(said, 'owner')
  const from = it.output.length
  process.kill(former, 'SIGKILL')
  await said(/owner: ended \(SIGKILL\), starts again/, from)
  t.not(await pidOf(said, 'owner', from), former)
  child.kill('SIGHUP')
  t.match(await ended, { code: 0 }, 'the end of the terminal is an orderly stop too')
})

t.test('a killed start leaves nothing in the way of the next', async t => {
  const here = await machine(t)
  const first = up(t, here)
  await first.said(/^Ready/m)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  const second = up(t, here)
  await second.said(/^Ready/m)
  second.child.kill('SIGTERM')
  t.match(await second.ended, { code: 0 })
})

t.test('a second start on the same data is refused', async t => {
  const here = await machine(t)
  const first = up(t, here)
  await first.said(/^Ready/m)
  const { code, output } = await up(t, here).ended
  t.equal(code, 1)
  t.match(output, /^Another npm start is running on .*: stop it first, or .*\n$/)
  first.child.kill('SIGTERM')
  t.match(await first.ended, { code: 0 }, 'the first one is not disturbed')
  t.notMatch(first.it.output, /starts again/)
})

t.test('a port in use is named', async t => {
  const here = await machine(t)
  for (const variable of ['PORT', 'EDGE_PORT', 'NATS_PORT'] as const) {
    const other = createServer().listen(here.ports[variable], '127.0.0.1')
    await once(other, 'listening')
    const { code, output } = await up(t, here).ended
    t.equal(code, 1)
    t.match(
      output,
      new RegExp(`^Port \\d+ \\(${variable}\\) is in use by another program: stop .*\n$`),
    )
    other.close()
  }
})

t.test('a folder that cannot be written is named', async t => {
  const here = await machine(t)
  writeFileSync(here.env.DATA_DIR ?? '', 'a file')
  const { code, output } = await up(t, here).ended
  t.equal(code, 1)
  t.match(output, /^[^\n]*DATA_DIR[^\n]*\n$/)
})

t.test('with NATS_URL no nats-server is started', async t => {
  const here = await machine(t)
  const env = { ...here.env, NATS_URL: 'nats://127.0.0.1:1' }
  const { said, it } = up(t, { ...here, env })
  await said(/^Ready/m)
  t.notMatch(it.output, /^nats/m)
})
