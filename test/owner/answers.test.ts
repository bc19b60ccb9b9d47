/** Nobody answers out of an old memory, and nobody refuses out of one either. */
import { join } from 'node:path'
import pLimit from 'p-limit'
import t from 'tap'
import { requestCommand } from '../../lib/bus/command.ts'
import { openAnswers } from '../../lib/owner/answers.ts'
import { observePartition } from '../../lib/owner/observed.ts'
import type { Lease } from '../../lib/owner/ownership/lease.ts'
import { openRecall } from '../../lib/owner/recall.ts'
import type { OwnerRoom } from '../../lib/owner/room.ts'
import { openProjection } from '../../lib/owner/rows/projection.ts'
import { openSessions } from '../../lib/owner/sessions.ts'
import { policyOf } from '../../lib/session/policy.ts'
import { codeOf } from '../../subjects/errors.ts'
import { partitionOf } from '../../subjects/partition.ts'
import type { SessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, ownerConfig, promptOf, startOwner, testLog } from './owners.ts'

t.test('an owner whose lease is in doubt', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' })
  startOwner(t, config)
  const sid = (await createSession(bus, 'doubted')) as SessionId

  const { log } = testLog(t, 'doubtful')
  const projection = openProjection(bus, { folder: join(config.dataDir, 'doubtful'), log })
  const room: OwnerRoom = {
    bus,
    log,
    lease: { owner: 'doubtful', incarnation: 'doubtful', valid: () => false } as Lease,
    projection,
    policy: policyOf(config),
    tokenHash: () => '0'.repeat(64),
    deciding: pLimit(1),
    sessionIdleMs: 60_000,
    readsAreCurrent: true,
    nowMs: Date.now,
    at: () => {},
  }
  const sessions = openSessions({ idleMs: 60_000 })
  const observed = observePartition(bus, partitionOf(sid), {
    nowMs: Date.now,
    onSockets: () => {},
  })
  t.teardown(async () => {
    observed.close()
    sessions.close()
    await projection.close()
  })
  const answer = openAnswers(room, {
    sessions,
    recall: openRecall(room),
    observed,
    isOpen: () => true,
  })
  const participants = () => answer({ v: 1, type: 'participants', sid })
  const refused = () =>
    answer({ v: 1, type: 'pull_request', sid, requestId: 'none' }).then(
      () => 'answered',
      (error: unknown) => codeOf(error),
    )

  t.match(await participants(), { participants: [{ userId: 'alice' }] }, 'the log has no more')
  t.equal(await refused(), 'PULL_REQUEST_NOT_FOUND', 'nor for a refusal')

  await requestCommand(bus, sid, promptOf('p1'))
  t.equal(await refused(), 'NO_OWNER', 'its memory is old now')
  t.equal(await refused(), 'PULL_REQUEST_NOT_FOUND', 'and read again')
  await requestCommand(bus, sid, promptOf('p2'))
  t.equal(codeOf(await participants().catch((error: Error) => error)), 'NO_OWNER')
})
