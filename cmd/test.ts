/**
 * test: what `npm test` does after the set-up. Gets a nats-server, checks types, form and lint,
 * runs the tests, and closes with one line that says how many passed and failed.
 *
 *   npm test                                   everything
 *   npm test -- test/config/config.test.ts     these files only, without the checks
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Parser, type Result } from 'tap-parser'
import { tell } from '../lib/process/main.ts'
import { ensureNatsServer } from '../lib/process/nats-binary.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules/.bin')
const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) }

const counts = { passed: 0, failed: 0, skipped: 0 }

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Runs a check that is quiet when it is content. */
const check = (name: string, args: readonly string[]): void => {
  const { status, stdout, stderr, error } = spawnSync(join(bin, name), args, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status === 0) {
    say(`ok      ${name}`)
    return
  }
  counts.failed++
  say(`not ok  ${name}\n${stdout}${stderr}${error?.message ?? ''}`)
}

/**
 * Builds tap without its TypeScript plugin, which .taprc asks for, once after each installation:
 * Node runs the tests as they are. tap would do so itself, but only for the run after the next.
 */
const buildTap = (): void => {
  const built = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
  if (!readFileSync(built, 'utf8').includes('"@tapjs/typescript"')) return
  say('Preparing the test runner …')
  const { status, stdout, stderr } = spawnSync(join(bin, 'tap'), ['build'], {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`tap build failed:\n${stdout}${stderr}`)
}

/** Counts the assertions of a test file and those of its subtests, however deep. */
const count = (parser: Parser, into: { failed: number }): void => {
  parser.on('child', (child: Parser) => count(child, into))
  parser.on('assert', (result: Result) => {
    if (result.closingTestPoint) return
    if (result.skip || result.todo) counts.skipped++
    else if (result.ok) counts.passed++
    else into.failed++
  })
}

/** Runs tap and says one line per file, and all of what a failed file said. */
const runTests = async (files: readonly string[]): Promise<void> => {
  const args = ['run', '--reporter=tap', ...files]
  const tap = spawn(join(bin, 'tap'), args, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const parser = new Parser()
  let file = { failed: 0, lines: [] as string[] }
  parser.on('child', (child: Parser) => {
    const own = { failed: 0, lines: [] as string[] }
    file = own
    count(child, own)
    child.on('line', (line: string) => own.lines.push(line))
  })
  parser.on('assert', (result: Result) => {
    const took = `${((result.time ?? 0) / 1000).toFixed(1)} s`
    if (result.ok) {
      say(`ok      ${result.name} (${took})`)
    } else {
      // A file can fail without a failed assertion: it crashed, or broke its plan.
      counts.failed += Math.max(file.failed, 1)
      const told = file.lines.filter(line => !/^\s*ok /.test(line))
      say(`not ok  ${result.name} (${took})\n${told.join('')}`)
      const { exitCode, signal, timeout, error } = result.diag ?? {}
      say(`  ${JSON.stringify({ exitCode, signal, timeout, error })}\n`)
    }
    file = { failed: 0, lines: [] }
  })
  const finished = once(parser, 'complete')
  tap.stdout.pipe(parser)
  const [[code]] = await Promise.all([once(tap, 'close'), finished])
  if (code !== 0 && counts.failed === 0) {
    counts.failed++
    say(`not ok  tap ended with exit code ${code}`)
  }
}

try {
  const files = process.argv.slice(2)
  await ensureNatsServer(process.env, say)
  if (files.length === 0) {
    check('tsc', ['--noEmit', '-p', '.'])
    check('biome', ['check', '--error-on-warnings', '.'])
  }
  buildTap()
  await runTests(files)
} catch (error) {
  counts.failed++
  say(tell(error))
}
const { passed, failed, skipped } = counts
say(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
