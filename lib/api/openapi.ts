/**
 * `GET /openapi.json`: OpenAPI 3.1, made from the schemas that check the requests. A route documents
 * itself by its schema: what it takes, what it answers, and every code with which it refuses.
 */
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../subjects/errors.ts'
import type { App } from './zod-validation.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** One sentence for the document. */
    summary?: string
    /** What this route refuses, besides what its kind of route does anyway. */
    refusals?: readonly ErrorCode[]
    /** Who may call, when it is not a service or a signed-in person; an empty list is everybody. */
    security?: readonly Record<string, readonly string[]>[]
  }
}

type Json = Record<string, unknown>
type Documented = {
  readonly method: string
  readonly url: string
  readonly schema: Readonly<Record<string, unknown>>
}

/** Of the page and of signing in: nothing that a program calls. */
const UNDOCUMENTED = /^\/($|s\/|assets\/|login|logout|openapi\.json)/

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: { type: 'string', description: 'For people' },
    code: { type: 'string', description: 'For programs; see the list of codes' },
    version: { type: 'integer', description: 'With QUEUE_VERSION_CONFLICT: the present version' },
  },
}

/** JSON Schema of what may be sent (`input`) or is answered (`output`). */
const jsonSchema = (schema: unknown, io: 'input' | 'output'): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema as z.ZodType, {
    io,
    unrepresentable: 'any',
  })
  return json
}

const parametersIn = (where: 'path' | 'query', schema: unknown): Json[] => {
  if (!schema) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: one,
  }))
}

const json = (schema: Json) => ({ content: { 'application/json': { schema } } })

/** Whoever asks an owner may find none, or a bus that takes nothing just now. */
const ASKING = ['NO_OWNER', 'BUS_UNAVAILABLE'] as const
const WRITING = [...ASKING, 'STREAM_FULL', 'REQUEST_CONFLICT'] as const

/** Every code that a route may refuse with: its own, and those of all routes of its kind. */
const refusalsOf = ({ method, url, schema }: Documented): ReadonlySet<ErrorCode> => {
  const isOpen = Array.isArray(schema.security) && schema.security.length === 0
  const isSession = url.startsWith('/sessions/:id')
  // A body that cannot be read is refused also where none is asked for.
  const takes = method !== 'GET'
  const codes: readonly (readonly [boolean, readonly ErrorCode[]])[] = [
    [!isOpen, ['NOT_CONFIGURED']],
    [!isOpen && schema.security === undefined, ['UNAUTHORIZED']],
    [takes || schema.querystring !== undefined, ['INVALID_REQUEST']],
    [takes, ['INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']],
    [isSession, ['SESSION_NOT_FOUND', ...(method === 'GET' ? ASKING : WRITING)]],
    [true, (schema.refusals ?? []) as readonly ErrorCode[]],
    [!isOpen, ['INTERNAL']],
  ]
  return new Set(codes.flatMap(([applies, some]) => (applies ? some : [])))
}

/** By status: which codes it may stand for, and what each says. */
const refusedAnswers = (route: Documented): Json => {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of refusalsOf(route)) {
    const { http } = ERRORS[code]
    byStatus.set(http, [...(byStatus.get(http) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map(code => `\`${code}\`: ${ERRORS[code].text}`).join('. '),
        ...json({ $ref: '#/components/schemas/Error' }),
      },
    ]),
  )
}

const operation = (route: Documented): Json => {
  const { schema } = route
  const answers = Object.entries((schema.response ?? {}) as Record<string, unknown>)
  return {
    ...(schema.summary ? { summary: schema.summary } : {}),
    ...(schema.security ? { security: schema.security } : {}),
    parameters: [
      ...parametersIn('path', schema.params),
      ...parametersIn('query', schema.querystring),
    ],
    ...(schema.body ? { requestBody: json(jsonSchema(schema.body, 'input')) } : {}),
    responses: {
      ...Object.fromEntries(
        answers.map(([status, one]) => [
          status,
          { description: 'Done', ...json(jsonSchema(one, 'output')) },
        ]),
      ),
      ...refusedAnswers(route),
    },
  }
}

/** `/sessions/:id` → `/sessions/{id}` */
const template = (url: string): string => url.replace(/:(\w+)/g, '{$1}')

const documentOf = (routes: readonly Documented[]): Json => {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = template(route.url)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Control plane for background coding agents', version: '1' },
    security: [{ service: [] }, { signature: [] }, { person: [] }],
    paths,
    components: {
      schemas: { Error: ERROR },
      securitySchemes: {
        service: {
          type: 'http',
          scheme: 'bearer',
          description: '`<milliseconds>.<hex HMAC-SHA256 of them>`, five minutes',
        },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-OpenInspect-Service-Signature',
          description:
            '`sig1.<ms>.<nonce>.<hex HMAC-SHA256>` beside `X-OpenInspect-Service` and `X-OpenInspect-Actor`, over the whole request',
        },
        person: { type: 'apiKey', in: 'cookie', name: 'signin' },
        sandbox: { type: 'http', scheme: 'bearer', description: 'The token of one sandbox' },
      },
    },
  }
}

/** Adds the route. To be called before the routes that it is to describe. */
export const openapi = (app: App): void => {
  const routes: Documented[] = []
  let document: Json | undefined
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (UNDOCUMENTED.test(url)) return
    for (const one of [method].flat()) {
      if (one !== 'HEAD') routes.push({ method: one, url, schema: { ...schema } })
    }
  })
  app.get('/openapi.json', async () => {
    document ??= documentOf(routes)
    return document
  })
}
