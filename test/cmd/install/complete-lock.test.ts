import { readFileSync } from 'node:fs'
import t from 'tap'
import { completeLock, type Lock } from '../../../cmd/install/complete-lock.ts'

const root = new URL('../../../', import.meta.url)

t.test('optional packages without an entry get one', async t => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: {
          '@a/windows-x64-baseline': '1.0.0',
          'a-linux-x64': '1.0.0',
          b: '^1.0.0',
        },
      },
      'node_modules/a-linux-x64': { version: '1.0.0', integrity: 'kept' },
    },
  } satisfies Lock
  const completed = completeLock(lock)
  t.same(completed.packages, {
    ...lock.packages,
    'node_modules/@a/windows-x64-baseline': {
      version: '1.0.0',
      cpu: ['x64'],
      dev: true,
      optional: true,
      os: ['win32'],
    },
  })
  t.same(completeLock(completed), completed)
})

t.test('our own lock is complete and names no registry', async t => {
  const text = readFileSync(new URL('package-lock.json', root), 'utf8')
  t.equal(`${JSON.stringify(completeLock(JSON.parse(text)), null, 2)}\n`, text)
  t.notMatch(text, /"resolved"/)
})

t.test('every version in package.json is exact', async t => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(new URL('package.json', root), 'utf8'),
  ) as Record<string, Record<string, string>>
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    t.match(version, /^(npm:[\w.-]+@)?\d+\.\d+\.\d+$/, name)
  }
})
