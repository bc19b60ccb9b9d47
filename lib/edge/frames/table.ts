/** Every frame that a client may send, and what is done about it. One file per type beside this one. */
import type { ClientFrameOf, ClientFrameType } from '../../../subjects/frames-client.ts'
import type { ClientPeer } from '../client-peer.ts'
import type { Edge } from '../edge.ts'
import { ping } from './ping.ts'
import { presence } from './presence.ts'
import { prompt } from './prompt.ts'
import { stop } from './stop.ts'
import { subscribe } from './subscribe.ts'
import { typing } from './typing.ts'

export type FrameRow<T extends ClientFrameType> = {
  /** May be sent before `subscribe` has succeeded. Anything else closes the socket then. */
  readonly beforeJoining?: true
  /** Waits until the frames before it that are in order too are done. */
  readonly inOrder?: true
  /** What is thrown is told to the sender; the socket stays open. */
  readonly run: (edge: Edge, peer: ClientPeer, frame: ClientFrameOf<T>) => Promise<void> | void
}

export const CLIENT_FRAMES: { readonly [T in ClientFrameType]: FrameRow<T> } = {
  ping,
  subscribe,
  prompt,
  stop,
  typing,
  presence,
}
