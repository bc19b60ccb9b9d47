/** What a client is told when the inbox takes nothing more, and what then becomes of its prompt. */
import t from 'tap'
import { CMD } from '../../subjects/streams.ts'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'

t.test('a full inbox is an error that says to try again, on a socket that stays open', async t => {
  const edges = await startEdges(t)
  const { streams } = edges.bus.jsm
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const { config } = await streams.info(CMD)
  await streams.update(CMD, { ...config, max_bytes: 4_000 })
  const prompt = { type: 'prompt', content: 'x'.repeat(10_000), clientRequestId: 'a' }
  client.send(prompt)
  t.match(await client.until('error'), { code: 'STREAM_FULL', clientRequestId: 'a' })
  await streams.update(CMD, config)
  client.send(prompt)
  t.match(await client.until('prompt_queued'), { clientRequestId: 'a', position: 1 })
  const queued = (frame: Frame) => frame.type === 'prompt_queued'
  t.equal(client.frames.filter(queued).length, 1)
})
