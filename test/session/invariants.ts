/** What holds after every command. Each throws with a sentence when it does not. */
import { isDeepStrictEqual } from 'node:util'
import { deadlines } from '../../lib/session/deadlines.ts'
import { decide } from '../../lib/session/decide.ts'
import { applyRecord } from '../../lib/session/record.ts'
import {
  initialState,
  isConnected,
  isLive,
  isStarting,
  type SessionState,
  unfinishedCount,
} from '../../lib/session/state.ts'
import { clientFrames, evolveView, sandboxFrames, viewOf } from '../../lib/session/view.ts'
import { sandboxFrame } from '../../subjects/frames-sandbox.ts'
import { serverFrame } from '../../subjects/frames-server.ts'
import { sandboxJobSchemas } from '../../subjects/jobs.ts'
import { record as recordSchema } from '../../subjects/records.ts'
import type { World } from './world.ts'

const ensure = (holds: boolean, sentence: string): void => {
  if (!holds) throw new Error(sentence)
}
const same = (a: unknown, b: unknown, sentence: string): void =>
  ensure(isDeepStrictEqual(a, b), `${sentence}\n${JSON.stringify(a)}\n${JSON.stringify(b)}`)
const json = <T>(value: T): T => JSON.parse(JSON.stringify(value))

const started = (world: World): void => {
  const queued = world.eventsOf('prompt_queued').map(one => one.messageId)
  const began = world.eventsOf('prompt_started').map(one => one.messageId)
  const ended = world.eventsOf('prompt_finished').map(one => one.messageId)
  same(began, queued.slice(0, began.length), 'prompts start in the order of the queue, once')
  same(ended, began.slice(0, ended.length), 'prompts end in the order in which they started, once')
  ensure(began.length - ended.length <= 1, 'at most one runs')
  same(world.state.running?.messageId, began[ended.length], 'the state knows which one runs')
  same(
    world.state.queue.map(one => one.messageId),
    queued.slice(began.length),
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
  for (const effect of newest.effects) sandboxJobSchemas[effect.job].parse(effect.payload)
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
  if (state.queue.length > 0 && !state.running && !state.stopping) {
    ensure(!isConnected(state.sandbox), 'nothing waits beside an idle sandbox')
    ensure(names.has('connect') || names.has('retry'), 'what waits has something to wait for')
  }
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

/** Words of a sandbox that was replaced change nothing; the queue may have moved meanwhile. */
const deafToTheOld = (world: World): void => {
  const command = world.last?.command
  if (!command || !('generation' in command)) return
  if (command.generation === world.before.sandbox.generation) return
  ensure(
    world.newest?.events.every(event => !OF_A_SANDBOX.test(event.type)) ?? true,
    'the words of an old generation have no effect',
  )
}

const status = (state: SessionState): void => {
  if (unfinishedCount(state) > 0) ensure(state.status === 'active', 'work makes it active')
  else if (state.messageCount === 0) ensure(state.status === 'created', 'nothing ever ran')
  else ensure(state.status === state.lastOutcome, 'an idle session shows its last outcome')
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
  armed(world)
  deafToTheOld(world)
  status(world.state)
}

/** Of the whole log, at the end. */
export const logInvariants = (world: World): void => {
  started(world)
  sequence(world)
  onceAndInPlace(world)
  fromRecordsAlone(world)
  updated(world)
}
