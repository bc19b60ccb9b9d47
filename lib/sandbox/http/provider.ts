/**
 * Sandboxes of a service somewhere else, asked over HTTP with the wire names of spec 4.7 and the
 * service token of its own secret. Nothing runs here, so nothing is taken up or ended with us.
 */
import { z } from 'zod'
import { fail } from '../../../subjects/errors.ts'
import type { SpawnJob } from '../../../subjects/jobs.ts'
import { serviceToken } from '../../auth/service-token.ts'
import { type Access, type Provider, REPLACE_WITHIN_MS, type Spawned } from '../provider.ts'

const CREATE_WITHIN_MS = 120_000
const SNAPSHOT_WITHIN_MS = 300_000
const STOP_WITHIN_MS = 30_000

export type HttpProviderOptions = {
  /** Operations are paths under it. */
  readonly url: string
  readonly secret: string
  readonly nowMs: () => number
}

const answerSchema = z.looseObject({
  success: z.boolean(),
  error: z.unknown().optional(),
  message: z.unknown().optional(),
  data: z
    .looseObject({
      modal_object_id: z.string().nullish(),
      image_id: z.string().nullish(),
    })
    .nullish(),
})
type Answer = z.infer<typeof answerSchema>

/** `anthropic/claude-haiku-4-5` is the model `claude-haiku-4-5` of the provider `anthropic`. */
const modelFields = (model: string) => {
  const slash = model.indexOf('/')
  return slash < 0
    ? { provider: '', model }
    : { provider: model.slice(0, slash), model: model.slice(slash + 1) }
}

export const httpProvider = (options: HttpProviderOptions): Provider => {
  const base = options.url.replace(/\/+$/, '')

  const call = async (
    operation: string,
    body: object,
    within: { readonly ms: number; readonly key?: string },
  ): Promise<NonNullable<Answer['data']>> => {
    const response = await fetch(`${base}/${operation}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${serviceToken(options.secret, options.nowMs())}`,
        'content-type': 'application/json',
        ...(within.key === undefined ? {} : { 'idempotency-key': within.key }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(within.ms),
      // A token must not follow a redirection to somewhere else.
      redirect: 'error',
    }).catch((error: unknown) => {
      throw fail('PROVIDER_UNAVAILABLE', { message: unreachable(operation, error), error })
    })
    const text = await response.text().catch(() => '')
    const parsed = answerSchema.safeParse(asJson(text))
    const said = parsed.success ? sentence(parsed.data) : text.slice(0, 500).trim()
    const message = `The sandbox provider answered ${operation} with ${response.status}: ${said || 'nothing'}`
    if (response.status === 501) throw fail('PROVIDER_UNSUPPORTED', { message })
    if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
      throw fail('PROVIDER_UNAVAILABLE', { message })
    }
    if (!response.ok) throw fail('PROVIDER_REFUSED', { message })
    if (!parsed.success) throw fail('PROVIDER_UNAVAILABLE', { message })
    if (!parsed.data.success) throw fail('PROVIDER_REFUSED', { message })
    return parsed.data.data ?? {}
  }

  /** Ends the sandbox before this one; that it cannot be ended does not stop the new one. */
  const replace = async (job: SpawnJob) => {
    const objectId = job.replaces?.objectId
    if (!objectId) return
    const body = { sandbox_id: objectId, session_id: job.sid, reason: 'replaced' }
    await call('stop', body, { ms: REPLACE_WITHIN_MS }).catch(() => {})
  }

  const spawned = (data: NonNullable<Answer['data']>): Spawned => ({
    objectId: data.modal_object_id ?? null,
    warning: null,
  })

  const key = (job: SpawnJob) => `${job.sid}.${job.generation}`
  const access = ({ token, controlPlaneUrl }: Access) => ({
    control_plane_url: controlPlaneUrl,
    sandbox_auth_token: token,
  })

  return {
    capabilities: { snapshots: true, restore: true, stop: true, hostBound: false },
    create: async (job, given) => {
      await replace(job)
      const body = {
        session_id: job.sid,
        sandbox_id: job.sandboxId,
        repo_owner: job.repoOwner,
        repo_name: job.repoName,
        ...access(given),
        snapshot_id: null,
        opencode_session_id: job.agentSessionId,
        git_user_name: null,
        git_user_email: null,
        ...modelFields(job.model),
      }
      return spawned(await call('create', body, { ms: CREATE_WITHIN_MS, key: key(job) }))
    },
    restore: async (job, given) => {
      await replace(job)
      const body = {
        snapshot_image_id: job.snapshotImageId,
        session_config: {
          session_id: job.sid,
          repo_owner: job.repoOwner,
          repo_name: job.repoName,
          ...modelFields(job.model),
        },
        sandbox_id: job.sandboxId,
        ...access(given),
      }
      return spawned(await call('restore', body, { ms: CREATE_WITHIN_MS, key: key(job) }))
    },
    snapshot: async (job, jobId) => {
      if (job.objectId === null) {
        throw fail('PROVIDER_REFUSED', {
          message: 'The sandbox provider has not named the sandbox',
        })
      }
      const body = { sandbox_id: job.objectId, session_id: job.sid, reason: job.reason }
      const { image_id: imageId } = await call('snapshot', body, {
        ms: SNAPSHOT_WITHIN_MS,
        key: jobId,
      })
      if (!imageId) {
        throw fail('PROVIDER_REFUSED', { message: 'The sandbox provider named no image' })
      }
      return { imageId }
    },
    stop: async job => {
      if (job.objectId === null) return
      const body = { sandbox_id: job.objectId, session_id: job.sid, reason: job.reason }
      await call('stop', body, { ms: STOP_WITHIN_MS })
    },
    open: async () => {},
    close: async () => {},
  }
}

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const sentence = (answer: Answer): string => {
  const said = answer.error ?? answer.message
  return typeof said === 'string'
    ? said.slice(0, 500)
    : said
      ? JSON.stringify(said).slice(0, 500)
      : ''
}

const unreachable = (operation: string, error: unknown): string => {
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `The sandbox provider did not answer ${operation} in time`
  const why = cause instanceof Error ? cause.message : message
  return `The sandbox provider cannot be reached for ${operation}: ${why}`
}
