/** What a bridge is given: by its environment alone, and nothing else of ours. */
import { join } from 'node:path'
import type { RestoreJob, SpawnJob } from '../../../subjects/jobs.ts'
import type { Access } from '../provider.ts'
import { BRIDGE_MARK } from '../sweep.ts'
import { isolationOf } from './isolation.ts'
import type { GitHost, Mirrors } from './mirror.ts'

export type BridgeOptions = {
  readonly dataDir: string
  /** A shell command line. */
  readonly agentCommand: string
  readonly agentInactivityMs: number
  /** Names of variables in `env` that the agent gets. */
  readonly agentEnv: readonly string[]
  /** Hosts that an isolated agent may reach. */
  readonly hosts: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where repositories come from; null: from `repos/` alone. */
  readonly gitHost: GitHost | null
}

/** Variables of the host that a bridge needs. */
const PASSED = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'NODE_EXTRA_CA_CERTS']

/** Where a sandbox is, and whether its agent is shut in there. */
type Place = {
  readonly folder: string
  readonly repository: string
  readonly isolated: boolean
}

export const environmentOf = (options: BridgeOptions & { readonly mirrors: Mirrors | null }) => {
  const { dataDir, mirrors } = options
  const gitHosts = options.gitHost ? [new URL(options.gitHost.url).host] : []
  /** What an isolated process of a sandbox may read, write and reach. */
  const rulesOf = (folder: string, repository: string) =>
    isolationOf({ dataDir, folder, repository, hosts: [...options.hosts, ...gitHosts] })

  const bridgeEnv = (job: SpawnJob | RestoreJob, access: Access, place: Place) => {
    const { folder, repository, isolated } = place
    const named = [...PASSED, ...options.agentEnv].filter(name => options.env[name] !== undefined)
    return {
      ...Object.fromEntries(named.map(name => [name, options.env[name] as string])),
      SANDBOX_ID: job.sandboxId,
      CONTROL_PLANE_URL: access.controlPlaneUrl,
      SANDBOX_AUTH_TOKEN: access.token,
      REPO_OWNER: job.repoOwner,
      REPO_NAME: job.repoName,
      SESSION_CONFIG: JSON.stringify({
        session_id: job.sid,
        repo_owner: job.repoOwner,
        repo_name: job.repoName,
        model: job.model,
        opencode_session_id: job.agentSessionId,
      }),
      WORKSPACE: join(folder, 'workspace'),
      [BRIDGE_MARK]: folder,
      AGENT_COMMAND: options.agentCommand,
      AGENT_INACTIVITY_MS: String(options.agentInactivityMs),
      AGENT_ENV: options.agentEnv.join(','),
      ...(mirrors ? { REPOSITORY_URL: mirrors.origin(job.repoOwner, job.repoName) } : {}),
      ...('snapshotImageId' in job ? { RESTORED_FROM_SNAPSHOT: 'true' } : {}),
      ...(isolated ? { AGENT_ISOLATION: JSON.stringify(rulesOf(folder, repository)) } : {}),
    }
  }
  return { rulesOf, bridgeEnv }
}
