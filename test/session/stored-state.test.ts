import t from 'tap'
import { initialState, noSandbox, type SessionState } from '../../lib/session/state.ts'
import { packState, unpackState } from '../../lib/session/stored-state.ts'

const state: SessionState = {
  ...initialState,
  id: 's1',
  sandbox: { ...noSandbox, generation: 3 },
  requests: {
    prompts: JSON.parse('{"__proto__":{"fingerprint":"f","reply":{"ok":true}}}'),
    others: [],
  },
}
const packed = () => JSON.parse(JSON.stringify(packState(state)))

t.test('what is packed is what is unpacked, whatever its keys are', async t => {
  t.equal(JSON.stringify(unpackState(packed())), JSON.stringify(state))
})

t.test('a field that came later gets its first value, at any depth', async t => {
  const older = packed()
  delete older.state.snapshotImageId
  delete older.state.sandbox.unsaved
  const { snapshotImageId, sandbox } = unpackState(older) as SessionState
  t.equal(snapshotImageId, null)
  t.same(sandbox, { ...noSandbox, generation: 3 })
})

t.test('a newer version is refused by name, anything else is none', async t => {
  t.throws(() => unpackState({ ...packed(), v: 99 }), { cause: { code: 'RECORD_TOO_NEW' } })
  for (const odd of [
    undefined,
    null,
    7,
    {},
    { v: 1 },
    { v: 'x', state: {} },
    { v: 0, state: {} },
  ]) {
    t.equal(unpackState(odd), undefined)
  }
})
