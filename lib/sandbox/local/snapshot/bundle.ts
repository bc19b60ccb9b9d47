/** Has a process of its own make the bundle of a workspace; see main.ts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { fail } from '../../../../subjects/errors.ts'
import type { Isolation } from '../../bridge/environment.ts'
import { type Manifest, manifest } from './manifest.ts'
import type { TakeOptions } from './take.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const WITHIN_MS = 270_000
const MAX_OUTPUT_CHARS = 16 * 1024 ** 2

export type BundleOptions = Omit<TakeOptions, 'out'> & {
  /** The sandbox's folder. The snapshot is made in one below it that the agent cannot reach. */
  readonly folder: string
  /** What the agent may touch; null when nothing on this host can enforce it. */
  readonly isolation: Isolation | null
  readonly path: string
}

/**
 * Makes a bundle, lets `use` have it, and removes it.
 * @throws code PROVIDER_REFUSED with a sentence that says why there is none
 */
export const withBundle = async <T>(
  options: BundleOptions,
  use: (bundle: string, made: Manifest) => Promise<T>,
): Promise<T> => {
  const { folder, isolation, path, ...what } = options
  const out = await mkdtemp(join(folder, 'snapshot-'))
  try {
    const rules = isolation && {
      ...isolation,
      allowRead: [...isolation.allowRead, ...isolation.allowWrite],
      allowWrite: [out],
      hosts: [],
    }
    const env = {
      PATH: path,
      TMPDIR: out,
      SNAPSHOT_OPTIONS: JSON.stringify({ ...what, out } satisfies TakeOptions),
      ...(rules ? { AGENT_ISOLATION: JSON.stringify(rules) } : {}),
    }
    const made = await make(env, out)
    return await use(join(out, 'bundle'), made)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

const result = z.union([z.object({ made: manifest }), z.object({ refused: z.string() })])

/** The process' own line counts, not how it ended: it has nothing to do after it. */
const toldBy = (stdout: string) => {
  try {
    return result.parse(JSON.parse(stdout))
  } catch {
    return undefined
  }
}

const make = async (env: Readonly<Record<string, string>>, cwd: string): Promise<Manifest> => {
  const child = spawn(process.execPath, [MAIN], {
    cwd,
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (stdout.length < MAX_OUTPUT_CHARS) stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-2_000)
  })
  const late = setTimeout(() => {
    stderr = 'It took too long.'
    if (child.pid) process.kill(-child.pid, 'SIGKILL')
  }, WITHIN_MS)
  try {
    const [code] = await once(child, 'close')
    const told = toldBy(stdout)
    if (!told) throw new Error(stderr.trim().split('\n').at(-1) || `code ${code}`)
    if ('refused' in told) throw new Error(told.refused)
    return told.made
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw fail('PROVIDER_REFUSED', { message: `The sandbox was not stored: ${why}`, error })
  } finally {
    clearTimeout(late)
  }
}
