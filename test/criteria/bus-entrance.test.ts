/**
 * The bus entrance: a service queues prompts with nothing but a NATS client. Whatever talks to the
 * bus here uses none of our code, only the subject table of the README.
 */
import { createInbox, headers } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

/** Publishes with a reply inbox and waits for the answer. */
const request = async (nc: NatsConnection, subject: string, body: unknown) => {
  const inbox = createInbox()
  const replies = nc.subscribe(inbox, { max: 1 })
  const head = headers()
  head.set('Reply-To', inbox)
  nc.publish(subject, typeof body === 'string' ? body : JSON.stringify(body), { headers: head })
  for await (const message of replies) return message.json<{ reply: Record<string, unknown> }>()
  throw new Error('no reply')
}

t.test('a prompt from a bare NATS client', async t => {
  const provider = await startProvider(t)
  const system = await startSystem(t, { provider })
  const [edge = ''] = system.edges
  const sid = await system.createSession()
  const watcher = await subscribe(t, edge, { sid, token: await system.wsToken(sid, 'alice') })
  const nc = await connect({ servers: system.nats.url })
  t.teardown(() => nc.close())

  const prompt = {
    v: 1,
    type: 'prompt',
    clientRequestId: 'job-17',
    content: 'from a service',
    authorId: 'cron',
    source: 'automation',
  }
  const subject = `cmd.${sid}`
  const first = await request(nc, subject, prompt)
  t.match(first.reply, { ok: true, position: 1, messageId: /^[0-9a-f]{32}$/ })
  t.same((await request(nc, subject, prompt)).reply, first.reply, 'twice is the same prompt')
  const other = await request(nc, subject, { ...prompt, content: 'something else' })
  t.match(other.reply, { ok: false, code: 'PROMPT_REQUEST_CONFLICT' })
  const blank = await request(nc, subject, { ...prompt, clientRequestId: 'b', content: '  ' })
  t.match(blank.reply, { ok: false, code: 'INVALID_PROMPT' })
  const nobody = await request(nc, 'cmd.0000', prompt)
  t.match(nobody.reply, { ok: false, code: 'SESSION_NOT_FOUND' })

  await watcher.until(
    f => f.type === 'prompt_queue_updated' && f.promptQueue[0]?.content === 'from a service',
  )
  const sandbox = await connectSandbox(t, edge, await provider.until('create'))
  t.match(await sandbox.prompt(0), { content: 'from a service', author: { userId: 'cron' } })

  // Fire and forget, as `nats pub` does; and garbage, which must not stop the session.
  nc.publish(subject, 'not json at all')
  nc.publish(subject, JSON.stringify({ ...prompt, authorId: 7 }))
  nc.publish(subject, JSON.stringify({ ...prompt, clientRequestId: 'job-18', content: 'second' }))
  await watcher.until(f => f.type === 'prompt_queue_updated' && f.promptQueue.length === 2)
  const letters = await nc.request('$JS.API.STREAM.INFO.DLQ')
  t.ok(letters.json<{ state: { messages: number } }>().state.messages >= 2, 'garbage is kept apart')
})
