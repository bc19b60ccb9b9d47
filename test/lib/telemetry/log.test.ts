import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import t from 'tap'
import { shortLine } from '../../../lib/telemetry/log.ts'

const logged = async (production: boolean, statement: string) => {
  const script = `
    import { makeLog } from ${JSON.stringify(import.meta.resolve('../../../lib/telemetry/log.ts'))}
    const log = makeLog('probe', { logLevel: 'info', production: ${production}, instance: undefined })
    ${statement}`
  const args = ['--input-type=module', '-e', script]
  return (await promisify(execFile)(process.execPath, args)).stdout
}

t.test('production writes one JSON line, without what opens doors', async t => {
  const line = await logged(
    true,
    "log.info({ token: 'T0P', deep: { authToken: 'T0P' }, url: '/login?code=T0P', n: 1 }, 'hello')",
  )
  t.match(JSON.parse(line), { name: 'probe', level: 30, msg: 'hello', n: 1, url: '/login?…' })
  t.notMatch(line, /T0P/)
})

t.test('development writes short lines for people', async t => {
  t.equal(
    await logged(false, "log.warn({ sid: 'a', why: 'b c' }, 'slow'); log.debug('no')"),
    'probe: warning: slow (sid=a why="b c")\n',
  )
})

t.test('an error brings its message, and from error level on its stack', async t => {
  const error = { message: 'lost', stack: 'Error: lost\n    at x' }
  const line = (level: number) => shortLine(JSON.stringify({ level, name: 'p', msg: 'm', error }))
  t.equal(line(40), 'p: warning: m (error=lost)\n')
  t.equal(line(50), 'p: error: m (error=lost)\nError: lost\n    at x\n')
})
