import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseFormation, parseProcfile } from '../../../lib/process/procfile.ts'

t.test('lines, comments and blanks', async t => {
  t.same(parseProcfile('# all\n\nowner: node cmd/owner.ts \nedge-a:  x: y\n'), [
    { name: 'owner', command: 'node cmd/owner.ts' },
    { name: 'edge-a', command: 'x: y' },
  ])
  t.throws(() => parseProcfile('\nnode x\n'), {
    message: /^Line 2 of the Procfile is "node x"/,
    cause: { code: 'CONFIG_INVALID' },
  })
})

t.test('our own Procfile', async t => {
  const lines = parseProcfile(readFileSync(new URL('../../../Procfile', import.meta.url), 'utf8'))
  for (const { name, command } of lines) t.equal(command, `node cmd/${name}.ts`)
})

t.test('how many of each', async t => {
  const lines = parseProcfile('owner: a\nedge: b\n')
  t.same(
    [...parseFormation(['owner=2'], lines)],
    [
      ['owner', 2],
      ['edge', 1],
    ],
  )
  for (const bad of ['owner', 'owner=', 'owner=-1', 'web=2', 'owner=many']) {
    t.throws(() => parseFormation([bad], lines), { cause: { code: 'CONFIG_INVALID' } }, bad)
  }
})
