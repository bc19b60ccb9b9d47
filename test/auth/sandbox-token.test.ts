import t from 'tap'
import { sandboxToken } from '../../lib/auth/sandbox-token.ts'

const token = sandboxToken('secret', 'a'.repeat(32), 1)
t.match(token, /^[0-9a-f]{64}$/)
t.equal(
  sandboxToken('secret', 'a'.repeat(32), 1),
  token,
  'whoever knows the secret derives it again',
)
t.not(sandboxToken('secret', 'a'.repeat(32), 2), token, 'another generation has another one')
t.not(sandboxToken('secret', 'b'.repeat(32), 1), token, 'another session has another one')
t.not(sandboxToken('other', 'a'.repeat(32), 1), token, 'another secret makes another one')
t.equal(
  sandboxToken('test-secret', '0'.repeat(32), 7),
  '1c3a4d408646a3d3adb382d06b713a70cb83eb3d47b09bd4c11929fa36a37b6b',
  'a token of a living sandbox stays valid over releases',
)
