import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { retargetElf } from '../../../cmd/install/retarget-elf.ts'

// A binary of the same release that no machine of ours loads, and that is therefore as published.
const folder = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))
const published = readFileSync(join(folder, 'uws_linux_x64_127.node'))
const change = { prefix: '__isoc23_', from: 'GLIBC_2.38', to: 'GLIBC_2.2.5' }

t.test('three imports move and one need becomes weak', async t => {
  const before = Buffer.from(published)
  const after = retargetElf(published, change)
  t.ok(published.equals(before), 'the input is not touched')
  t.equal(after.length, published.length)
  const changed = published.reduce((n, byte, i) => n + (byte === after[i] ? 0 : 1), 0)
  // A name and a version index for each import, of which one byte each differs, and the flag.
  t.ok(changed > 3 && changed <= 3 * (4 + 2) + 2, `${changed} bytes differ`)
  t.throws(() => retargetElf(published, { ...change, from: 'GLIBC_2.34' }), /has no older name/)
})

t.test('another kind of file is refused', async t => {
  t.throws(() => retargetElf(Buffer.alloc(256), change), /not a 64-bit little-endian ELF file/)
  t.throws(() => retargetElf(published, { ...change, to: 'GLIBC_9' }), /does not need both/)
})
