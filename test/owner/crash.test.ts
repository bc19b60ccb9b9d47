/**
 * Between any two steps of a command a process may die. Whatever the step: the command is decided
 * once, its timers are armed and its effects are emitted, and whoever asked learns the outcome.
 */
import t from 'tap'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { STEPS, type Step } from '../../lib/owner/room.ts'
import { deadlines } from '../../lib/session/deadlines.ts'
import { policyOf } from '../../lib/session/policy.ts'
import { applyRecord } from '../../lib/session/record.ts'
import { initialState } from '../../lib/session/state.ts'
import { CMD, JOB, TMR } from '../../subjects/streams.ts'
import { sandboxJobSubject, sessionId, timerSubject } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { creation, logOf, ownerConfig, promptOf, spawnOwner, startOwner } from './owners.ts'

const messages = async (bus: Bus, stream: string) =>
  (await bus.jsm.streams.info(stream)).state.messages

/** How many spawn jobs there are for a session. */
const spawnJobs = async (bus: Bus, sid: string): Promise<number> => {
  const { state } = await bus.jsm.streams.info(JOB)
  let count = 0
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
    const job = await bus.jsm.streams.getMessage(JOB, { seq })
    if (job?.subject !== sandboxJobSubject('any', 'spawn')) continue
    if (job.json<{ sid: string }>().sid === sid) count++
  }
  return count
}

/** The state that the log leads to. */
const stateOf = async (bus: Bus, sid: string) =>
  (await logOf(bus, sid)).reduce((state, { record }) => applyRecord(state, record), initialState)

t.test('killed between two steps', { timeout: 120_000 }, async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { OWNER_LEASE_MS: '1000' })

  for (const step of STEPS) {
    await t.test(`at "${step}"`, async t => {
      const sid = sessionId(`killed-${step}`)
      const owner = spawnOwner(t, config, {}, { DIE_AT: step })
      await publishCommand(bus, sid, creation(), { id: `create-${step}` })
      t.equal(await owner.gone(), 'SIGKILL')

      const happened = (one: Step) => STEPS.indexOf(step) >= STEPS.indexOf(one)
      t.equal((await logOf(bus, sid)).length, happened('committed') ? 1 : 0)
      t.equal(await spawnJobs(bus, sid), happened('emitted') ? 1 : 0)
      // Were it acknowledged before its effects are out, nobody would ever ask for them again.
      t.equal(await messages(bus, CMD), 1, 'the queue still has the command')

      owner.start()
      const { reply } = await requestCommand(bus, sid, promptOf('p1'), { deadlineMs: 20_000 })
      t.match(reply, { ok: true, messageId: String })
      const types = (await logOf(bus, sid)).map(({ record }) => record.commandType)
      t.same(types, ['create_session', 'prompt'], 'each decided once')
      t.equal(await spawnJobs(bus, sid), 1, 'one sandbox is asked for')
      const due = deadlines(await stateOf(bus, sid), policyOf(config))
      t.not(due.length, 0)
      for (const { name, atMs } of due) {
        const armed = await bus.jsm.streams.getMessage(TMR, {
          last_by_subj: timerSubject(sid, name),
        })
        t.match(armed?.json(), { type: 'deadline', name, atMs }, `${name} is armed`)
      }
      t.equal(await owner.stop(), 0)
      t.equal(await messages(bus, CMD), 0, 'the queue is empty')
    })
  }
})

t.test('failing at random between any steps', { timeout: 60_000 }, async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, {
    SANDBOX_PROVIDER: 'none',
    MAX_UNFINISHED_PROMPTS: '1000',
  })
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  let random = seed
  let failures = 0
  startOwner(t, config, {
    at: () => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff
      if (random % 100 >= 10) return
      failures++
      throw new Error('a failure of the test')
    },
  })
  const sids = Array.from({ length: 10 }, (_, n) => `failing-${n}`)
  await Promise.all(
    sids.map(async sid => {
      await publishCommand(bus, sid, creation())
      for (let n = 0; n < 20; n++) await publishCommand(bus, sid, promptOf(`p${n}`))
      const last = await requestCommand(bus, sid, promptOf('last'), { deadlineMs: 30_000 })
      t.match(last.reply, { ok: true, position: 21 })
    }),
  )
  for (const sid of sids) {
    const queued = (await logOf(bus, sid)).flatMap(({ record }) =>
      record.events.flatMap(event =>
        event.type === 'prompt_queued' ? [event.clientRequestId] : [],
      ),
    )
    const expected = [...Array.from({ length: 20 }, (_, n) => `p${n}`), 'last']
    t.same(queued, expected, 'each once and in order')
  }
  t.ok(failures > 50, `${failures} failures`)
})
