/** Which of a sandbox's events were taken in already. */
import type { SessionEvent } from '../../../subjects/records.ts'
import type { OpaqueSandboxEvent } from '../../../subjects/sandbox-event.ts'
import type { Sandbox } from '../state.ts'

/** Counts along one command: asks of each event whether it is new, and notes that it was seen. */
export const progressOf = (sandbox: Pick<Sandbox, 'runs' | 'ackIds'>) => {
  const stored = new Map(sandbox.runs.map(({ run, seq }) => [run, seq]))
  const advanced = new Map<string, number>()
  const known = new Set(sandbox.ackIds)
  const ackIds: string[] = []
  return {
    /** False for one that was taken in before; what carries no number and no id is always new. */
    isNew({ run, seq, ackId }: OpaqueSandboxEvent): boolean {
      if (run !== undefined && seq !== undefined) {
        if (seq <= (advanced.get(run) ?? stored.get(run) ?? 0)) return false
        advanced.set(run, seq)
        return true
      }
      if (ackId === undefined) return true
      if (known.has(ackId)) return false
      known.add(ackId)
      ackIds.push(ackId)
      return true
    },
    /** What is to be remembered of it. */
    events(generation: number): SessionEvent[] {
      const runs = [...advanced].map(
        ([run, seq]): SessionEvent => ({
          type: 'sandbox_progress',
          generation,
          run,
          seq,
          ackIds: [],
        }),
      )
      return ackIds.length
        ? [...runs, { type: 'sandbox_progress', generation, run: null, seq: 0, ackIds }]
        : runs
    },
  }
}
