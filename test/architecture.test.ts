/**
 * Who may import whom, where subjects are spelled, and how long a file may be. See the rooms in
 * the README; a rule that is in the way is a reason to talk, not to make an exception here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))
const MAX_LINES = 300

type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] }

const IMPORT =
  /^\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/gm

/** What a source imports: paths from the root for our own files, names for packages. */
const importsOf = (path: string, text: string): string[] =>
  [...text.matchAll(IMPORT)].map(([, from, bare]) => {
    const name = from ?? bare ?? ''
    return name.startsWith('.') ? relative(root, resolve(root, dirname(path), name)) : name
  })

const sources: readonly Source[] = ['cmd', 'subjects', 'config', 'lib'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(ts|tsx|mjs)$/.test(name))
    .map(name => {
      const path = join(folder, name)
      const text = readFileSync(join(root, path), 'utf8')
      return { path, text, imports: importsOf(path, text) }
    }),
)

/** The room of a path: `lib/owner` or `subjects`; undefined for a package. */
const roomOf = (path: string): string | undefined =>
  /^(lib\/[^/]+|cmd|subjects|config|test|bench)(?:\/|$)/.exec(path)?.[1]

/** What a room may import besides itself and packages. A room that is not here: anything. */
const ALLOWED: Readonly<Record<string, readonly RegExp[]>> = {
  subjects: [],
  config: [],
  'lib/session': [/^subjects\//],
  'lib/client': [/^subjects\/frames[^/]*\.ts$/],
  'lib/console': [/^lib\/client\//],
}

/** These meet in subjects and lib/bus, and never import each other. */
const APART = ['lib/owner', 'lib/edge', 'lib/api', 'lib/github', 'lib/sandbox', 'lib/forge']

/** The pure core is for those who decide, project and show. */
const USES_SESSION = ['lib/owner', 'lib/edge', 'lib/store']

const violation = (from: Source, to: string): string | undefined => {
  const room = roomOf(from.path) ?? ''
  const other = roomOf(to)
  if (!other || other === room) return undefined
  const told = `${from.path} imports ${to}`
  if (other === 'test' || other === 'bench') return told
  if (other === 'cmd') return told
  if (ALLOWED[room] && !ALLOWED[room].some(pattern => pattern.test(to))) return told
  if (APART.includes(room) && APART.includes(other)) return told
  if (other === 'lib/session' && !USES_SESSION.includes(room)) return told
  return undefined
}

t.test('who imports whom', async t => {
  t.ok(sources.length > 20, 'the sources were found')
  const wrong = sources.flatMap(source =>
    source.imports.flatMap(name => violation(source, name) ?? []),
  )
  t.same(wrong, [])
})

t.test('the rules see what they forbid', async t => {
  const source = (path: string, text: string) => ({ path, text, imports: importsOf(path, text) })
  const wrong = [
    source('lib/owner/a.ts', "import { b } from '../edge/b.ts'"),
    source('lib/session/a.ts', "import type { Config } from '../../config/config.ts'"),
    source('lib/client/a.ts', "export * from '../../subjects/commands.ts'"),
    source('lib/api/a.ts', "const x = await import('../session/state.ts')"),
    source('subjects/a.ts', "import '../lib/bus/json.ts'"),
    source('lib/bus/a.ts', "import {\n  b,\n} from '../../test/fixtures/b.ts'"),
  ]
  for (const one of wrong) {
    t.equal(one.imports.flatMap(name => violation(one, name) ?? []).length, 1, one.text)
  }
})

t.test('subjects are spelled in subjects/ alone', async t => {
  const subject =
    /['"`](?:cmd|evt|idx|job|tmr|fire|hook|snap|dlq|live|text|presence|beat|ask)\.[^'"`\s]*['"`]|\$KV\.|\$JS\./g
  const wrong = sources
    .filter(({ path }) => roomOf(path) !== 'subjects')
    .flatMap(({ path, text }) => [...text.matchAll(subject)].map(([found]) => `${path}: ${found}`))
  t.same(wrong, [])
})

t.test('a file is one thought', async t => {
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
  t.same(long, [])
})

t.test('no barrels and no drawers', async t => {
  const names = /(?:^|\/)(?:index|utils?|types?|helpers?)\.tsx?$/
  t.same(
    sources.map(({ path }) => path).filter(path => names.test(path)),
    [],
  )
})
