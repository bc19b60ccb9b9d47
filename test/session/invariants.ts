/** What holds after every command. Each throws with a sentence when it does not. */
import { isDeepStrictEqual } from 'node:util'
import { deadlines } from '../../lib/session/deadlines.ts'
import { decide } from '../../lib/session/decide.ts'
import { clientFrames, sandboxFrames } from '../../lib/session/frames.ts'
import { applyRecord } from '../../lib/session/record.ts'
import {
  initialState,
  isBeingKept,
  isClosed,
  isConnected,
  isLive,
  isStarting,
  type SessionState,
  unfinishedCount,
} from '../../lib/session/state.ts'
import { evolveView, viewOf } from '../../lib/session/view.ts'
import { sandboxFrame } from '../../subjects/frames-sandbox.ts'
import { serverFrame } from '../../subjects/frames-server.ts'
import { githubJobSchemas } from '../../subjects/github.ts'
import { callbackJob, sandboxJobSchemas } from '../../subjects/jobs.ts'
import { record as recordSchema, type SessionEvent } from '../../subjects/records.ts'
import { ensure, same } from './ensure.ts'
import { pullRequests, pullRequestsEnd } from './invariants-pull-requests.ts'
import type { World } from './world.ts'

const json = <T>(value: T): T => JSON.parse(JSON.stringify(value))

/** What waits after these events, told without the core: who is first is who starts. */
const waitsAfter = (events: readonly SessionEvent[]): string[] => {
  let held = false
  const queue: string[] = []
  const take = (messageId: string) => {
    ensure(queue.includes(messageId), 'only what waits is cancelled, moved or started')
    queue.splice(queue.indexOf(messageId), 1)
  }
  for (const event of events) {
    if (event.type === 'queue_held') held = true
    if (event.type === 'queue_released') held = false
    if (event.type === 'prompt_queued') queue.push(event.messageId)
    if (event.type === 'prompt_cancelled' || event.type === 'prompt_dropped') take(event.messageId)
    if (event.type === 'prompt_moved') {
      take(event.messageId)
      const place = event.before === null ? queue.length : queue.indexOf(event.before)
      queue.splice(place, 0, event.messageId)
    }
    if (event.type === 'prompt_started') {
      ensure(!held, 'nothing starts while the queue is held')
      same(event.messageId, queue[0], 'prompts start in the order of the queue')
      take(event.messageId)
    }
  }
  return queue
}

const started = (world: World): void => {
  const cancelled = new Set(world.eventsOf('prompt_cancelled').map(one => one.messageId))
  const began = world.eventsOf('prompt_started').map(one => one.messageId)
  const ended = world.eventsOf('prompt_finished').map(one => one.messageId)
  ensure(new Set(began).size === began.length, 'a prompt starts once')
  ensure(!began.some(one => cancelled.has(one)), 'a cancelled prompt never starts')
  same(ended, began.slice(0, ended.length), 'prompts end in the order in which they started, once')
  ensure(began.length - ended.length <= 1, 'at most one runs')
  same(world.state.running?.messageId, began[ended.length], 'the state knows which one runs')
  same(
    world.state.queue.map(one => one.messageId),
    waitsAfter(world.records.flatMap(record => record.events)),
    'what has not started waits, in order',
  )
}

const sequence = (world: World): void => {
  const lines = world.eventsOf('timeline')
  same(
    lines.map(one => one.sequence),
    lines.map((_, i) => i + 1),
    'sequences count 1, 2, 3 … without a hole',
  )
  const ends = lines.filter(one => one.event.type === 'execution_complete').map(one => one.eventId)
  ensure(new Set(ends).size === ends.length, 'a prompt’s end is shown once')
  ensure(
    lines.every(one => one.position <= one.sequence),
    'a line never stands after its own sequence',
  )
}

/** Whoever has seen a version knows everything that it stands for. */
const version = (world: World): void => {
  const shown = ({ queue, running, held }: SessionState) => ({
    queue: queue.map(({ messageId, content }) => [messageId, content]),
    running: running?.messageId,
    held,
  })
  const { before, state } = world
  const grown = state.queueVersion - before.queueVersion
  ensure(grown >= 0, 'the version of the queue never falls')
  if (!isDeepStrictEqual(shown(before), shown(state))) {
    ensure(grown > 0, 'the version of the queue grows with every change of it')
  }
}

/** Numbered events are stored once, and a line that comes again stands where it stood. */
const onceAndInPlace = (world: World): void => {
  const lines = world.eventsOf('timeline')
  const marks = lines.flatMap(one => (one.event.mark === undefined ? [] : [one.event.mark]))
  ensure(new Set(marks).size === marks.length, 'what is numbered is stored once')
  // Places are remembered for the prompt that runs and the one before it.
  let current = new Map<string, number>()
  let previous = new Map<string, number>()
  for (const event of world.records.flatMap(record => record.events)) {
    if (event.type === 'prompt_started') [previous, current] = [current, new Map()]
    if (event.type !== 'timeline') continue
    const place = current.get(event.eventId) ?? previous.get(event.eventId) ?? event.sequence
    ensure(event.position === place, 'a line that comes again keeps its place')
    if (!previous.has(event.eventId)) current.set(event.eventId, place)
  }
}

const wellFormed = (world: World): void => {
  const { newest } = world
  if (!newest) return
  same(recordSchema.parse(json(newest)), json(newest), 'a record is what its schema says, whole')
  for (const effect of newest.effects) {
    if (effect.kind === 'callback_job') callbackJob.parse(effect.payload)
    else if (effect.kind === 'github_job') githubJobSchemas[effect.job].parse(effect.payload)
    else sandboxJobSchemas[effect.job].parse(effect.payload)
  }
}

const fromRecordsAlone = (world: World): void => {
  const replayed = json(world.records).reduce(applyRecord, initialState)
  same(replayed, world.state, 'the records alone give the state')
}

const deterministic = (world: World): void => {
  if (!world.last) return
  const { command, context } = world.last
  const once = decide(world.before, command, context)
  same(decide(world.before, command, context), once, 'deciding again decides the same')
  const saved = json(world.before)
  same(saved, world.before, 'the state is plain JSON')
  same(decide(saved, command, context), once, 'a saved state decides like the one in memory')
}

const view = (world: World): void => {
  let seen = viewOf(world.before)
  for (const event of world.newest?.events ?? []) {
    const before = seen
    seen = evolveView(seen, event)
    for (const frame of clientFrames(before, seen, event)) serverFrame.parse(frame)
    for (const frame of sandboxFrames(seen, event)) sandboxFrame.parse(frame)
  }
  same(seen, viewOf(world.state), 'an edge that followed sees what the state says')
}

const neverStuck = ({ state, policy }: World): void => {
  const names = new Set(deadlines(state, policy).map(one => one.name))
  if (state.running) ensure(names.has('execution'), 'what runs has a watchdog')
  if (state.stopping) ensure(names.has('stop'), 'a stop has an end')
  if (isStarting(state.sandbox)) ensure(names.has('connect'), 'a start has a watchdog')
  if (isConnected(state.sandbox)) ensure(names.has('heartbeat'), 'a connected sandbox is watched')
  if (state.queue.length > 0 && !state.held && !state.running && !state.stopping) {
    const isKept = isBeingKept(state.sandbox)
    ensure(!isConnected(state.sandbox) || isKept, 'nothing waits beside an idle sandbox')
    ensure(
      names.has('connect') || names.has('retry') || names.has('snapshot'),
      'what waits has something to wait for',
    )
  }
}

/** An image is whole, and no end is forgotten. */
const imagesAreWhole = ({ state, policy, before }: World): void => {
  const { sandbox, running } = state
  if (isBeingKept(sandbox)) {
    ensure(running === null, 'nothing runs while an image is taken')
    ensure(before.sandbox.generation <= sandbox.generation, 'nor is it replaced')
    const due = deadlines(state, policy).some(one => one.name === 'snapshot')
    ensure(due, 'an image is not awaited for ever')
  } else {
    ensure(sandbox.ending === null, 'an end that waits for nothing has come')
    ensure(sandbox.status !== 'snapshotting', 'it says so only while an image is taken')
  }
}

/** No sandbox is stopped before its image is answered or given up. */
const keptBeforeStopped = (world: World): void => {
  if (!world.newest || !isBeingKept(world.before.sandbox)) return
  const { generation } = world.before.sandbox
  const events = world.newest.events
  const answered = events.findIndex(one => /^snapshot_(?:saved|failed|expired)$/.test(one.type))
  const ended = events.findIndex(
    one => one.type === 'sandbox_shutdown' && one.generation === generation,
  )
  ensure(ended < 0 || (answered >= 0 && answered < ended), 'stopped only once its image is settled')
}

/** Work is bound to the sandbox that does it. */
const workNeedsItsSandbox = ({ state }: World): void => {
  const { running, stopping, sandbox } = state
  ensure(!(running && stopping), 'nothing starts before a stop is confirmed')
  if (running || stopping) ensure(isLive(sandbox), 'a dead sandbox holds no work')
  if (running) ensure(running.generation === sandbox.generation, 'what runs keeps its sandbox')
}

/** The owner arms what records say, and nothing else: it has to be enough. */
const armed = ({ state, policy, armed: timers }: World): void => {
  for (const { name, atMs } of deadlines(state, policy)) {
    ensure(timers.get(name) === atMs, `the deadline ${name} of the state is armed`)
  }
}

const OF_A_SANDBOX = /^(?:prompt|stop|timeline|artifact|cost|sandbox_(?:bridge|conn|disc|progress))/

/** Of the core itself, which may be due at any command. */
const isWarning = (event: SessionEvent): boolean =>
  event.type === 'timeline' && event.event.type === 'warning' && event.event.scope === 'start'

/** Words of a sandbox that was replaced change nothing; the queue may have moved meanwhile. */
const deafToTheOld = (world: World): void => {
  const command = world.last?.command
  if (!command || !('generation' in command)) return
  if (command.generation === world.before.sandbox.generation) return
  ensure(
    world.newest?.events.every(event => !OF_A_SANDBOX.test(event.type) || isWarning(event)) ?? true,
    'the words of an old generation have no effect',
  )
}

const status = ({ state, records }: World): void => {
  const { status, lastOutcome } = state
  if (isClosed(state)) {
    ensure(unfinishedCount(state) === 0, 'a closed session has no work')
  } else if (unfinishedCount(state) > 0) {
    ensure(status === 'active', 'work makes it active')
  } else if (status === 'active') {
    const cause = records.findLast(one => one.events.some(e => e.type === 'session_status_changed'))
    ensure(cause?.commandType === 'unarchive_session', 'active without work: from the archive')
  } else {
    ensure(status === (lastOutcome ?? 'created'), 'an idle session shows its last outcome')
  }
}

const updated = (world: World): void => {
  const times = world.records.map(one => one.summary?.updatedAtMs ?? 0)
  ensure(
    times.every((time, i) => i === 0 || time >= (times[i - 1] as number)),
    'a session is never updated backwards',
  )
}

/** After every command. */
export const invariants = (world: World): void => {
  wellFormed(world)
  deterministic(world)
  view(world)
  neverStuck(world)
  workNeedsItsSandbox(world)
  pullRequestsEnd(world)
  imagesAreWhole(world)
  keptBeforeStopped(world)
  armed(world)
  deafToTheOld(world)
  status(world)
  version(world)
}

/** What rows hold as text is the same text, whether a record comes from memory or from the log. */
const sameText = ({ records }: World): void => {
  const texts = (record: World['records'][number]) =>
    record.events.flatMap(one => (one.type === 'timeline' ? [JSON.stringify(one.event)] : []))
  for (const record of records) {
    same(texts(recordSchema.parse(json(record))), texts(record), 'a line has one text')
  }
}

/** Of the whole log, at the end. */
export const logInvariants = (world: World): void => {
  sameText(world)
  started(world)
  sequence(world)
  pullRequests(world)
  onceAndInPlace(world)
  fromRecordsAlone(world)
  updated(world)
}
