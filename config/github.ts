/** Which git host the environment means, and all that is needed to work with it. */
import { createPrivateKey } from 'node:crypto'
import { pemOf, VARIABLES } from './variables.ts'

/** GitHub itself (also Enterprise), or the forge of this machine, which looks like it. */
export type GithubConfig = {
  readonly host: 'github' | 'forge'
  /** Where the REST API is, such as `https://api.github.com`; no slash at the end. */
  readonly apiUrl: string
  /** Where people and git go, such as `https://github.com`; no slash at the end. */
  readonly url: string
  readonly appId: number
  readonly installationId: number
  /** PEM, PKCS#8. */
  readonly privateKey: string
  readonly webhookSecret: string
  readonly clientId: string
  readonly clientSecret: string
  /** Logins, in lower case, whose comments on a pull request become prompts. */
  readonly commentPrompts: readonly string[]
}

type GitHost = GithubConfig['host'] | 'none'

type Environment = Readonly<Record<string, string | undefined>>

/** What `GIT_HOST` says or, unset, what the rest of the environment means. */
export const gitHostOf = (env: Environment): GitHost => {
  const given = VARIABLES.GIT_HOST.safeParse(env.GIT_HOST || undefined)
  if (given.success && given.data) return given.data
  if (env.GITHUB_APP_ID) return 'github'
  return env.NODE_ENV === 'production' ? 'none' : 'forge'
}

/** A list as variables hold it: commas between, here in lower case. */
export const listOf = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map(item => item.trim().toLowerCase())
    .filter(item => item !== '')

const NEEDED = [
  'GITHUB_APP_ID',
  'GITHUB_APP_INSTALLATION_ID',
  'GITHUB_APP_PRIVATE_KEY',
  'GITHUB_WEBHOOK_SECRET',
  'GITHUB_CLIENT_ID',
  'GITHUB_CLIENT_SECRET',
] as const

/**
 * The settings of the git host `host`; null for none. What is missing is added to `problems`, a
 * sentence each; what is malformed is told by whoever parses the variables, and gives null here.
 */
export const githubConfig = (
  env: Environment,
  host: GitHost,
  forgePort: number | undefined,
  problems: string[],
): GithubConfig | null => {
  if (host === 'none') return null
  if (host === 'forge' && env.NODE_ENV === 'production') {
    problems.push(
      'GIT_HOST is forge, which lets anybody sign in as anybody, but NODE_ENV is production: set it to github or none.',
    )
  }
  const missing = NEEDED.filter(name => !env[name])
  for (const name of missing) {
    problems.push(
      `${name} is not set, but GIT_HOST is ${host}: set it to ${VARIABLES[name].description}.`,
    )
  }
  if (missing.length > 0 || NEEDED.some(name => !VARIABLES[name].safeParse(env[name]).success)) {
    return null
  }
  const text = (name: (typeof NEEDED)[number]): string => env[name] ?? ''
  const forge = `http://127.0.0.1:${forgePort}`
  const standard =
    host === 'forge'
      ? { api: `${forge}/api/v3`, web: forge }
      : { api: 'https://api.github.com', web: 'https://github.com' }
  const address = (given: string | undefined, usual: string) => (given || usual).replace(/\/+$/, '')
  return Object.freeze({
    host,
    apiUrl: address(env.GITHUB_API_URL, standard.api),
    url: address(env.GITHUB_URL, standard.web),
    appId: Number(text('GITHUB_APP_ID')),
    installationId: Number(text('GITHUB_APP_INSTALLATION_ID')),
    privateKey: createPrivateKey(pemOf(text('GITHUB_APP_PRIVATE_KEY')))
      .export({ type: 'pkcs8', format: 'pem' })
      .toString(),
    webhookSecret: text('GITHUB_WEBHOOK_SECRET'),
    clientId: text('GITHUB_CLIENT_ID'),
    clientSecret: text('GITHUB_CLIENT_SECRET'),
    commentPrompts: listOf(env.GITHUB_COMMENT_PROMPTS),
  })
}
