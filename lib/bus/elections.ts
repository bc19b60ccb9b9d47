/**
 * New leaders. On a cluster every stream and every consumer has a leader of its own. When its server is
 * lost, another is elected, which takes 4 to 9 s and cannot be made faster; until then nobody answers, and
 * what was asked of the former leader, or over a connection that broke, may never be answered at all.
 * nats-server says when there is a new leader. Whoever waits asks again then, and not when its patience
 * ends. The sign is a core message that may be lost: it makes waiting shorter, and nothing depends on it.
 */
import type { NatsConnection } from '@nats-io/nats-core'
import { fail } from '../../subjects/errors.ts'
import { ELECTIONS, electedOf } from '../../subjects/subjects.ts'

/** A stream, or a consumer of it. */
export type Led = { readonly stream: string; readonly consumer?: string }

export type Elections = {
  /**
   * Calls `onNews` when there is a new leader, and when the connection was made anew.
   * @returns what ends it
   */
  hear(led: Led, onNews: () => void): () => void
}

/** The sign comes a moment before the leader takes requests. */
const READY_MS = 30

const nameOf = ({ stream, consumer }: Led): string => `${stream}/${consumer ?? ''}`

export const followElections = (nc: NatsConnection): Elections => {
  const hearers = new Map<string, Set<() => void>>()
  nc.subscribe(ELECTIONS, {
    callback: (error, message) => {
      const led = error ? undefined : electedOf(message.subject)
      if (led) for (const tell of hearers.get(nameOf(led)) ?? []) tell()
    },
  })
  void watchConnection(nc, () => {
    for (const some of hearers.values()) for (const tell of some) tell()
  })
  return {
    hear: (led, onNews) => {
      const name = nameOf(led)
      let timer: NodeJS.Timeout | undefined
      const tell = () => {
        timer ??= setTimeout(() => {
          timer = undefined
          onNews()
        }, READY_MS)
      }
      const known = hearers.get(name) ?? new Set()
      hearers.set(name, known.add(tell))
      return () => {
        clearTimeout(timer)
        known.delete(tell)
        if (known.size === 0 && hearers.get(name) === known) hearers.delete(name)
      }
    },
  }
}

const watchConnection = async (nc: NatsConnection, onReconnect: () => void) => {
  for await (const { type } of nc.status()) if (type === 'reconnect') onReconnect()
}

type Hearing = { readonly elections: Elections }

/**
 * The answer of a leader.
 * @throws what `asked` throws; code BUS_UNAVAILABLE when there is another leader or another connection
 * before the answer: what was asked may have been done all the same
 */
export const ledBy = async <T>(bus: Hearing, led: Led, asked: Promise<T>): Promise<T> => {
  const changed = Promise.withResolvers<never>()
  const end = bus.elections.hear(led, () =>
    changed.reject(fail('BUS_UNAVAILABLE', { reason: 'there is a new leader' })),
  )
  try {
    return await Promise.race([asked, changed.promise])
  } finally {
    end()
  }
}

/** Resolves after `ms`, or when there is a new leader to ask. */
export const pauseFor = (bus: Hearing, led: Led, ms: number): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      end()
      resolve()
    }
    const timer = setTimeout(done, ms)
    const end = bus.elections.hear(led, done)
  })
