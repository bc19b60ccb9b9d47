/** How a program in the sandbox asks the bridge: see bridge/gateway.ts. Node's own modules alone. */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import process from 'node:process'

/** Names the gateway, with its key. */
export const GATEWAY = 'SANDBOX_GATEWAY'

/**
 * @returns the status, and the JSON that was answered
 * @throws when there is no bridge to ask
 */
export const askBridge = async (
  path: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const gateway = process.env[GATEWAY]
  if (!gateway) throw new Error(`${GATEWAY} is not set: this is not inside a sandbox`)
  // In an isolated sandbox all ways out lead through its proxy, also the one to this machine.
  const proxy = process.env.HTTP_PROXY
  const agent = new Agent(proxy ? { proxyEnv: { HTTP_PROXY: proxy } } : {})
  const headers = { 'content-type': 'application/json' }
  const asked = request(`${gateway}${path}`, { method: 'POST', agent, headers })
  asked.end(JSON.stringify(body))
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  agent.destroy()
  return { status: answer.statusCode ?? 0, body: JSON.parse(text) }
}
