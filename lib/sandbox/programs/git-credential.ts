/**
 * git's credential helper in a sandbox: asks the bridge for a token of the moment whenever git needs one,
 * and keeps nothing. git's own configuration names the one repository for which it is asked.
 */
import process from 'node:process'
import { askBridge } from './ask-bridge.ts'

if (process.argv[2] === 'get') {
  try {
    const { status, body } = await askBridge('/credentials', {})
    if (status !== 200) throw new Error(String(body.error ?? status))
    process.stdout.write(`username=${body.username}\npassword=${body.password}\n`)
    const seconds = Math.floor(Number(body.expires_at_epoch_ms) / 1000)
    process.stdout.write(`password_expiry_utc=${seconds}\n`)
  } catch (error) {
    process.stderr.write(
      `No credentials for git: ${error instanceof Error ? error.message : error}\n`,
    )
    process.exitCode = 1
  }
}
