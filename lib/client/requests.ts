/**
 * Changes that were asked for and not answered yet. Each has an id of its own, under which it is sent
 * again over every new socket until the answer is there: the same id twice has one effect. Unlike a
 * prompt, a change that nobody answers is given up after a while: what it was about has moved on.
 */
import { CLIENT_FRAME_BYTES, type ClientFrame } from '../../subjects/frames-client.ts'
import type { Clock } from './clock.ts'

const ANSWER_WITHIN_MS = 20_000

/** A frame that is answered to its sender by its id. */
export type Request = Extract<ClientFrame, { clientRequestId: string }>
export type Refusal = { code: string; message: string; version?: number | undefined }

export type Requests = {
  /**
   * Sends a change; resolves once it is done. Rejects with an `Error` for people whose `cause` holds
   * `code`, and `version` of a conflict; `NO_CONNECTION` and `NO_ANSWER` are codes of this side.
   */
  ask(request: Request): Promise<void>
  /** Takes an answer in; false when nothing was asked under this id. */
  answered(clientRequestId: string, refusal?: Refusal): boolean
  /** There is a new socket: sends again what was not answered. */
  resend(): void
  /** There will be no other socket. */
  end(): void
}

/** What a refusal is as an error. */
export const refusalError = ({ code, message, version }: Refusal): Error =>
  new Error(message, { cause: { code, version } })

/** Why a frame must not be sent at all, since every socket would end with it; undefined when it may. */
export const tooLarge = (frame: ClientFrame): Refusal | undefined => {
  const { length } = new TextEncoder().encode(JSON.stringify(frame))
  if (length <= CLIENT_FRAME_BYTES) return undefined
  const message = `This is too long: with all that belongs to it, it may have ${CLIENT_FRAME_BYTES} bytes, and has ${length}`
  return { code: 'PAYLOAD_TOO_LARGE', message }
}

const noConnection = () =>
  refusalError({ code: 'NO_CONNECTION', message: 'There is no connection just now, try again' })
const noAnswer = () =>
  refusalError({ code: 'NO_ANSWER', message: 'Nobody answered: look whether it is done' })

export const makeRequests = (options: {
  readonly clock: Clock
  /** Returns false when there is no connection. */
  readonly send: (frame: ClientFrame) => boolean
}): Requests => {
  type Open = { request: Request; done: PromiseWithResolvers<void>; cancel: () => void }
  const open = new Map<string, Open>()

  const settle = (id: string, error?: Error) => {
    const one = open.get(id)
    open.delete(id)
    one?.cancel()
    if (error) one?.done.reject(error)
    else one?.done.resolve()
    return one !== undefined
  }
  return {
    ask: async request => {
      const refusal = tooLarge(request)
      if (refusal) throw refusalError(refusal)
      if (!options.send(request)) throw noConnection()
      const id = request.clientRequestId
      const done = Promise.withResolvers<void>()
      const cancel = options.clock.after(ANSWER_WITHIN_MS, () => settle(id, noAnswer()))
      open.set(id, { request, done, cancel })
      return done.promise
    },
    answered: (id, refusal) => settle(id, refusal && refusalError(refusal)),
    resend: () => {
      for (const { request } of open.values()) options.send(request)
    },
    end: () => {
      for (const id of [...open.keys()]) settle(id, noConnection())
    },
  }
}
