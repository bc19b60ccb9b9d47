/**
 * The environment, read once at the start of a process into one frozen record.
 *
 * It imports nothing of ours, knows no other source of settings, and reports everything that is
 * wrong at once, in one sentence per variable.
 */
import { resolve } from 'node:path'
import type { z } from 'zod'
import { type GithubConfig, gitHostOf, githubConfig } from './github.ts'
import { developmentForge, developmentSecrets } from './secrets.ts'
import { SECRETS, VARIABLES } from './variables.ts'

type Variables = typeof VARIABLES
type Camel<S extends string> = S extends `${infer A}_${infer B}`
  ? `${Lowercase<A>}${Capitalize<Camel<B>>}`
  : Lowercase<S>

/** An environment; an empty variable counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>

type Parsed = { readonly [K in keyof Variables as Camel<K>]: z.output<Variables[K]> }

/** These are one property together, {@link Config.github}. */
type OfGitHost = 'gitHost' | `github${string}`

/** One property for each variable, its name in camel case, and what follows from them. */
export type Config = Omit<
  Parsed,
  'natsUrl' | 'controlPlaneUrl' | 'internalCallbackSecret' | 'tokenEncryptionKey' | OfGitHost
> & {
  readonly natsUrl: string
  readonly controlPlaneUrl: string
  readonly internalCallbackSecret: string
  readonly tokenEncryptionKey: string
  /** Whether the nats-server is ours to start, because NATS_URL is not given. */
  readonly natsEmbedded: boolean
  readonly production: boolean
  /** Where repositories and pull requests live; null where there is no such place. */
  readonly github: GithubConfig | null
}

/**
 * Reads the environment. Secrets that are missing in development are made once and kept in
 * `DATA_DIR/secrets.json`.
 *
 * @throws with the sentences as its message and `CONFIG_INVALID` as its code.
 */
export const readConfig = (env: Environment): Config => {
  const given = { ...env }
  if (env.NODE_ENV !== 'production') {
    if (gitHostOf(env) === 'forge') {
      const made = developmentForge(resolve(env.DATA_DIR || '.data'))
      for (const [name, value] of Object.entries(made)) given[name] ||= value
      given.GIT_HOST = 'forge'
    }
    const missing = !env.INTERNAL_CALLBACK_SECRET || !env.TOKEN_ENCRYPTION_KEY
    if (missing) {
      const made = developmentSecrets(resolve(env.DATA_DIR || '.data'))
      given.INTERNAL_CALLBACK_SECRET ||= made.INTERNAL_CALLBACK_SECRET
      given.TOKEN_ENCRYPTION_KEY ||= made.TOKEN_ENCRYPTION_KEY
    }
  }
  return parseConfig(given)
}

/** As {@link readConfig}, but from `env` alone: a secret that it lacks is a mistake. Pure. */
export const parseConfig = (env: Environment): Config => {
  const problems: string[] = []
  const parsed: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(VARIABLES)) {
    const value = env[name] || undefined
    const result = schema.safeParse(value)
    if (result.success) parsed[camel(name)] = result.data
    else problems.push(mistake(name, value, schema))
  }
  const values = parsed as Parsed

  for (const name of ['INTERNAL_CALLBACK_SECRET', 'TOKEN_ENCRYPTION_KEY'] as const) {
    if (env[name]) continue
    problems.push(`${name} is not set: set it to ${VARIABLES[name].description}.`)
  }
  if (values.sandboxProvider === 'http') {
    for (const name of ['SANDBOX_API_URL', 'SANDBOX_API_SECRET'] as const) {
      if (env[name]) continue
      problems.push(
        `${name} is not set, but SANDBOX_PROVIDER is http: set it to ${VARIABLES[name].description}.`,
      )
    }
  }
  const gitHost = gitHostOf(env)
  const github = githubConfig(env, gitHost, values.forgePort, problems)
  const ports = {
    PORT: values.port,
    EDGE_PORT: values.edgePort,
    NATS_PORT: values.natsPort,
    ...(gitHost === 'forge' ? { FORGE_PORT: values.forgePort } : {}),
  }
  const taken = new Map<number, string>()
  for (const [name, port] of Object.entries(ports)) {
    if (port === undefined) continue
    const other = taken.get(port)
    if (other) problems.push(`${name} and ${other} are both ${port}: set one of them to another.`)
    taken.set(port, name)
  }

  if (problems.length > 0) {
    throw new Error(problems.join('\n'), { cause: { code: 'CONFIG_INVALID', problems } })
  }
  const own = Object.entries(values).filter(([name]) => !/^(github|gitHost)/.test(name))
  return Object.freeze({
    ...(Object.fromEntries(own) as Omit<Parsed, OfGitHost>),
    github,
    dataDir: resolve(values.dataDir),
    natsUrl: values.natsUrl ?? `nats://127.0.0.1:${values.natsPort}`,
    natsEmbedded: values.natsUrl === undefined,
    controlPlaneUrl: values.controlPlaneUrl ?? `http://127.0.0.1:${values.port}`,
    internalCallbackSecret: values.internalCallbackSecret ?? '',
    tokenEncryptionKey: values.tokenEncryptionKey ?? '',
    production: env.NODE_ENV === 'production',
  })
}

/** `MAX_PROMPT_CHARS` becomes `maxPromptChars`. */
export const camel = (name: string): string =>
  name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

const mistake = (name: string, value: string | undefined, schema: z.ZodType): string => {
  const shown = SECRETS.includes(name) ? 'has a value that' : `is ${JSON.stringify(value)}, which`
  const unset = schema.safeParse(undefined)
  const hint =
    unset.success && unset.data !== undefined ? `, or leave it unset for ${unset.data}` : ''
  return `${name} ${shown} is not ${schema.description}: correct it${hint}.`
}
