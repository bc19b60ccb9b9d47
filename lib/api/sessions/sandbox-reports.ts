/**
 * What a sandbox asks and reports over HTTP, with its own token: that it cannot go on, and whether its
 * commits are signed. Only the session's present sandbox is believed.
 */
import { z } from 'zod'
import { sandboxOf } from '../callers/sandbox-caller.ts'
import { sessionParams } from '../query.ts'
import { decided } from '../request.ts'
import type { Room } from '../room.ts'
import type { App } from '../zod-validation.ts'

/** Longer ones are cut: a stack trace is welcome, a dump is not. */
const REASON_CHARS = 4000

const report = z.object({
  error: z.string().transform(text => text.slice(0, REASON_CHARS)),
  fatal: z.boolean().optional(),
})

/** The routes whose caller is a sandbox: they stand outside those of services and people. */
export const sandboxReports = (app: App, room: Room): void => {
  const error = {
    summary: 'A sandbox says what went wrong; a fatal error ends it at once',
    params: sessionParams,
    body: report,
    security: [{ sandbox: [] }],
    refusals: ['SANDBOX_TOKEN_INVALID'] as const,
    response: { 200: z.object({ status: z.enum(['failed', 'noted']) }) },
  }
  app.post('/sessions/:id/sandbox-error', { schema: error }, async request => {
    const { body, params } = request
    const { generation } = await sandboxOf(request, room, params.id)
    if (body.fatal !== true) {
      request.log.warn({ sid: params.id, error: body.error }, 'a sandbox reports an error')
      return { status: 'noted' as const }
    }
    await decided(room.bus, request, params.id, {
      v: 1,
      type: 'sandbox_exited',
      generation,
      reason: body.error || 'The sandbox failed',
      orderly: false,
    })
    return { status: 'failed' as const }
  })

  const signing = {
    summary: 'Whether commits of the sandbox are to be signed',
    params: sessionParams,
    security: [{ sandbox: [] }],
    refusals: ['SANDBOX_TOKEN_INVALID'] as const,
    response: { 200: z.object({ enabled: z.literal(false) }) },
  }
  app.get('/sessions/:id/commit-signing', { schema: signing }, async request => {
    await sandboxOf(request, room, request.params.id)
    return { enabled: false as const }
  })
}
