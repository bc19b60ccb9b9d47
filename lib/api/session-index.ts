/**
 * The list of all sessions, for `GET /sessions`: a copy of the newest summaries that IDX holds, in an
 * SQLite file of this machine's. It lags behind the truth by some milliseconds, and may be deleted at
 * any time: the next start makes it again.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { codeOf } from '../../subjects/errors.ts'
import { isTombstone, record } from '../../subjects/records.ts'
import { IDX } from '../../subjects/streams.ts'
import { sessionOfIndex } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { patiently } from '../bus/failure.ts'
import { parseJson } from '../bus/json.ts'
import { type IndexStore, openIndexStore } from '../store/index-store.ts'
import type { Log } from '../telemetry/log.ts'

/** So many rows are written together while there are more to come. */
const ROWS_AT_ONCE = 500
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
  const waiting = new Map<string, Set<() => void>>()
  const complete = Promise.withResolvers<void>()
  let closed = false
  let stop = () => {}

  const take = async (message: JsMsg) => {
    const parsed = parseJson(record, message.data)
    const sid = sessionOfIndex(message.subject)
    if (!parsed.ok) log.warn({ subject: message.subject, reason: parsed.reason }, 'not indexed')
    else if (isTombstone(parsed.value)) await store.remove(sid, message.seq)
    else if (parsed.value.summary) await store.upsert(message.seq, parsed.value.summary)
    for (const tell of waiting.get(sid) ?? []) tell()
    waiting.delete(sid)
  }

  /** Takes in all that comes; rows that are there already are written together. */
  const takeAll = async (messages: AsyncIterable<JsMsg>) => {
    let taking: Promise<void>[] = []
    for await (const message of messages) {
      taking.push(take(message))
      if (message.info.pending > 0 && taking.length < ROWS_AT_ONCE) continue
      await Promise.all(taking)
      taking = []
      if (message.info.pending === 0) complete.resolve()
    }
    await Promise.all(taking)
  }

  /** A damaged file was set aside: begin an empty one, which is filled again from IDX. */
  const mended = async (error: unknown) => {
    if (codeOf(error) === 'STORE_DAMAGED' && !closed) store = await openFile(bus, folder)
  }

  /** Follows until closed; a consumer that breaks is made again from where we are. */
  const follow = async () => {
    while (!closed) {
      try {
        const { state } = await bus.jsm.streams.info(IDX)
        if (state.last_seq <= store.appliedSequence()) complete.resolve()
        const consumer = await bus.js.consumers.get(IDX, {
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: store.appliedSequence() + 1,
        })
        const messages = await consumer.consume()
        stop = () => messages.stop()
        if (closed) stop()
        await takeAll(messages)
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
      return store.list(query)
    },
    seen: async sid => {
      const told = Promise.withResolvers<void>()
      const all = waiting.get(sid) ?? new Set()
      waiting.set(sid, all.add(told.resolve))
      if (!(await store.get(sid))) await within(told.promise, SEEN_WITHIN_MS)
      all.delete(told.resolve)
    },
    forget: sid => store.remove(sid),
    close: async () => {
      closed = true
      stop()
      await following
      await store.close()
    },
  }
}
