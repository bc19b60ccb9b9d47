/** Sandboxes and the process that looks after them, each killed while the other lives. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processBirth } from '../../lib/sandbox/local/identity.ts'
import { AGENT_MARK, BRIDGE_MARK, processesOf } from '../../lib/sandbox/sweep.ts'
import { completes, promptFrame } from './control-plane.ts'
import { connections, spawnJob, startHost } from './host.ts'

t.test('a killed bridge is reported at once', async t => {
  const system = await startHost(t)
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  await system.plane.until(event => event.type === 'ready')
  system.plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await system.plane.until(event => /begun/.test(`${event.output}`))
  process.kill(system.note('s1').pid, 'SIGKILL')
  t.match(await system.until('sandbox_exited', 1), { orderly: false, reason: /SIGKILL/ })
  t.same(
    await processesOf(system.folder('s1'), [BRIDGE_MARK, AGENT_MARK]),
    [],
    'nothing of it runs on',
  )
})

t.test('an orderly end of the host ends its sandboxes and says so', async t => {
  const system = await startHost(t)
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
  const system = await startHost(t)
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
  const system = await startHost(t)
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
