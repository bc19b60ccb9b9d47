/** OpenCode, the real program, driven by the real bridge; only its model is a stub on loopback. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runBridge } from '../../lib/sandbox/bridge/bridge.ts'
import { startOpenAiStub } from '../fixtures/openai-stub.ts'
import {
  bridgeEnvironment,
  completes,
  promptFrame,
  sandboxFolder,
  startControlPlane,
} from './control-plane.ts'

const program = join(import.meta.dirname, '../../node_modules/.bin/opencode')
const found = spawnSync(program, ['--version'], { encoding: 'utf8' })
const skip = found.status === 0 ? false : 'opencode is not installed for this platform'

t.test('OpenCode runs tools and answers', { skip, timeout: 110_000 }, async t => {
  const plane = await startControlPlane(t)
  const folder = await sandboxFolder(t)
  const model = await startOpenAiStub(t, {
    calls: [
      { name: 'bash', arguments: { command: 'echo from-bash > a.txt', description: 'Write a' } },
      { name: 'bash', arguments: { command: 'cat a.txt', description: 'Read a' } },
    ],
    words: 'Both commands are done.',
  })
  const config = {
    provider: {
      stub: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Stub',
        options: { baseURL: model.url, apiKey: 'none' },
        models: { 'stub-model': { name: 'Stub', tool_call: true } },
      },
    },
    model: 'stub/stub-model',
    small_model: 'stub/stub-model',
    autoupdate: false,
    share: 'disabled',
  }
  const controller = new AbortController()
  const over = runBridge({
    environment: bridgeEnvironment(plane, folder, {
      AGENT_COMMAND: `'${program}' acp`,
      AGENT_ENV:
        'OPENCODE_CONFIG_CONTENT,OPENCODE_DISABLE_MODELS_FETCH,OPENCODE_DISABLE_DEFAULT_PLUGINS',
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    }),
    signal: controller.signal,
    log: line => t.comment(line),
  })
  t.teardown(async () => {
    controller.abort()
    await over
  })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', 'Write a and read it.'))
  const done = await plane.until(completes('m1'))
  t.match(done, { success: true }, JSON.stringify(done))
  t.equal(readFileSync(join(folder, 'workspace', 'a.txt'), 'utf8'), 'from-bash\n')
  const calls = plane.said.filter(event => event.type === 'tool_call')
  t.match(calls[0], { tool: 'bash', status: 'pending' })
  t.match(calls.at(-1), { tool: 'bash', status: 'completed', output: /from-bash/ })
  t.match(calls.at(-1)?.args, { command: 'cat a.txt' })
  t.match(plane.said.filter(event => event.type === 'token').at(-1), {
    content: /Both commands are done\./,
  })
})
