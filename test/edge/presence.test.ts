import t from 'tap'
import { mergePresence, presenceFrames } from '../../lib/edge/presence.ts'
import { makeRoomPresence } from '../../lib/edge/room-presence.ts'
import type { ServerFrame } from '../../subjects/frames-server.ts'
import {
  PRESENCE_FORGET_MS,
  type PresenceSignal,
  type SocketPresence,
} from '../../subjects/signals.ts'

const socket = (participantId: string, more: Partial<SocketPresence> = {}): SocketPresence => ({
  connectionId: `${participantId}-1`,
  clientId: null,
  participantId,
  userId: `user ${participantId}`,
  name: participantId.toUpperCase(),
  avatar: null,
  status: 'active',
  lastSeenMs: 1_000,
  ...more,
})

t.test('one entry per participant: active wins, the newest sign of life counts', async t => {
  t.same(
    mergePresence([
      socket('b', { status: 'idle', lastSeenMs: 5 }),
      socket('a', { status: 'idle', avatar: 'https://x' }),
      socket('b', { connectionId: 'b-2', lastSeenMs: 3 }),
    ]),
    [
      {
        participantId: 'a',
        userId: 'user a',
        name: 'A',
        avatar: 'https://x',
        status: 'idle',
        lastSeen: 1_000,
      },
      { participantId: 'b', userId: 'user b', name: 'B', status: 'active', lastSeen: 5 },
    ],
  )
})

t.test('what people are told', async t => {
  const types = (before: SocketPresence[], after: SocketPresence[]) =>
    presenceFrames(mergePresence(before), mergePresence(after)).map(frame =>
      frame.type === 'presence_leave' ? `leave ${frame.userId}` : frame.type,
    )
  t.same(types([], [socket('a')]), ['presence_update'], 'somebody came')
  t.same(types([socket('a'), socket('b')], [socket('b')]), ['leave user a'], 'somebody left')
  t.same(
    types([socket('a'), socket('a', { connectionId: '2' })], [socket('a')]),
    ['presence_update'],
    'one of several sockets closed',
  )
  t.same(
    types([socket('a'), socket('b')], [socket('b', { status: 'idle' })]),
    ['leave user a', 'presence_update'],
    'both at once',
  )
})

t.test('a room', async t => {
  const start = () => {
    const own: SocketPresence[] = []
    const announced: PresenceSignal[] = []
    const told: ServerFrame[] = []
    const timers = new Set<() => void>()
    const presence = makeRoomPresence({
      edge: 'here',
      own: () => own,
      announce: signal => announced.push(signal),
      publish: frame => told.push(frame),
      after: (_ms, act) => {
        timers.add(act)
        return () => timers.delete(act)
      },
    })
    /** The moment after a telling passes. */
    const pass = () => {
      const due = [...timers]
      timers.clear()
      for (const act of due) act()
    }
    return { own, announced, told, presence, pass }
  }
  const elsewhere = (...sockets: SocketPresence[]): PresenceSignal => ({
    v: 1,
    edge: 'there',
    sockets,
  })

  await t.test('announces itself, and its good-bye once', async t => {
    const { own, announced, presence, pass } = start()
    presence.announce()
    t.same(announced, [], 'nobody here, nothing to say')
    own.push(socket('a'))
    t.same(
      presence.joined().map(each => each.participantId),
      ['a'],
    )
    t.match(announced.at(-1), { edge: 'here', sockets: [{ participantId: 'a' }] })
    own.pop()
    presence.changed()
    pass()
    t.match(announced.at(-1), { sockets: [] })
    presence.announce()
    t.equal(announced.length, 2)
  })

  await t.test('tells of many who come in one moment together', async t => {
    const { own, announced, told, presence, pass } = start()
    for (let n = 0; n < 100; n++) {
      own.push(socket(`p${n}`))
      t.equal(presence.joined().length, n + 1, 'who comes is told everybody')
    }
    t.equal(told.length, 1, 'the first is told at once')
    t.equal(announced.length, 1)
    pass()
    t.match(told.at(-1), { type: 'presence_update', participants: { length: 100 } })
    t.equal(announced.at(-1)?.sockets.length, 100)
    pass()
    t.same([told.length, announced.length], [2, 2], 'and then nothing is left')
    own.length = 0
    presence.changed()
    t.equal(announced.at(-1)?.sockets.length, 0, 'after a moment without news, at once again')
  })

  await t.test('a room that ends has said who is there', async t => {
    const { own, announced, presence, pass } = start()
    own.push(socket('a'))
    presence.joined()
    own.pop()
    presence.changed()
    t.equal(announced.length, 1)
    presence.close()
    t.same(announced.at(-1)?.sockets, [])
    pass()
    t.equal(announced.length, 2)
  })

  await t.test('hears others, and tells only news', async t => {
    const { own, told, presence } = start()
    own.push(socket('a'))
    presence.joined()
    told.length = 0
    presence.hear(elsewhere(socket('b')), 0)
    t.match(told, [
      { type: 'presence_update', participants: [{ participantId: 'a' }, { participantId: 'b' }] },
    ])
    presence.hear(elsewhere(socket('b')), 10_000)
    t.equal(told.length, 1, 'a repetition is no news')
    presence.hear({ v: 1, edge: 'here', sockets: [] }, 10_000)
    t.equal(told.length, 1, 'its own echo neither')
    presence.hear(elsewhere(), 20_000)
    t.match(told.at(-1), { type: 'presence_leave', userId: 'user b' })
  })

  await t.test('somebody who is here and there leaves with the last socket', async t => {
    const { own, told, presence, pass } = start()
    own.push(socket('a'))
    presence.joined()
    presence.hear(elsewhere(socket('a', { connectionId: 'a-2' })), 0)
    own.pop()
    presence.changed()
    pass()
    t.match(told.at(-1), { type: 'presence_update', participants: [{ participantId: 'a' }] })
    presence.hear(elsewhere(), 1)
    t.match(told.at(-1), { type: 'presence_leave', userId: 'user a' })
  })

  await t.test('forgets an edge that fell silent', async t => {
    const { told, presence } = start()
    presence.hear(elsewhere(socket('b')), 0)
    told.length = 0
    presence.forget(PRESENCE_FORGET_MS)
    t.same(told, [])
    presence.forget(PRESENCE_FORGET_MS + 1)
    t.match(told, [{ type: 'presence_leave', userId: 'user b' }])
  })

  await t.test('learns from the owner only of edges it has not heard itself', async t => {
    const { told, presence } = start()
    presence.hear(elsewhere(socket('b')), 0)
    presence.hear(elsewhere(), 1)
    told.length = 0
    presence.learn([elsewhere(socket('b')), { v: 1, edge: 'third', sockets: [socket('c')] }], 2)
    t.match(told, [{ type: 'presence_update', participants: [{ participantId: 'c' }] }])
  })
})
