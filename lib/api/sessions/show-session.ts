/** `GET /sessions/:id` (spec 3.6): the seed's flat fields, and all of the snapshot beside them. */
import { z } from 'zod'
import type { AnswerOf } from '../../../subjects/asks.ts'
import { snapshotFields } from '../../../subjects/frames-server.ts'
import { ask } from '../../bus/ask.ts'
import { sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

const text = z.string()
const shownSession = z.object({
  ...snapshotFields,
  id: text,
  title: text.nullable(),
  repoOwner: text,
  repoName: text,
  repoDefaultBranch: text,
  branchName: text.nullable(),
  baseSha: text.nullable(),
  currentSha: text.nullable(),
  opencodeSessionId: text.nullable(),
  status: text,
  createdAt: z.int(),
  updatedAt: z.int(),
  sandbox: z
    .object({
      id: text,
      modalSandboxId: text.nullable(),
      status: text,
      gitSyncStatus: text,
      lastHeartbeat: z.int().nullable(),
    })
    .nullable(),
})

const shown = ({ snapshot, details }: AnswerOf<'snapshot'>) => {
  const { session } = snapshot
  const { sandbox } = details
  return {
    id: session.id,
    title: session.title,
    repoOwner: session.repoOwner,
    repoName: session.repoName,
    repoDefaultBranch: session.baseBranch,
    branchName: session.branchName,
    baseSha: details.baseSha,
    currentSha: details.currentSha,
    opencodeSessionId: details.agentSessionId,
    status: session.status,
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
    sandbox: sandbox && {
      id: sandbox.id,
      modalSandboxId: sandbox.sandboxId,
      status: sandbox.status,
      gitSyncStatus: sandbox.gitSyncStatus,
      lastHeartbeat: sandbox.lastHeartbeat,
    },
    ...snapshot,
  }
}

export const showSession: Resource = (app, { bus }) => {
  const schema = {
    summary: 'A session as it is now',
    params: sessionParams,
    response: { 200: shownSession },
  }
  app.get('/sessions/:id', { schema }, async (request, reply) => {
    const { id } = request.params
    reply.header('cache-control', 'private, no-store')
    return shown(await ask(bus, { v: 1, type: 'snapshot', sid: id }))
  })
}
