/** Bodies that are JSON, and odd: each is kept as it is, or refused by name. */
import t from 'tap'
import { startSystem } from '../fixtures/system.ts'

const { call, createSession } = await startSystem(t)

const nested = (levels: number) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

t.test('deep ones', async t => {
  const sid = await createSession()
  const prompt = (sent: object) =>
    call('POST', `/sessions/${sid}/prompt`, { content: 'x', ...sent })
  t.match(await prompt({ callbackContext: { a: nested(50) } }), { status: 200 })
  const attachments = [{ a: nested(50) }]
  t.match(await prompt({ attachments }), { status: 200 })
  const { messages } = (await call('GET', `/sessions/${sid}/messages?limit=1`)).body
  t.same(messages[0].attachments, attachments, 'kept as it is')
  const refused = {
    status: 400,
    body: { error: 'Nested more than 100 levels deep', code: 'INVALID_REQUEST' },
  }
  // On some thousands of levels JSON.stringify gives up: here on more than inside of an api.
  for (const levels of [101, 1_500, 4_000]) {
    t.match(await prompt({ callbackContext: { a: nested(levels) } }), refused, `${levels} levels`)
    t.match(await prompt({ attachments: [{ a: nested(levels) }] }), refused)
  }
})

t.test('text', async t => {
  const sid = await createSession()
  const prompt = (sent: object) => call('POST', `/sessions/${sid}/prompt`, sent)
  const zero = 'a\0b'
  t.match(await prompt({ content: zero, authorId: zero, clientRequestId: zero }), { status: 200 })
  t.match((await call('GET', `/sessions/${sid}/messages`)).body, { messages: [{ content: zero }] })
  const { participants } = (await call('GET', `/sessions/${sid}/participants`)).body
  t.match(participants, [{}, { userId: zero }])
  const half = 'a\ud800b'
  const refuses = async (field: string, answer: ReturnType<typeof call>) =>
    t.match(await answer, {
      status: 400,
      body: {
        error: `${field}: holds half of a surrogate pair, which is no character`,
        code: 'INVALID_REQUEST',
      },
    })
  await refuses('content', prompt({ content: half }))
  await refuses('authorId', prompt({ content: 'x', authorId: half }))
  await refuses('clientRequestId', prompt({ content: 'x', clientRequestId: half }))
  const title = { repoOwner: 'demo', repoName: 'hello', title: half }
  await refuses('title', call('POST', '/sessions', title))
  await refuses('user.userId', call('POST', `/sessions/${sid}/ws-token`, { userId: half }))
})
