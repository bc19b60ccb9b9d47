/**
 * Every NATS subject of the system, each with who writes it and who reads it. No other file spells
 * one. A `Subject` has every token filled in and may be published to; a `Pattern` has wildcards and
 * may only be subscribed to or filtered by.
 */
import { fail } from './errors.ts'
import { partitionOf } from './partition.ts'

declare const brand: unique symbol
type Branded<T, B extends string> = T & { readonly [brand]: B }

export type Subject = Branded<string, 'Subject'>
export type Pattern = Branded<string, 'Pattern'>
export type SessionId = Branded<string, 'SessionId'>

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/

/** @throws code `INVALID_TOKEN_TEXT` when `text` could alter the shape of a subject. */
const token = (kind: string, text: string): string => {
  if (!TOKEN.test(text)) throw fail('INVALID_TOKEN_TEXT', { kind, text: text.slice(0, 80) })
  return text
}

/** @throws code `INVALID_TOKEN_TEXT` unless `text` is 1 … 64 of `A-Z a-z 0-9 _ -`. */
export const sessionId = (text: string): SessionId => token('session', text) as SessionId
export const isSessionId = (text: string): text is SessionId => TOKEN.test(text)

const subject = (text: string) => text as Subject
const pattern = (text: string) => text as Pattern
const partition = (p: number): string => String(p)

/** Commands. Anybody may publish; CMD stores them under the partition; the owner consumes. */
export const commandSubject = (sid: SessionId): Subject => subject(`cmd.${sid}`)
export const COMMANDS: Pattern = pattern('cmd.*')
/** As stored, for an owner's consumer of one partition. */
export const storedCommands = (p: number): Pattern => pattern(`cmd.${partition(p)}.*`)
/** The session of a stored command's subject `cmd.<p>.<sid>`. */
export const sessionOfStored = (stored: string): SessionId => sessionId(stored.split('.')[2] ?? '')

/** Records: the truth. The partition's owner publishes with an expected sequence. */
export const recordSubject = (sid: SessionId): Subject => subject(`evt.${partitionOf(sid)}.${sid}`)
export const RECORDS: Pattern = pattern('evt.*.*')

/** Records again, republished by the server as they are stored; edges follow. Core, no stream. */
export const liveSubject = (sid: SessionId): Subject => subject(`live.${sid}`)
/** Newest record of each session (IDX); apis follow. */
export const indexSubject = (sid: SessionId): Subject => subject(`idx.${sid}`)
export const INDEX: Pattern = pattern('idx.*')
export const sessionOfIndex = (stored: string): SessionId => sessionId(stored.split('.')[1] ?? '')

/** Growing text of a running prompt. The sandbox's edge publishes, edges follow. Core. */
export const textSubject = (sid: SessionId): Subject => subject(`text.${sid}`)
/** "Say the present text again": an edge that opened a room asks the sandbox's edge. Core. */
export const textAskSubject = (sid: SessionId): Subject => subject(`textask.${sid}`)
/** Sockets of one edge in one session. Edges publish; edges of the session and the owner follow. */
export const presenceSubject = (sid: SessionId): Subject =>
  subject(`presence.${partitionOf(sid)}.${sid}`)
export const presenceOf = (p: number): Pattern => pattern(`presence.${partition(p)}.*`)
/** Signs of life of a sandbox. The sandbox's edge publishes, the owner follows. Core. */
export const beatSubject = (sid: SessionId): Subject => subject(`beat.${partitionOf(sid)}.${sid}`)
export const beatsOf = (p: number): Pattern => pattern(`beat.${partition(p)}.*`)
/** Questions to the owner of a partition, request and reply. Core. */
export const askSubject = (sid: SessionId): Subject => subject(`ask.${partitionOf(sid)}`)
export const asksOf = (p: number): Subject => subject(`ask.${partition(p)}`)
/** "Partition p has a new owner": edges announce their sockets again at once. Core. */
export const ownerSubject = (p: number): Subject => subject(`owner.${partition(p)}`)
export const OWNER_CHANGES: Pattern = pattern('owner.*')
export const partitionOfOwner = (text: string): number => Number(text.split('.')[1])
/** What an owner knows of a session, for the heir of its partition. `epoch`: the one that ends. Core. */
export const handOverSubject = (heir: string, epoch: number, sid: SessionId): Subject =>
  subject(`hand.${token('owner', heir)}.${epoch}.${sid}`)
export const handedTo = (owner: string): Pattern => pattern(`hand.${token('owner', owner)}.*.*`)
/** What such a subject names; undefined when it is no such one: anybody may publish. */
export const handedOver = (text: string): { epoch: number; sid: SessionId } | undefined => {
  const [, , epoch = '', sid = ''] = text.split('.')
  return isSessionId(sid) && /^\d+$/.test(epoch) ? { epoch: Number(epoch), sid } : undefined
}
/** The session that a signal's subject `<kind>.<p>.<sid>` names. */
export const sessionOfSignal = (text: string): SessionId => sessionId(text.split('.')[2] ?? '')

/** True for an inbox as clients of NATS make them: core only, no stream stores it. */
export const isInbox = (text: string): text is Subject => /^_INBOX\w*(\.[\w-]+)+$/.test(text)

/** Pending timers (message schedules) and what they fire; CMD sources the latter. */
export const timerSubject = (sid: SessionId, name: string): Subject =>
  subject(`tmr.${partitionOf(sid)}.${sid}.${token('timer', name)}`)
export const timersOf = (sid: SessionId): Pattern => pattern(`tmr.${partitionOf(sid)}.${sid}.*`)
export const fireSubject = (sid: SessionId): Subject => subject(`fire.${partitionOf(sid)}.${sid}`)
export const TIMERS: Pattern = pattern('tmr.*.*.*')
export const FIRES: Pattern = pattern('fire.*.*')

/** What a sandbox host must do. `host` is `any` until one has said that it runs the sandbox. */
export type SandboxJobKind = 'spawn' | 'restore' | 'snapshot' | 'stop' | 'destroy'
export const ANY_HOST = 'any'
export const sandboxJobSubject = (host: string, kind: SandboxJobKind): Subject =>
  subject(`job.sandbox.${token('host', host)}.${kind}`)
export const sandboxJobsOf = (host: string): Pattern =>
  pattern(`job.sandbox.${token('host', host)}.*`)
/** Questions to any github process, request and reply (github.ts). Core. */
export const GITHUB_ASK: Subject = subject('github.ask')
/** What the github process must do, and completion callbacks to bots. */
export const githubJobSubject = (kind: string): Subject =>
  subject(`job.github.${token('kind', kind)}`)
export const GITHUB_JOBS: Pattern = pattern('job.github.*')
export const CALLBACK_JOB: Subject = subject('job.callback')
export const JOBS: Pattern = pattern('job.>')

/** Verified webhook deliveries. */
export const GITHUB_HOOK: Subject = subject('hook.github')
export const HOOKS: Pattern = pattern('hook.*')

/** The two newest snapshots of a session. The partition's owner writes and reads. */
export const snapshotSubject = (sid: SessionId): Subject => subject(`snap.${sid}`)
export const SNAPSHOTS: Pattern = pattern('snap.*')

/** What could not be decided or done, with the reason. */
export type DeadLetterKind = 'command' | 'job' | 'hook' | 'callback'
export const deadLetterSubject = (kind: DeadLetterKind): Subject => subject(`dlq.${kind}`)
export const DEAD_LETTERS: Pattern = pattern('dlq.*')

/** When a person has last looked at a session, in the bucket `reads`. `person`: a hash of the user id. */
export const READS_BUCKET = 'reads'
export const readSubject = (person: string, sid: SessionId): Subject =>
  subject(`$KV.reads.${token('person', person)}.${sid}`)
export const readsOf = (sid: SessionId): Pattern => pattern(`$KV.reads.*.${sid}`)
export const sessionOfRead = (text: string): SessionId => sessionId(text.split('.')[3] ?? '')

/** Leases and partitions, in the bucket `own` (raw subjects, because leases carry a TTL). */
export const OWN_BUCKET = 'own'
export const leaseSubject = (owner: string): Subject =>
  subject(`$KV.own.m.${token('owner', owner)}`)
export const partitionSubject = (p: number): Subject => subject(`$KV.own.p.${partition(p)}`)
export const OWN: Pattern = pattern('$KV.own.>')
/** Reads a subject of the bucket back: a lease's owner or a partition's number. */
export const ownKey = (
  text: string,
): { kind: 'lease'; owner: string } | { kind: 'partition'; p: number } | undefined => {
  const [, , kind, rest] = text.split('.')
  if (kind === 'm' && rest) return { kind: 'lease', owner: rest }
  if (kind === 'p' && rest) return { kind: 'partition', p: Number(rest) }
  return undefined
}

/** nats-server tells here which stream, or which consumer of one, has a new leader. */
export const ELECTIONS: Pattern = pattern('$JS.EVENT.ADVISORY.*.LEADER_ELECTED.>')

/** What the subject of such a message names. */
export const electedOf = (subject: string): { stream: string; consumer?: string } | undefined => {
  const [, , , kind, , stream, consumer] = subject.split('.')
  if (stream === undefined) return undefined
  if (kind === 'STREAM') return { stream }
  return kind === 'CONSUMER' && consumer !== undefined ? { stream, consumer } : undefined
}
