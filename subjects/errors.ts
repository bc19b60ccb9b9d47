/**
 * Every failure that somebody outside can see, in one table. `http` is the status over REST,
 * `close` the WebSocket close code; a row without `close` leaves the socket open. A code is what
 * programs compare, `text` is the default sentence for people.
 */
export type ErrorRow = { readonly text: string; readonly http: number; readonly close?: number }

export const ERRORS = {
  // What a frame, a body or a command may get wrong.
  INVALID_MESSAGE: { text: 'Failed to process message', http: 400 },
  INVALID_JSON: { text: 'Invalid JSON body', http: 400 },
  INVALID_REQUEST: { text: 'Invalid request', http: 400 },
  INVALID_PROMPT: { text: 'Invalid prompt', http: 400 },
  INVALID_ATTACHMENTS: { text: 'Invalid attachments', http: 400 },
  INVALID_CURSOR: { text: 'Invalid cursor', http: 400 },
  UNSUPPORTED_MEDIA_TYPE: {
    text: 'The Content-Type header cannot be read: send application/json, or none',
    http: 415,
  },
  INVALID_HTTP: { text: 'The request is not well-formed HTTP/1.1', http: 400 },
  HEADERS_TOO_LARGE: { text: 'The headers of the request are longer than 16 KiB', http: 431 },
  REQUEST_TIMEOUT: { text: 'The request did not arrive in time', http: 408 },
  INVALID_TOKEN_TEXT: { text: 'The text cannot be part of a subject', http: 400 },
  // Who may.
  UNAUTHORIZED: { text: 'Unauthorized', http: 401 },
  FORBIDDEN: { text: 'Forbidden', http: 403 },
  NOT_CONFIGURED: { text: 'Internal authentication not configured', http: 500 },
  NOT_SUBSCRIBED: { text: 'Session expired, please reconnect', http: 401, close: 4002 },
  TOKEN_MISSING: { text: 'Authentication required', http: 401, close: 4001 },
  TOKEN_INVALID: { text: 'Invalid authentication token', http: 401, close: 4001 },
  TOKEN_EXPIRED: { text: 'Token expired', http: 401, close: 4001 },
  ALREADY_SUBSCRIBED: { text: 'Already subscribed', http: 409, close: 4003 },
  AUTH_TIMEOUT: { text: 'Authentication timeout', http: 408, close: 4008 },
  FRAME_TOO_LARGE: { text: 'The frame is too large', http: 413, close: 1009 },
  SYNC_FAILED: { text: 'Session synchronization failed', http: 503, close: 4009 },
  SLOW_CONSUMER: { text: 'Too slow, reconnect to resume', http: 503, close: 1013 },
  RATE_LIMITED: { text: 'Too many requests, try again shortly', http: 429 },
  // What a session refuses.
  SESSION_NOT_FOUND: { text: 'Session not found', http: 404 },
  SESSION_NOT_PROMPTABLE: { text: 'The session takes no prompts in its present state', http: 409 },
  PROMPT_QUEUE_FULL: {
    text: 'The session already holds all the unfinished prompts it may',
    http: 429,
  },
  PROMPT_REQUEST_CONFLICT: {
    text: 'This clientRequestId was used for a different prompt',
    http: 409,
  },
  REQUEST_CONFLICT: { text: 'This clientRequestId was used for a different request', http: 409 },
  SESSION_BUSY: { text: 'Cannot archive a session with queued work', http: 409 },
  NOT_A_PARTICIPANT: { text: 'Not authorized to archive this session', http: 403 },
  SESSION_NOT_CANCELLABLE: { text: 'The session cannot be cancelled in its state', http: 409 },
  NOT_ARCHIVED: { text: 'Session is not archived', http: 409 },
  PROMPT_NOT_FOUND: { text: 'The prompt is not in the queue', http: 404 },
  PROMPT_NOT_CANCELLABLE: { text: 'The prompt is not waiting any more', http: 409 },
  PROMPT_NOT_EDITABLE: { text: 'The prompt is not waiting any more', http: 409 },
  QUEUE_VERSION_CONFLICT: { text: 'The queue has changed since you looked', http: 409 },
  NO_ACTIVE_PROMPT: {
    text: 'No active prompt found: a sandbox opens a pull request for whoever wrote the prompt that it runs',
    http: 400,
  },
  NO_GIT_HOST: { text: 'No git host is configured to open a pull request at', http: 501 },
  PULL_REQUEST_BUSY: { text: 'A pull request is already being created', http: 409 },
  PULL_REQUEST_NOT_FOUND: { text: 'No such request for a pull request waits', http: 404 },
  HEAD_BRANCH_CONFLICT: {
    text: 'That branch holds other work of this session, which the present checkout would replace',
    http: 409,
  },
  PUSH_FAILED: { text: 'Failed to push branch', http: 500 },
  PULL_REQUEST_CANCELLED: { text: 'The request for the pull request was given up', http: 409 },
  PULL_REQUEST_FAILED: { text: 'The pull request could not be opened', http: 500 },
  TOO_MANY_TOKENS: { text: 'The participant holds too many live tokens', http: 429 },
  // What a sandbox is told.
  SANDBOX_GONE: { text: 'Sandbox is stopped', http: 410 },
  SANDBOX_WRONG_ID: { text: 'Forbidden: Wrong sandbox ID', http: 403 },
  SANDBOX_TOKEN_INVALID: { text: 'Unauthorized: Invalid auth token', http: 401 },
  SESSION_TERMINAL: { text: 'Session is terminal', http: 410 },
  // What the system cannot do just now, or at all.
  NO_OWNER: { text: 'Nobody answers for this session just now, try again', http: 503 },
  BUS_UNAVAILABLE: { text: 'The message bus cannot be reached, try again', http: 503 },
  STREAM_FULL: { text: 'The system cannot take more work just now, try again', http: 503 },
  PAYLOAD_TOO_LARGE: { text: 'The message is too large', http: 413 },
  STREAM_MISMATCH: { text: 'A stream exists with options that cannot be changed', http: 500 },
  CONFIG_INVALID: { text: 'The configuration is not usable', http: 500 },
  PORT_IN_USE: { text: 'The port is in use', http: 500 },
  STORE_DAMAGED: { text: 'A database file is damaged and was set aside', http: 503 },
  STORE_FULL: { text: 'The disk of the session is full just now, try again', http: 503 },
  STORE_TOO_NEW: { text: 'A database file was written by a newer version', http: 500 },
  RECORD_TOO_NEW: {
    text: 'A newer version of this program has written the session; this one leaves it alone',
    http: 503,
  },
  LOG_INCOMPLETE: { text: 'Records of the session are missing', http: 503 },
  DATA_DIR_UNUSABLE: { text: 'The data folder cannot be used', http: 500 },
  NATS_SERVER_MISSING: { text: 'No usable nats-server was found', http: 500 },
  GLIBC_TOO_OLD: { text: 'The C library of this system is too old', http: 500 },
  INTERNAL: { text: 'Internal server error', http: 500 },
  // What a sandbox provider may answer.
  PROVIDER_REFUSED: { text: 'The sandbox provider refused', http: 502 },
  PROVIDER_UNAVAILABLE: { text: 'The sandbox provider cannot be reached', http: 503 },
  SANDBOX_HOST_FULL: { text: 'No place for a sandbox is free on this host', http: 503 },
  PROVIDER_UNSUPPORTED: { text: 'The sandbox provider cannot do that', http: 501 },
  REPOSITORY_NOT_FOUND: { text: 'The repository was not found', http: 404 },
  // What a bot may answer that is told of a prompt's end.
  CALLBACK_FAILED: { text: 'The bot could not be told', http: 503 },
  CALLBACK_REFUSED: { text: 'The bot does not want to be told', http: 502 },
  // What concerns GitHub (or the forge).
  GITHUB_NOT_CONFIGURED: { text: 'GitHub App not configured', http: 500 },
  GITHUB_UNAVAILABLE: { text: 'GitHub cannot be reached just now, try again', http: 503 },
  GITHUB_REFUSED: { text: 'GitHub refused', http: 500 },
  REPOSITORIES_UNAVAILABLE: { text: 'Failed to fetch repositories from GitHub', http: 500 },
  REPOSITORY_NOT_INSTALLED: {
    text: 'Repository is not installed for the GitHub App',
    http: 404,
  },
  REPOSITORY_NOT_YOURS: { text: 'Your GitHub account does not see this repository', http: 403 },
  SIGN_IN_FAILED: { text: 'The sign-in with GitHub did not work, try again', http: 400 },
  SIGN_IN_NOT_ALLOWED: { text: 'This GitHub account may not sign in here', http: 403 },
  SIGN_IN_AGAIN: { text: 'The sign-in with GitHub has ended: sign in again', http: 401 },
} as const satisfies Record<string, ErrorRow>

/** The closed list of codes. */
export type ErrorCode = keyof typeof ERRORS

/** What an error made by {@link fail} carries as its `cause`. */
export type ErrorFacts = { readonly code: ErrorCode } & Readonly<Record<string, unknown>>

/**
 * Makes the error of a code. `facts` may hold `message`, which replaces the row's sentence, and
 * `error`, what was caught; all of it ends up in `cause`.
 */
export const fail = (code: ErrorCode, facts: Readonly<Record<string, unknown>> = {}): Error => {
  const text = typeof facts.message === 'string' ? facts.message : ERRORS[code].text
  return new Error(text, { cause: { ...facts, code } })
}

/** The code of an error made by {@link fail}, else undefined. */
export const codeOf = (error: unknown): ErrorCode | undefined => {
  const cause =
    error instanceof Error ? (error.cause as Partial<ErrorFacts> | undefined) : undefined
  return cause?.code !== undefined && cause.code in ERRORS ? cause.code : undefined
}
