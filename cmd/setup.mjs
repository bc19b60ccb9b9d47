/**
 * What `npm start` and `npm test` do first: installs what package-lock.json names, if it is not
 * there already. It is plain JavaScript without any dependency, because it runs on whichever
 * Node the machine has (20 or newer); what comes after it runs on the Node 24 installed here.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const node = `${root}node_modules/.bin/node`

const readJson = path => JSON.parse(readFileSync(path, 'utf8'))

/** The first package whose installed version is not the locked one; undefined when all fit. */
const unfit = () => {
  const locked = readJson(`${root}package-lock.json`).packages
  const record = `${root}node_modules/.package-lock.json`
  if (!existsSync(record)) return 'node_modules'
  const installed = readJson(record).packages
  return Object.keys(locked).find(path => {
    if (path === '') return false
    const { version, integrity, optional } = locked[path]
    const found = installed[path]
    // Optional packages are those of other platforms; npm leaves them out.
    if (!found) return !optional && !locked[path].devOptional
    return found.version !== version || (integrity && found.integrity !== integrity)
  })
}

/** The version of the Node in node_modules, undefined when there is none that runs. */
const nodeVersion = () => {
  try {
    return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

const stop = sentence => {
  console.error(sentence)
  process.exit(1)
}

/** Runs a command quietly; what it said is shown only if it failed. */
const quietly = (command, args, onFailure) => {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (done.status === 0) return
  console.error([done.stdout, done.stderr, done.error?.message].filter(Boolean).join('\n').trim())
  stop(onFailure)
}

const [major] = process.versions.node.split('.').map(Number)
if (major < 20) stop(`Node ${process.versions.node} is too old: install Node 20 or newer.`)

const wanted = readJson(`${root}package.json`).devDependencies.node
if (unfit() || nodeVersion() !== wanted) {
  console.log('Installing packages, which takes about a minute …')
  quietly(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    'The packages could not be installed: npm says why above.',
  )
  if (nodeVersion() !== wanted) {
    stop(
      `npm installed the packages but not Node ${wanted}: run "npm ci --foreground-scripts" and see why (scripts of packages must be allowed).`,
    )
  }
}
quietly(
  node,
  [`${root}cmd/install/uws-glibc.ts`],
  'The web socket server cannot run on this system: the sentence above says why.',
)
