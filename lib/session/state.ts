/**
 * The state of one session, as the core knows it: what decisions are made from, and nothing that is
 * only shown (rows and history live in lib/store). Plain JSON, so that it can be saved and read back.
 * It is changed by `evolve` alone; nothing in it comes from anywhere but records.
 */
import type {
  PromptAuthor,
  SandboxStatus,
  SessionEventOf,
  SessionStatus,
} from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'
import { type Lines, noLines } from './lines.ts'
import { noPullRequests, type PullRequests } from './pull-requests.ts'

/** SHA-256 (hex) of a token with which a participant may join, and when it was issued. */
export type WsToken = Readonly<{ hash: string; issuedAtMs: number }>

/** A person's token of the git host. Encrypted, and even so shown to nobody but the github process. */
export type ScmToken = Readonly<{ encrypted: string; expiresAtMs: number | null }>

export type Participant = Readonly<PromptAuthor> &
  Readonly<{
    role: 'owner' | 'member'
    joinedAtMs: number
    tokens: readonly WsToken[]
    scmToken: ScmToken | null
  }>

/** A prompt that waits. `model` and `reasoningEffort`: null means the session's. */
export type QueuedMessage = Readonly<Omit<SessionEventOf<'prompt_queued'>, 'type'>>

/** The prompt that runs, with everything a sandbox is told. */
export type RunningMessage = Readonly<Omit<SessionEventOf<'prompt_started'>, 'type'>> &
  Readonly<{
    participantId: string
    source: string
    queuedAtMs: number
    callbackContext: QueuedMessage['callbackContext']
    delivered: boolean
    /** How often it was announced again on the present connection. */
    attempt: number
  }>

/** A prompt that is over for the people, while its sandbox has yet to let go of it. */
export type StoppingMessage = Readonly<{ messageId: string; requestedAtMs: number }>

/** An image that is being taken. `expired`: it did not come in time, and nothing waits for it. */
export type PendingSnapshot = Readonly<{ reason: string; atMs: number; expired: boolean }>

/** A sandbox that was replaced, as far as it must still be found and stopped. */
export type ReplacedSandbox = Readonly<{
  generation: number
  sandboxId: string
  objectId: string | null
  host: string
}>

export type Sandbox = Readonly<{
  /** Counts the sandboxes of the session; 0: none was ever wanted. */
  generation: number
  sandboxId: string | null
  tokenHash: string | null
  /** The provider's own id. */
  objectId: string | null
  /** The host whose jobs concern it, or `any`. */
  host: string
  status: SandboxStatus
  /** The newest socket; null once that very socket was closed. */
  connectionId: string | null
  /** Newest sockets that were closed or replaced. */
  pastConnections: readonly string[]
  /** A prompt sent to it twice is run once. */
  dedupes: boolean
  /** Its program is known to lose what runs when its socket drops. */
  forgets: boolean
  /** When it was wanted: "last spawn" of the spec. */
  requestedAtMs: number | null
  connectedAtMs: number | null
  disconnectedAtMs: number | null
  /** The look after a closed socket is still due. */
  disconnectCheck: boolean
  lastHeartbeatMs: number | null
  lastActivityMs: number | null
  /** Not before this is inactivity looked at again. */
  inactivityCheckMs: number | null
  gitSyncStatus: string
  /** Up to where each bridge's numbered events are stored; newest bridge last. */
  runs: readonly Readonly<{ run: string; seq: number }>[]
  /** Newest unnumbered events that were stored. */
  ackIds: readonly string[]
  previous: ReplacedSandbox | null
  /** The image that it began from, or null for a fresh one. */
  restoredFrom: string | null
  /** Work was done on it since its last snapshot was begun. */
  unsaved: boolean
  /** The snapshot that was begun since the last prompt started and is not answered. */
  snapshot: PendingSnapshot | null
  /** Why it is to be shut down as soon as its image is answered. */
  ending: string | null
}>

/** An accepted request: what was asked, and what was answered. */
export type RememberedRequest = Readonly<{ id: string; fingerprint: string; reply: Reply }>
export type Requests = Readonly<{
  /** By `clientRequestId`, for the session's life. Look up with `Object.hasOwn`: ids are foreign text. */
  prompts: Readonly<Record<string, Omit<RememberedRequest, 'id'>>>
  /** The newest others, oldest first. */
  others: readonly RememberedRequest[]
}>

export type SessionState = Readonly<{
  exists: boolean
  /** It was there and is gone for good: nothing more may happen to it. */
  deleted: boolean
  id: string
  title: string | null
  /** The title was made from a prompt. */
  titleIsProvisional: boolean
  repoOwner: string
  repoName: string
  baseBranch: string
  model: string
  reasoningEffort: string | null
  status: SessionStatus
  createdAtMs: number
  /** Strictly increasing over records that people would call a change. */
  updatedAtMs: number
  currentSha: string | null
  /** Where the session's work was pushed to, or null before the first push. */
  branchName: string | null
  pullRequests: PullRequests
  agentSessionId: string | null
  totalCost: number
  /** Prompts that were accepted and not cancelled. */
  messageCount: number
  /** Sequence of the last timeline line. */
  sequence: number
  lines: Lines
  participants: readonly Participant[]
  /** Grows with every change of queue or running prompt. */
  queueVersion: number
  queue: readonly QueuedMessage[]
  /** Nothing more is started until somebody releases the queue. */
  held: boolean
  running: RunningMessage | null
  stopping: StoppingMessage | null
  /** How the last finished prompt ended. */
  lastOutcome: 'completed' | 'failed' | null
  /** When that was. */
  finishedAtMs: number | null
  sandbox: Sandbox
  /** When spawning failed in a way that counts, since a bridge last connected; oldest first. */
  spawnFailuresMs: readonly number[]
  /** Why the last sandbox could not start or was lost. */
  spawnError: string | null
  warmedAtMs: number | null
  /** The newest image of a sandbox of this session, to begin the next one from. */
  snapshotImageId: string | null
  /** Sandboxes in a row that began from an image and have not connected. */
  restoresTried: number
  requests: Requests
  /** Sequence in CMD of the last command that has a record: what is not newer was decided already. */
  lastCommandSequence: number
}>

export const noSandbox: Sandbox = {
  generation: 0,
  sandboxId: null,
  tokenHash: null,
  objectId: null,
  host: 'any',
  status: 'pending',
  connectionId: null,
  pastConnections: [],
  dedupes: false,
  forgets: false,
  requestedAtMs: null,
  connectedAtMs: null,
  disconnectedAtMs: null,
  disconnectCheck: false,
  lastHeartbeatMs: null,
  lastActivityMs: null,
  inactivityCheckMs: null,
  gitSyncStatus: 'pending',
  runs: [],
  ackIds: [],
  previous: null,
  restoredFrom: null,
  unsaved: false,
  snapshot: null,
  ending: null,
}

/** Before `create_session`. */
export const initialState: SessionState = {
  exists: false,
  deleted: false,
  id: '',
  title: null,
  titleIsProvisional: false,
  repoOwner: '',
  repoName: '',
  baseBranch: '',
  model: '',
  reasoningEffort: null,
  status: 'created',
  createdAtMs: 0,
  updatedAtMs: 0,
  currentSha: null,
  branchName: null,
  pullRequests: noPullRequests,
  agentSessionId: null,
  totalCost: 0,
  messageCount: 0,
  sequence: 0,
  lines: noLines,
  participants: [],
  queueVersion: 0,
  queue: [],
  held: false,
  running: null,
  stopping: null,
  lastOutcome: null,
  finishedAtMs: null,
  sandbox: noSandbox,
  spawnFailuresMs: [],
  spawnError: null,
  warmedAtMs: null,
  snapshotImageId: null,
  restoresTried: 0,
  requests: { prompts: {}, others: [] },
  lastCommandSequence: 0,
}

/** Accepted and not over: what waits and what runs. */
export const unfinishedCount = (state: Pick<SessionState, 'queue' | 'running'>): number =>
  state.queue.length + (state.running ? 1 : 0)

/** A closed session takes no prompts and no sandbox. `completed` and `failed` are idle, not closed. */
export const isClosed = (state: Pick<SessionState, 'status'>): boolean =>
  state.status === 'archived' || state.status === 'cancelled'

/** Nothing more is expected of it; a `failed` one may still connect and heal. */
export const isDead = (sandbox: Pick<Sandbox, 'status'>): boolean =>
  sandbox.status === 'stopped' || sandbox.status === 'stale' || sandbox.status === 'failed'

/** Nothing runs on its sandbox, and nothing is about to. */
export const isAtRest = ({ running, stopping, queue, held }: SessionState): boolean =>
  !running && !stopping && (queue.length === 0 || held)

/** It was asked for and has never connected. */
export const isStarting = (sandbox: Pick<Sandbox, 'status'>): boolean =>
  sandbox.status === 'spawning' || sandbox.status === 'connecting'

/** It was asked for and is not known to be over. */
export const isLive = (sandbox: Pick<Sandbox, 'status'>): boolean =>
  sandbox.status !== 'pending' && !isDead(sandbox)

/** An image of it is being taken: nothing is started on it, and it is neither ended nor replaced. */
export const isBeingKept = ({ snapshot }: Pick<Sandbox, 'snapshot'>): boolean =>
  snapshot !== null && !snapshot.expired

/** Live, with a socket: a prompt may be started on it. */
export const isConnected = (sandbox: Pick<Sandbox, 'status' | 'connectionId'>): boolean =>
  sandbox.connectionId !== null && isLive(sandbox) && !isStarting(sandbox)
