import t from 'tap'
import { evolve } from '../../lib/session/evolve.ts'
import { clientFrames, outstandingFor, sandboxFrames } from '../../lib/session/frames.ts'
import { evolveView, viewOf } from '../../lib/session/view.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import { exactly, given, givenPolicy, POLICY, type Told } from './scene.ts'
import {
  connected,
  create,
  delivered,
  exited,
  fires,
  prompt,
  ready,
  says,
  spawned,
  stop,
} from './tales.ts'

/** The frames of what a command does, for clients and for the sandbox. */
const framesOf = (history: readonly Told[], told: Told) => {
  const { scene, when } = given(...history)
  let view = viewOf(scene.state)
  const { events } = when(told)
  const clients: unknown[] = []
  const sandbox: unknown[] = []
  for (const event of events as readonly SessionEvent[]) {
    const after = evolveView(view, event)
    clients.push(...clientFrames(view, after, event))
    sandbox.push(...sandboxFrames(after, event))
    view = after
  }
  return { clients, sandbox, scene }
}

t.test('a prompt that waits, for everybody', async t => {
  const { clients } = framesOf([create()], prompt('a'))
  exactly(t, clients, [
    {
      type: 'prompt_queue_updated',
      promptQueue: [
        { content: 'a', status: 'pending', source: 'web', author: { userId: 'ada', name: 'Ada' } },
      ],
      version: 1,
      held: false,
    },
    { type: 'session_status', status: 'active' },
    { type: 'sandbox_spawning' },
  ])
})

t.test('a prompt that starts', async t => {
  const { clients, sandbox } = framesOf(
    [...ready, prompt('x'), prompt('a')],
    says({
      type: 'execution_complete',
      success: true,
    }),
  )
  exactly(t, clients, [
    { type: 'sandbox_event', sequence: 2, timelineSequence: 2, eventId: /^execution_complete:/ },
    { type: 'prompt_queue_updated', promptQueue: [{ content: 'a', status: 'pending' }] },
    { type: 'processing_status', isProcessing: false },
    { type: 'prompt_queue_updated', promptQueue: [{ content: 'a', status: 'processing' }] },
    { type: 'processing_status', isProcessing: true },
    { type: 'sandbox_event', sequence: 3, event: { type: 'user_message' } },
  ])
  exactly(t, sandbox, [
    {
      type: 'prompt',
      content: 'a',
      model: 'anthropic/claude-haiku-4-5',
      author: {
        userId: 'ada',
        githubName: 'Ada',
        githubEmail: 'ada@example.org',
        gitIdentity: { mode: 'attributed-user', name: 'Ada', email: 'ada@example.org' },
      },
    },
  ])
})

t.test('an author of whom too little is known', async t => {
  const { sandbox } = framesOf([...ready], prompt('a', { authorId: 'eve' }))
  exactly(t, sandbox, [
    { author: { userId: 'eve', githubName: null, gitIdentity: { mode: 'agent-only' } } },
  ])
  const known = { login: 'eve', githubUserId: '7' }
  const byLogin = framesOf([...ready], prompt('a', { authorId: 'eve', author: known }))
  exactly(t, byLogin.sandbox, [
    { author: { gitIdentity: { name: 'eve', email: '7+eve@users.noreply.github.com' } } },
  ])
})

t.test('what a sandbox is told', async t => {
  const running = [...ready, prompt('a')]
  exactly(t, framesOf(running, stop()).sandbox, [{ type: 'stop' }])
  exactly(t, framesOf(running, fires('delivery', 5_000)).sandbox, [
    { type: 'prompt', content: 'a' },
  ])
  exactly(t, framesOf([...ready], fires('inactivity', 600_000)).sandbox, [{ type: 'shutdown' }])
  exactly(t, framesOf([...ready], exited()).sandbox, [], 'there is nobody to tell')
})

t.test('what a sandbox that comes back is told', async t => {
  const { scene } = given(...ready, prompt('a'))
  t.match(outstandingFor(scene.state), { prompt: { type: 'prompt', content: 'a' }, stop: false })
  scene.tell(delivered(scene.state.running?.messageId ?? ''))
  t.match(outstandingFor(scene.state), { prompt: null, stop: false }, 'confirmed: never again')
  scene.tell(stop())
  const stopMessageId = scene.state.stopping?.messageId as string
  t.same(outstandingFor(scene.state), { prompt: null, stop: true, stopMessageId, push: null })
})

const untitled = [create({ title: null }), spawned(), connected()]

t.test('every state that people see has its frame', async t => {
  exactly(t, framesOf([], create()).clients, [
    { type: 'sandbox_warming' },
    { type: 'sandbox_status', status: 'spawning' },
  ])
  exactly(t, framesOf([create()], connected()).clients, [
    { type: 'sandbox_status', status: 'ready' },
  ])
  exactly(t, framesOf([...ready], exited()).clients, [
    { type: 'sandbox_status', status: 'stale', reason: 'exit code 1' },
    { type: 'sandbox_warning' },
  ])
  exactly(t, framesOf(untitled, says({ type: 'session_title', title: 'T' })).clients, [
    { type: 'session_title', title: 'T' },
  ])
  exactly(
    t,
    framesOf([...ready], says({ type: 'artifact', artifactType: 'pr', url: 'u' })).clients,
    [
      { type: 'artifact_created', artifact: { type: 'pr', url: 'u', metadata: null } },
      { type: 'sandbox_event', event: { type: 'artifact' } },
    ],
  )
})

t.test('a view holds no secret', async t => {
  const { scene } = givenPolicy(
    POLICY,
    ...ready,
    prompt('a', { callbackContext: { secret: 'ccc' } }),
    prompt('b', { callbackContext: { secret: 'ccc' } }),
  )
  const text = JSON.stringify(viewOf(scene.state))
  t.notMatch(text, /hash-of|ccc/)
})

t.test('the status of a new sandbox is the same for state and view', async t => {
  const { scene } = given(...ready)
  const event = {
    type: 'sandbox_requested',
    generation: 2,
    sandboxId: 's',
    tokenHash: 'h',
    snapshotImageId: null,
    requestedAtMs: 5,
  } as const
  t.strictSame(evolveView(viewOf(scene.state), event), viewOf(evolve(scene.state, event)))
})
