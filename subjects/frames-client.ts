/** Frames that a client sends over its WebSocket (spec 2.3). JSON text. Browser-safe. */
import * as z from 'zod'

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
  typingFrame,
  presenceFrame,
])
export type ClientFrame = z.infer<typeof clientFrame>
export type ClientFrameType = ClientFrame['type']
export type ClientFrameOf<T extends ClientFrameType> = Extract<ClientFrame, { type: T }>
