import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import t from 'tap'
import { camel, type Environment, parseConfig, readConfig } from '../../config/config.ts'
import { VARIABLES } from '../../config/variables.ts'

const secrets = {
  INTERNAL_CALLBACK_SECRET: 'shared',
  GIT_HOST: 'none',
  TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
}

const problemsOf = (env: Environment): readonly string[] => {
  try {
    parseConfig({ ...secrets, ...env })
    return []
  } catch (error) {
    const cause = (error as Error).cause as { code: string; problems: string[] }
    t.equal(cause.code, 'CONFIG_INVALID')
    return cause.problems
  }
}

t.test('sample.env has every variable with its default, and no other', async t => {
  const text = readFileSync(new URL('../../config/sample.env', import.meta.url), 'utf8')
  const lines = [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value])
  const inCode = Object.entries(VARIABLES).map(([name, schema]) => [
    name,
    String(schema.parse(undefined) ?? ''),
  ])
  t.same(lines.toSorted(), inCode.toSorted())
})

t.test('an environment becomes one frozen record', async t => {
  const config = parseConfig({ ...secrets, PORT: '9000', LOG_LEVEL: '' })
  t.ok(Object.isFrozen(config))
  t.match(config, {
    port: 9000,
    edgePort: 8788,
    logLevel: 'info',
    natsUrl: 'nats://127.0.0.1:4222',
    natsEmbedded: true,
    controlPlaneUrl: 'http://127.0.0.1:9000',
    agentCommand: undefined,
    production: false,
  })
  t.ok(isAbsolute(config.dataDir))
  t.match(parseConfig({ ...secrets, NATS_URL: 'nats://a:1,nats://b:2' }), {
    natsUrl: 'nats://a:1,nats://b:2',
    natsEmbedded: false,
    natsReplicas: 1,
  })
  t.match(parseConfig({ ...secrets, NATS_NODES: '3', NATS_PORT: '5000' }), {
    natsUrl: 'nats://127.0.0.1:5000,nats://127.0.0.1:5001,nats://127.0.0.1:5002',
    natsReplicas: 3,
  })
  t.equal(camel('MAX_PROMPT_CHARS'), 'maxPromptChars')
})

t.test('each mistake is one sentence with the name, and all are told at once', async t => {
  t.same(problemsOf({ PORT: 'web', SANDBOX_PROVIDER: 'docker' }), [
    'PORT is "web", which is not a port from 1 to 65535: correct it, or leave it unset for 8787.',
    'SANDBOX_PROVIDER is "docker", which is not one of local, http, none: correct it, or leave it unset for local.',
  ])
  t.same(problemsOf({ TOKEN_ENCRYPTION_KEY: 'c2hvcnQ=' }), [
    'TOKEN_ENCRYPTION_KEY has a value that is not the base64 of exactly 32 bytes (openssl rand -base64 32), or several with commas between: correct it.',
  ])
  t.match(problemsOf({ SANDBOX_PROVIDER: 'http' }), [/^SANDBOX_API_URL/, /^SANDBOX_API_SECRET/])
  t.match(problemsOf({ EDGE_PORT: '8787' }), [/^EDGE_PORT and PORT are both 8787/])
  for (const good of ['127.0.0.1', '10.0.0.0/8, ::1', 'fd00::/8']) {
    t.same(problemsOf({ TRUST_PROXY: good }), [], good)
  }
  for (const bad of ['true', '1', '10.0.0.0/33', '10.0.0.0/', '::1,', 'proxy']) {
    t.match(problemsOf({ TRUST_PROXY: bad }), [/^TRUST_PROXY/], bad)
  }
  for (const bad of ['0', '-1', '1.5', '1e99', 'soon']) {
    t.match(problemsOf({ CONNECT_TIMEOUT_MS: bad }), [/^CONNECT_TIMEOUT_MS/], bad)
  }
})

t.test('in development missing secrets are made once', async t => {
  const env = { GIT_HOST: 'none', DATA_DIR: `${t.testdir({})}/new` }
  const first = readConfig(env)
  t.same(readConfig(env), first, 'the next process reads the same')
  t.equal(Buffer.from(first.tokenEncryptionKey, 'base64').length, 32)
  t.equal(statSync(`${env.DATA_DIR}/secrets.json`).mode & 0o777, 0o600)
  t.equal(readConfig({ ...env, INTERNAL_CALLBACK_SECRET: 'x' }).internalCallbackSecret, 'x')
})

t.test('processes that start at once agree on the secrets', async t => {
  const folder = t.testdir({})
  const script = `import { readConfig } from ${JSON.stringify(import.meta.resolve('../../config/config.ts'))}
    console.log(readConfig({ GIT_HOST: 'none', DATA_DIR: ${JSON.stringify(folder)} }).tokenEncryptionKey)`
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const outputs = await Promise.all([run(), run(), run(), run()])
  t.equal(new Set(outputs.map(output => output.stdout)).size, 1)
  t.same(readdirSync(folder), ['secrets.json'], 'no draft is left')
})

t.test('in production a missing secret is named', async t => {
  const env = { NODE_ENV: 'production', DATA_DIR: t.testdir({}) }
  t.throws(() => readConfig(env), /^INTERNAL_CALLBACK_SECRET is not set.*\nTOKEN_ENCRYPTION_KEY is/)
})

t.test('a secrets file that cannot be used is named', async t => {
  const folder = t.testdir({ 'secrets.json': '{"INTERNAL' })
  t.throws(() => readConfig({ DATA_DIR: folder }), {
    message: /secrets\.json cannot be read/,
    cause: { code: 'DATA_DIR_UNUSABLE' },
  })
})
