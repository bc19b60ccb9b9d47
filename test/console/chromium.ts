/** A real browser for tests; undefined where the machine has none. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

type Test = { teardown(end: () => void | Promise<void>): unknown }

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Where a browser is: `CHROMIUM`, or one of the usual places. */
export const findChromium = (): string | undefined =>
  [process.env.CHROMIUM, ...PLACES].find(path => path !== undefined && existsSync(path))

export const startBrowser = async (t: Test, executablePath: string): Promise<Browser> => {
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  t.teardown(() => browser.close())
  return browser
}
