/** Runs git on this host, deaf to the user's own configuration. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const WITHIN_MS = 300_000

/**
 * Resolves with git's standard output. Never to be run inside a workspace that an agent has had in its
 * hands: its configuration can name programs.
 * @throws an error whose message is git's own
 */
export const git = async (
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> => {
  const running = run('git', ['-c', 'safe.directory=*', ...args], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
      ...options.env,
    },
    timeout: WITHIN_MS,
    maxBuffer: 16 * 1024 ** 2,
  })
  running.child.stdin?.on('error', () => {})
  running.child.stdin?.end(options.input)
  try {
    return (await running).stdout
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    throw new Error(stderr?.trim() || message, { cause: error })
  }
}
