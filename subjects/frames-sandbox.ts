/** Commands that a sandbox receives over its WebSocket (spec 2.9). JSON text. */
import { z } from 'zod'

const text = z.string()
const frame = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.looseObject({ type: z.literal(type), ...shape })

/** Fields of both ages of the original, so that a sandbox program of either can run a prompt. */
export const sandboxAuthor = z.looseObject({
  userId: text,
  githubName: text.nullable(),
  githubEmail: text.nullable(),
  gitIdentity: z.discriminatedUnion('mode', [
    z.looseObject({ mode: z.literal('attributed-user'), name: text, email: text }),
    z.looseObject({ mode: z.literal('agent-only') }),
  ]),
})

export const sandboxFrame = z.discriminatedUnion('type', [
  frame('prompt', {
    messageId: text,
    content: text,
    model: text,
    reasoningEffort: text.optional(),
    author: sandboxAuthor,
    attachments: z.array(z.unknown()).optional(),
  }),
  /** Names the prompt that is to end; a program that does not know the field stops what runs. */
  frame('stop', { messageId: text.optional() }),
  /**
   * Push `HEAD` to a branch. Fields of both ages of the protocol; no token: git asks its credential helper.
   * `pushId` comes back in `push_complete` or `push_error` from programs that know it.
   */
  frame('push', {
    pushId: text,
    branchName: text,
    repoOwner: text,
    repoName: text,
    pushSpec: z.looseObject({
      remoteUrl: text,
      redactedRemoteUrl: text,
      refspec: text,
      targetBranch: text,
      repoOwner: text,
      repoName: text,
      force: z.boolean(),
    }),
  }),
  /** Nobody waits for that push any more. */
  frame('push_cancel', { pushId: text, branchName: text }),
  frame('snapshot', {}),
  frame('shutdown', {}),
  frame('ack', { ackId: text }),
])
export type SandboxFrame = z.infer<typeof sandboxFrame>
export type SandboxFrameOf<T extends SandboxFrame['type']> = Extract<SandboxFrame, { type: T }>
