/** Tells one process from a later one that got the same number. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * When the process began, in a form that is only good for comparing; undefined when it is gone, or
 * dead and waiting to be collected.
 */
export const processBirth = async (pid: number): Promise<string | undefined> => {
  if (process.platform !== 'linux') return birthByPs(pid)
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  // The second field is the program's name in parentheses and may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return fields[19]
}

const birthByPs = async (pid: number): Promise<string | undefined> => {
  const { stdout } = await promisify(execFile)('ps', [
    '-o',
    'stat=,lstart=',
    '-p',
    String(pid),
  ]).catch(() => ({ stdout: '' }))
  const [state, ...birth] = stdout.trim().split(/\s+/)
  return !state || state.startsWith('Z') ? undefined : birth.join(' ')
}
