/**
 * `sandbox.json` in a sandbox's folder: what another process of this host has to know to take the
 * sandbox up after the one that started it is gone.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const base = {
  v: z.literal(1),
  sid: z.string(),
  generation: z.int(),
  sandboxId: z.string(),
  warning: z.string().nullable(),
  /** `owner/name` of what the workspace is a clone of. */
  repository: z.string().optional(),
}

const note = z.discriminatedUnion('state', [
  /** A process may run already whose number is not known: it carries the folder's mark. */
  z.object({ ...base, state: z.literal('starting') }),
  z.object({ ...base, state: z.literal('running'), pid: z.int(), birth: z.string() }),
  z.object({
    ...base,
    state: z.literal('ended'),
    reason: z.string(),
    orderly: z.boolean(),
    /** The control plane knows of the end. */
    reported: z.boolean(),
  }),
])
export type Note = z.infer<typeof note>
export type NoteOf<S extends Note['state']> = Extract<Note, { state: S }>

const FILE = 'sandbox.json'

/** The note of a folder; undefined when there is none, or none that can be read. */
export const readNote = async (folder: string): Promise<Note | undefined> => {
  try {
    return note.parse(JSON.parse(await readFile(join(folder, FILE), 'utf8')))
  } catch {
    return undefined
  }
}

/** Replaces the note at once as a whole. */
export const writeNote = async (folder: string, value: Note): Promise<void> => {
  const path = join(folder, FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
