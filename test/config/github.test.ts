import { generateKeyPairSync } from 'node:crypto'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { type Environment, parseConfig, readConfig } from '../../config/config.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const pkcs8 = rsa.export({ type: 'pkcs8', format: 'pem' }).toString()
const pkcs1 = rsa.export({ type: 'pkcs1', format: 'pem' }).toString()

const secrets = {
  INTERNAL_CALLBACK_SECRET: 'shared',
  TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
}
const app = {
  GITHUB_APP_ID: '17',
  GITHUB_APP_INSTALLATION_ID: '99',
  GITHUB_APP_PRIVATE_KEY: pkcs8,
  GITHUB_WEBHOOK_SECRET: 'hush',
  GITHUB_CLIENT_ID: 'Iv1.x',
  GITHUB_CLIENT_SECRET: 'psst',
}

const problemsOf = (env: Environment): string => {
  try {
    parseConfig({ ...secrets, ...env })
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

t.test('an App means GitHub, with addresses that can be set', async t => {
  t.same(parseConfig({ ...secrets, ...app }).github, {
    host: 'github',
    apiUrl: 'https://api.github.com',
    url: 'https://github.com',
    appId: 17,
    installationId: 99,
    privateKey: pkcs8,
    webhookSecret: 'hush',
    clientId: 'Iv1.x',
    clientSecret: 'psst',
    commentPrompts: [],
  })
  const enterprise = {
    GITHUB_API_URL: 'https://git.example.com/api/v3/',
    GITHUB_URL: 'https://git.example.com/',
  }
  t.match(parseConfig({ ...secrets, ...app, ...enterprise }).github, {
    apiUrl: 'https://git.example.com/api/v3',
    url: 'https://git.example.com',
  })
})

t.test('a key may be PKCS#1 or PKCS#8, on one line too', async t => {
  for (const key of [pkcs1, pkcs8, pkcs1.replaceAll('\n', '\\n'), pkcs8.replaceAll('\n', '\\n')]) {
    const { github } = parseConfig({ ...secrets, ...app, GITHUB_APP_PRIVATE_KEY: key })
    t.equal(github?.privateKey, pkcs8)
  }
})

t.test('what is missing or malformed is named, and no secret shown', async t => {
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const bad = [
    'no key',
    pkcs8.slice(0, 900),
    elliptic.export({ type: 'pkcs8', format: 'pem' }) as string,
  ]
  for (const GITHUB_APP_PRIVATE_KEY of bad) {
    t.equal(
      problemsOf({ ...app, GITHUB_APP_PRIVATE_KEY }),
      'GITHUB_APP_PRIVATE_KEY has a value that is not an RSA private key in PEM form (PKCS#1 or PKCS#8, not encrypted): correct it.',
    )
  }
  t.match(problemsOf({ ...app, GITHUB_APP_ID: 'mine' }), /^GITHUB_APP_ID is "mine", which is not/)
  for (const name of Object.keys(app)) {
    t.match(problemsOf({ GIT_HOST: 'github', ...app, [name]: '' }), `${name} is not set, but`)
  }
  t.match(problemsOf({ ...app, GIT_HOST: 'gitlab' }), /^GIT_HOST is "gitlab", which is not one of/)
  t.match(problemsOf({ ...app, GIT_HOST: 'forge', NODE_ENV: 'production' }), /^GIT_HOST is forge/)
  t.match(problemsOf({ ...app, GIT_HOST: 'forge', FORGE_PORT: '8787' }), /^FORGE_PORT and PORT are/)
  t.equal(problemsOf({ ...app, FORGE_PORT: '8787' }), '', 'the port of a forge that does not run')
})

t.test('without an App, development has the forge, production nothing', async t => {
  const env = { DATA_DIR: t.testdir({}), FORGE_PORT: '9100' }
  const { github, ...rest } = readConfig(env)
  t.match(github, {
    host: 'forge',
    apiUrl: 'http://127.0.0.1:9100/api/v3',
    url: 'http://127.0.0.1:9100',
  })
  t.notMatch(Object.keys(rest).join(), /github|gitHost/, 'its settings are told once')
  t.same(readConfig(env).github, github, 'the next process reads the same')
  t.same(readdirSync(env.DATA_DIR).toSorted(), ['forge-secrets.json', 'secrets.json'])
  t.equal(readConfig({ ...env, GIT_HOST: 'none' }).github, null)
  t.equal(parseConfig({ ...secrets, NODE_ENV: 'production' }).github, null)
})

t.test('keys that are changed, and lists of people', async t => {
  const [first, second] = [1, 2].map(n => Buffer.alloc(32, n).toString('base64'))
  const keys = { ...secrets, TOKEN_ENCRYPTION_KEY: `${first}, ${second}` }
  t.equal(parseConfig({ ...keys, ...app }).tokenEncryptionKey, `${first}, ${second}`)
  t.match(
    problemsOf({ TOKEN_ENCRYPTION_KEY: `${first},short` }),
    /^TOKEN_ENCRYPTION_KEY has a value/,
  )
  t.match(problemsOf({ ALLOWED_GITHUB_USERS: 'a b' }), /^ALLOWED_GITHUB_USERS is "a b"/)
  const { github } = parseConfig({ ...secrets, ...app, GITHUB_COMMENT_PROMPTS: 'Alice, bob' })
  t.same(github?.commentPrompts, ['alice', 'bob'])
})
