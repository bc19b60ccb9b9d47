/** Lines of one session to a hundred clients of it. */
import { startChild } from './child.ts'
import type { RawSays, RawTask } from './raw-server.ts'
import type { ReceiversSay, ReceiversTask } from './receivers.ts'
import type { Figure, Sizes } from './report.ts'
import type { Scope } from './scope.ts'
import type { Stage } from './stage.ts'

const CLIENTS = 100
/** Lines that the sandbox has sent and that are not acknowledged. */
const AT_A_TIME = 1_000
const LAST = 'the last line of the bench'

const receiversOf = async (scope: Scope, url: string, first: string | null) => {
  const receivers = startChild<ReceiversTask, ReceiversSay>(scope, 'receivers.ts')
  receivers.tell({ type: 'connect', count: CLIENTS, url, first })
  await receivers.says('connected')
  return {
    /** Frames a second that all of them got, from the start of `send` to the last one's last. */
    rate: async (send: () => void | Promise<void>, atLeast: number): Promise<number> => {
      receivers.tell({ type: 'count', last: LAST })
      await receivers.says('counting')
      const startedMs = performance.now()
      await send()
      const { frames } = await receivers.says('counted')
      const seconds = (performance.now() - startedMs) / 1000
      if (frames < atLeast) throw new Error(`${frames} frames arrived, ${atLeast} were sent`)
      return frames / seconds
    },
  }
}

const line = (n: number, last: boolean) => ({
  type: 'tool_call',
  messageId: 'm',
  callId: `c${n}`,
  tool: 'bash',
  status: 'completed',
  args: { command: 'npm test' },
  output: last ? LAST : 'ok '.repeat(70),
})

export const benchFanOut =
  (stage: Stage) =>
  async (scope: Scope, { quick }: Sizes) => {
    const { url, token, sandbox } = await stage.session()
    const subscribe = JSON.stringify({ type: 'subscribe', token, clientId: 'bench' })
    const ours = await receiversOf(scope, url, subscribe)
    let number = 0
    const send = (lines: number) => async () => {
      for (let sent = 0; sent < lines; sent += AT_A_TIME) {
        const count = Math.min(AT_A_TIME, lines - sent)
        const events = Array.from({ length: count }, (_, n) =>
          line(number++, sent + n === lines - 1),
        )
        await sandbox.say(events)
      }
    }

    const raw = startChild<RawTask, RawSays>(scope, 'raw-server.ts', {
      NATS_URL: stage.system.nats.url,
    })
    const { port } = await raw.says('listening')
    const bare = await receiversOf(scope, `ws://127.0.0.1:${port}/`, null)
    const frame = (last: boolean) =>
      JSON.stringify({
        type: 'sandbox_event',
        event: {
          ...line(0, last),
          timestamp: 1_760_000_000.123,
          run: 'bench',
          seq: 1,
          ackId: 'b:1',
        },
        eventId: 'tool_call:m:c0',
        sequence: 100_000,
        timelineSequence: 100_000,
      })
    const publish = (count: number) => () => {
      raw.tell({ type: 'publish', count, text: frame(false), last: frame(true) })
    }

    const lines = quick ? 10_000 : 50_000
    await ours.rate(send(1_000), 1_000 * CLIENTS)
    await bare.rate(publish(1_000), 1_000 * CLIENTS)
    const figure: Figure = {
      name: `messages delivered to ${CLIENTS} clients of one session`,
      unit: '/s',
      ours: await ours.rate(send(lines), lines * CLIENTS),
      raw: await bare.rate(publish(lines), lines * CLIENTS),
      rawIs: 'uWebSockets.js publish of the same bytes, nothing stored',
    }
    return [figure]
  }
