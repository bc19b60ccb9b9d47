/** Reading along and what gets in the way of it, in a real browser at the forge. */
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
const finished = (page: Page, count: number) =>
  page.waitForFunction(
    n => document.querySelectorAll('.line.execution_complete').length === n,
    count,
    { timeout: 60_000 },
  )
/** How many pixels are below what is in view. */
const below = (page: Page) =>
  page
    .locator('.timeline')
    .evaluate(box => Math.round(box.scrollHeight - box.scrollTop - box.clientHeight))
/** Two frames: what was drawn has been scrolled, and what was scrolled has been told. */
const drawn = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<void>(done => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  )

t.test('reading along', { skip, timeout: 240_000 }, async t => {
  const system = await startSystem(t, { provider: 'local', githubs: 1 })
  const browser = await startBrowser(t, chromium as string)
  const [api = ''] = system.apis
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  const page = await context.newPage()
  const pictures: string[] = []
  page.on('console', message => {
    if (/img-src/.test(message.text())) pictures.push(message.text())
  })

  await page.goto(`${api}/login?code=used`)
  t.match(await page.locator('h1').textContent(), 'This link no longer works')
  await page.getByRole('link', { name: 'Sign in at the local forge' }).click()
  await page.getByRole('button', { name: 'alice' }).click()
  // What there is to work on can be chosen.
  await page.locator('datalist option[value="demo/hello"]').waitFor({ state: 'attached' })
  await page.getByLabel('First prompt').fill('$ seq 1 40')
  await page.getByLabel('First prompt').press('Enter')
  await finished(page, 1)

  t.comment('the end stays in view')
  for (const count of [2, 3]) {
    await promptBox(page).fill(`${'one line\n'.repeat(12)}$ seq 1 9\n`.repeat(2))
    await drawn(page)
    t.ok((await below(page)) < 2, 'while a long prompt is typed')
    await promptBox(page).press('Enter')
    await finished(page, count)
    await drawn(page)
    t.ok((await below(page)) < 2, 'and after it is done')
  }
  await page.setViewportSize({ width: 1200, height: 500 })
  await drawn(page)
  t.ok((await below(page)) < 2, 'also when the window is smaller')
  await page.locator('.timeline').evaluate(box => box.scrollTo(0, 0))
  await page.getByRole('button', { name: 'Newest' }).waitFor()
  await page.setViewportSize({ width: 1200, height: 800 })
  await drawn(page)
  t.ok((await below(page)) > 200, 'who has gone up stays there')
  await type(page, '$ echo colours; printf "\\033[31mred\\033[0m\\n10 %%\\r100 %%\\n"')
  await page.getByRole('button', { name: 'Newest' }).waitFor({ state: 'detached' })
  await finished(page, 4)
  t.ok((await below(page)) < 2, 'until they send something')

  t.comment('output is read as a terminal shows it')
  const last = page.locator('.tool').last()
  t.match(await last.locator('.preview').textContent(), /^colours\nred\n100 %$/)
  await type(page, '$ true')
  await finished(page, 5)
  t.equal(await page.locator('.tool .name').last().textContent(), 'bash', 'a command of one word')

  t.comment('what is folded open is read, not scrolled away')
  await type(page, '$ seq 1 30\n$ sleep 2; echo slept')
  await page.locator('.tool.running').waitFor()
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const moving = await page.evaluate(() => document.getAnimations().length)
  t.equal(moving, 0, 'nothing moves for those who do not want it')
  await page.locator('.tool', { hasText: 'Show all 30' }).last().locator('summary').click()
  await page.getByRole('button', { name: 'Newest' }).waitFor()
  await finished(page, 6)
  t.ok((await below(page)) > 80)

  t.comment('what goes wrong in a dialog is said in it')
  await page.getByRole('button', { name: 'Create pull request' }).click()
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  t.match(await page.getByRole('dialog').getByRole('alert').textContent(), /commit.*do that first/)
  await page.keyboard.press('Escape')

  t.comment('a dialog gives the focus back')
  await page.getByLabel('More', { exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.more summary:focus').waitFor()
  t.equal(pictures.length, 1, 'a picture that cannot be had is asked for once')
})
