/**
 * The list of all sessions, for `GET /sessions`: a copy of the newest summaries that IDX holds, in an
 * SQLite file of this machine's. It lags behind the truth by some milliseconds, and may be deleted at
 * any time: the next start makes it again.
 *
 * What IDX says is kept as it came, of each session the newest, until somebody reads the list or many
 * sessions have changed. Only then is it parsed and written, all in one transaction with its place in
 * the stream. A process that dies before has written neither, and hears it again.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { codeOf } from '../../../subjects/errors.ts'
import { IDX } from '../../../subjects/streams.ts'
import { sessionOfIndex } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { patiently } from '../../bus/failure.ts'
import { type IndexStore, openIndexStore } from '../../store/index-store.ts'
import type { Log } from '../../telemetry/log.ts'
import { makeIndexNews } from './index-news.ts'

/** What may be under way from the server while the file is written. */
const MESSAGES_AHEAD = 500
/** How long a request may wait for the index to know what it has just done, or to be complete. */
const SEEN_WITHIN_MS = 1_000
const COMPLETE_WITHIN_MS = 5_000
const AGAIN_MS = 500

export type SessionIndex = {
  /** Waits at first until everything that IDX held at the start is there. */
  readonly list: IndexStore['list']
  /** Resolves once the session is in the index, or after a second: it will be. */
  seen(sid: string): Promise<void>
  /** Takes a deleted session off the list now. */
  forget(sid: string): Promise<void>
  close(): Promise<void>
}

const within = (promise: Promise<unknown>, ms: number): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** A stream that was made anew counts from 1 again, so its copy is another file. */
const openFile = async (bus: Bus, folder: string): Promise<IndexStore> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { created } = await patiently(() => bus.jsm.streams.info(IDX))
  const name = `index-${Date.parse(created)}.db`
  for (const other of await readdir(folder)) {
    if (other.startsWith('index-') && !other.startsWith(name)) {
      await rm(join(folder, other), { force: true })
    }
  }
  return openIndexStore(join(folder, name))
}

/** Opens the index and follows IDX until closed. */
export const openSessionIndex = async (
  bus: Bus,
  folder: string,
  log: Log,
): Promise<SessionIndex> => {
  let store = await openFile(bus, folder)
  const news = makeIndexNews(log)
  const waiting = new Map<string, Set<() => void>>()
  const complete = Promise.withResolvers<void>()
  /** Writes come one after the other. */
  let writing = Promise.resolve()
  let failure: unknown
  let closed = false
  let stop = () => {}

  /** What was heard is not in the file: all of it is heard again, from where the file is. */
  const failed = (error: unknown) => {
    failure ??= error
    stop()
  }
  /** Resolves when all that was heard before the call is written, or will have to be heard again. */
  const write = (): Promise<void> => {
    writing = writing
      .then(async () => {
        // The place in the stream must never be ahead of the rows.
        const taken = failure ? undefined : news.take()
        if (taken) await store.write(taken.sequence, taken.changes)
      })
      .catch(failed)
    return writing
  }
  const read = <T>(work: (store: IndexStore) => Promise<T>): Promise<T> =>
    work(store).catch(error => {
      if (codeOf(error) === 'STORE_DAMAGED') failed(error)
      throw error
    })

  const hearAll = async (messages: AsyncIterable<JsMsg>) => {
    for await (const message of messages) {
      news.hear(message)
      const sid = sessionOfIndex(message.subject)
      for (const tell of waiting.get(sid) ?? []) tell()
      waiting.delete(sid)
      if (news.isMuch()) await write()
      if (message.info.pending === 0) complete.resolve()
    }
  }

  /** A damaged file was set aside: begin an empty one, which is filled again from IDX. */
  const mended = async (error: unknown) => {
    if (codeOf(error) === 'STORE_DAMAGED' && !closed) store = await openFile(bus, folder)
  }

  /** Follows until closed; a consumer that breaks is made again from where the file is. */
  const follow = async () => {
    while (!closed) {
      try {
        await writing
        news.take()
        failure = undefined
        const { state } = await bus.jsm.streams.info(IDX)
        if (state.last_seq <= store.appliedSequence()) complete.resolve()
        const consumer = await bus.js.consumers.get(IDX, {
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: store.appliedSequence() + 1,
        })
        const messages = await consumer.consume({ max_messages: MESSAGES_AHEAD })
        stop = () => messages.stop()
        if (closed) stop()
        await hearAll(messages)
        if (failure) throw failure
      } catch (error) {
        stop()
        if (!closed) log.warn({ error }, 'the index of sessions cannot be read, trying again')
        await mended(error).catch(() => {})
      }
      if (!closed) await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
    }
  }
  const following = follow()

  return {
    list: async query => {
      await within(complete.promise, COMPLETE_WITHIN_MS)
      await write()
      return read(store => store.list(query))
    },
    seen: async sid => {
      const told = Promise.withResolvers<void>()
      const all = waiting.get(sid) ?? new Set()
      waiting.set(sid, all.add(told.resolve))
      const known = news.has(sid) || (await read(store => store.get(sid)))
      if (!known) await within(told.promise, SEEN_WITHIN_MS)
      all.delete(told.resolve)
    },
    forget: sid => store.write(store.appliedSequence(), [{ removed: sid }]),
    close: async () => {
      closed = true
      stop()
      await following
      await writing
      await store.close()
    },
  }
}
