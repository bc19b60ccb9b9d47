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

/** Kills them, again and again until none is left or `rounds` are over: some may be forking. */
export const sweep = async (folder: string, marks: Marks, rounds = 5): Promise<void> => {
  for (let round = 0; round < rounds; round += 1) {
    const pids = await processesOf(folder, marks)
    if (pids.length === 0) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone by itself in the meantime.
      }
    }
  }
}
