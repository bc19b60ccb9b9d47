import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import t from 'tap'
import { requireAccount } from '../../lib/forge/accounts.ts'
import { openForge } from '../../lib/forge/forge.ts'
import { createRepository } from '../../lib/forge/repositories.ts'
import { git } from '../../lib/process/git.ts'
import { clone, installationToken, startForge, withToken } from './forges.ts'

t.test('a repository whose folder is gone says so, and what to do', async t => {
  const here = await startForge(t)
  const demo = await here.forge.store.within(db => requireAccount(db, 'demo'))
  await createRepository(here.forge, { owner: demo, name: 'other' })
  const work = await clone(t, `${here.origin}/demo/hello.git`)
  const other = withToken(here.origin, 'demo/other', await installationToken(here))
  const push = () => work.run('push', '--quiet', other, 'main')
  await push()
  const folder = join(here.folder, 'forge/git')
  await rename(folder, `${folder}.away`)
  const lost = /The folder of demo\/other is gone: put a bare clone of it at git\/demo\/other\.git/
  await t.rejects(push(), lost)
  await t.rejects(git(['ls-remote', other]), lost)

  const lines: string[] = []
  const log = pino({}, { write: line => void lines.push(line) })
  const again = await openForge(here.forge.settings, log)
  t.teardown(again.close)
  t.match(lines.join(''), lost, 'the forge starts all the same, and tells')
  await rename(join(`${folder}.away`, 'demo/other.git'), join(folder, 'demo/other.git'))
  await push()
  t.pass('with its folder it is back')
})
