/** Everything that can be asked about a session, for comparing before and after. */
import { ask } from '../../lib/bus/ask.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import type { QuestionType } from '../../subjects/asks.ts'

const patience = { deadlineMs: 30_000 }

const pages = async (bus: Bus, type: 'events' | 'messages', sid: string): Promise<unknown[]> => {
  const all: unknown[] = []
  let cursor: string | null = null
  do {
    const query = cursor === null ? {} : { cursor }
    const page = await ask(bus, { v: 1, type, sid, limit: 100, ...query } as never, patience)
    const { cursor: next, ...rest } = page as { cursor: string | null }
    all.push(rest)
    cursor = next
  } while (cursor !== null)
  return all
}

export const allAnswers = async (bus: Bus, sid: string): Promise<string> => {
  const one = (type: QuestionType) => ask(bus, { v: 1, type, sid } as never, patience)
  const answers = [
    await one('snapshot'),
    await one('participants'),
    await one('artifacts'),
    await pages(bus, 'events', sid),
    await pages(bus, 'messages', sid),
  ]
  return JSON.stringify(answers)
}
