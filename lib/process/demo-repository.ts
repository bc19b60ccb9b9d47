/** `demo/hello`: a small repository with a few commits, so that there is something to work on. */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { git } from './git.ts'

type Commit = {
  readonly message: string
  readonly who: string
  readonly at: string
  readonly files: Readonly<Record<string, string>>
}

const README = `# hello

A small program to try a coding agent on.

    node src/hello.js Ada
    node --test

The demo agent understands lines such as these:

    $ git log --oneline
    write src/goodbye.js: export const goodbye = name => \`Goodbye, \${name}!\`
    commit Say goodbye too
`

const COMMITS: readonly Commit[] = [
  {
    message: 'Begin',
    who: 'Ada Lovelace <ada@example.com>',
    at: '1767261600 +0000',
    files: { 'README.md': README.split('\n').slice(0, 4).join('\n') },
  },
  {
    message: 'Say hello',
    who: 'Ada Lovelace <ada@example.com>',
    at: '1767265200 +0000',
    files: {
      'package.json': `${JSON.stringify({ name: 'hello', version: '1.0.0', type: 'module' }, null, 2)}\n`,
      'src/hello.js': `export const hello = name => \`Hello, \${name}!\`

console.log(hello(process.argv[2] ?? 'world'))
`,
    },
  },
  {
    message: 'Hold hello to it by a test',
    who: 'Grace Hopper <grace@example.com>',
    at: '1767268800 +0000',
    files: {
      'test/hello.test.js': `import assert from 'node:assert/strict'
import test from 'node:test'
import { hello } from '../src/hello.js'

test('greets by name', () => assert.equal(hello('Ada'), 'Hello, Ada!'))
`,
    },
  },
  {
    message: 'Tell how to use it',
    who: 'Grace Hopper <grace@example.com>',
    at: '1767272400 +0000',
    files: { 'README.md': README },
  },
]

const counted = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`

/** The commits as `git fast-import` reads them; the same text gives the same hashes everywhere. */
const fastImport = (): string =>
  COMMITS.map(({ message, who, at, files }) =>
    [
      `commit refs/heads/main\ncommitter ${who} ${at}\n${counted(message)}`,
      ...Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${counted(text)}`),
    ].join(''),
  ).join('\n')

/** Makes `demo/hello.git` in the folder of repositories unless it is there. */
export const ensureDemoRepository = async (repos: string): Promise<void> => {
  const path = join(repos, 'demo', 'hello.git')
  if (await stat(path).catch(() => undefined)) return
  await mkdir(join(repos, 'demo'), { recursive: true, mode: 0o700 })
  const fresh = await mkdtemp(join(repos, 'demo', '.hello-'))
  await git(['init', '--quiet', '--bare', '--initial-branch=main', fresh])
  await git(['-C', fresh, 'fast-import', '--quiet'], { input: fastImport() })
  // Another process may have been faster; its repository is the same.
  await rename(fresh, path).catch(() => rm(fresh, { recursive: true, force: true }))
}
