import t from 'tap'
import { scriptOf } from '../../../lib/sandbox/demo-agent/script.ts'

t.test('understands its lines and leaves the rest as words', async t => {
  const script = scriptOf(
    [
      'Please do this:',
      '$ git log | head -3',
      '  write src/a b.js: const x = "a: b"\\nx()',
      'append notes: more',
      'commit Say: hello',
      '!slow 40',
      '!duplicate',
      '!flood 12',
      '!stall hard',
      '!crash',
      'thanks',
    ].join('\n'),
  )
  t.strictSame(script, {
    steps: [
      { kind: 'run', command: 'git log | head -3' },
      { kind: 'write', path: 'src/a b.js', text: 'const x = "a: b"\nx()\n', append: false },
      { kind: 'write', path: 'notes', text: 'more\n', append: true },
      { kind: 'commit', message: 'Say: hello' },
      { kind: 'flood', count: 12 },
      { kind: 'stall', hard: true },
      { kind: 'crash' },
    ],
    words: 'Please do this:\nthanks',
    wordEveryMs: 40,
    duplicate: true,
    silent: false,
  })
})
