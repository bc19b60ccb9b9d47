import t from 'tap'
import { safeEqual, sha256Hex } from '../../lib/auth/hash.ts'

t.equal(
  sha256Hex('0'.repeat(64)),
  '60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55',
  'the vector of the specification',
)
t.equal(
  sha256Hex('é'),
  '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c',
  'text is hashed as UTF-8',
)

t.ok(safeEqual('abc', 'abc'))
t.notOk(safeEqual('abc', 'abd'))
t.notOk(safeEqual('abc', 'abcd'), 'another length is another secret, not an error')
t.notOk(safeEqual('', 'a'))
