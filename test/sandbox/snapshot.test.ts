/** Snapshots as jobs: stored from one host, gone on with on another, reported as commands. */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openObjects } from '../../lib/bus/objects.ts'
import { SANDBOX_BUCKET } from '../../subjects/streams.ts'
import { completes, promptFrame } from './control-plane.ts'
import { spawnJob, startHost, stopJob } from './host.ts'

const snapshotJob = (generation: number, reason: string) => ({
  ...stopJob('s1', generation),
  reason,
})

t.test('another host goes on with the work of one that is gone', async t => {
  const first = await startHost(t)
  const { plane } = first
  first.follow('s1')
  await first.job('spawn', spawnJob('s1', 1))
  const { host } = (await first.until('sandbox_spawned', 1)) as { host: string }
  const ready = await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', 'write a.txt: 1\ncommit Add a\nwrite b.txt: 2\nappend a.txt: 3'))
  t.match(await plane.until(completes('m1')), { success: true })

  await first.job('snapshot', snapshotJob(1, 'inactivity_timeout'), host)
  const saved = await first.until('sandbox_snapshot_saved', 1)
  t.match(saved, { reason: 'inactivity_timeout', imageId: /^s1\.1\./ })
  const objects = await openObjects(first.bus, SANDBOX_BUCKET)
  const { imageId } = (await objects.info('s1')).facts
  t.match(saved, { imageId })
  await first.host.end('SIGTERM')

  const second = await startHost(t, { NATS_URL: first.nats.url, CONTROL_PLANE_URL: plane.url })
  const restore = { ...spawnJob('s1', 2), snapshotImageId: imageId }
  const from = plane.said.length
  await first.job('restore', restore)
  const restored = (await first.until('sandbox_spawned', 2)) as { host: string }
  t.not(restored.host, host)
  t.match(
    await plane.until(event => event.type === 'ready', from),
    { opencodeSessionId: ready.opencodeSessionId },
    'in its own conversation',
  )
  plane.send(promptFrame('m2', '$ git status --porcelain; cat a.txt; git log -1 --format=%s'))
  t.match(await plane.until(completes('m2')), { success: true })
  t.match(plane.said.filter(event => event.type === 'tool_call').at(-1), {
    output: ' M a.txt\n?? b.txt\n1\n3\nAdd a\n',
  })

  t.comment('on the same host the work stays where it is, with what came after')
  writeFileSync(join(second.folder('s1'), 'workspace', 'later.txt'), 'later\n')
  await first.job('restore', { ...restore, generation: 3 })
  await first.until('sandbox_spawned', 3)
  t.equal(existsSync(join(second.folder('s1'), 'workspace', 'later.txt')), true)

  t.comment('the end')
  await first.job('snapshot', snapshotJob(2, 'late'), restored.host)
  t.match(await first.until('sandbox_snapshot_failed', 2), {
    error: 'This sandbox is not on its host any more.',
    reason: 'late',
  })
  await first.job('destroy', stopJob('s1', 3), restored.host)
  await first.idle()
  t.same((await objects.info('s1')).facts, {})
})

t.test('what is to be stored at rest is not stored while a prompt runs', async t => {
  const system = await startHost(t)
  const { plane } = system
  system.follow('s1')
  await system.job('spawn', spawnJob('s1', 1))
  const { host } = (await system.until('sandbox_spawned', 1)) as { host: string }
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo begun; until [ -e go ]; do sleep 0.05; done'))
  await plane.until(event => /begun/.test(`${event.output}`))
  await system.job('snapshot', snapshotJob(1, 'execution_complete'), host)
  t.match(await system.until('sandbox_snapshot_failed', 1), { error: /prompt runs/ })

  t.comment('asked for all the same, and the agent notices nothing')
  const cwd = join(system.folder('s1'), 'workspace')
  const status = () => execFileSync('git', ['status', '--porcelain'], { cwd, encoding: 'utf8' })
  const before = status()
  await system.job('snapshot', snapshotJob(1, 'heartbeat_timeout'), host)
  await system.until('sandbox_snapshot_saved', 1)
  t.equal(status(), before)
  writeFileSync(join(cwd, 'go'), '')
  t.match(await plane.until(completes('m1')), { success: true })
})
