/** What the routes of REST have in common: how their addresses and bodies are read. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { type FieldError, invalid, notFound } from '../refusal.ts'
import type { Room } from '../room.ts'

/** Adds some routes below `/api/v3`. */
export type Routes = (api: FastifyInstance, room: Room) => void

export type PullParams = { owner: string; repo: string; number: string }

/** @throws 404 */
export const numberOf = ({ number }: PullParams): number => {
  if (!/^[1-9]\d{0,8}$/.test(number)) throw notFound()
  return Number(number)
}

/** @throws 422 that names every field that is not as `schema` has it. */
export const bodyAs = <T>(schema: z.ZodType<T>, request: FastifyRequest, resource: string): T => {
  const result = schema.safeParse(request.body ?? {})
  if (result.success) return result.data
  throw invalid(
    ...result.error.issues.map(({ path, code }): FieldError => {
      const missing = code === 'invalid_type' && valueAt(request.body, path) === undefined
      return { resource, field: path.join('.'), code: missing ? 'missing_field' : 'invalid' }
    }),
  )
}
const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)
