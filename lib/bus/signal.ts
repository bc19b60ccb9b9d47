/** Soft state on core NATS: sent and forgotten; what does not fit its schema is dropped. */
import type { z } from 'zod'
import type { Pattern, Subject } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { parseJson } from './json.ts'

/** Sends a signal. While the connection is down, and once it is being closed, it is lost, as signals may be. */
export const publishSignal = (bus: Bus, subject: Subject, signal: object): void => {
  const { nc } = bus
  if (!nc.isClosed() && !nc.isDraining()) nc.publish(subject, JSON.stringify(signal))
}

/** Calls `onSignal` for every signal that fits the schema, until closed. */
export const followSignals = <T>(
  bus: Bus,
  where: Subject | Pattern,
  schema: z.ZodType<T>,
  onSignal: (signal: T, subject: string) => void,
): { close(): void } => {
  const subscription = bus.nc.subscribe(where, {
    callback: (error, message) => {
      if (error) return
      const parsed = parseJson(schema, message.data)
      if (parsed.ok) onSignal(parsed.value, message.subject)
    },
  })
  return { close: () => subscription.unsubscribe() }
}
