/**
 * Every environment variable that the processes read: what it must be and what it is when unset.
 * What each means is told in sample.env, and a test holds the two together.
 */
import { createPrivateKey } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'

const port = (value: number) =>
  z.coerce.number().int().min(1).max(65_535).default(value).describe('a port from 1 to 65535')

/** A duration. Timers of Node and schedules of NATS both end somewhere below 25 days. */
const ms = (value: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(2_000_000_000)
    .default(value)
    .describe('a whole number of milliseconds, at least 1')

const count = (value: number, min = 1) =>
  z.coerce.number().int().min(min).default(value).describe(`a whole number, at least ${min}`)

const oneOf = <const T extends readonly [string, ...string[]]>(choices: T, value: T[number]) =>
  z
    .enum(choices)
    .default(value)
    .describe(`one of ${choices.join(', ')}`)

const url = (protocol: RegExp, example: string) =>
  z.url({ protocol }).optional().describe(`an address such as ${example}`)

const isKey = (text: string) => {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === text
}

/** A private key as it was pasted: an environment often holds its line breaks as `\\n`. */
export const pemOf = (text: string): string => text.replaceAll('\\n', '\n').trim()

const isRsaKey = (text: string) => {
  try {
    return createPrivateKey(pemOf(text)).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

const githubId = () =>
  z
    .string()
    .regex(/^[1-9]\d{0,15}$/)
    .optional()
    .describe('a number')

const names = (what: string) =>
  z
    .string()
    .regex(/^\s*[\w-]+(\s*,\s*[\w-]+)*\s*$/)
    .optional()
    .describe(`${what} with commas between`)

/** An address, or a network such as 10.0.0.0/8. */
const isNetwork = (text: string): boolean => {
  const [address = '', bits = '0', ...more] = text.trim().split('/')
  const most = isIP(address) === 4 ? 32 : 128
  return isIP(address) > 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most && more.length === 0
}

export const VARIABLES = {
  PORT: port(8787),
  EDGE_PORT: port(8788),
  EDGES: count(1),
  HOST: z.string().default('127.0.0.1').describe('an address of this machine'),
  TRUST_PROXY: z
    .string()
    .refine(text => text.split(',').every(isNetwork))
    .optional()
    .describe('addresses or networks such as 10.0.0.0/8 with commas between'),
  DATA_DIR: z.string().default('.data').describe('a folder'),
  NATS_URL: z
    .string()
    .regex(/^((nats|tls|wss?):\/\/[^\s,]+)(,(nats|tls|wss?):\/\/[^\s,]+)*$/)
    .optional()
    .describe('one or more addresses such as nats://127.0.0.1:4222, with commas between'),
  NATS_PORT: port(4222),
  NATS_NODES: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('a whole number from 1 to 5'),
  NATS_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('a whole number from 1 to 5'),
  INTERNAL_CALLBACK_SECRET: z.string().optional().describe('a secret text'),
  TOKEN_ENCRYPTION_KEY: z
    .string()
    .refine(text => text.split(',').every(key => isKey(key.trim())))
    .optional()
    .describe(
      'the base64 of exactly 32 bytes (openssl rand -base64 32), or several with commas between',
    ),
  GIT_HOST: z.enum(['github', 'forge', 'none']).optional().describe('one of github, forge, none'),
  FORGE_PORT: port(8786),
  GITHUB_API_URL: url(/^https?$/, 'https://api.github.com'),
  GITHUB_URL: url(/^https?$/, 'https://github.com'),
  GITHUB_APP_ID: githubId(),
  GITHUB_APP_INSTALLATION_ID: githubId(),
  GITHUB_APP_PRIVATE_KEY: z
    .string()
    .refine(isRsaKey)
    .optional()
    .describe('an RSA private key in PEM form (PKCS#1 or PKCS#8, not encrypted)'),
  GITHUB_WEBHOOK_SECRET: z.string().optional().describe('a secret text'),
  GITHUB_CLIENT_ID: z.string().optional().describe('the client id of a GitHub App'),
  GITHUB_CLIENT_SECRET: z.string().optional().describe('a secret text'),
  ALLOWED_GITHUB_USERS: names('GitHub logins'),
  ALLOWED_GITHUB_ORGS: names('GitHub organisations'),
  REQUIRE_USER_REPO_ACCESS: oneOf(['true', 'false'], 'false'),
  GITHUB_COMMENT_PROMPTS: names('GitHub logins'),
  WEBHOOK_REPAIR_MS: ms(300_000),
  SANDBOX_PROVIDER: oneOf(['local', 'http', 'none'], 'local'),
  SANDBOX_API_URL: url(/^https?$/, 'https://sandboxes.example.com'),
  SANDBOX_API_SECRET: z.string().optional().describe('a secret text'),
  SANDBOX_LIMIT: z.coerce.number().int().min(1).optional().describe('a whole number of at least 1'),
  AGENT_COMMAND: z.string().optional().describe('a command line'),
  AGENT_ENV: z
    .string()
    .regex(/^[A-Z_a-z][\w]*(,[A-Z_a-z][\w]*)*$/)
    .optional()
    .describe('names of variables with commas between'),
  AGENT_INACTIVITY_MS: z.coerce
    .number()
    .int()
    .min(5_000)
    .max(3_600_000)
    .default(120_000)
    .describe('a whole number of milliseconds from 5000 to 3600000'),
  SANDBOX_HOSTS: z
    .string()
    .regex(/^[\w.*:[\]-]+(,[\w.*:[\]-]+)*$/)
    .optional()
    .describe('names of hosts with commas between'),
  CALLBACK_URLS: z
    .string()
    .regex(/^[a-z]+=https?:\/\/[^\s,=]+(,[a-z]+=https?:\/\/[^\s,=]+)*$/)
    .optional()
    .describe('sources and addresses such as slack=https://bot.example.com, with commas between'),
  CONTROL_PLANE_URL: url(/^https?$/, 'http://127.0.0.1:8787'),
  DEFAULT_MODEL: z
    .string()
    .regex(/^[^\s/]+\/\S+$/)
    .default('anthropic/claude-haiku-4-5')
    .describe('a provider and a model with a slash between'),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
  SIGNIN_CODE: z.string().optional().describe('a secret text'),
  INSTANCE: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional()
    .describe('a name of up to 64 letters, digits, - and _'),
  CLIENT_AUTH_TIMEOUT_MS: ms(30_000),
  WS_TOKEN_TTL_MS: ms(86_400_000),
  SERVICE_AUTH: oneOf(['any', 'signature'], 'any'),
  SERVICE_TOKEN_WINDOW_MS: ms(300_000),
  HEARTBEAT_STALE_MS: ms(90_000),
  SANDBOX_INACTIVITY_TIMEOUT_MS: ms(600_000),
  INACTIVITY_EXTENSION_MS: ms(300_000),
  SPAWN_COOLDOWN_MS: ms(30_000),
  RECONNECT_WAIT_MS: ms(60_000),
  BREAKER_FAILURES: count(3),
  BREAKER_WINDOW_MS: ms(300_000),
  CONNECT_TIMEOUT_MS: ms(240_000),
  STOP_CONFIRMATION_MS: ms(15_000),
  PUSH_TIMEOUT_MS: ms(360_000),
  PULL_REQUEST_TIMEOUT_MS: ms(600_000),
  EXECUTION_TIMEOUT_MS: ms(7_200_000),
  DISCONNECT_CHECK_MS: ms(90_000),
  DELIVERY_CONFIRMATION_MS: ms(5_000),
  WARM_THROTTLE_MS: ms(10_000),
  SNAPSHOT_TIMEOUT_MS: ms(60_000),
  PRESENCE_SETTLES_MS: ms(30_000),
  ABANDONED_DRAFT_MS: ms(28_800_000),
  MAX_PROMPT_CHARS: count(64_000),
  MAX_UNFINISHED_PROMPTS: count(10),
  OWNER_LEASE_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(60_000)
    .default(2_000)
    .describe('a whole number of milliseconds from 1000 to 60000'),
  SESSION_IDLE_MS: ms(60_000),
}

/** Never shown, neither in a sentence about a mistake nor in a log. */
export const SECRETS: readonly string[] = [
  'INTERNAL_CALLBACK_SECRET',
  'TOKEN_ENCRYPTION_KEY',
  'SANDBOX_API_SECRET',
  'GITHUB_APP_PRIVATE_KEY',
  'GITHUB_WEBHOOK_SECRET',
  'GITHUB_CLIENT_SECRET',
  'SIGNIN_CODE',
] satisfies (keyof typeof VARIABLES)[]
