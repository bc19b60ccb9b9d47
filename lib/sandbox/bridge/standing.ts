/** `bridge.json` in a sandbox's folder: what its host has to know of a bridge to store the sandbox. */
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const standing = z.object({
  /** The agent's session, to be loaded by the next sandbox. */
  agentSessionId: z.string().nullable(),
  /** The prompt that runs, if one does. */
  running: z.string().nullable(),
})
export type Standing = z.infer<typeof standing>

const FILE = 'bridge.json'

/** What a bridge has written last; a bridge that wrote nothing runs nothing. */
export const readStanding = async (folder: string): Promise<Standing> => {
  try {
    return standing.parse(JSON.parse(await readFile(join(folder, FILE), 'utf8')))
  } catch {
    return { agentSessionId: null, running: null }
  }
}

/** Whether a bridge runs something; else since when it does not, in milliseconds since the epoch. */
export const restOf = async (folder: string): Promise<'runs' | 'has not begun' | number> => {
  const written = await stat(join(folder, FILE)).catch(() => undefined)
  if (!written) return 'has not begun'
  const { running } = await readStanding(folder)
  return running === null ? written.mtimeMs : 'runs'
}

/** Replaces it at once as a whole. */
export const writeStanding = async (folder: string, value: Standing): Promise<void> => {
  const path = join(folder, FILE)
  await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** Forgets what the bridge before has written. */
export const clearStanding = (folder: string): Promise<void> =>
  rm(join(folder, FILE), { force: true })
