/** What somebody is in a session. Browser-safe. */
import * as z from 'zod'

/** The owner opened it, or was named as such by who did; everybody else is a member. */
export const participantRole = z.enum(['owner', 'member'])
