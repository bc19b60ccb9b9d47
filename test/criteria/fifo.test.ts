/** Criterion 5: three prompts run one after the other, in the order in which they were queued. */
import t from 'tap'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { startSystem } from '../fixtures/system.ts'

t.test('three prompts, queued before the sandbox is there, run in order', async t => {
  const provider = await startProvider(t)
  const system = await startSystem(t, { provider })
  const [edge = ''] = system.edges
  const sid = await system.createSession()
  const queued: string[] = []
  for (const [i, content] of ['one', 'two', 'three'].entries()) {
    const { status, body } = await system.call('POST', `/sessions/${sid}/prompt`, {
      content,
      authorId: 'alice',
    })
    t.match({ status, body }, { status: 200, body: { status: 'queued', position: i + 1 } })
    queued.push(body.messageId)
  }
  const sandbox = await connectSandbox(t, edge, await provider.until('create'))
  for (const [i, messageId] of queued.entries()) {
    t.match(await sandbox.prompt(i), { messageId, content: ['one', 'two', 'three'][i] })
    const { body } = await system.call('GET', `/sessions/${sid}/messages?status=processing`)
    t.match(body.messages, [{ id: messageId }], 'one runs')
    t.equal(sandbox.frames.filter(frame => frame.type === 'prompt').length, i + 1)
    sandbox.complete(messageId)
    await sandbox.until(frame => frame.type === 'ack' && frame.ackId.endsWith(messageId))
  }
  const { body } = await system.call('GET', `/sessions/${sid}/messages`)
  t.same(
    body.messages.map((m: { id: string; status: string }) => [m.id, m.status]),
    queued.toReversed().map(id => [id, 'completed']),
  )
})
