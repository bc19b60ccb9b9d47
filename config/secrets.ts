/**
 * The secrets of a development machine: made once, kept in the data folder with owner-only
 * rights, the same for every process that starts there, also for several at once. Those of the
 * forge have a file of their own, because a file that is there is never changed.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const secret = z.string().min(1)
const secrets = z.object({ INTERNAL_CALLBACK_SECRET: secret, TOKEN_ENCRYPTION_KEY: secret })
const forgeSecrets = z.object({
  GITHUB_APP_ID: secret,
  GITHUB_APP_INSTALLATION_ID: secret,
  GITHUB_APP_PRIVATE_KEY: secret,
  GITHUB_WEBHOOK_SECRET: secret,
  GITHUB_CLIENT_ID: secret,
  GITHUB_CLIENT_SECRET: secret,
})

export type Secrets = z.output<typeof secrets>
export type ForgeSecrets = z.output<typeof forgeSecrets>

/**
 * Reads `secrets.json` of folder `dataDir`, and makes it if it is not there.
 *
 * @throws code `DATA_DIR_UNUSABLE` when the folder or the file cannot be used.
 */
export const developmentSecrets = (dataDir: string): Secrets =>
  kept(dataDir, 'secrets.json', secrets, () => ({
    INTERNAL_CALLBACK_SECRET: randomBytes(32).toString('hex'),
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  }))

/** As {@link developmentSecrets}: the App of the forge, in `forge-secrets.json`. */
export const developmentForge = (dataDir: string): ForgeSecrets =>
  kept(dataDir, 'forge-secrets.json', forgeSecrets, () => ({
    GITHUB_APP_ID: '1',
    GITHUB_APP_INSTALLATION_ID: '1',
    GITHUB_APP_PRIVATE_KEY: generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }).privateKey,
    GITHUB_WEBHOOK_SECRET: randomBytes(32).toString('hex'),
    GITHUB_CLIENT_ID: `Iv1.${randomBytes(8).toString('hex')}`,
    GITHUB_CLIENT_SECRET: randomBytes(20).toString('hex'),
  }))

const kept = <T>(dataDir: string, name: string, schema: z.ZodType<T>, make: () => T): T => {
  const path = join(dataDir, name)
  try {
    return read(path, schema) ?? keep(dataDir, path, schema, make())
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const broken = (error as NodeJS.ErrnoException).code === undefined
    throw new Error(
      broken
        ? `The secrets in ${path} cannot be read (${why}): repair that file, or remove it to have new ones made.`
        : `The folder ${dataDir} (DATA_DIR) cannot be used (${why}): make it one that this user may write, or set DATA_DIR to another.`,
      { cause: { code: 'DATA_DIR_UNUSABLE', error } },
    )
  }
}

const read = <T>(path: string, schema: z.ZodType<T>): T | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const keep = <T>(dataDir: string, path: string, schema: z.ZodType<T>, made: T): T => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  // A link appears at once and whole, and only if nothing has that name: of several processes
  // one wins, and the others read what it wrote.
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const theirs = read(path, schema)
    if (!theirs) throw error
    return theirs
  } finally {
    rmSync(draft, { force: true })
  }
}
