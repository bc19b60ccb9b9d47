import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type BridgeOptions, runBridge } from '../../../lib/sandbox/bridge/bridge.ts'
import {
  bridgeEnvironment,
  completes,
  promptFrame,
  type Said,
  sandboxFolder,
  startControlPlane,
} from '../control-plane.ts'

const FAST = { pingEveryMs: 20_000, pongWithinMs: 10_000, firstDelayMs: 20, mostDelayMs: 200 }

const start = async (
  test: Test,
  more: Readonly<Record<string, string>> = {},
  { inactivityMs, ...options }: Partial<BridgeOptions> & { inactivityMs?: number } = {},
) => {
  const plane = await startControlPlane(test)
  const folder = await sandboxFolder(test)
  const controller = new AbortController()
  const lines: string[] = []
  const over = runBridge({
    environment: {
      ...bridgeEnvironment(plane, folder, more),
      ...(inactivityMs === undefined ? {} : { agentInactivityMs: inactivityMs }),
    },
    signal: controller.signal,
    log: line => lines.push(line),
    timing: FAST,
    ...options,
  })
  test.teardown(async () => {
    controller.abort()
    await over
  })
  return { plane, folder, workspace: join(folder, 'workspace'), controller, over, lines }
}

const text = (said: readonly Said[], messageId: string) =>
  said.filter(event => event.type === 'token' && event.messageId === messageId).at(-1)?.content

const toolStates = (said: readonly Said[]) =>
  said.filter(event => event.type === 'tool_call').map(event => event.status)

t.test('introduces itself and runs a command as a tool call', async t => {
  const { plane, workspace } = await start(t)
  const connected = await plane.until(event => event.type === 'CONNECTED')
  t.match(connected, {
    url: '/sessions/s1/ws?type=sandbox',
    headers: { authorization: 'Bearer the-token', 'x-sandbox-id': 'sandbox-demo-hello-1' },
  })
  t.match(await plane.until(event => event.type === 'ready'), { dedupes: true })

  plane.send(promptFrame('m1', 'write notes/a.txt: hello\n$ cat notes/a.txt'))
  const done = await plane.until(completes('m1'))
  t.match(done, { success: true, sandboxId: 'sandbox-demo-hello-1', timestamp: Number })
  t.equal(readFileSync(join(workspace, 'notes/a.txt'), 'utf8'), 'hello\n')
  t.match(text(plane.said, 'm1'), /I write notes\/a\.txt\.[\s\S]*I run `cat notes\/a\.txt`/)
  t.strictSame(toolStates(plane.said), ['pending', 'completed', 'pending', 'running', 'completed'])
  const calls = plane.said.filter(event => event.type === 'tool_call')
  t.match(calls[1], { tool: 'edit', output: '--- notes/a.txt\n+ hello\n+ ' })
  t.match(calls[4], { tool: 'bash', args: { command: 'cat notes/a.txt' }, output: 'hello\n' })
  const texts = plane.said.filter(event => event.type === 'token').map(event => `${event.content}`)
  t.ok(
    texts.every((content, index) => index === 0 || content.startsWith(texts[index - 1] as string)),
    'text is cumulative',
  )
  const numbers = plane.said.filter(event => event.seq !== undefined).map(event => event.seq)
  t.strictSame(
    numbers,
    numbers.map((_, index) => index + 1),
    'every stored event has its number',
  )
})

t.test('the same prompt twice is run once', async t => {
  const { plane, workspace } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo x >> count'))
  plane.send(promptFrame('m1', '$ echo x >> count'))
  await plane.until(completes('m1'))
  plane.send(promptFrame('m1', '$ echo x >> count'))
  plane.send(promptFrame('m2', '$ cat count'))
  await plane.until(completes('m2'))
  t.equal(readFileSync(join(workspace, 'count'), 'utf8'), 'x\n')
})

t.test('commits are those of the author of the prompt', async t => {
  const { plane, workspace } = await start(t)
  execFileSync('git', ['init', '-q', '-b', 'main', workspace])
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', 'write a: 1\ncommit first', 'Ada "the" O\'Neil'))
  plane.send(promptFrame('m2', 'append a: 2\ncommit second', 'Grace'))
  t.match(await plane.until(completes('m2')), { success: true })
  const log = execFileSync('git', ['-C', workspace, 'log', '--format=%an|%cn|%s'], {
    encoding: 'utf8',
  })
  t.equal(log, 'Grace|Grace|second\nAda "the" O\'Neil|Ada "the" O\'Neil|first\n')
})

t.test('a run survives a dropped socket, and exactly the unconfirmed is said again', async t => {
  const { plane, workspace } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo one; until [ -e go ]; do sleep 0.05; done; echo two'))
  const isOutput = (event: Said) => event.type === 'tool_call' && /one/.test(`${event.output}`)
  await plane.until(event => event.type === 'tool_call' && event.status === 'pending')
  plane.acknowledge = false
  const unconfirmed = await plane.until(isOutput)
  const cutAt = plane.said.length
  const confirmed = plane.said.filter(event => event.seq !== undefined).slice(0, 2)
  plane.cut()
  await plane.until(event => event.type === 'ready', cutAt)
  plane.acknowledge = true
  // The same prompt again, because its delivery was not confirmed; it is running already.
  plane.send(promptFrame('m1', '$ touch twice'))
  writeFileSync(join(workspace, 'go'), '')
  t.match(await plane.until(completes('m1'), cutAt), { success: true })

  const numbers = plane.said.slice(cutAt).flatMap(event => (event.seq as number) ?? [])
  t.ok(numbers.includes(unconfirmed.seq as number), 'the unconfirmed is said again')
  for (const { seq } of confirmed) t.notOk(numbers.includes(seq as number), `${seq} is not`)
  const ordered = numbers.map((_, index) => (numbers[0] as number) + index)
  t.strictSame(numbers, ordered, 'in order, without a hole')
  t.equal(existsSync(join(workspace, 'twice')), false)
  t.equal(plane.said[cutAt + 1]?.type, 'ready', 'ready comes first')
})

t.test('stop ends a running command at once', async t => {
  const { plane } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await plane.until(event => event.type === 'tool_call' && /begun/.test(`${event.output}`))
  plane.send({ type: 'stop' })
  t.match(await plane.until(completes('m1')), { success: false, error: 'Execution was stopped' })
  t.equal(toolStates(plane.said).at(-1), 'error', 'no tool call is left running')
  plane.send(promptFrame('m2', '$ echo next'))
  t.match(await plane.until(completes('m2')), { success: true }, 'the next prompt runs')
})

t.test('an agent that ignores a stop is ended', async t => {
  const { plane } = await start(t, {}, { cancelGraceMs: 50 })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '!stall hard'))
  await plane.until(event => /stall/.test(`${event.content}`))
  plane.send({ type: 'stop' })
  t.match(await plane.until(completes('m1')), { success: false, error: 'Execution was stopped' })
  plane.send(promptFrame('m2', '$ echo next'))
  t.match(await plane.until(completes('m2')), { success: true }, 'a new agent took its seat')
})

t.test('a stop that overtakes its prompt ends the prompt before it begins', async t => {
  const { plane, workspace } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send({ type: 'stop', messageId: 'm1' })
  t.match(await plane.until(completes('m1')), { success: false })
  plane.send(promptFrame('m1', '$ touch ran'))
  plane.send(promptFrame('m2', '$ ls'))
  await plane.until(completes('m2'))
  t.throws(() => readFileSync(join(workspace, 'ran')))
})

t.test('a crash fails the prompt with the last words of the agent', async t => {
  const { plane } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '!crash'))
  t.match(await plane.until(completes('m1')), {
    success: false,
    error: /ended with code 13[\s\S]*the demo agent crashes/,
  })
  plane.send(promptFrame('m2', '$ echo next'))
  t.match(await plane.until(completes('m2')), { success: true })
})

t.test('a stall is noticed; a quiet command is none', async t => {
  const { plane } = await start(t, {}, { inactivityMs: 1_000 })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '!stall'))
  t.match(await plane.until(completes('m1')), {
    success: false,
    error: 'The agent has said nothing for 1 seconds.',
  })
  plane.send(promptFrame('m2', '$ sleep 1.5'))
  t.match(await plane.until(completes('m2')), { success: true })
})

t.test('silence is a failure', async t => {
  const { plane } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '!silent'))
  t.match(await plane.until(completes('m1')), {
    success: false,
    error: 'The agent ended without saying anything.',
  })
})

t.test('a flood comes through whole and in order; repeated updates say nothing', async t => {
  const { plane } = await start(t)
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '!duplicate\n!flood 700'))
  t.match(await plane.until(completes('m1')), { success: true })
  const done = plane.said.filter(event => event.status === 'completed')
  t.strictSame(
    done.map(event => (event.args as { n: number }).n),
    Array.from({ length: 700 }, (_, index) => index + 1),
  )
  t.equal(plane.said.filter(event => event.type === 'tool_call').length, 1_400)
})

t.test('what cannot be started fails the prompt and says why', async t => {
  const { plane } = await start(t, { AGENT_COMMAND: 'no-such-agent --acp' })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', 'hello'))
  t.match(await plane.until(completes('m1')), {
    success: false,
    error: /The agent did not start[\s\S]*no-such-agent/,
  })
})

t.test('nothing of the control plane is in the environment of the agent', async t => {
  const { plane, folder } = await start(t, { AGENT_ENV: 'WANTED', WANTED: 'yes', OTHER: 'no' })
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ env'))
  await plane.until(completes('m1'))
  const output = `${plane.said.filter(event => event.type === 'tool_call').at(-1)?.output}`
  t.match(output, `HOME=${folder}/home`)
  t.match(output, 'WANTED=yes')
  t.notMatch(output, /the-token|SANDBOX_AUTH_TOKEN|CONTROL_PLANE|OTHER=/)
  t.notMatch(output, new URL(plane.url).host)
})

t.test('ends when the control plane or the host wants it', async t => {
  const refused = await start(t)
  await refused.plane.until(event => event.type === 'ready')
  refused.plane.refuseWith = 410
  refused.plane.cut()
  t.match(await refused.over, { refused: true, reason: /410/ })

  const shut = await start(t)
  await shut.plane.until(event => event.type === 'ready')
  shut.plane.send({ type: 'shutdown' })
  t.match(await shut.over, { refused: false })

  const host = await start(t)
  await host.plane.until(event => event.type === 'ready')
  host.plane.send(promptFrame('m1', '$ echo begun; sleep 600'))
  await host.plane.until(event => event.type === 'tool_call' && /begun/.test(`${event.output}`))
  host.controller.abort()
  t.match(await host.plane.until(completes('m1')), { error: 'The sandbox was shut down.' })
  t.match(await host.over, { refused: false })
})
