/** What is told about the end of a sandbox. */
import type { NoteOf } from './note.ts'
import { type BridgeProcess, lastWords } from './process.ts'

/** Exit code of a bridge that the control plane does not want any more. */
const REFUSED = 3

/** How a sandbox ended whose end is noted. */
export const endOf = ({ reason, orderly }: NoteOf<'ended'>) => ({ reason, orderly })

/** How one ended just now; `asked` is why it was ended from here, if it was. */
export const howItEnded = async (
  folder: string,
  asked: string | undefined,
  { code, signal }: Awaited<BridgeProcess['ended']>,
) => {
  if (asked !== undefined) return { reason: asked, orderly: true }
  const said = await lastWords(folder)
  if (code === 0 || code === REFUSED)
    return { reason: said || 'It was told to end.', orderly: true }
  const how = signal ? `by ${signal}` : code === null ? 'by itself' : `with code ${code}`
  return {
    reason: `The sandbox's process ended ${how}. Its last words: ${said || 'none'}`,
    orderly: false,
  }
}
