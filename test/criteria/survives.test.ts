/** Criterion 6: state intact after the owner is evicted from memory, and after it is killed. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

t.test('asleep, killed, its disk gone: the session is the same, and goes on', async t => {
  const provider = await startProvider(t)
  const system = await startSystem(t, { provider, env: { SESSION_IDLE_MS: '200' } })
  const [edge = ''] = system.edges
  const sid = await system.createSession({ title: 'Survivor' })
  const sandbox = await connectSandbox(t, edge, await provider.until('create'))
  const prompt = (content: string) =>
    system.call('POST', `/sessions/${sid}/prompt`, { content, authorId: 'alice' })
  await prompt('one')
  await prompt('two')
  const { messageId } = await sandbox.prompt(0)
  sandbox.emit({ type: 'token', messageId, content: 'half a' })
  sandbox.emit({
    type: 'tool_call',
    messageId,
    tool: 'bash',
    args: {},
    callId: 'c',
    status: 'running',
    output: '',
  })
  const watcher = await subscribe(t, edge, { sid, token: await system.wsToken(sid, 'bob') })
  await watcher.until(f => f.type === 'subscribed' && f.sequence >= 1)

  const everything = async () => ({
    session: (await system.call('GET', `/sessions/${sid}`)).body,
    messages: (await system.call('GET', `/sessions/${sid}/messages`)).body,
    events: (await system.call('GET', `/sessions/${sid}/events`)).body,
  })
  const toolSeen = async () => (await everything()).events.events.length >= 3
  while (!(await toolSeen())) await new Promise(resolve => setImmediate(resolve))
  const before = await everything()
  await system.logged(new RegExp(`asleep.*${sid}|${sid}.*asleep`))
  t.same(await everything(), before, 'after sleep')

  await system.process('owner').kill()
  await system.process('owner').start()
  t.same(await everything(), before, 'after kill -9')

  await system.process('owner').kill()
  rmSync(join(system.dataDir, 'owner'), { recursive: true })
  await system.process('owner').start()
  t.same(await everything(), before, 'after kill -9 and the loss of every file of the owner')

  sandbox.complete(messageId)
  t.match(await sandbox.prompt(1), { content: 'two' }, 'the queue goes on')
  t.equal(sandbox.frames.filter(frame => frame.type === 'prompt').length, 2, 'nothing ran twice')
})
