import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { runBridge } from '../../../lib/sandbox/bridge/bridge.ts'
import { isolationOf, probeIsolation } from '../../../lib/sandbox/local/isolation.ts'
import { bridgeEnvironment, completes, promptFrame, startControlPlane } from '../control-plane.ts'

const probe = await probeIsolation()
const skip = probe.works ? false : `nothing isolates on this machine: ${probe.why}`

/** The data folder of a host with one sandbox, another session's folder and a secret. */
const host = (t: Test) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'isolation-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const folder = join(dataDir, 'sandboxes', 's1')
  for (const name of ['workspace', 'home', 'tmp', 'git']) {
    mkdirSync(join(folder, name), { recursive: true })
  }
  mkdirSync(join(dataDir, 'sandboxes', 's2', 'workspace'), { recursive: true })
  writeFileSync(join(dataDir, 'sandboxes', 's2', 'workspace', 'theirs'), 'theirs')
  writeFileSync(join(dataDir, 'secrets.json'), 'the-secret')
  const repository = join(dataDir, 'repos', 'demo', 'hello.git')
  mkdirSync(repository, { recursive: true })
  writeFileSync(join(repository, 'HEAD'), 'the-repository')
  return { dataDir, folder, repository }
}

t.test('an isolated agent has its own folders and nothing else', { skip }, async t => {
  const plane = await startControlPlane(t)
  const { dataDir, folder, repository } = host(t)
  const controller = new AbortController()
  const over = runBridge({
    environment: {
      ...bridgeEnvironment(plane, folder),
      isolation: isolationOf({ dataDir, folder, repository, hosts: [] }),
    },
    signal: controller.signal,
    log: line => t.comment(line),
  })
  t.teardown(async () => {
    controller.abort()
    await over
  })
  await plane.until(event => event.type === 'ready')
  const outputOf = async (messageId: string, line: string) => {
    plane.send(promptFrame(messageId, `$ ${line}`))
    await plane.until(completes(messageId))
    const calls = plane.said.filter(event => event.type === 'tool_call')
    return `${calls.filter(event => event.messageId === messageId).at(-1)?.output}`
  }
  t.match(await outputOf('m1', 'echo mine > a && cat a && mktemp && touch ~/b'), /^mine\n.*\/tmp\//)
  t.ok(existsSync(join(folder, 'workspace', 'a')))
  t.ok(existsSync(join(folder, 'home', 'b')))
  t.notMatch(await outputOf('m2', `cat ${dataDir}/secrets.json`), 'the-secret')
  t.notMatch(await outputOf('m3', `cat ${dataDir}/sandboxes/s2/workspace/theirs`), 'theirs\n')
  t.match(await outputOf('m4', `cat ${repository}/HEAD`), 'the-repository')
  t.match(await outputOf('m5', `echo x >> ${repository}/HEAD`), /read-only/i)
  t.match(await outputOf('m6', 'git config user.name'), 'Ada')
  t.match(await outputOf('m7', 'echo x >> "$GIT_CONFIG_GLOBAL"'), /read-only/i)
  const outside = join(tmpdir(), `escaped-${process.pid}`)
  t.match(await outputOf('m8', `touch ${outside}`), /read-only/i)
  t.notOk(existsSync(outside))
  const get = `fetch('${plane.url}').then(() => 'reached', () => 'blocked').then(console.log)`
  t.match(await outputOf('m9', `${process.execPath} -e "${get}"`), 'blocked')
  t.notMatch(await outputOf('m10', 'cat /proc/*/environ'), 'the-token')
})

t.test('stop ends a command behind the isolation too', { skip }, async t => {
  const plane = await startControlPlane(t)
  const { dataDir, folder, repository } = host(t)
  const controller = new AbortController()
  const over = runBridge({
    environment: {
      ...bridgeEnvironment(plane, folder),
      isolation: isolationOf({ dataDir, folder, repository, hosts: [] }),
    },
    signal: controller.signal,
    log: line => t.comment(line),
  })
  t.teardown(async () => {
    controller.abort()
    await over
  })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await plane.until(event => /begun/.test(`${event.output}`))
  plane.send({ type: 'stop' })
  t.match(await plane.until(completes('m1')), { success: false, error: 'Execution was stopped' })
  plane.send(promptFrame('m2', '$ ps ax 2>/dev/null | grep -c "[s]leep 600"'))
  await plane.until(completes('m2'))
})

t.test('a host without bubblewrap knows it', async t => {
  const bin = mkdtempSync(join(tmpdir(), 'bin-'))
  const before = process.env.PATH
  t.teardown(() => {
    process.env.PATH = before
    rmSync(bin, { recursive: true, force: true })
  })
  for (const name of ['sh', 'bash']) {
    const found = `${before}`.split(delimiter).find(folder => existsSync(join(folder, name)))
    if (found) symlinkSync(join(found, name), join(bin, name))
  }
  process.env.PATH = [bin, dirname(process.execPath)].join(delimiter)
  t.match(await probeIsolation(), { works: false, why: String })
})
