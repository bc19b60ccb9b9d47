/**
 * A seal lies beside a database file that was closed in order: its digest, and what its owner noted
 * of it. SQLite notices a broken structure, but not another letter in a text; and a file that was
 * open when its process died may be anything by now. So only a sealed file is worth opening, and
 * opening it breaks the seal. Whatever has none is made again from the log.
 */
import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { removeFile } from './database.ts'

/** Bytes that are digested without a break. */
const STRIDE_BYTES = 4 * 1024 ** 2

const sealed = z.object({ digest: z.string(), notes: z.unknown() })
/** The seal itself must be whole too. */
const outer = z.object({ text: z.string(), digest: z.string() })

export type Seal =
  | { readonly state: 'whole'; readonly notes: unknown }
  /** Never sealed, or opened since. */
  | { readonly state: 'none' }
  /** Sealed, and not what was sealed. */
  | { readonly state: 'broken' }

const pathOf = (file: string): string => `${file}.seal`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** SHA-256 (hex); lets others run between parts of what is long. */
export const digestOf = async (bytes: Uint8Array): Promise<string> => {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += STRIDE_BYTES) {
    if (at > 0) await new Promise(resolve => setImmediate(resolve))
    hash.update(bytes.subarray(at, at + STRIDE_BYTES))
  }
  return hash.digest('hex')
}

/** Seals a closed file whose digest is known. */
export const putSeal = async (file: string, digest: string, notes: unknown): Promise<void> => {
  const text = JSON.stringify({ digest, notes })
  const next = `${pathOf(file)}.new`
  await writeFile(next, JSON.stringify({ text, digest: sha256(text) }), { mode: 0o600 })
  await rename(next, pathOf(file))
}

/** Looks whether a file is as it was sealed. */
export const checkSeal = async (file: string): Promise<Seal> => {
  const seal = await readFile(pathOf(file), 'utf8').catch(ignoreMissing)
  if (seal === undefined) return { state: 'none' }
  const found = readSeal(seal)
  const bytes = await readFile(file).catch(ignoreMissing)
  if (!found || !bytes || (await digestOf(bytes)) !== found.digest) return { state: 'broken' }
  return { state: 'whole', notes: found.notes }
}

/** To be done before a sealed file is opened or removed. */
export const removeSeal = (file: string): Promise<void> => removeFile(pathOf(file))

const readSeal = (seal: string): z.infer<typeof sealed> | undefined => {
  try {
    const { text, digest } = outer.parse(JSON.parse(seal))
    return sha256(text) === digest ? sealed.parse(JSON.parse(text)) : undefined
  } catch {
    return undefined
  }
}

const ignoreMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}
