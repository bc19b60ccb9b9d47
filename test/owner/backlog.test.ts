/**
 * A backlog of very many sessions is worked off some hundred at a time: begun all at once, their
 * requests would be answered later than anybody waits for, and tried again, all at once.
 */
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { newestSequences } from '../../lib/bus/newest.ts'
import { DECISIONS_AT_ONCE } from '../../lib/owner/run.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { creation, ownerConfig, startOwner } from './owners.ts'

t.test('a backlog', async t => {
  const { nats, bus } = await startBus(t)
  const sids = Array.from({ length: DECISIONS_AT_ONCE * 3 }, (_, n) => `backlog-${n}`)
  await Promise.all(sids.map(sid => publishCommand(bus, sid, creation())))
  t.equal((await bus.jsm.streams.info(CMD)).state.messages, sids.length)

  const full = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  let underway = 0
  let most = 0
  let answered = 0
  const at = async (step: string) => {
    if (step === 'taken') {
      underway++
      most = Math.max(most, underway)
      if (underway === DECISIONS_AT_ONCE) full.resolve()
      await full.promise
    } else if (step === 'answered') {
      underway--
      if (++answered === sids.length) done.resolve()
    }
  }
  startOwner(t, ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' }), { at })
  await done.promise
  t.equal(most, DECISIONS_AT_ONCE)
  t.equal((await newestSequences(bus, sids)).size, sids.length, 'and all are decided')
})
