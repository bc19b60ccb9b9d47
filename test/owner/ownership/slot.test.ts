import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { takeSlot } from '../../../lib/owner/ownership/slot.ts'

t.test('a slot has one user, who keeps its name', async t => {
  const dataDir = t.testdir()
  const first = takeSlot(dataDir)
  const second = takeSlot(dataDir)
  t.not(first.folder, second.folder, 'two processes never share a folder')
  t.not(first.owner, second.owner)
  first.release()
  const again = takeSlot(dataDir)
  t.equal(again.owner, first.owner, 'the next one in the slot goes on under the same name')
  t.not(again.incarnation, first.incarnation, 'and can be told apart')
  again.release()
  second.release()
})

t.test('a copy on another machine is another owner', async t => {
  const dataDir = t.testdir()
  const { folder, owner, release } = takeSlot(dataDir)
  release()
  const file = join(folder, 'owner.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), host: 'other' }))
  const moved = takeSlot(dataDir)
  t.not(moved.owner, owner)
  moved.release()
})

t.test('the slot of a killed process is free at once, that of a paused one is not', async t => {
  const dataDir = t.testdir()
  const program = `
    import { takeSlot } from ${JSON.stringify(new URL('../../../lib/owner/ownership/slot.ts', import.meta.url).href)}
    console.log(takeSlot(${JSON.stringify(dataDir)}).folder)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [bytes] = await once(child.stdout, 'data')
  const folder = String(bytes).trim()
  child.kill('SIGSTOP')
  const other = takeSlot(dataDir)
  t.not(other.folder, folder)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const freed = takeSlot(dataDir)
  t.equal(freed.folder, folder)
  freed.release()
  other.release()
})
