/**
 * Ends whatever a sandbox has left running: every process of it names the sandbox's folder in its
 * environment, also one that made a session of its own. Linux only; elsewhere process groups alone
 * have to do.
 */
import { readdir, readFile } from 'node:fs/promises'

/** Variable that marks a bridge and what it runs for itself, with the sandbox's folder. */
export const BRIDGE_MARK = 'SANDBOX_FOLDER'
/** Variable that marks the agent and whatever it started. */
export const AGENT_MARK = 'SANDBOX_AGENT_FOLDER'

type Marks = readonly (typeof BRIDGE_MARK | typeof AGENT_MARK)[]

/** The processes that carry a mark with the folder, without this one; none without `/proc`. */
export const processesOf = async (folder: string, marks: Marks): Promise<readonly number[]> => {
  const names = await readdir('/proc').catch(() => [])
  const found = names
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(async name => {
      const environ = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '')
      const variables = environ.split('\0')
      return marks.some(mark => variables.includes(`${mark}=${folder}`)) ? Number(name) : undefined
    })
  return (await Promise.all(found)).filter(pid => pid !== undefined)
}

const WITHIN_MS = 2_000
const LOOK_EVERY_MS = 10

/** Kills them, and resolves when none is left: some may be forking, and dying takes its time too. */
export const sweep = async (folder: string, marks: Marks): Promise<void> => {
  const end = performance.now() + WITHIN_MS
  for (;;) {
    const pids = await processesOf(folder, marks)
    if (pids.length === 0 || performance.now() > end) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone by itself in the meantime.
      }
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
