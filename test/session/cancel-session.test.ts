/** Calling a session off (spec 4.1), and what becomes of a sandbox whose session is gone. */
import t from 'tap'
import { applyRecord } from '../../lib/session/record.ts'
import { initialState } from '../../lib/session/state.ts'
import { isTombstone } from '../../subjects/records.ts'
import { exactly, given, jobsOf, SID } from './scene.ts'
import {
  archive,
  cancelSession,
  connected,
  create,
  done,
  prompt,
  ready,
  remove,
  says,
  spawned,
  spawnFailed,
  unarchive,
} from './tales.ts'

t.test('everything unfinished fails in the same turn, and the sandbox ends', async t => {
  const callbackContext = { channel: 'c1' }
  const { scene } = given(
    ...ready,
    prompt('a'),
    prompt('b', { source: 'slack', callbackContext }),
    prompt('c'),
  )
  const [b, c] = scene.state.queue.map(one => one.messageId)
  const { events, record } = scene.tell(cancelSession())
  exactly(t, events, [
    { type: 'timeline', event: { error: 'Execution was cancelled' } },
    { type: 'prompt_finished', success: false, error: 'Execution was cancelled' },
    {
      type: 'prompt_dropped',
      messageId: b,
      error: 'Execution was cancelled before it started',
    },
    { type: 'prompt_dropped', messageId: c },
    { type: 'session_status_changed', status: 'cancelled' },
    { type: 'sandbox_status_changed', status: 'stopped' },
    { type: 'snapshot_started' },
    { type: 'sandbox_ending' },
  ])
  t.match(
    record.effects.find(one => one.kind === 'callback_job')?.payload,
    { messageId: b, source: 'slack', success: false, context: callbackContext },
    'whoever waits for b hears of it',
  )
  t.same(scene.tell(cancelSession()).events, [], 'again changes nothing')
  t.match(scene.tell(prompt('d')).reply, { code: 'SESSION_NOT_PROMPTABLE' })
  t.match(scene.tell(archive()).reply, { code: 'SESSION_NOT_PROMPTABLE' })
  t.match(scene.tell(unarchive()).reply, { code: 'NOT_ARCHIVED' })
  t.match(scene.tell(connected('c2')).reply, { code: 'SESSION_TERMINAL' })
})

t.test('only what is created or active can be called off', async t => {
  t.match(given(create()).when(cancelSession()).scene.state.status, 'cancelled')
  t.match(given(...ready, prompt('a'), says(done())).when(cancelSession()).reply, {
    code: 'SESSION_NOT_CANCELLABLE',
    message: 'Cannot cancel a session that is completed',
  })
  t.match(given(create(), archive()).when(cancelSession()).reply, {
    code: 'SESSION_NOT_CANCELLABLE',
  })
})

t.test('a bot hears of the end of its prompt, once', async t => {
  const callbackContext = { channel: 'c1', threadTs: '1.2' }
  const { scene } = given(...ready, prompt('a', { source: 'slack', callbackContext }), prompt('b'))
  const messageId = scene.state.running?.messageId
  const { record } = scene.tell(says({ ...done(messageId, false), error: 'tests' }))
  exactly(
    t,
    record.effects,
    [
      {
        kind: 'callback_job',
        payload: {
          ...{ v: 1, sid: SID, messageId, source: 'slack', success: false, error: 'tests' },
          context: callbackContext,
        },
      },
    ],
    'and the queue goes on',
  )
  const { record: next } = scene.tell(says(done()))
  t.same(
    next.effects.map(one => one.kind),
    ['sandbox_job'],
    'nobody waits for b',
  )
})

t.test('what comes up after its session was deleted is destroyed', async t => {
  for (const late of [
    spawned(1, { sandboxId: 'sandbox-1' }),
    { ...spawnFailed(), sandboxId: 'sandbox-1', host: 'host-a' },
  ]) {
    const { scene } = given(create())
    const deleted = scene.tell(remove())
    exactly(t, deleted.record.effects, [{ job: 'destroy', host: 'any' }], 'wherever it will be')
    const { record, reply } = scene.tell(late)
    t.match(reply, { code: 'SESSION_NOT_FOUND' })
    exactly(t, record.effects, [
      { job: 'destroy', host: 'host-a', payload: { sid: SID, generation: 1 } },
    ])
    t.ok(isTombstone(record), 'the newest record still says that it was deleted')
    t.equal(applyRecord(initialState, record).deleted, true)
    t.same(jobsOf(scene.tell(connected()).record), [], 'nothing else has any effect')
  }
})
