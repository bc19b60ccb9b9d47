import t from 'tap'
import { applyRecord, repeatedReply } from '../../lib/session/record.ts'
import { fingerprintOf } from '../../lib/session/requests.ts'
import { initialState } from '../../lib/session/state.ts'
import { command } from '../../subjects/commands.ts'
import { record as recordSchema } from '../../subjects/records.ts'
import { at, exactly, given, SID, START_MS } from './scene.ts'
import { connected, create, exited, prompt, ready, stop, warm, wsToken } from './tales.ts'

t.test('a record holds who, what, when, and the answer', async t => {
  const { record, scene } = given(create()).when(at(500, prompt('a', { clientRequestId: 'r1' })))
  t.match(record, {
    v: 1,
    sid: SID,
    epoch: 1,
    owner: 'scene',
    commandSequence: 2,
    commandType: 'prompt',
    atMs: START_MS + 500,
    request: { id: 'r1', fingerprint: /^[0-9a-f]{64}$/ },
    reply: { ok: true, position: 1 },
    summary: { id: SID, status: 'active', messageCount: 1, userId: 'ada', login: 'ada-l' },
  })
  t.strictSame(recordSchema.parse(record), record)
  t.equal(scene.state.lastCommandSequence, 2)
})

t.test('timers are what changed, effects are numbered', async t => {
  const { record } = given(...ready, prompt('a'), prompt('b')).when(at(40_000, exited()))
  exactly(t, record.timers, [{ name: 'connect', atMs: START_MS + 280_000 }])
  t.same(
    record.effects.map(one => one.id),
    [`${SID}.${record.commandSequence}.0`],
  )
})

t.test('updatedAtMs grows strictly with what people would call a change', async t => {
  const { scene } = given(create())
  const times = [prompt('a'), prompt('b'), connected()].map(one => {
    scene.tell(one)
    return scene.state.updatedAtMs - START_MS
  })
  t.same(times, [1, 2, 3], 'within one millisecond as well')
  scene.tell(at(5_000, wsToken('a', 'eve')))
  t.equal(scene.state.updatedAtMs - START_MS, 3, 'to look is not to change')
  scene.tell(at(6_000, stop()))
  t.equal(scene.state.updatedAtMs - START_MS, 6_000)
})

t.test('a redelivered request gets the same reply', async t => {
  const ask = prompt('a', { clientRequestId: 'r1' })
  const { scene, reply } = given(create()).when(ask)
  t.same(repeatedReply(scene.state, command.parse(ask)), reply)
  t.equal(repeatedReply(scene.state, command.parse(prompt('a'))), undefined, 'without a name')
  t.equal(
    repeatedReply(scene.state, command.parse(prompt('a', { clientRequestId: 'r2' }))),
    undefined,
    'never heard of',
  )
})

t.test('other requests are remembered too, the newest 256', async t => {
  const { scene } = given(create())
  const token = (i: number, hash = i.toString(16).padStart(64, '0')) =>
    wsToken(hash, 'ada', `t${i}`)
  for (let i = 0; i < 257; i++) scene.tell(token(i))
  t.equal(scene.state.requests.others.length, 256)
  t.equal(repeatedReply(scene.state, command.parse(token(0))), undefined)
  t.match(repeatedReply(scene.state, command.parse(token(1))), { ok: true })
  t.match(repeatedReply(scene.state, command.parse(token(1, 'f'.repeat(64)))), {
    code: 'REQUEST_CONFLICT',
  })
})

t.test('a fingerprint is what is asked, however it is spelled', async t => {
  const print = (more: object) => fingerprintOf(command.parse({ ...prompt('a'), ...more }))
  const same = print({})
  t.equal(print({ clientRequestId: 'r1' }), same, 'not its name')
  t.equal(print({ model: null, attachments: null }), same, 'null is absent')
  t.equal(print({ source: 'slack', callbackContext: { x: 1 } }), same, 'not where it came from')
  const one = print({ attachments: [{ name: 'a', size: 1 }] })
  t.equal(print({ attachments: [{ size: 1, name: 'a' }] }), one, 'keys in any order')
  t.equal(new Set([same, one, print({ content: 'b' }), print({ model: 'x' })]).size, 4)
  t.equal(new Set([same, print({ authorId: 'b' }), print({ reasoningEffort: 'low' })]).size, 3)
})

t.test('the log alone gives the state', async t => {
  const { scene } = given(...ready, prompt('a'), stop(), warm(), exited())
  t.strictSame(scene.log.reduce(applyRecord, initialState), scene.state)
})
