import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ensureDemoRepository } from '../../../lib/process/demo-repository.ts'
import { prepareWorkspace, repositoryFolder } from '../../../lib/sandbox/local/repositories.ts'

const repositories = async (t: Test) => {
  const folder = mkdtempSync(join(tmpdir(), 'repos-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const repos = join(folder, 'repos')
  mkdirSync(repos)
  await Promise.all([ensureDemoRepository(repos), ensureDemoRepository(repos)])
  return { folder, repos }
}

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-C', cwd, ...args], { encoding: 'utf8' }).trim()

t.test('the demo repository is the same everywhere, and its program works', async t => {
  const { folder, repos } = await repositories(t)
  t.strictSame(readdirSync(join(repos, 'demo')), ['hello.git'])
  const repository = await repositoryFolder(repos, 'demo', 'hello')
  const other = await repositories(t)
  const head = git(repository, 'rev-parse', 'main')
  t.equal(head, git(join(other.repos, 'demo', 'hello.git'), 'rev-parse', 'main'))
  t.equal(git(repository, 'rev-list', '--count', 'main'), '4')
  const workspace = join(folder, 'workspace')
  await prepareWorkspace({ repository, workspace, sid: 's1', baseBranch: 'main' })
  const node = (...args: string[]) =>
    execFileSync(process.execPath, args, { cwd: workspace, encoding: 'utf8', env: {} })
  t.equal(node('src/hello.js', 'Ada'), 'Hello, Ada!\n')
  t.match(node('--test'), /pass 1/)
})

t.test('a workspace is a clone on the branch of its session, made once', async t => {
  const { folder, repos } = await repositories(t)
  const repository = await repositoryFolder(repos, 'demo', 'hello')
  const workspace = join(folder, 'workspace')
  mkdirSync(`${workspace}.new`)
  writeFileSync(join(`${workspace}.new`, 'half'), 'a clone')
  const options = { repository, workspace, sid: 's1', baseBranch: 'main' }
  await prepareWorkspace(options)
  t.equal(git(workspace, 'branch', '--show-current'), 'open-inspect/s1')
  t.equal(git(workspace, 'status', '--short'), '')
  const objects = join(workspace, '.git', 'objects')
  for (const name of readdirSync(objects, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(objects, name))
    if (stat.isFile()) t.equal(stat.nlink, 1, 'shares no file with the repository')
  }
  writeFileSync(join(workspace, 'work'), 'unfinished')
  await prepareWorkspace(options)
  t.ok(existsSync(join(workspace, 'work')), 'work is never thrown away')
})

t.test('what is not there is told by name', async t => {
  const { folder, repos } = await repositories(t)
  for (const [owner, name] of [
    ['demo', 'goodbye'],
    ['..', 'repos/demo/hello'],
    ['demo', '../demo/hello'],
    ['demo', '../../etc'],
    ['-demo', 'hello'],
    ['', ''],
  ] as const) {
    await t.rejects(repositoryFolder(repos, owner, name), {
      message: /There is: demo\/hello\./,
      cause: { code: 'REPOSITORY_NOT_FOUND' },
    })
  }
  const repository = await repositoryFolder(repos, 'demo', 'hello')
  const workspace = join(folder, 'workspace')
  await t.rejects(prepareWorkspace({ repository, workspace, sid: 's1', baseBranch: '--all' }), {
    message: 'The repository has no branch --all. It has: main.',
    cause: { code: 'PROVIDER_REFUSED' },
  })
  t.notOk(existsSync(workspace))
})
