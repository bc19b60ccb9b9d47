import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { takeLock } from '../../../lib/process/lock.ts'

t.test('one at a time', async t => {
  const path = join(t.testdir({}), 'lock')
  const lock = takeLock(path)
  t.ok(lock)
  t.equal(takeLock(path), undefined)
  lock?.release()
  const next = takeLock(path)
  t.ok(next)
  next?.release()
})

t.test('it ends with its holder, however that ends, and not before', async t => {
  const path = join(t.testdir({}), 'lock')
  const module = JSON.stringify(import.meta.resolve('../../../lib/process/lock.ts'))
  const script = `
    import { takeLock } from ${module}
    takeLock(${JSON.stringify(path)})
    global.gc()
    console.log('held')
    setInterval(() => {}, 1000)`
  const args = ['--expose-gc', '--input-type=module', '-e', script]
  const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  t.equal(takeLock(path), undefined, 'although nothing there refers to it')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const lock = takeLock(path)
  t.ok(lock)
  lock?.release()
})
