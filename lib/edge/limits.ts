/** How much a socket may send, hold and owe. Bytes unless the name says otherwise. */

const KIB = 1024
const MIB = 1024 * KIB

/** A sandbox's largest frame: outputs of tools. */
export const SANDBOX_FRAME_BYTES = 16 * MIB
/**
 * A frame above the limit ends its socket with 1009 and a reason that names the limit; for that it must be
 * taken in, though nobody reads it. One above this multiple of the limit is not even taken in: uWebSockets.js
 * cuts the connection when it is announced, which the other side sees as 1006. So no socket holds more.
 */
export const HARD_LIMIT_FACTOR = 2

/** Above the 30 s at which clients ping; shortly before, the server pings by itself. */
export const IDLE_TIMEOUT_SECONDS = 60

/** From here on a client gets no growing text until it has caught up: the newest text suffices. */
export const TEXT_HELD_ABOVE_BYTES = 256 * KIB
/** From here on a client is closed and resumes by its cursor. Holds a snapshot and what follows it. */
export const SLOW_ABOVE_BYTES = 4 * MIB
/** Where uWebSockets.js itself cuts a socket off; never reached while the line above is looked at. */
export const CUT_OFF_BYTES = 32 * MIB
/** After how much published into a room its sockets' buffers are looked at. */
export const LOOK_EVERY_BYTES = 64 * KIB

/** Frames of one client that may wait for those before them. */
export const CLIENT_FRAMES_WAITING = 256
export const CLIENT_BYTES_WAITING = 4 * MIB

/** Lines of a page of older history, unless the client says otherwise; and the least time between two. */
export const HISTORY_LINES = 200
export const HISTORY_MOST_LINES = 500
export const HISTORY_PAUSE_MS = 200

/** What a sandbox may have sent that is not in the log yet. Above, it is told to come back later. */
export const SANDBOX_BACKLOG_BYTES = 8 * MIB
/** One command's worth of events, well below the 1 MiB that the stream takes. */
export const BATCH_BYTES = 512 * KIB
export const BATCH_EVENTS = 200
/** A larger event is cut down to this. */
export const EVENT_BYTES = 256 * KIB
/** The longest text of a message, as JSON. With a batch of events it must fit into one command. */
export const TEXT_BYTES = 384 * KIB

/** How many records, and bytes of their frames, a room keeps for sockets that are just joining. */
export const RECENT_RECORDS = 4_096
export const RECENT_BYTES = 8 * MIB
