/** The page's own origin, asked with the cookie of whoever signed in. */
import { openRest } from '../client/rest.ts'

export const rest = openRest({ url: location.origin })
