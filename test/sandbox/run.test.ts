/** The sandboxes process as a process: jobs in, bridges up, results out as commands. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { sandboxToken } from '../../lib/auth/sandbox-token.ts'
import { BRIDGE_MARK, processesOf } from '../../lib/sandbox/sweep.ts'
import { CMD } from '../../subjects/streams.ts'
import { completes, promptFrame } from './control-plane.ts'
import { connections, SECRET, spawnJob, startHost, stopJob } from './host.ts'

t.test('a sandbox from its job to its end', async t => {
  const system = await startHost(t)
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
  const system = await startHost(t)
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
  const system = await startHost(t, { PATH: bin })
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  t.match(await system.until('sandbox_spawned', 1), { warning: /is not isolated/ })
  await system.plane.until(event => event.type === 'ready')
  system.plane.send(promptFrame('m1', '$ cat src/hello.js'))
  t.match(await system.plane.until(completes('m1')), { success: true }, 'it runs all the same')
})
