/** Many sessions in a real browser: found, put away, and read on a narrow screen. Nothing runs: no provider. */
import type { Locator, Page } from 'playwright-core'
import t from 'tap'
import { startSystem } from '../fixtures/system.ts'
import { findChromium, startBrowser } from './chromium.ts'

const chromium = findChromium()
const skip = chromium ? false : 'there is no Chromium on this machine (set CHROMIUM to its path)'

const MANY = 104
const rows = (page: Page) => page.locator('.sessions li')
const search = (page: Page) => page.getByRole('searchbox', { name: 'Search sessions by title' })
const shows = (page: Page, count: number) =>
  page.waitForFunction(n => document.querySelectorAll('.sessions li').length === n, count)
/** The lower edge, in pixels from the top of the window. */
const ends = (of: Locator) => of.evaluate(one => one.getBoundingClientRect().bottom)

t.test('many sessions', { skip, timeout: 240_000 }, async t => {
  const system = await startSystem(t)
  const browser = await startBrowser(t, chromium as string)
  const [api = ''] = system.apis
  const sids: string[] = []
  for (let n = 0; n < MANY; n++) {
    sids.push(await system.createSession({ title: n === 1 ? 'The café’s door' : `Task ${n}` }))
  }
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  const page = await context.newPage()
  await page.goto(`${api}/login?code=${system.signinCode}`)

  t.comment('all of them can be had, and any of them found')
  await shows(page, 50)
  await page.getByRole('button', { name: 'Show more' }).click()
  await shows(page, 100)
  await page.getByRole('button', { name: 'Show more' }).click()
  await shows(page, MANY)
  t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
  await search(page).fill('CAFÉ')
  await shows(page, 1)
  await rows(page).getByRole('link').click()
  await page.getByRole('heading', { name: 'The café’s door' }).waitFor()
  await search(page).fill('nothing like it')
  await page.getByText('No session is called so.').waitFor()
  t.equal(await ends(page.locator('aside')), 800, 'the page fills the window')
  await search(page).fill('café')
  await shows(page, 1)

  t.comment('what is put away is out of the way')
  await page.locator('.more summary').click()
  await page.getByRole('button', { name: 'Archive …' }).click()
  await page.getByRole('button', { name: 'Archive', exact: true }).click()
  await shows(page, 0)
  await page.getByRole('button', { name: 'Show archived' }).click()
  await shows(page, 1)
  await rows(page).getByRole('img', { name: 'Archived' }).waitFor()

  t.comment('a session that is not there')
  await page.goto(`${api}/s/${'0'.repeat(32)}`)
  await page.getByRole('heading', { name: 'No session' }).waitFor()
  await page.getByText('Session not found').waitFor()

  t.comment('on a narrow screen')
  await page.setViewportSize({ width: 360, height: 740 })
  const list = page.getByRole('navigation', { name: 'Sessions' })
  await page.getByRole('button', { name: 'Sessions' }).click()
  await list.waitFor()
  await page.mouse.click(345, 500)
  await list.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Sessions' }).click()
  await list.waitFor()
  await page.keyboard.press('Escape')
  await list.waitFor({ state: 'hidden' })

  t.comment('a message does not lie over what is pressed')
  await page.setViewportSize({ width: 1200, height: 800 })
  await page.goto(`${api}/`)
  await page.getByLabel('Repository').fill('not a repository')
  await page.getByLabel('First prompt').fill('something')
  await page.getByLabel('First prompt').press('Enter')
  const message = page.getByRole('alert').getByRole('listitem')
  t.match(await message.textContent(), /an owner and a name/)
  await page.getByRole('link', { name: 'Task 5', exact: false }).first().click()
  const box = page.getByRole('textbox', { name: 'Prompt', exact: true })
  await box.fill('something')
  await message.waitFor()
  await page.getByRole('button', { name: 'Send' }).click({ timeout: 5_000 })
  await page.locator('.queue li', { hasText: 'something' }).waitFor()

  // Nothing runs, so nobody works.
  await page.locator('.pill[data-status="session"]', { hasText: 'Waiting' }).waitFor()

  t.comment('a refused prompt is seen below a long queue')
  for (let n = 2; n <= 11; n++) {
    await box.fill(`prompt ${n}`)
    await box.press('Enter')
  }
  const refused = page.locator('.queue .refused')
  await refused.getByRole('alert').waitFor()
  t.ok((await ends(refused)) <= (await ends(page.locator('.queue'))))

  t.comment('signed out in another window')
  const other = await context.newPage()
  await other.goto(api)
  await other.getByRole('button', { name: 'Sign out' }).click()
  await other.waitForURL(/\/login/)
  await page.bringToFront()
  await page.waitForURL(/\/login\?next=/)
})
