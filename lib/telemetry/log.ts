/**
 * The log of a process: structured lines in production, short ones for people in development.
 * It writes to standard output and nowhere else, and leaves out what must not be kept.
 */
import process from 'node:process'
import pino, { type Logger } from 'pino'
import type { Config } from '../../config/config.ts'

export type Log = Logger

/** Fields that hold something which opens a door, wherever they stand up to two levels deep. */
const SECRET_FIELDS = [
  'token',
  'authToken',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
  'password',
  'signinCode',
]

/** Makes the log of process `name`. */
export const makeLog = (
  name: string,
  config: Pick<Config, 'logLevel' | 'production' | 'instance'>,
): Log => {
  const options: pino.LoggerOptions = {
    name: config.instance ?? name,
    level: config.logLevel,
    base: { pid: process.pid },
    redact: SECRET_FIELDS.flatMap(field => [field, `*.${field}`, `*.*.${field}`]),
    serializers: {
      url: withoutQuery,
      err: pino.stdSerializers.err,
      error: pino.stdSerializers.err,
    },
  }
  return config.production ? pino(options) : pino(options, { write: line => say(line) })
}

/** Tokens and codes may stand in the query of an address. */
const withoutQuery = (url: unknown): unknown =>
  typeof url === 'string' ? url.replace(/\?.*/s, '?…') : url

const say = (line: string) => process.stdout.write(shortLine(line))

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace ',
  20: 'debug ',
  30: '',
  40: 'warning: ',
  50: 'error: ',
  60: 'fatal: ',
}

/** Turns a structured line into one for a person: `owner: took partition 3 (sessions=12)`. */
export const shortLine = (line: string): string => {
  const { level, msg, name, pid, time, err, error, ...rest } = JSON.parse(line)
  const caught = err ?? error
  const facts = Object.entries(rest).map(([key, value]) => `${key}=${plain(value)}`)
  if (caught?.message && caught.message !== msg) facts.push(`error=${plain(caught.message)}`)
  const stack = level >= 50 && caught?.stack ? `\n${caught.stack}` : ''
  return `${name}: ${LEVELS[level] ?? ''}${msg ?? ''}${facts.length ? ` (${facts.join(' ')})` : ''}${stack}\n`
}

const plain = (value: unknown): string =>
  typeof value === 'string' && /^\S*$/.test(value) ? value : JSON.stringify(value)
