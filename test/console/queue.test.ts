/** Two people change one queue in two real browsers, and end the session. Nothing runs: no provider. */
import type { Page } from 'playwright-core'
import t from 'tap'
import { startSystem } from '../fixtures/system.ts'
import { findChromium, startBrowser } from './chromium.ts'

const chromium = findChromium()
const skip = chromium ? false : 'there is no Chromium on this machine (set CHROMIUM to its path)'

const row = (page: Page, text: string) => page.locator('.queue li', { hasText: text })
const editor = (page: Page) => page.getByLabel('Edit the waiting prompt')
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const more = async (page: Page, name: string) => {
  await page.locator('.more summary').click()
  await press(page, name)
}

t.test('a queue for two', { skip, timeout: 240_000 }, async t => {
  const system = await startSystem(t)
  const browser = await startBrowser(t, chromium as string)
  const [api = ''] = system.apis
  const problems: string[] = []
  const open = async () => {
    const page = await (await browser.newContext()).newPage()
    page.on('pageerror', error => problems.push(error.message))
    return page
  }
  const ada = await open()
  await ada.goto(`${api}/login?code=${system.signinCode}`)
  await ada.getByLabel('First prompt').fill('first')
  await ada.getByLabel('First prompt').press('Enter')
  await row(ada, 'first').waitFor()
  const box = ada.getByRole('textbox', { name: 'Prompt', exact: true })
  for (const text of ['second', 'third']) {
    await box.fill(text)
    await box.press('Enter')
    await row(ada, text).getByRole('button', { name: 'Edit' }).waitFor()
  }
  await press(ada, 'Invite')
  await ada.getByLabel('Their name').fill('Bob')
  await ada.getByLabel('Their name').press('Enter')
  const link = await ada.getByLabel('Invitation link').inputValue()
  await press(ada, 'Close')
  const bob = await open()
  await bob.goto(link)
  await press(bob, 'Join as Bob')
  await row(bob, 'third').waitFor()

  t.comment('moved by keyboard, as far as it goes')
  await row(ada, 'third').getByRole('button', { name: 'Move up' }).focus()
  await ada.keyboard.press('Alt+ArrowUp')
  await ada.locator('.queue li:nth-child(2)', { hasText: 'third' }).waitFor()
  await ada.keyboard.press('Alt+ArrowUp')
  await bob.locator('.queue li:nth-child(1)', { hasText: 'third' }).waitFor()
  await ada.locator('.queue li:nth-child(1):focus-within', { hasText: 'third' }).waitFor()

  t.comment('both edit the same prompt')
  await row(ada, 'second').getByRole('button', { name: 'Edit' }).click()
  await row(bob, 'second').getByRole('button', { name: 'Edit' }).click()
  await editor(ada).fill('as Ada says')
  await editor(bob).fill('as Bob says')
  await editor(bob).press('Enter')
  const warning = ada.getByRole('alert').filter({ hasText: 'Somebody else was faster' })
  t.match(await warning.textContent(), 'as Bob says', 'she sees what he wrote')
  t.equal(await editor(ada).inputValue(), 'as Ada says', 'and keeps what she wrote')
  await press(ada, 'Go on with mine')
  await press(ada, 'Save')
  await row(bob, 'as Ada says').waitFor()

  t.comment('a prompt that is gone while somebody edits it')
  await row(ada, 'as Ada says').getByRole('button', { name: 'Edit' }).click()
  await editor(ada).fill('not lost')
  await row(bob, 'as Ada says').getByRole('button', { name: 'Remove' }).click()
  await press(ada, 'Put it into the prompt box')
  t.equal(await box.inputValue(), 'not lost')

  await press(ada, 'Hold')
  await press(bob, 'Release')
  await ada.getByRole('button', { name: 'Hold', exact: true }).waitFor()
  await bob.getByText('Bob released the queue').waitFor()

  t.comment('the title')
  await ada.getByRole('button', { name: 'first', exact: true }).click()
  await ada.getByLabel('Title of the session').fill('Renamed')
  await ada.getByLabel('Title of the session').press('Enter')
  await bob.getByRole('heading', { name: 'Renamed' }).waitFor()
  await ada.getByRole('button', { name: 'Renamed', exact: true }).click()
  await ada.getByLabel('Title of the session').fill('never mind')
  await ada.getByLabel('Title of the session').press('Escape')
  await ada.getByRole('heading', { name: 'Renamed' }).waitFor()

  t.comment('archived, brought back, deleted')
  await more(ada, 'Archive …')
  await press(ada, 'Archive')
  await ada.getByText('Cannot archive a session with queued work').waitFor()
  for (const text of ['third', 'first']) {
    await row(ada, text).getByRole('button', { name: 'Remove' }).click()
    await row(ada, text).waitFor({ state: 'detached' })
  }
  await more(ada, 'Archive …')
  await press(ada, 'Archive')
  await press(bob, 'Bring it back')
  await ada.getByText('This session is archived').waitFor({ state: 'detached' })
  t.equal(await ada.getByLabel('More', { exact: true }).count(), 1)
  t.equal(await bob.getByLabel('More', { exact: true }).count(), 0, 'not his to put away')
  t.equal(
    await ada.getByRole('button', { name: 'Create pull request' }).count(),
    0,
    'there is no git host',
  )
  await more(ada, 'Delete …')
  await press(ada, 'Delete for good')
  await ada.getByLabel('First prompt').waitFor()
  await bob.getByText('Session deleted').waitFor()
  t.strictSame(problems, [])
})
