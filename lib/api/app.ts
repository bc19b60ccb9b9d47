/**
 * The Fastify app: which routes there are, and what stands before them. A path that does not exist
 * is 404 before anybody is asked who they are; everything under `required` needs a service token or
 * a signed-in person.
 */
import cookie from '@fastify/cookie'
import fastify, { LogController } from 'fastify'
import type { Log } from '../telemetry/log.ts'
import { answerError } from './answer-error.ts'
import { requireCaller } from './callers/caller.ts'
import { signIn } from './callers/sign-in.ts'
import { readSignatures } from './callers/signed-requests.ts'
import { type Bundle, servePage } from './console.ts'
import { health } from './health.ts'
import { answerMalformed, answerUnreadable, requestId, sendHeaders } from './http-headers.ts'
import { BODY_LIMIT_BYTES, readJsonBodies } from './json-body.ts'
import { openapi } from './openapi.ts'
import { people } from './people.ts'
import { repos } from './repos.ts'
import type { Resource, Room } from './room.ts'
import { archive } from './sessions/archive.ts'
import { artifacts } from './sessions/artifacts.ts'
import { createSession } from './sessions/create-session.ts'
import { deleteSession } from './sessions/delete-session.ts'
import { events } from './sessions/events.ts'
import { listSessions } from './sessions/list-sessions.ts'
import { messages } from './sessions/messages.ts'
import { participants } from './sessions/participants.ts'
import { prompts } from './sessions/prompts.ts'
import { pullRequests } from './sessions/pull-requests.ts'
import { queue } from './sessions/queue.ts'
import { readState } from './sessions/read-state.ts'
import { sandboxReports } from './sessions/sandbox-reports.ts'
import { scmCredentials } from './sessions/scm-credentials.ts'
import { showSession } from './sessions/show-session.ts'
import { title } from './sessions/title.ts'
import { warm } from './sessions/warm.ts'
import { wsToken } from './sessions/ws-token.ts'
import { webhooks } from './webhooks.ts'
import { type App, validateWithZod } from './zod-validation.ts'

const RESOURCES: readonly Resource[] = [
  createSession,
  listSessions,
  showSession,
  deleteSession,
  title,
  archive,
  readState,
  warm,
  wsToken,
  prompts,
  queue,
  events,
  messages,
  participants,
  artifacts,
  people,
  repos,
]

/** Builds the app; it does not listen yet. */
export const buildApp = async (room: Room, bundle: Bundle, log: Log): Promise<App> => {
  const base = fastify({
    loggerInstance: log,
    // One line per request is the load balancer's to write; ours are about what went wrong.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    frameworkErrors: answerUnreadable,
    clientErrorHandler: answerMalformed,
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: room.config.trustProxy ?? false,
    // A stopping process answers what it has begun, and lets nobody hold it up by staying connected.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
  })
  const app = validateWithZod(base as unknown as App)
  sendHeaders(base as unknown as App)
  readJsonBodies(base as unknown as App)
  readSignatures(base as unknown as App, room)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'Not found' }))
  await app.register(cookie)

  openapi(app)
  health(app)
  sandboxReports(app, room)
  scmCredentials(app, room)
  pullRequests(app, room)
  servePage(app, room, bundle)
  await app.register(async scope => webhooks(scope, room))
  await app.register(async scope => signIn(scope, room))
  await app.register(async required => {
    required.decorateRequest('caller')
    requireCaller(required, room)
    for (const resource of RESOURCES) resource(required, room)
  })
  return app
}
