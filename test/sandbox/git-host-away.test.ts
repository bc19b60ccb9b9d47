/** Sessions while the git host is away, with the real forge stopped under a local sandbox host. */
import t from 'tap'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

t.setTimeout(120_000)

const ends = (frame: Frame) =>
  frame.type === 'sandbox_event' && frame.event.type === 'execution_complete'
const warns = (frame: Frame) => frame.type === 'sandbox_warning' && /copy of it/.test(frame.message)

t.test('a sandbox starts from the copy of its host, and people are told', async t => {
  const system = await startSystem(t, { provider: 'local', githubs: 1 })
  const open = async (extra?: Record<string, unknown>) => {
    const sid = await system.createSession(extra)
    const token = await system.wsToken(sid, 'alice')
    const client = await subscribe(t, system.edges[0] as string, { sid, token })
    client.send({ type: 'prompt', content: '$ git log --oneline', clientRequestId: 'p' })
    return { sid, client }
  }
  const before = await open()
  t.match(await before.client.until(ends), { event: { success: true } })
  t.notOk(before.client.frames.find(warns))

  await system.process('forge').kill()
  const { sid, client } = await open()
  t.match(await client.until(ends), { event: { success: true } })
  const said = /demo\/hello could not be read: .* This host's copy of it is used, as of 2\d{3}-/
  t.match(client.frames.find(warns), { message: said })
  const { body } = await system.call('GET', `/sessions/${sid}/events?type=warning`)
  t.match(body.events, [{ data: { scope: 'start', message: said } }], 'who comes later is told too')

  t.comment('what only the git host may have is no reason to give up for good')
  const branch = await open({ baseBranch: 'newer' })
  const failed = await branch.client.until(frame => frame.type === 'sandbox_error')
  t.match(failed, { error: /has no branch newer.*This host's copy of it is used/s })
})
