import t from 'tap'
import { event, of, start } from './sandbox-scene.ts'

/** As text: JSON.stringify could not make it. */
const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`

t.test('odd frames are refused by name, and end nothing', async t => {
  const { edges, sid, client } = await start(t)
  const answer = (frame: string) => {
    const from = client.frames.length
    client.send(frame)
    return client.until(one => one.type === 'error' || one.type === 'prompt_queued', from)
  }
  const prompt = { type: 'prompt', clientRequestId: 'r' }
  const refused = { type: 'error', code: 'INVALID_PROMPT', clientRequestId: 'r' }
  for (const levels of [101, 100_000]) {
    const deep = JSON.stringify({ ...prompt, content: 'x', attachments: [{ a: 0 }] })
    t.match(await answer(deep.replace('"a":0', `"a":${nested(levels)}`)), {
      ...refused,
      message: 'Nested more than 100 levels deep',
    })
  }
  t.match(await answer(JSON.stringify({ ...prompt, content: 'a\ud800' })), {
    ...refused,
    message: 'content: holds half of a surrogate pair, which is no character',
  })
  t.match(await answer(JSON.stringify({ ...prompt, content: 'a\0b' })), { type: 'prompt_queued' })

  const sandbox = await edges.sandbox(t, sid)
  for (const levels of [50, 65, 1_000, 100_000]) {
    const from = client.frames.length
    sandbox.socket.send(`{"type":"note","ackId":"${levels}","x":${nested(levels)}}`)
    const said = await client.until(one => event('note')(one) || event('warning')(one), from)
    if (levels < 64) t.same(said.event.x, JSON.parse(nested(levels)), 'an event is kept as it is')
    else t.match(said.event, { type: 'warning', message: /nested more than 64 levels deep$/ })
  }
  client.send({ type: 'ping' })
  t.ok(await client.until(of('pong')))
})
