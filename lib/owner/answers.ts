/**
 * The answers to questions, one function for each. They change nothing, are given between two
 * commands of the session, and name the record at which they are true.
 */
import { LRUCache } from 'lru-cache'
import type { AnswerOf, Question, QuestionOf, QuestionType } from '../../subjects/asks.ts'
import { codeOf, fail } from '../../subjects/errors.ts'
import type { SessionSnapshot } from '../../subjects/frames-server.ts'
import { sessionId } from '../../subjects/subjects.ts'
import { admitClient, admitSandbox, wantsSandbox } from '../session/admission.ts'
import { outstandingFor } from '../session/frames.ts'
import { shownPerson } from '../session/people.ts'
import { detailsOf, snapshotOf } from '../session/snapshot.ts'
import { viewOf } from '../session/view.ts'
import { isDiskFull } from '../store/database.ts'
import type { SessionStore } from '../store/session-store.ts'
import { isNewest, type Memory } from './journal.ts'
import type { Observed } from './observed.ts'
import type { Recall } from './recall.ts'
import type { OwnerRoom } from './room.ts'
import type { Sessions } from './sessions.ts'

/** Lines that one answer holds at most. */
const PAGE_LINES = 500
/** Bytes of lines that one answer holds at most, however large messages may be. */
const PAGE_BYTES = 1_000_000
/** Left for everything that is not counted. */
const SLACK_BYTES = 16_384

/** What an answer is made from. */
type At = {
  readonly room: OwnerRoom
  readonly observed: Observed
  readonly memory: Memory
  /** Reads rows that hold everything up to the memory's record. */
  readonly read: <R>(work: (store: SessionStore) => Promise<R>) => Promise<R>
}
type Given<T extends QuestionType> = Omit<AnswerOf<T>, 'recordSeq'>
type Answers = {
  readonly [T in QuestionType]: (question: QuestionOf<T>, at: At) => Promise<Given<T>>
}

type Shown = { readonly snapshot: SessionSnapshot; readonly recovered: boolean }
/** Many may join at once, after an edge has died for instance, from the same line: rows are read once. */
const shown = new WeakMap<Memory, LRUCache<string, Promise<Shown>>>()
/** For those who hold nothing yet, and for those who come back. Each may have a page of lines. */
const SHOWN_KEPT = 2
const SHOWN_FOR_MS = 5_000
/** What is in an answer besides is counted in steps of these, so that answers are alike. */
const STEP_BYTES = 16_384

/**
 * The snapshot; with `after`, exactly the lines that came after it, if they are still there and fit.
 * @param besides what else will be in the answer: all of it must fit into one message
 */
const snapshotAt = (at: At, after: number | null, besides: unknown): Promise<Shown> => {
  const bytes = Buffer.byteLength(JSON.stringify(besides))
  const taken = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES + SLACK_BYTES
  const key = `${after} ${taken}`
  const kept = shown.get(at.memory) ?? new LRUCache({ max: SHOWN_KEPT })
  shown.set(at.memory, kept)
  const known = kept.get(key)
  if (known) return known
  const read = readSnapshot(at, after, taken)
  kept.set(key, read)
  setTimeout(() => kept.delete(key), SHOWN_FOR_MS).unref()
  read.catch(() => kept.delete(key))
  return read
}

const readSnapshot = ({ memory, read, room }: At, after: number | null, takenBytes: number) =>
  read(async (store): Promise<Shown> => {
    const fixed = { ...snapshotOf(memory.state), artifacts: await store.artifacts() }
    const taken = Buffer.byteLength(JSON.stringify(fixed)) + takenBytes
    const most = (room.bus.nc.info?.max_payload ?? PAGE_BYTES) - taken
    const maxBytes = Math.max(0, Math.min(PAGE_BYTES, most))
    const missed =
      after === null ? undefined : await store.changesAfter(after, PAGE_LINES, maxBytes)
    if (missed?.complete) {
      const timeline = { events: missed.items, hasMore: false, cursor: null }
      return { snapshot: { ...fixed, timeline }, recovered: true }
    }
    const { items, hasMore, cursor } = await store.timeline(PAGE_LINES, maxBytes)
    return {
      snapshot: { ...fixed, timeline: { events: items, hasMore, cursor } },
      recovered: false,
    }
  })

const pageBytes = { maxBytes: PAGE_BYTES }

const answers: Answers = {
  join: async ({ sid, tokenHash, after, follows }, at) => {
    const { state } = at.memory
    if (tokenHash === '') throw fail('TOKEN_MISSING')
    const admitted = admitClient(state, tokenHash, at.room.nowMs(), at.room.policy)
    if (!admitted.ok) throw fail(admitted.code)
    const rest = {
      participant: { ...shownPerson(admitted.participant), role: admitted.participant.role },
      presence: follows ? [] : at.observed.presence(sessionId(sid)),
      view: follows ? null : viewOf(state),
    }
    return { ...rest, ...(await snapshotAt(at, after ?? null, rest)) }
  },
  sandbox_join: async (question, { memory: { state } }) => {
    const admitted = admitSandbox(state, question)
    if (!admitted.ok) throw fail(admitted.code)
    const { prompt, stop, stopMessageId, push } = outstandingFor(state)
    if (prompt && prompt.type !== 'prompt') throw fail('INTERNAL')
    if (push && push.type !== 'push') throw fail('INTERNAL')
    return {
      generation: admitted.generation,
      outstanding: { prompt, stop, stopMessageId, push },
      view: viewOf(state),
    }
  },
  sandbox_wanted: async ({ generation }, { memory }) => wantsSandbox(memory.state, generation),
  snapshot: async (_question, at) => {
    const details = detailsOf(at.memory.state)
    return { snapshot: (await snapshotAt(at, null, details)).snapshot, details }
  },
  events: (question, { read }) => read(store => store.events({ ...question, ...pageBytes })),
  messages: (question, { read }) => read(store => store.messages({ ...question, ...pageBytes })),
  history: ({ cursor, limit }, { read }) => read(store => store.history(cursor, limit, PAGE_BYTES)),
  participants: async (_question, { read }) => ({
    participants: await read(store => store.participants()),
  }),
  artifacts: async (_question, { read }) => ({
    artifacts: await read(store => store.artifacts()),
  }),
  pull_request: async ({ requestId }, { memory: { state } }) => {
    const { open, outcomes } = state.pullRequests
    if (open?.requestId === requestId) return { outcome: null }
    const settled = outcomes.find(one => one.requestId === requestId)
    if (!settled) throw fail('PULL_REQUEST_NOT_FOUND')
    return { outcome: settled.outcome }
  },
}

/** The one place where a question meets its answer. */
const answerTo = <T extends QuestionType>(question: QuestionOf<T>, at: At): Promise<Given<T>> =>
  (answers as Answers)[question.type as T](question, at)

type Answered<T extends QuestionType> = { readonly given: Given<T> } | { readonly refusal: unknown }

const answered = async <T extends QuestionType>(
  question: QuestionOf<T>,
  at: At,
): Promise<Answered<T>> => {
  try {
    if (!at.memory.state.exists) throw fail('SESSION_NOT_FOUND')
    return { given: await answerTo(question, at) }
  } catch (refusal) {
    return { refusal }
  }
}

/**
 * Answers the questions of one partition.
 * @param options.isOpen false once the partition is not ours any more
 */
export const openAnswers =
  (
    room: OwnerRoom,
    options: {
      readonly sessions: Sessions
      readonly recall: Recall
      readonly observed: Observed
      readonly isOpen: () => boolean
    },
  ) =>
  (question: Question): Promise<unknown> => {
    const { bus, lease, projection } = room
    const sid = sessionId(question.sid)
    const session = options.sessions.at(sid)
    return session.turn(async () => {
      if (!options.isOpen()) throw fail('NO_OWNER')
      try {
        const memory = await options.recall(session)
        const answer = await answered(question, {
          room,
          observed: options.observed,
          memory,
          read: work =>
            projection.use(sid, memory.sequence, rows => {
              // They come from the log: what is more than we know of was said by another.
              if (rows.appliedSequence() === memory.sequence) return work(rows)
              session.memory = undefined
              throw fail('NO_OWNER')
            }),
        })
        // A process that was paused meanwhile must not answer out of an old memory, nor refuse out of one.
        const isSure = lease.valid() || (await isNewest(bus, sid, memory))
        if (!isSure) session.memory = undefined
        if (!isSure || !options.isOpen()) throw fail('NO_OWNER')
        if ('refusal' in answer) throw answer.refusal
        return { recordSeq: memory.sequence, ...answer.given }
      } catch (error) {
        if (isDiskFull(error)) throw fail('STORE_FULL', { error })
        throw codeOf(error) === 'BUS_UNAVAILABLE' ? fail('NO_OWNER', { error }) : error
      }
    })
  }
