/** What a prompt wishes of its agent, and what reaches it: pure, then with a real agent process. */
import { join } from 'node:path'
import type { SessionConfigOption } from '@agentclientprotocol/sdk'
import t from 'tap'
import { runBridge } from '../../../lib/sandbox/bridge/bridge.ts'
import { contentOf } from '../../../lib/sandbox/bridge/content.ts'
import { answerOf, type Wish } from '../../../lib/sandbox/bridge/wishes.ts'
import {
  bridgeEnvironment,
  completes,
  promptFrame,
  sandboxFolder,
  startControlPlane,
} from '../control-plane.ts'

const models: SessionConfigOption = {
  ...{ id: 'm', name: 'Model', category: 'model', type: 'select', currentValue: 'a/one' },
  options: [
    { group: 'a', name: 'A', options: [{ value: 'a/one', name: 'One' }] },
    { group: 'b', name: 'B', options: [{ value: 'b/two', name: 'Two' }] },
  ],
}
const wish = (value: string, more: Partial<Wish> = {}): Wish => ({
  ...{ category: 'model', value, chosen: false },
  ...more,
})

t.test('a model', async t => {
  const set = { kind: 'set', configId: 'm', value: 'b/two' }
  t.match(answerOf(wish('b/two'), [models]), set)
  t.match(answerOf(wish('other/TWO'), [models]), set, 'under another provider’s name')
  t.match(answerOf(wish('a/one'), [models]), { kind: 'nothing' }, 'as it is')
  t.match(answerOf(wish('c/three'), [models]), {
    kind: 'warning',
    message:
      'The agent does not offer the model c/three and goes on with a/one; it offers a/one, b/two',
  })
  t.match(answerOf(wish('b/two'), []), { kind: 'nothing' }, 'nobody chose it for this prompt')
  t.match(answerOf(wish('b/two', { chosen: true }), null), {
    kind: 'warning',
    message: /no choice of model: b\/two is ignored/,
  })
  t.match(answerOf(wish('high', { category: 'thought_level', chosen: true }), [models]), {
    kind: 'warning',
    message: /no choice of reasoning effort: high is ignored/,
  })
})

t.test('attachments', async t => {
  const image = 'data:image/png;base64,AAAA'
  const attachments = [
    { type: 'url', name: 'doc', url: 'https://example.org/a' },
    { type: 'file', name: 'a b.txt', content: 'text', mimeType: 'text/plain' },
    { type: 'image', name: 'shot', content: image },
    { attachmentId: 'x-1', name: 'upload.png' },
    { type: 'url', name: 'odd', url: 'file:///etc/passwd' },
    'nonsense',
  ]
  const prompt = { content: 'look', attachments }
  const able = contentOf(prompt, { image: true, embeddedContext: true })
  t.match(able.blocks, [
    { type: 'text', text: 'look' },
    { type: 'resource_link', name: 'doc', uri: 'https://example.org/a' },
    { type: 'resource', resource: { uri: 'attachment:///a%20b.txt', text: 'text' } },
    { type: 'image', mimeType: 'image/png', data: 'AAAA' },
  ])
  t.match(able.problems, [/upload\.png .*not here/, /odd .*no link/, /not an attachment/])
  const plain = contentOf(prompt, {})
  t.match(plain.blocks[2], { type: 'text', text: 'a b.txt:\n\ntext' })
  t.equal(plain.blocks.length, 3)
  t.match(plain.problems[0], /shot does not reach the agent: the agent does not look at images/)
  t.same(contentOf({ content: 'x' }, {}), { blocks: [{ type: 'text', text: 'x' }], problems: [] })
})

t.test('with an agent that offers models', async t => {
  const plane = await startControlPlane(t)
  const folder = await sandboxFolder(t)
  const controller = new AbortController()
  const program = join(import.meta.dirname, '../../fixtures/choosy-agent.ts')
  const over = runBridge({
    environment: bridgeEnvironment(plane, folder, {
      AGENT_COMMAND: `${process.execPath} ${program}`,
    }),
    signal: controller.signal,
    log: () => {},
  })
  t.teardown(async () => {
    controller.abort()
    await over
  })
  await plane.until(event => event.type === 'ready')
  const answers = async (messageId: string, more: object) => {
    plane.send({ ...promptFrame(messageId, 'hello'), ...more })
    t.match(await plane.until(completes(messageId)), { success: true })
    const said = plane.said.filter(event => event.messageId === messageId)
    return {
      text: said.findLast(event => event.type === 'token')?.content,
      warnings: said.filter(event => event.type === 'warning').map(event => event.message),
    }
  }
  t.match(await answers('m1', {}), {
    text: 'stub/small got text',
    warnings: [/does not offer the model none/],
  })
  t.match(await answers('m2', {}), { warnings: [] }, 'said once of the session’s own model')
  const attachments = [{ type: 'url', name: 'doc', url: 'https://example.org/a' }, { name: 'gone' }]
  t.match(await answers('m3', { model: 'stub/large', attachments }), {
    text: 'stub/large got text,resource_link',
    warnings: [/gone does not reach the agent/],
  })
  t.match(await answers('m4', { model: 'x/huge', reasoningEffort: 'high' }), {
    text: 'stub/large got text',
    warnings: [/does not offer the model x\/huge/, /no choice of reasoning effort/],
  })
  t.ok(
    plane.said.some(one => one.type === 'session_title' && one.title === 'Named by its agent'),
    'the title it gave',
  )
})
