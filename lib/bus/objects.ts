/**
 * Files in an object store, one per name, with a few facts beside each. A newer one takes the older
 * one's place; of two who put at once one fails.
 */
import type { FileHandle } from 'node:fs/promises'
import { Objm } from '@nats-io/obj'
import type { Bus } from './connect.ts'

const CHUNK_BYTES = 128 * 1024

export type Facts = Readonly<Record<string, string>>

export type StoredObject = {
  readonly facts: Facts
  /** Of the place in the store, which has one even when the object was removed. */
  readonly revision: number
}

export type Objects = {
  /** What is stored under a name: no facts when there is nothing (any more). */
  info(name: string): Promise<StoredObject>
  /** Stores what a file holds, unless something else was put since `after` was told by `info`. */
  put(name: string, file: FileHandle, facts: Facts, after: StoredObject): Promise<void>
  /** Writes it into a file; undefined when there is none. @throws when it was damaged */
  get(name: string, file: FileHandle): Promise<Facts | undefined>
  /** Stores bytes in place of whatever was there. */
  putBytes(name: string, bytes: Uint8Array): Promise<void>
  /** The bytes; undefined when there are none. @throws when they were damaged */
  getBytes(name: string): Promise<Uint8Array | undefined>
  /** One that is not there is no failure. */
  remove(name: string): Promise<void>
}

/** Opens a bucket that `declareStreams` has made. */
export const openObjects = async (bus: Bus, bucket: string): Promise<Objects> => {
  const store = await new Objm(bus.js).open(bucket, false)
  return {
    info: async name => {
      const found = await store.info(name)
      const facts = found && !found.deleted ? (found.metadata ?? {}) : {}
      return { facts, revision: found?.revision ?? 0 }
    },
    put: async (name, file, facts, after) => {
      const meta = { name, metadata: { ...facts } }
      await store.put(meta, bytesOf(file), { previousRevision: after.revision })
    },
    get: async (name, file) => {
      const found = await store.get(name)
      if (!found) return undefined
      const reader = found.data.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        await file.writeFile(value)
      }
      const error = await found.error
      if (error) throw error
      return found.info.metadata ?? {}
    },
    putBytes: async (name, bytes) => {
      await store.putBlob({ name }, bytes)
    },
    getBytes: async name => (await store.getBlob(name)) ?? undefined,
    remove: async name => {
      const found = await store.info(name)
      if (found && !found.deleted) await store.delete(name)
    },
  }
}

/** The file from its beginning. Not one of node's own streams: those keep the file from being closed. */
const bytesOf = (file: FileHandle): ReadableStream<Uint8Array> => {
  let position = 0
  return new ReadableStream<Uint8Array>({
    pull: async controller => {
      const { bytesRead, buffer } = await file.read(
        Buffer.alloc(CHUNK_BYTES),
        0,
        CHUNK_BYTES,
        position,
      )
      position += bytesRead
      if (bytesRead === 0) controller.close()
      else controller.enqueue(buffer.subarray(0, bytesRead))
    },
  })
}
