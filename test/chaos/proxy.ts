/**
 * A line on loopback that can fail: what connects to its port is connected on to another, until it is cut
 * (connections break, new ones are refused) or hangs (they stay open and nothing comes through).
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Line = {
  readonly port: number
  cut(): void
  hang(): void
  /** As new; what waited while it hung comes through. */
  heal(): void
}

type Test = { teardown(end: () => void | Promise<void>): unknown }

export const openLine = async (t: Test, to: number): Promise<Line> => {
  const ends = new Map<Socket, Socket>()
  const waiting = new Set<Socket>()
  let state: 'whole' | 'cut' | 'hung' = 'whole'

  const join = (near: Socket) => {
    const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
    ends.set(near, far)
    const end = () => {
      ends.delete(near)
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
    near.pipe(far)
    far.pipe(near)
  }
  const server = createServer({ noDelay: true }, near => {
    near.on('error', () => {})
    if (state === 'cut') near.destroy()
    else if (state === 'hung') {
      waiting.add(near)
      near.on('close', () => waiting.delete(near))
    } else join(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const breakAll = () => {
    for (const [near, far] of ends) {
      near.destroy()
      far.destroy()
    }
    for (const near of waiting) near.destroy()
  }
  t.teardown(() => {
    breakAll()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      state = 'cut'
      breakAll()
    },
    hang: () => {
      state = 'hung'
      for (const [near, far] of ends) {
        near.unpipe(far).pause()
        far.unpipe(near).pause()
      }
    },
    heal: () => {
      if (state === 'hung') {
        for (const [near, far] of ends) {
          near.pipe(far)
          far.pipe(near)
        }
        for (const near of waiting) join(near)
        waiting.clear()
      }
      state = 'whole'
    },
  }
}
