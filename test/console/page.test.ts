/**
 * The console in a real browser, over the whole system with a real sandbox: two people, one session,
 * and processes that are killed while it runs.
 */
import type { Page } from 'playwright-core'
import t from 'tap'
import { startSystem } from '../fixtures/system.ts'
import { findChromium, startBrowser } from './chromium.ts'

const chromium = findChromium()
const skip = chromium ? false : 'there is no Chromium on this machine (set CHROMIUM to its path)'

const promptBox = (page: Page) => page.getByRole('textbox', { name: 'Prompt', exact: true })
const type = async (page: Page, text: string) => {
  await promptBox(page).fill(text)
  await promptBox(page).press('Enter')
}
/** Completed prompts on show. */
const finished = (page: Page, count: number) =>
  page.waitForFunction(
    n => document.querySelectorAll('.line.execution_complete').length === n,
    count,
    { timeout: 60_000 },
  )
/** Every line of the timeline as it is read, without the marks of who looks. */
const lines = (page: Page) =>
  page
    .locator('.timeline .line')
    .evaluateAll(all => all.map(one => one.textContent.replace(/\s*\(you\)/, '')))
const counted = (texts: string[], part: string) => texts.filter(one => one.includes(part)).length

t.test('two people in one session, whatever dies', { skip, timeout: 180_000 }, async t => {
  const system = await startSystem(t, { provider: 'local' })
  const browser = await startBrowser(t, chromium as string)
  const [api = ''] = system.apis
  const problems: string[] = []
  const open = async (options: object) => {
    const page = await (await browser.newContext(options)).newPage()
    page.on('pageerror', error => problems.push(error.message))
    page.on('console', message => {
      // What the policy of the page forbids is said here, and nowhere else.
      if (/Content Security Policy/.test(message.text())) problems.push(message.text())
    })
    return page
  }

  const ada = await open({ viewport: { width: 1200, height: 800 } })
  await ada.goto(`${api}/login?code=${system.signinCode}`)
  await ada
    .getByLabel('First prompt')
    .fill('$ echo "one ü 日本"\nwrite notes.md: first\ncommit Add notes')
  await ada.getByLabel('First prompt').press('Enter')
  await finished(ada, 1)
  t.match(ada.url(), /\/s\/[0-9a-f]{32}$/)
  const tool = ada.locator('.tool.done').first()
  t.match(await tool.textContent(), /echo "one ü 日本"/)
  t.notOk(await tool.locator('pre').count(), 'output is folded away')
  await tool.locator('summary').click()
  t.match(await tool.locator('pre').last().textContent(), 'one ü 日本')
  await tool.locator('summary').click()
  await ada.locator('nav .dot.completed').waitFor()
  t.match(await ada.title(), 'echo', 'the page is named after its session')

  await ada.getByRole('button', { name: 'Invite' }).click()
  await ada.getByLabel('Their name').fill('Bob Brown')
  await ada.getByLabel('Their name').press('Enter')
  const link = await ada.getByLabel('Invitation link').inputValue()
  await ada.getByRole('button', { name: 'Close' }).click()
  const bob = await open({ viewport: { width: 390, height: 780 }, colorScheme: 'dark' })
  await bob.goto(link)
  await bob.getByRole('button', { name: 'Join as Bob Brown' }).click()
  await finished(bob, 1)
  await ada.locator('.people').getByRole('img', { name: 'Bob Brown' }).waitFor()
  t.equal(bob.url(), ada.url(), 'the invitation leads to the session')

  t.comment('a run during which the owner and the edge are killed')
  await type(ada, '$ for i in 1 2 3 4; do echo "line $i"; sleep 1; done\n$ echo after')
  await bob.locator('.tool.running').waitFor()
  await type(bob, '$ echo "from Bob"')
  await ada.locator('.queue li', { hasText: 'from Bob' }).waitFor()
  t.match(await ada.locator('.queue li').textContent(), /2BBBob Brown/, 'place and author')
  await Promise.all([system.process('owner').kill(), system.process('edge').kill()])
  await ada.locator('.bar').waitFor()
  await type(ada, '$ echo "typed while nobody listened"')
  await ada.locator('.queue .sending').waitFor()
  await Promise.all([system.process('owner').start(), system.process('edge').start()])
  await finished(ada, 4)
  await finished(bob, 4)
  t.comment('a run during which the bus and the api are killed')
  await type(bob, '!slow 100\nWhat can you do?')
  await ada.locator('.words.growing').waitFor()
  await Promise.all([system.nats.kill(), system.process('api').kill()])
  await system.nats.restart()
  await system.process('api').start()
  await finished(ada, 5)
  await finished(bob, 5)

  const seen = await lines(ada)
  t.strictSame(await lines(bob), seen, 'both see the same')
  for (const part of ['from Bob', 'typed while nobody listened', 'What can you do?']) {
    const said = await ada.locator('.user-message', { hasText: part }).count()
    t.equal(said, 1, `"${part}" once`)
  }
  t.equal(counted(seen, 'Finished'), 5)
  await ada.reload()
  await finished(ada, 5)
  t.strictSame(await lines(ada), seen, 'and a page that is loaded anew shows it so too')

  t.comment('stopping')
  await type(ada, '$ sleep 60')
  await ada.locator('.tool.running').waitFor()
  await bob.getByRole('button', { name: 'Stop' }).click()
  await ada.locator('.note.failed', { hasText: 'stopped' }).waitFor()
  await bob.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })

  t.comment('keyboard and narrow screens')
  await bob.getByRole('button', { name: 'Sessions' }).click()
  await bob.getByRole('link', { name: 'New session' }).click()
  t.equal(new URL(bob.url()).pathname, '/')
  const box = bob.getByLabel('First prompt')
  await box.fill('one')
  await box.press('Shift+Enter')
  t.equal(await box.inputValue(), 'one\n', 'Shift+Enter is a new line')
  const wide = await bob.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  t.notOk(wide, 'nothing sticks out on a phone')
  t.strictSame(problems, [])
})
