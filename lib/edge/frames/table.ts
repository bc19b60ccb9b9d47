/** Every frame that a client may send, and what is done about it. One file per type beside this one. */
import type { ErrorCode } from '../../../subjects/errors.ts'
import type { ClientFrameOf, ClientFrameType } from '../../../subjects/frames-client.ts'
import type { ClientPeer } from '../client-peer.ts'
import type { Edge } from '../edge.ts'
import { cancelPrompt } from './cancel-prompt.ts'
import { editPrompt } from './edit-prompt.ts'
import { fetchHistory } from './fetch-history.ts'
import { holdQueue } from './hold-queue.ts'
import { movePrompt } from './move-prompt.ts'
import { ping } from './ping.ts'
import { presence } from './presence.ts'
import { prompt } from './prompt.ts'
import { releaseQueue } from './release-queue.ts'
import { stop } from './stop.ts'
import { subscribe } from './subscribe.ts'
import { typing } from './typing.ts'

export type FrameRow<T extends ClientFrameType> = {
  /** May be sent before `subscribe` has succeeded. Anything else closes the socket then. */
  readonly beforeJoining?: true
  /** Waits until the frames before it that are in order too are done. */
  readonly inOrder?: true
  /** The code for a frame of this type that does not fit its schema; `INVALID_MESSAGE` if not said. */
  readonly malformed?: ErrorCode
  /** What is thrown is told to the sender; the socket stays open. */
  readonly run: (edge: Edge, peer: ClientPeer, frame: ClientFrameOf<T>) => Promise<void> | void
}

export const CLIENT_FRAMES: { readonly [T in ClientFrameType]: FrameRow<T> } = {
  ping,
  subscribe,
  prompt,
  stop,
  cancel_prompt: cancelPrompt,
  edit_prompt: editPrompt,
  move_prompt: movePrompt,
  hold_queue: holdQueue,
  release_queue: releaseQueue,
  fetch_history: fetchHistory,
  typing,
  presence,
}
