/** What is made of the Markdown that people and programs write into pull requests. */
import t from 'tap'
import { markdown } from '../../lib/forge/pages/parts.ts'

t.test('HTML is text, and a comment in it is nothing', async t => {
  const shown = markdown(
    'Hello <b onclick="x">you</b>\n\n<!-- request 1 -->\nend <!-- 2 --> of it',
  ).html
  t.match(shown, '&lt;b onclick=&quot;x&quot;&gt;you')
  t.notMatch(shown, 'request 1')
  t.match(shown, /end\s+of it/)
  t.notMatch(markdown('<!-- a --> <script>alert(1)</script>').html, '<script>')
  t.notMatch(markdown('<!<!-- -->-- <img src=x onerror=alert(1)> -->').html, '<img')
})
