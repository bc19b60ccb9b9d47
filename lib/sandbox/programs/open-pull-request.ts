/** `open-pull-request`: for an agent in its sandbox. Pushes what is committed and opens a pull request. */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { askBridge } from './ask-bridge.ts'

const USAGE = `Usage: open-pull-request --title <text> [--body <text>] [--base <branch>] [--head <branch>] [--draft]

Pushes the commits of this workspace and opens a pull request for whoever wrote the running prompt; for a
branch that has an open one, brings that up to date. Commit first: what is not committed is not in it.`

const OPTIONS = {
  title: { type: 'string', short: 't' },
  body: { type: 'string', short: 'b' },
  base: { type: 'string' },
  head: { type: 'string' },
  draft: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const argumentsGiven = () => {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (error) {
    return error as Error
  }
}

const open = async (): Promise<number> => {
  const given = argumentsGiven()
  if (given instanceof Error || given.help || !given.title) {
    const wrong = given instanceof Error ? `${given.message}\n\n` : ''
    process.stderr.write(`${wrong}${USAGE}\n`)
    return given instanceof Error || !given.help ? 2 : 0
  }
  const { status, body } = await askBridge('/pull-request', {
    title: given.title,
    body: given.body || given.title,
    ...(given.base && { baseBranch: given.base }),
    ...(given.head && { headBranch: given.head }),
    ...(given.draft && { draft: true }),
  })
  if (status !== 200) {
    process.stderr.write(`${body.error ?? `The control plane answered ${status}`}\n`)
    return 1
  }
  process.stdout.write(
    body.status === 'manual'
      ? `The branch ${body.headBranch} is pushed. A person has to open the pull request: ${body.createPrUrl}\n`
      : `Pull request #${body.prNumber} ${body.updated ? 'is up to date' : 'is open'} (${body.state}): ${body.prUrl}\n`,
  )
  return 0
}

try {
  process.exitCode = await open()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
