/** The session's history, newest at the bottom, which stays in view while the reader is there. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { readingOrder } from '../client/reading.ts'
import type { Session } from '../client/session.ts'
import { TimelineItem } from './timeline-item.tsx'
import { toastError } from './toasts.tsx'

/** So many lines are drawn; older ones are a click away. */
const DRAWN = 300
/** Within so many pixels of the end the reader counts as being there. */
const NEAR_PX = 80

const isNear = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement) =>
  scrollHeight - scrollTop - clientHeight < NEAR_PX

export const Timeline = ({ session }: { session: Session }) => {
  const { view } = session
  const items = useMemo(() => readingOrder(view.lines), [view.lines])
  const [drawn, setDrawn] = useState(DRAWN)
  const [loading, setLoading] = useState(false)
  const scroller = useRef<HTMLDivElement>(null)
  const [atEnd, setAtEnd] = useState(true)
  const hidden = Math.max(0, items.length - drawn)
  /** Where it was scrolled to when that was last said. */
  const top = useRef(0)

  const toEnd = () => {
    const box = scroller.current
    if (box) box.scrollTop = box.scrollHeight
    setAtEnd(true)
  }
  // Drawn again means that something came: follow it, unless the reader has gone up to read.
  useLayoutEffect(() => {
    if (atEnd) toEnd()
  })
  // So does a change of what is around it: a longer queue, a keyboard on a phone.
  useLayoutEffect(() => {
    const box = scroller.current
    if (!box || !atEnd) return
    const sizes = new ResizeObserver(toEnd)
    sizes.observe(box)
    return () => sizes.disconnect()
  }, [atEnd])
  // Whoever sends something wants to see what becomes of it.
  const sent = session.outbox.at(-1)?.clientRequestId
  useLayoutEffect(() => {
    if (sent) toEnd()
  }, [sent])
  const onScroll = () => {
    const box = scroller.current
    if (!box) return
    // Only who goes up leaves the end: it also moves away when something grows.
    const wentUp = box.scrollTop < top.current
    top.current = box.scrollTop
    setAtEnd(isNear(box) || (atEnd && !wentUp))
  }
  // What is folded open is read now, if it is long. (The event is not one that bubbles.)
  useLayoutEffect(() => {
    const box = scroller.current
    const onToggle = ({ target }: Event) => {
      if ((target as HTMLDetailsElement).open) setAtEnd(false)
      requestAnimationFrame(() => box && setAtEnd(isNear(box)))
    }
    box?.addEventListener('toggle', onToggle, true)
    return () => box?.removeEventListener('toggle', onToggle, true)
  }, [])

  const showEarlier = async () => {
    const box = scroller.current
    const fromEnd = box ? box.scrollHeight - box.scrollTop : 0
    setDrawn(drawn + DRAWN)
    if (hidden === 0) {
      setLoading(true)
      try {
        await session.loadEarlier()
      } catch (error) {
        toastError(error)
      }
      setLoading(false)
    }
    requestAnimationFrame(() => {
      if (box) box.scrollTop = box.scrollHeight - fromEnd
    })
  }

  return (
    <div class="timeline-box">
      <div
        class="timeline"
        ref={scroller}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area is reached by keyboard
        tabIndex={0}
        role="log"
        aria-label="What happened"
        aria-live="off"
      >
        {(hidden > 0 || view.hasEarlier) && (
          <button type="button" class="earlier" disabled={loading} onClick={showEarlier}>
            {loading ? 'Loading …' : 'Load older'}
          </button>
        )}
        <ol>
          {items.slice(hidden).map(item => (
            <TimelineItem key={item.key} item={item} me={view.me?.participantId ?? null} />
          ))}
        </ol>
        {view.session?.isProcessing && (
          <p class="working">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            Working
          </p>
        )}
      </div>
      {!atEnd && (
        <button type="button" class="to-end" onClick={toEnd}>
          ↓ Newest
        </button>
      )}
    </div>
  )
}
