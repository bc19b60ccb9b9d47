/** The person who started the system, as their git knows them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { SignedIn } from './signin-cookie.ts'

const run = promisify(execFile)

const gitSetting = async (name: string): Promise<string | undefined> => {
  try {
    const { stdout } = await run('git', ['config', '--get', name], { timeout: 2_000 })
    return stdout.trim() || undefined
  } catch {
    return undefined
  }
}

/** Named `Developer` when git has no name for them. */
export const readDeveloper = async (): Promise<SignedIn> => ({
  userId: 'developer',
  name: (await gitSetting('user.name'))?.slice(0, 256) ?? 'Developer',
  email: (await gitSetting('user.email'))?.slice(0, 320) ?? null,
  role: 'developer',
})
