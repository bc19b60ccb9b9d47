import t from 'tap'
import { clientFrame, FrameCounter } from '../../bench/frame-counter.ts'

const frame = (length: number, opcode = 1): Buffer => {
  const size = length < 126 ? [length] : length < 65536 ? [126, length >> 8, length & 255] : null
  const long = Buffer.alloc(9)
  long[0] = 127
  long.writeUInt32BE(length, 5)
  return Buffer.concat([
    Buffer.from([0x80 | opcode]),
    size ? Buffer.from(size) : long,
    Buffer.alloc(length, 0x81),
  ])
}

t.test('counts text frames of every size, however the bytes are cut', async t => {
  const stream = Buffer.concat([0, 1, 125, 126, 300, 65535, 65536, 3].map(size => frame(size)))
  const noise = Buffer.concat([frame(4, 9), stream, frame(2, 8), frame(10, 2)])
  for (const cut of [1, 2, 3, 7, 1000, noise.length]) {
    const counter = new FrameCounter()
    for (let at = 0; at < noise.length; at += cut) counter.feed(noise.subarray(at, at + cut))
    t.equal(counter.frames, 8, `pieces of ${cut}`)
  }
})

t.test('a client frame is masked with zeros and has its length', async t => {
  t.same([...clientFrame('ab')], [0x81, 0x82, 0, 0, 0, 0, 0x61, 0x62])
  t.same([...clientFrame('x'.repeat(300)).subarray(0, 8)], [0x81, 0xfe, 1, 44, 0, 0, 0, 0])
})
