/**
 * A process that takes one snapshot: it starts itself again behind the sandbox's own rules, so that
 * whatever the workspace makes git do can do no more than the agent itself. What was made, or why
 * nothing was, is a line of JSON on standard output.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { confinementOf } from '../../bridge/confine.ts'
import { isolation } from '../../bridge/environment.ts'
import { type TakeOptions, takeSnapshot } from './take.ts'

const tell = (result: object) => process.stdout.write(`${JSON.stringify(result)}\n`)

const take = async () => {
  const options = JSON.parse(process.env.SNAPSHOT_OPTIONS ?? '{}') as TakeOptions
  tell({ made: await takeSnapshot(options) })
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Runs this very program again, confined. */
const takeConfined = async (rules: string): Promise<number> => {
  const { AGENT_ISOLATION: _, ...env } = process.env as Record<string, string>
  // The runtime makes sockets in this process's temporary folder, and a path may be too long for one;
  // what runs confined still gets ours.
  delete process.env.TMPDIR
  const confinement = await confinementOf(isolation.parse(JSON.parse(rules)), env)
  try {
    const again = `${quoted(process.execPath)} ${quoted(import.meta.filename)}`
    const [command = 'false', ...args] = await confinement.confine(again)
    const child = spawn(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
    const [code] = await once(child, 'close')
    return code ?? 1
  } finally {
    await confinement.end()
  }
}

try {
  const rules = process.env.AGENT_ISOLATION
  if (rules) process.exitCode = await takeConfined(rules)
  else await take()
} catch (error) {
  tell({ refused: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
