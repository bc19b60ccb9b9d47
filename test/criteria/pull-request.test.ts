/**
 * From a prompt to a merged pull request, with everything real: the forge, the github process, a local
 * sandbox and its agent, git over HTTP. On the way a token of the git host is nowhere to be found.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { sandboxToken } from '../../lib/auth/sandbox-token.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

/** As the forge, and GitHub, begin tokens of Apps, of people, and what renews those. */
const TOKEN = /gh[sur]_[A-Za-z0-9]{16,}/

const of =
  (type: string, fits: (frame: Frame) => boolean = () => true) =>
  (frame: Frame) =>
    frame.type === type && fits(frame)
const shows = (state: string) => (frame: Frame) => frame.artifact.metadata?.state === state
const ends = of('sandbox_event', frame => frame.event.type === 'execution_complete')

/** Files under `folder` in which a token stands; one that goes away meanwhile holds nothing. */
const leaks = (folder: string): string[] => {
  const { stdout } = spawnSync('grep', ['-rlaE', TOKEN.source, folder], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean)
}

/**
 * A git before the host's own, that writes down each program which git begins, with all its arguments. In an
 * isolated sandbox that is in its temporary folder, which is all that can be written there.
 */
const tracedGit = () => {
  const folder = mkdtempSync(join(tmpdir(), 'traced-git-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const traces = join(folder, 'traces')
  mkdirSync(traces)
  const script = `#!/bin/sh
traces=${traces}
[ -w "$traces" ] || { traces="$TMPDIR/traces" && mkdir -p "$traces"; }
GIT_TRACE2_EVENT="$traces" GIT_TRACE_REDACT=0 exec ${real} "$@"
`
  writeFileSync(join(folder, 'git'), script, { mode: 0o755 })
  return { traces, PATH: `${folder}:${process.env.PATH}` }
}

/** What living processes were started with, of those that know one of `marks` and a token. */
const argumentsWithToken = async (...marks: readonly string[]) => {
  const seen: string[] = []
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    const text = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
    if (!TOKEN.test(text)) continue
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    if (marks.some(mark => (text + environment).includes(mark))) seen.push(text)
  }
  return seen
}

t.setTimeout(240_000)

t.test('a session ends in a merged pull request', async t => {
  const { traces, PATH } = tracedGit()
  const system = await startSystem(t, { provider: 'local', githubs: 1, env: { PATH } })
  const { call } = system
  const sid = await system.createSession()
  const client = await subscribe(t, system.edges[0] as string, {
    sid,
    token: await system.wsToken(sid, 'alice'),
  })
  const say = async (content: string) => {
    const from = client.frames.length
    client.send({ type: 'prompt', content, clientRequestId: `p${from}` })
    return { from, end: await client.until(ends, from) }
  }
  const commit = 'echo hi > x && git add -A && git commit -qm "Add x" && git log --oneline -1'
  const { from, end } = await say(
    `$ ${commit}\n$ open-pull-request --title "Add x" --body "It says hi."`,
  )
  t.match(end, { event: { success: true } })
  const created = client.frames.slice(from).find(of('artifact_created'))
  t.match(created, {
    artifact: {
      type: 'pr',
      prNumber: 1,
      metadata: { state: 'open', title: 'Add x', base: 'main' },
    },
  })
  const branchName = `open-inspect/${sid}`
  t.match(client.frames.find(of('session_branch')), { branchName })
  const calls = client.frames.filter(of('sandbox_event', one => one.event.type === 'tool_call'))
  t.match(JSON.stringify(calls), `Pull request #1 is open (open): ${created?.artifact.url}`)

  const lent = await call(
    'POST',
    `/sessions/${sid}/scm-credentials`,
    {},
    {
      headers: { authorization: `Bearer ${sandboxToken(system.secret, sid, 1)}` },
    },
  )
  t.match(lent, { status: 200, body: { username: 'x-access-token', password: TOKEN } })
  t.equal(lent.headers.get('cache-control'), 'no-store')
  const forge = async (method: string, path: string) => {
    const answer = await fetch(`${system.forge}/api/v3/repos/demo/hello${path}`, {
      method,
      headers: { authorization: `token ${lent.body.password}` },
      ...(method === 'GET' ? {} : { body: '{}' }),
    })
    return answer.json()
  }
  t.match(await forge('GET', '/pulls/1'), { title: 'Add x', head: { ref: branchName }, commits: 1 })

  await say(
    '$ echo more >> x && git commit -qam "Add more" && open-pull-request --title "Add x, and more"',
  )
  const { body } = await call('GET', `/sessions/${sid}/artifacts`)
  t.match(body.artifacts, [{ metadata: { number: 1, title: 'Add x, and more' } }], 'the same one')
  t.match(await forge('GET', '/pulls/1'), { title: 'Add x, and more', commits: 2 })

  await forge('PUT', '/pulls/1/merge')
  await client.until(of('artifact_updated', shows('merged')))
  t.match((await call('GET', `/sessions/${sid}`)).body, { session: { branchName } })
  const marks = [system.dataDir, new URL(system.forge).host]
  t.same(await argumentsWithToken(...marks), [], 'no process was started with a token')
  const ofSandboxes = join(system.dataDir, 'sandboxes')
  const traced = spawnSync('grep', ['-rhoE', '"(fetch|push)"', traces, ofSandboxes])
  const watched = new Set(String(traced.stdout).split('\n'))
  t.ok(watched.has('"fetch"') && watched.has('"push"'), 'git was watched')
  t.same(leaks(traces), [], 'nor was any program that git began')
  // What the forge keeps is the git host's own.
  const ours = (path: string) => !path.startsWith(join(system.dataDir, 'forge'))
  t.same(leaks(system.dataDir).filter(ours), [], 'no file holds a token')
  t.same(leaks(system.nats.folder), [], 'nor does a stream')
})
