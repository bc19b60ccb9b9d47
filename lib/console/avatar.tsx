/** A person as a small round picture, or the initials when there is none. */
import { useState } from 'preact/hooks'

/** Ada Lovelace → AL, ada → A. */
const initialsOf = (name: string): string => {
  const words = name.trim().split(/\s+/)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined]
  return (
    letters
      .map(word => [...(word ?? '')][0] ?? '')
      .join('')
      .toUpperCase() || '?'
  )
}

const HUES = 12
/** The same person has the same colour everywhere. */
const hueOf = (userId: string): number =>
  [...userId].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 7) % HUES

/** Pictures that cannot be had are asked for once, not for every line. */
const broken = new Set<string>()

type Who = { readonly userId: string; readonly name: string; readonly avatar?: string | undefined }

export const Avatar = ({ who, status }: { who: Who; status?: string }) => {
  const [, redraw] = useState(0)
  const said = status === 'idle' ? `${who.name} (away)` : who.name
  return (
    <span
      class={`avatar hue-${hueOf(who.userId)} ${status ?? ''}`}
      role="img"
      aria-label={said}
      title={said}
    >
      {who.avatar && !broken.has(who.avatar) ? (
        <img
          src={who.avatar}
          alt=""
          onError={() => {
            broken.add(who.avatar as string)
            redraw(n => n + 1)
          }}
        />
      ) : (
        initialsOf(who.name)
      )}
    </span>
  )
}
