/**
 * The living bridges of this host. Each is looked after until it has ended, which is noted in its folder
 * before it is reported, so that a process that dies in between leaves it to the next one.
 */
import type { Log } from '../../telemetry/log.ts'
import { restOf } from '../bridge/standing.ts'
import type { Exit } from '../provider.ts'
import { endOf, howItEnded } from './ending.ts'
import { type Note, type NoteOf, readNote, writeNote } from './note.ts'
import type { Resting } from './places.ts'
import { adoptBridge, type BridgeProcess, clearAway, endBridge, lastWords } from './process.ts'

/** So long the prompt that a sandbox was started for may take to get there, unless it was taken back. */
const PROMPT_WITHIN_MS = 30_000

type Running = {
  readonly bridge: BridgeProcess
  readonly note: NoteOf<'running'>
  /** Until then, by the process' own clock, a prompt must be thought to be on its way. */
  readonly awaitedUntilMs: number
  /** Why it was ended from here, if it was. */
  ending?: string
  /** Resolves when its end is noted and reported. */
  settled: Promise<void>
}

export type KeeperOptions = {
  readonly folderOf: (sid: string) => string
  /** Hears of every end, maybe more than once. */
  readonly ended: (exit: Exit) => Promise<void>
  readonly log: Log
}

export type Keeper = {
  /** Sessions whose bridges run. */
  sids(): Iterable<string>
  /** Those that run nothing, as far as their bridges have said. */
  resting(): Promise<readonly Resting[]>
  /** Looks after a living bridge until it has ended and that is reported. */
  keep(bridge: BridgeProcess, note: NoteOf<'running'>, promptWaits: boolean): void
  /** One folder, as an earlier process left it. */
  takeUp(sid: string): Promise<void>
  /** Resolves when it has ended and that is reported; at once when none runs. */
  end(sid: string, reason: string): Promise<void>
  endAll(reason: string): Promise<void>
  /** Notes and reports an end. */
  noteEnd(note: Note, how: { reason: string; orderly: boolean }): Promise<void>
}

export const openKeeper = ({ folderOf, ended, log }: KeeperOptions): Keeper => {
  const running = new Map<string, Running>()

  const noteEnd: Keeper['noteEnd'] = async (note, how) => {
    const { v, sid, generation, sandboxId, warning, repository } = note
    const folder = folderOf(sid)
    const kept = { v, sid, generation, sandboxId, warning, ...(repository ? { repository } : {}) }
    const base = { ...kept, state: 'ended', ...how } as const
    await writeNote(folder, { ...base, reported: false })
    await ended({ sid, generation, ...how })
    // A younger one may have begun while the report was on its way.
    const now = await readNote(folder)
    if (now?.state === 'ended' && now.generation === generation) {
      await writeNote(folder, { ...base, reported: true })
    }
  }

  const keep: Keeper['keep'] = (bridge, note, promptWaits) => {
    const awaitedUntilMs = promptWaits ? performance.now() + PROMPT_WITHIN_MS : 0
    const entry: Running = { bridge, note, awaitedUntilMs, settled: Promise.resolve() }
    entry.settled = bridge.ended
      .then(async ({ code, signal }) => {
        const folder = folderOf(note.sid)
        await clearAway(folder, bridge)
        running.delete(note.sid)
        const how = await howItEnded(folder, entry.ending, { code, signal })
        log.info(
          { sid: note.sid, generation: note.generation, reason: how.reason },
          'sandbox ended',
        )
        await noteEnd(note, how)
      })
      .catch(error =>
        log.error({ err: error, sid: note.sid }, 'the end of a sandbox was not noted'),
      )
    running.set(note.sid, entry)
  }

  const end: Keeper['end'] = async (sid, reason) => {
    const entry = running.get(sid)
    if (!entry) return
    entry.ending ??= reason
    await endBridge(folderOf(sid), entry.bridge)
    await entry.settled
  }

  const resting: Keeper['resting'] = async () => {
    const found = await Promise.all(
      [...running].map(async ([sid, { note, awaitedUntilMs }]) => {
        const rest = await restOf(folderOf(sid))
        if (rest === 'runs') return []
        if (rest === 'has not begun' && performance.now() < awaitedUntilMs) return []
        const sinceMs = rest === 'has not begun' ? 0 : rest
        return [{ sid, generation: note.generation, sinceMs }]
      }),
    )
    return found.flat()
  }

  const takeUp: Keeper['takeUp'] = async sid => {
    const note = await readNote(folderOf(sid))
    if (note?.state === 'ended' && !note.reported) await noteEnd(note, endOf(note))
    if (note?.state !== 'running') return
    const bridge = await adoptBridge(note.pid, note.birth)
    if (bridge) {
      keep(bridge, note, false)
      log.info({ sid, pid: note.pid }, 'sandbox taken up')
      return
    }
    await clearAway(folderOf(sid))
    const said = await lastWords(folderOf(sid))
    await noteEnd(note, {
      reason: `The sandbox ended while its host was away. Its last words: ${said || 'none'}`,
      orderly: false,
    })
  }

  return {
    sids: () => running.keys(),
    resting,
    keep,
    takeUp,
    end,
    endAll: async reason => {
      await Promise.all([...running.keys()].map(sid => end(sid, reason)))
    },
    noteEnd,
  }
}
