/** Frames that a client sends over its WebSocket (spec 2.3). JSON text. Browser-safe. */
import * as z from 'zod'

/** The largest frame, in bytes of UTF-8: a prompt of 64,000 characters fits many times. A larger one ends the socket. */
export const CLIENT_FRAME_BYTES = 1024 * 1024

export const pingFrame = z.looseObject({ type: z.literal('ping') })

/** `after`: the last `sequence` that the client holds; answered with exactly what it missed. */
export const subscribeFrame = z.looseObject({
  type: z.literal('subscribe'),
  token: z.string().nullish(),
  clientId: z.string().max(256).nullish(),
  after: z.int().nonnegative().nullish(),
})

/** `clientRequestId` is optional here: without one a repetition is a second prompt. */
export const promptFrame = z.looseObject({
  type: z.literal('prompt'),
  content: z.string(),
  clientRequestId: z.string().min(1).max(128).optional(),
  model: z.string().min(1).max(128).nullish(),
  reasoningEffort: z.string().max(32).nullish(),
  attachments: z
    .array(z.looseObject({ name: z.string().max(255).optional() }))
    .max(6)
    .nullish(),
})

/** With `messageId`, only that prompt is stopped; without, whatever runs. */
export const stopFrame = z.looseObject({
  type: z.literal('stop'),
  messageId: z.string().max(128).nullish(),
  clientRequestId: z.string().min(1).max(128).optional(),
})

const requestId = z.string().min(1).max(128)
const messageId = z.string().min(1).max(128)
/** The queue's version that the sender saw. */
const version = z.int().nonnegative()

/** Answered with `prompt_cancelled`. */
export const cancelPromptFrame = z.looseObject({
  type: z.literal('cancel_prompt'),
  messageId,
  clientRequestId: requestId,
})
/** This and the next three are answered with `queue_changed`. */
export const editPromptFrame = z.looseObject({
  type: z.literal('edit_prompt'),
  messageId,
  content: z.string(),
  version,
  clientRequestId: requestId,
})
/** `before: null` puts it at the end. */
export const movePromptFrame = z.looseObject({
  type: z.literal('move_prompt'),
  messageId,
  before: messageId.nullable(),
  version,
  clientRequestId: requestId,
})
export const holdQueueFrame = z.looseObject({
  type: z.literal('hold_queue'),
  clientRequestId: requestId,
})
export const releaseQueueFrame = z.looseObject({
  type: z.literal('release_queue'),
  clientRequestId: requestId,
})

/** The page of the timeline before `cursor`, which is where the page that the client holds begins. */
export const fetchHistoryFrame = z.looseObject({
  type: z.literal('fetch_history'),
  cursor: z.looseObject({
    timestamp: z.number(),
    id: z.string().max(1024),
    sequence: z.int().nonnegative().optional(),
  }),
  limit: z.number().nullish(),
})

export const typingFrame = z.looseObject({ type: z.literal('typing') })

export const presenceFrame = z.looseObject({
  type: z.literal('presence'),
  status: z.enum(['active', 'idle']),
  cursor: z.unknown().optional(),
})

export const clientFrame = z.discriminatedUnion('type', [
  pingFrame,
  subscribeFrame,
  promptFrame,
  stopFrame,
  cancelPromptFrame,
  editPromptFrame,
  movePromptFrame,
  holdQueueFrame,
  releaseQueueFrame,
  fetchHistoryFrame,
  typingFrame,
  presenceFrame,
])
export type ClientFrame = z.infer<typeof clientFrame>
export type ClientFrameType = ClientFrame['type']
export type ClientFrameOf<T extends ClientFrameType> = Extract<ClientFrame, { type: T }>
