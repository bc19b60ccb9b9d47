/**
 * Puts the agent, and with it every command it runs, behind bubblewrap by means of
 * `@anthropic-ai/sandbox-runtime`. The runtime's proxies live in this process, so one bridge has one
 * set of rules for its whole life.
 */
import { fail } from '../../../subjects/errors.ts'
import type { Isolation } from './environment.ts'

/** Turns a shell command line into the arguments to spawn. */
export type Confine = (commandLine: string) => Promise<readonly string[]>
export type Confinement = { readonly confine: Confine; readonly end: () => Promise<void> }

const unconfined: Confine = async commandLine => ['/bin/sh', '-c', `exec ${commandLine}`]

/**
 * Prepares the confinement; with `null` there is none.
 * @throws code CONFIG_INVALID when isolation is wanted and does not work: never runs without it
 */
export const confinementOf = async (
  isolation: Isolation | null,
  agentEnv: Readonly<Record<string, string>>,
): Promise<Confinement> => {
  if (!isolation) return { confine: unconfined, end: async () => {} }
  const { SandboxManager } = await import('@anthropic-ai/sandbox-runtime')
  try {
    await SandboxManager.initialize({
      network: { allowedDomains: [...isolation.hosts], deniedDomains: [] },
      filesystem: {
        denyRead: [...isolation.denyRead],
        allowRead: [...isolation.allowRead],
        allowWrite: [...isolation.allowWrite],
        denyWrite: [],
      },
    })
  } catch (error) {
    throw fail('CONFIG_INVALID', { message: `The agent cannot be isolated: ${error}`, error })
  }
  // The runtime has a temporary folder of its own, shared by all sandboxes: ours stands again.
  const tmp = agentEnv.TMPDIR ? `TMPDIR='${agentEnv.TMPDIR.replaceAll("'", `'\\''`)}' ` : ''
  return {
    confine: async commandLine => {
      const { argv } = await SandboxManager.wrapWithSandboxArgv(`${tmp}exec ${commandLine}`)
      return argv
    },
    end: () => SandboxManager.reset(),
  }
}
