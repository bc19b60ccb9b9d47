import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeGitIdentity } from '../../../lib/sandbox/bridge/git-identity.ts'

type Author = Parameters<typeof writeGitIdentity>[1]

const as = async (t: Test, author: Author) => {
  const folder = mkdtempSync(join(tmpdir(), 'identity-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  await writeGitIdentity(folder, author)
  const read = (key: string) =>
    execFileSync('git', ['config', '--file', join(folder, 'git', 'config'), key], {
      encoding: 'utf8',
    }).slice(0, -1)
  return `${read('user.name')} <${read('user.email')}>`
}

const unknown = { userId: 'u1', githubName: null, githubEmail: null } as const
const attributed = (name: string, email: string): Author => ({
  ...unknown,
  gitIdentity: { mode: 'attributed-user', name, email },
})

t.test('whoever wrote the prompt, as git reads it', async t => {
  t.equal(await as(t, attributed('Ada', 'ada@example.com')), 'Ada <ada@example.com>')
  t.equal(
    await as(t, attributed('A "b" \\ c\n[core]\tfsmonitor = x; #', 'x@y')),
    'A "b" \\ c [core] fsmonitor = x; # <x@y>',
    'a name cannot be more than a name',
  )
  const nameless = { ...unknown, gitIdentity: { mode: 'agent-only' } } as const
  t.equal(await as(t, nameless), 'u1 <u1@sandbox.invalid>')
  t.equal(
    await as(t, { ...nameless, githubName: 'Grace', userId: 'a b/c' }),
    'Grace <a-b-c@sandbox.invalid>',
  )
  t.equal(await as(t, { ...nameless, userId: '' }), 'Coding agent <agent@sandbox.invalid>')
})
