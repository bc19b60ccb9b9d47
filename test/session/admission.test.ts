import t from 'tap'
import { admitClient, admitSandbox, wantsSandbox } from '../../lib/session/admission.ts'
import { initialState } from '../../lib/session/state.ts'
import { at, given, POLICY, SID, START_MS, type Told } from './scene.ts'
import {
  archive,
  connected,
  create,
  exited,
  fires,
  hold,
  prompt,
  ready,
  remove,
  spawned,
  spawnFailed,
  wsToken,
} from './tales.ts'

const DAY_MS = 86_400_000
const hash = (digit: string) => digit.repeat(64)

t.test('a ws-token lets its holder in', async t => {
  const { scene, reply } = given(create()).when(wsToken('a'))
  const participantId = scene.state.participants[0]?.participantId
  t.same(reply, { ok: true, participantId })
  t.match(admitClient(scene.state, hash('a'), START_MS, POLICY), {
    ok: true,
    participant: { participantId },
  })
  t.match(admitClient(scene.state, hash('b'), START_MS, POLICY), { code: 'TOKEN_INVALID' })
  t.match(admitClient(scene.state, '', START_MS, POLICY), { code: 'TOKEN_INVALID' })
})

t.test('for a day', async t => {
  const { scene } = given(create(), wsToken('a'))
  t.match(admitClient(scene.state, hash('a'), START_MS + DAY_MS, POLICY), { ok: true })
  t.match(admitClient(scene.state, hash('a'), START_MS + DAY_MS + 1, POLICY), {
    code: 'TOKEN_EXPIRED',
  })
})

t.test('sixteen tokens live beside each other, then the oldest is pushed out', async t => {
  const digits = '0123456789abcdef'.split('')
  const { scene } = given(create(), ...digits.map(digit => wsToken(digit)))
  t.match(admitClient(scene.state, hash('0'), START_MS, POLICY), { ok: true }, 'sixteen')
  scene.tell(wsToken(`${'0'.repeat(63)}1`))
  t.match(admitClient(scene.state, hash('0'), START_MS, POLICY), { code: 'TOKEN_INVALID' })
  t.match(admitClient(scene.state, hash('1'), START_MS, POLICY), { ok: true })
})

t.test('an unknown user joins as a member', async t => {
  const { events } = given(create()).when(wsToken('a', 'eve'))
  t.match(events[0], { type: 'participant_joined', userId: 'eve', role: 'member' })
  t.equal(events[1]?.type, 'ws_token_issued')
})

t.test('the same token twice is one', async t => {
  given(create(), wsToken('a')).when(wsToken('a')).gives(t, [], 'nothing new')
})

t.test('sandboxes: status, then id, then token', async t => {
  const named = {
    sandboxId: `sandbox-acme-shop-${START_MS}-${SID.slice(0, 8)}`,
    tokenHash: 'hash-of-1',
  }
  const state = (...history: readonly Told[]) => given(...history).scene.state
  t.match(admitSandbox(initialState, named), { code: 'SESSION_NOT_FOUND' })
  t.same(admitSandbox(state(create()), named), { ok: true, generation: 1 })
  t.same(admitSandbox(state(...ready), named), { ok: true, generation: 1 }, 'again')
  t.match(admitSandbox(state(create()), { ...named, sandboxId: 'x', tokenHash: 'x' }), {
    code: 'SANDBOX_WRONG_ID',
  })
  t.match(admitSandbox(state(create()), { ...named, tokenHash: 'hash-of-2' }), {
    code: 'SANDBOX_TOKEN_INVALID',
  })
  t.match(admitSandbox(state(...ready, exited()), { ...named, sandboxId: 'x' }), {
    code: 'SANDBOX_GONE',
  })
  t.match(admitSandbox(state(...ready, exited(true)), named), { code: 'SANDBOX_GONE' })
  t.match(
    admitSandbox(state(create(), spawned(), fires('connect', 240_000)), named),
    { ok: true },
    'a failed one may heal',
  )
  const replaced = state(...ready, exited(), at(40_000, prompt('a')), connected('c2', 2))
  t.match(admitSandbox(replaced, named), { code: 'SANDBOX_WRONG_ID' })
  t.match(
    admitSandbox(
      { ...state(create()), sandbox: initialState.sandbox },
      { sandboxId: 'x', tokenHash: '' },
    ),
    { code: 'SANDBOX_TOKEN_INVALID' },
    'without a stored hash nothing fits',
  )
})

t.test('a sandbox that was asked for is wanted until it is over or replaced', async t => {
  const wants = (generation: number, ...history: readonly Told[]) =>
    wantsSandbox(given(...history).scene.state, generation)
  const ready = { wanted: true, promptWaits: false }
  const no = { wanted: false, promptWaits: false }
  t.same(wants(1, create()), ready, 'got ready for a prompt that is likely')
  t.same(wants(1, create(), prompt('a')), { wanted: true, promptWaits: true })
  t.same(wants(1, create(), prompt('a'), hold()), ready, 'a queue that is held needs none')
  t.same(wants(1, create(), spawned(), connected()), ready, 'one that is there already')
  t.same(wants(1, create(), spawnFailed()), no)
  t.same(wants(1, create(), fires('connect', 240_000)), no, 'it took too long')
  const next = [create(), spawnFailed(), at(31_000, prompt('a'))]
  t.same(wants(1, ...next), no, 'there is a younger one')
  t.same(wants(2, ...next), { wanted: true, promptWaits: true })
  t.same(wants(2, create()), no, 'nobody has asked for it')
  t.same(wants(1, create(), archive()), no)
  t.same(wants(1, create(), remove()), no)
})
