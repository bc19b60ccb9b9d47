/** One client that sends prompts, of this system or of the raw baseline's server. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Scope } from './scope.ts'

export type PromptClient = {
  /** Sends a prompt; resolves with the milliseconds until `prompt_queued`. */
  readonly prompt: () => Promise<number>
  /** Resolves when fewer than `count` prompts are accepted and not over. */
  readonly fewerThan: (count: number) => Promise<void>
}

/** @param token subscribes first; without one nothing is said before the first prompt. */
export const connectClient = async (
  scope: Scope,
  url: string,
  token?: string,
): Promise<PromptClient> => {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  scope.teardown(() => socket.terminate())
  await once(socket, 'open')
  const answers = new Map<string, { resolve: (ms: number) => void; sentMs: number }>()
  let refuse: (error: Error) => void = () => {}
  const broken = new Promise<never>((_, reject) => {
    refuse = reject
  })
  broken.catch(() => {})
  const { promise: subscribed, resolve: onSubscribed } = Promise.withResolvers<void>()
  let unfinished = 0
  let onFinished = () => {}
  socket.on('close', code => refuse(new Error(`closed with ${code}`)))
  socket.on('message', bytes => {
    const text = bytes.toString()
    // Most frames say what the bench does not need to know.
    if (text.includes('"prompt_queued"')) {
      const { clientRequestId } = JSON.parse(text)
      const answer = answers.get(clientRequestId)
      answers.delete(clientRequestId)
      answer?.resolve(performance.now() - answer.sentMs)
    } else if (text.includes('"execution_complete"') && token !== undefined) {
      unfinished--
      onFinished()
    } else if (text.startsWith('{"type":"subscribed"')) onSubscribed()
    else if (text.startsWith('{"type":"error"')) refuse(new Error(text))
  })
  if (token !== undefined) {
    socket.send(JSON.stringify({ type: 'subscribe', token, clientId: 'bench' }))
    await Promise.race([subscribed, broken])
  }
  let count = 0
  return {
    prompt: () => {
      const clientRequestId = `r${count++}`
      if (token !== undefined) unfinished++
      const queued = new Promise<number>(resolve => {
        answers.set(clientRequestId, { resolve, sentMs: performance.now() })
        const content = 'Please look at the tests and make them pass. '.repeat(3)
        socket.send(JSON.stringify({ type: 'prompt', content, clientRequestId }))
      })
      return Promise.race([queued, broken])
    },
    fewerThan: async wanted => {
      while (unfinished >= wanted) {
        const finished = new Promise<void>(resolve => {
          onFinished = resolve
        })
        await Promise.race([finished, broken])
      }
    },
  }
}
