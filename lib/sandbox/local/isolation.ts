/**
 * Whether this host can isolate agents, and what an isolated one may touch: it writes in its own
 * workspace, home and temporary folder, reads programs and its own repository, and reaches only the
 * hosts that the operator names.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Isolation } from '../bridge/environment.ts'

/** Files and folders of the user's home that commonly hold keys. */
const SECRETS_AT_HOME = [
  '.ssh',
  '.aws',
  '.azure',
  '.config/gcloud',
  '.config/gh',
  '.docker',
  '.git-credentials',
  '.gnupg',
  '.kube',
  '.netrc',
  '.npmrc',
  '.pypirc',
]

export type Probe = { readonly works: true } | { readonly works: false; readonly why: string }

/** Tries isolation on a program that does nothing: what is installed need not work. */
export const probeIsolation = async (): Promise<Probe> => {
  try {
    const { SandboxManager } = await import('@anthropic-ai/sandbox-runtime')
    if (!SandboxManager.isSupportedPlatform()) return { works: false, why: 'unknown system' }
    const { errors } = await SandboxManager.checkDependenciesAsync()
    if (errors.length > 0) return { works: false, why: errors.join(', ') }
    await SandboxManager.initialize({
      network: { allowedDomains: [], deniedDomains: [] },
      filesystem: { denyRead: [], allowRead: [], allowWrite: [], denyWrite: [] },
    })
    try {
      const { argv } = await SandboxManager.wrapWithSandboxArgv('exec true')
      const [command = 'false', ...args] = argv
      const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        stderr = (stderr + chunk).slice(-500)
      })
      const [code] = await once(child, 'close')
      return code === 0 ? { works: true } : { works: false, why: stderr.trim() || `code ${code}` }
    } finally {
      await SandboxManager.reset()
    }
  } catch (error) {
    return { works: false, why: error instanceof Error ? error.message : String(error) }
  }
}

/** The rules of one sandbox. */
export const isolationOf = (options: {
  readonly dataDir: string
  readonly folder: string
  readonly repository: string
  readonly hosts: readonly string[]
}): Isolation => ({
  // Secrets, the streams, other sandboxes: none of the data folder but what is named below.
  denyRead: [
    options.dataDir,
    ...SECRETS_AT_HOME.map(name => join(homedir(), name)).filter(path => existsSync(path)),
  ],
  allowRead: [join(options.folder, 'git'), join(options.folder, 'bin'), options.repository],
  allowWrite: ['workspace', 'home', 'tmp'].map(name => join(options.folder, name)),
  hosts: [...options.hosts],
})

/** What the people in a session are told when nothing isolates its sandbox. */
export const notIsolated = (why: string): string =>
  `This sandbox is not isolated: the agent can do whatever the user can who runs the control plane. Install bubblewrap, socat and ripgrep on the host to change that. (${why.slice(0, 300)})`
