/**
 * The main job, whole: a real repository, a real agent process, real processes that are killed in the
 * middle of a run. The run goes on, nobody misses an event, and the commits are there.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Role } from '../fixtures/child-process.ts'
import { type Frame, subscribe, type TestSocket } from '../fixtures/socket.ts'
import { type System, startSystem } from '../fixtures/system.ts'

/**
 * Watches like a browser does: comes back with the last sequence after every closed socket. Every
 * stored event is collected; `until` waits for one.
 */
const watch = async (t: Test, system: System, sid: string, user: string) => {
  const stored: Frame[] = []
  const statuses: Frame[] = []
  const waits = new Set<() => void>()
  const notify = () => {
    for (const look of waits) look()
  }
  let current: TestSocket | undefined
  const session = async (): Promise<void> => {
    const token = await system.wsToken(sid, user)
    const after = stored.at(-1)?.sequence ?? 0
    const socket = await subscribe(t, system.edges[0] ?? '', { sid, token, after })
    current = socket
    if (stored.length > 0 || after > 0) t.equal(socket.subscribed.recovered, true, 'resumed')
    for (const item of socket.subscribed.timeline.events) stored.push(item)
    for (const frame of socket.frames) take(frame)
    socket.socket.on('message', () => take(socket.frames.at(-1) as Frame))
    notify()
    await socket.closed
    return again()
  }
  const take = (frame: Frame) => {
    if (frame.type === 'sandbox_event' && frame.sequence) stored.push(frame)
    if (/status|queue/.test(frame.type)) statuses.push(frame)
    notify()
  }
  const again = async (): Promise<void> => {
    for (;;) {
      if (ended) return
      try {
        return await session()
      } catch {
        await new Promise(resolve => setImmediate(resolve))
      }
    }
  }
  let ended = false
  t.teardown(() => {
    ended = true
    return current?.close()
  })
  void again()
  const until = (fits: (frame: Frame) => boolean) =>
    new Promise<Frame>(resolve => {
      const look = () => {
        const found = stored.find(fits)
        if (!found) return
        waits.delete(look)
        resolve(found)
      }
      waits.add(look)
      look()
    })
  return { stored, until }
}

const completed = (messageId: string) => (frame: Frame) =>
  frame.event.type === 'execution_complete' && frame.event.messageId === messageId

// Six whole systems, one after the other.
t.setTimeout(600_000)

for (const victim of ['nothing', 'owner', 'edge', 'nats', 'api', 'sandboxes'] as const) {
  t.test(`a run to its end, with kill -9 of ${victim} in the middle`, async t => {
    const system = await startSystem(t, { provider: 'local' })
    const sid = await system.createSession()
    const watcher = await watch(t, system, sid, 'alice')
    const prompt = async (content: string) => {
      const { status, body } = await system.call('POST', `/sessions/${sid}/prompt`, {
        content,
        authorId: 'alice',
        clientRequestId: content.slice(0, 100),
      })
      t.equal(status, 200, JSON.stringify(body))
      return body.messageId as string
    }
    // The gate keeps the first prompt running until the victim is back.
    const gate = join(system.dataDir, 'sandboxes', sid, 'workspace', 'gate')
    const first = await prompt(
      [
        '$ echo one > one.txt && git add . && git commit -qm "first work"',
        '$ while [ ! -e gate ]; do sleep 0.05; done; rm gate',
        '$ git log --oneline',
      ].join('\n'),
    )
    const second = await prompt('$ echo two > two.txt && git add . && git commit -qm "second work"')
    await watcher.until(
      f =>
        f.event.type === 'tool_call' && /gate/.test(JSON.stringify(f.event.args ?? f.event.tool)),
    )
    if (victim === 'nats') {
      await system.nats.kill()
      await system.nats.restart()
    } else if (victim !== 'nothing') {
      await system.process(victim as Role).kill()
      await system.process(victim as Role).start()
    }
    execFileSync('touch', [gate])
    t.match((await watcher.until(completed(first))).event, { success: true })
    t.match((await watcher.until(completed(second))).event, { success: true })

    const sequences = watcher.stored.map(frame => frame.sequence)
    t.same(
      sequences,
      sequences.map((_, i) => i + 1),
      'nothing missing, doubled or out of order',
    )
    const kinds = watcher.stored.map(frame => frame.event.type)
    t.equal(kinds.filter(kind => kind === 'user_message').length, 2)
    t.equal(kinds.filter(kind => kind === 'execution_complete').length, 2)
    const cwd = join(system.dataDir, 'sandboxes', sid, 'workspace')
    const log = execFileSync('git', ['log', '--format=%s|%an'], { cwd, encoding: 'utf8' })
    t.match(log, /second work\|alice\nfirst work\|alice\n/, 'both commits, by their author')
    t.equal(log.match(/first work/g)?.length, 1, 'the work was done once')
    const { body } = await system.call('GET', `/sessions/${sid}/messages`)
    t.same(
      body.messages.map((m: Frame) => m.status),
      ['completed', 'completed'],
    )
  })
}
