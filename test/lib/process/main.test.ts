import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import t, { type Test } from 'tap'

const url = (path: string) => JSON.stringify(import.meta.resolve(`../../../${path}`))

/** Runs a service whose body is `body`, and waits until it runs or has ended. */
const service = async (t: Test, body: string, env: Record<string, string> = {}) => {
  const script = `
    import { readConfig } from ${url('config/config.ts')}
    import { main } from ${url('lib/process/main.ts')}
    import { fail } from ${url('subjects/errors.ts')}
    await main('probe', readConfig(process.env), async (config, signal, log) => {
      const stopped = new Promise(resolve => signal.addEventListener('abort', resolve))
      const held = setInterval(() => {}, 1000)
      log.info('running')
      ${body}
      clearInterval(held)
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH, DATA_DIR: t.testdir({}), ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  const ended = once(child, 'close').then(([code]) => ({ code, output }))
  const running = new Promise<void>(resolve => {
    const hear = (chunk: Buffer) => {
      output += chunk
      if (output.includes('running')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  await Promise.race([running, ended])
  return { child, ended }
}

t.test('a signal asks the service to stop, and it finishes what it holds', async t => {
  const { child, ended } = await service(t, "await stopped; log.info('finished')")
  child.kill('SIGTERM')
  t.same(await ended, { code: 0, output: 'probe: running\nprobe: finished\n' })
})

t.test('a second signal ends it at once', async t => {
  const { child, ended } = await service(
    t,
    "signal.addEventListener('abort', () => log.info('asked')); await new Promise(() => {})",
  )
  child.kill('SIGTERM')
  await new Promise<void>(resolve =>
    child.stdout.on('data', chunk => String(chunk).includes('asked') && resolve()),
  )
  child.kill('SIGINT')
  t.match(await ended, { code: 1, output: /stopped hard/ })
})

t.test('it stops when its supervisor is gone', async t => {
  const { child, ended } = await service(t, 'await stopped', { SUPERVISED: '1' })
  child.stdin.end()
  t.match(await ended, { code: 0 })
})

t.test('without a supervisor it does not care for its standard input', async t => {
  const { child, ended } = await service(t, 'await stopped')
  child.stdin.end()
  child.kill('SIGTERM')
  t.match(await ended, { code: 0 })
})

t.test('an expected error is told as its sentence alone', async t => {
  const { ended } = await service(t, "throw fail('PORT_IN_USE', { message: 'Port 1 is in use.' })")
  t.same(await ended, { code: 1, output: 'probe: running\nprobe: fatal: Port 1 is in use.\n' })
})

t.test('an unexpected one with its stack', async t => {
  const { ended } = await service(t, "setTimeout(() => { throw new Error('oops') }); await stopped")
  t.match(await ended, { code: 1, output: /fatal: Error: oops\n +at / })
})

t.test('a mistake in the configuration is told before anything runs', async t => {
  const { ended } = await service(t, 'await stopped', { PORT: 'web' })
  t.match(await ended, { code: 1, output: /^PORT is "web", which is not a port[^\n]*\n$/ })
})

t.test('a service that ends by itself has failed', async t => {
  const { ended } = await service(t, '')
  t.match(await ended, { code: 1, output: /ended without being asked to/ })
})
