/** What a bridge is told by its environment (spec 4.7), read once at start. */
import { z } from 'zod'
import { fail } from '../../../subjects/errors.ts'
import { AGENT_MARK } from '../sweep.ts'

/** What the agent and its children may touch; absent when nothing on this host can enforce it. */
export const isolation = z.object({
  denyRead: z.array(z.string()),
  allowRead: z.array(z.string()),
  allowWrite: z.array(z.string()),
  /** Hosts that may be reached, as `name`, `*.name` or `name:port`; empty: no network at all. */
  hosts: z.array(z.string()),
})
export type Isolation = z.infer<typeof isolation>

const sessionConfig = z.looseObject({
  session_id: z.string().min(1),
  model: z.string().optional(),
  opencode_session_id: z.string().nullish(),
})

const json = <T>(schema: z.ZodType<T>) =>
  z.string().transform((text, context): T => {
    try {
      return schema.parse(JSON.parse(text))
    } catch (error) {
      context.addIssue({ code: 'custom', message: String(error) })
      return z.NEVER
    }
  })

const variables = z.object({
  SANDBOX_ID: z.string().min(1),
  CONTROL_PLANE_URL: z.url(),
  SANDBOX_AUTH_TOKEN: z.string().min(1),
  SESSION_CONFIG: json(sessionConfig),
  /** Where the repository is checked out: the agent's working directory. */
  WORKSPACE: z.string().min(1),
  /** The sandbox's own folder, with `home`, `tmp` and `git` in it. Marks every process of it. */
  SANDBOX_FOLDER: z.string().min(1),
  /** A shell command line that starts an agent speaking ACP on its standard streams. */
  AGENT_COMMAND: z.string().min(1),
  AGENT_INACTIVITY_MS: z.coerce.number().int().min(5_000).max(3_600_000).default(120_000),
  /** Names, separated by commas, of variables that the agent gets besides the fixed few. */
  AGENT_ENV: z.string().default(''),
  AGENT_ISOLATION: json(isolation).optional(),
  /** Where git pushes to and fetches from; absent when there is no git host. */
  REPOSITORY_URL: z.url().optional(),
  /** The workspace, and the agent's home, are those of an earlier sandbox. */
  RESTORED_FROM_SNAPSHOT: z.enum(['true', 'false']).optional(),
})

export type BridgeEnvironment = {
  readonly sandboxId: string
  readonly sid: string
  readonly controlPlaneUrl: string
  readonly token: string
  /** The session's model. */
  readonly model: string | null
  readonly agentSessionId: string | null
  readonly workspace: string
  readonly folder: string
  readonly agentCommand: string
  readonly agentInactivityMs: number
  /** The agent's whole environment. */
  readonly agentEnv: Readonly<Record<string, string>>
  readonly isolation: Isolation | null
  readonly repositoryUrl: string | null
  readonly restored: boolean
}

/** Variables of the host that any program needs, and that hold no secret. */
const PASSED = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'NODE_EXTRA_CA_CERTS']

type Env = Readonly<Record<string, string | undefined>>

/**
 * The agent's environment: a fixed few variables of the host, folders of its own, and what the
 * operator names. Nothing of the control plane: neither its address nor the sandbox's token. The bridge
 * adds its own gateway (gateway.ts).
 */
const agentEnvironment = (env: Env, folder: string, named: string) => {
  const passed = [...PASSED, ...named.split(',').map(name => name.trim())]
    .filter(name => env[name] !== undefined)
    .map(name => [name, env[name] as string] as const)
  return {
    ...Object.fromEntries(passed),
    HOME: `${folder}/home`,
    TMPDIR: `${folder}/tmp`,
    [AGENT_MARK]: folder,
    GIT_CONFIG_GLOBAL: `${folder}/git/config`,
    GIT_TERMINAL_PROMPT: '0',
  }
}

/** @throws code CONFIG_INVALID naming the first variable that does not fit */
export const readBridgeEnvironment = (env: Env): BridgeEnvironment => {
  const parsed = variables.safeParse(env)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw fail('CONFIG_INVALID', { message: `${issue?.path.join('.')}: ${issue?.message}` })
  }
  const v = parsed.data
  return {
    sandboxId: v.SANDBOX_ID,
    sid: v.SESSION_CONFIG.session_id,
    controlPlaneUrl: v.CONTROL_PLANE_URL,
    token: v.SANDBOX_AUTH_TOKEN,
    model: v.SESSION_CONFIG.model ?? null,
    agentSessionId: v.SESSION_CONFIG.opencode_session_id ?? null,
    workspace: v.WORKSPACE,
    folder: v.SANDBOX_FOLDER,
    agentCommand: v.AGENT_COMMAND,
    agentInactivityMs: v.AGENT_INACTIVITY_MS,
    agentEnv: agentEnvironment(env, v.SANDBOX_FOLDER, v.AGENT_ENV),
    isolation: v.AGENT_ISOLATION ?? null,
    repositoryUrl: v.REPOSITORY_URL ?? null,
    restored: v.RESTORED_FROM_SNAPSHOT === 'true',
  }
}
