/** How long until a prompt is accepted, and how many are in a second. */

import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from './child.ts'
import { connectClient, type PromptClient } from './client.ts'
import type { RawSays, RawTask } from './raw-server.ts'
import { type Figure, percentile, type Sizes } from './report.ts'
import type { Scope } from './scope.ts'
import type { Stage } from './stage.ts'

const SESSIONS = 50
/** Prompts of one session that are accepted and not over, while the rate is measured. */
const AT_A_TIME = 3
const REST_MS = 20

const rawClients = async (scope: Scope, stage: Stage, count: number): Promise<PromptClient[]> => {
  const raw = startChild<RawTask, RawSays>(scope, 'raw-server.ts', {
    NATS_URL: stage.system.nats.url,
  })
  const { port } = await raw.says('listening')
  const url = `ws://127.0.0.1:${port}/`
  return Promise.all(Array.from({ length: count }, () => connectClient(scope, url)))
}

const latencies = async (client: PromptClient, count: number): Promise<number[]> => {
  const samples: number[] = []
  for (let n = 0; n < count; n++) {
    samples.push(await client.prompt())
    await client.fewerThan(1)
    // A person's prompt meets a session at rest, not the work that the one before has left.
    await pause(REST_MS)
  }
  return samples
}

export const benchLatency =
  (stage: Stage) =>
  async (scope: Scope, { quick }: Sizes) => {
    const { url, token } = await stage.session()
    const ours = await connectClient(scope, url, token)
    const [raw] = await rawClients(scope, stage, 1)
    if (!raw) throw new Error('no raw client')
    await latencies(ours, 30)
    await latencies(raw, 30)
    const count = quick ? 200 : 1_000
    const samples = { ours: await latencies(ours, count), raw: await latencies(raw, count) }
    return [0.5, 0.99].map(
      (share): Figure => ({
        name: `prompt -> prompt_queued, p${share * 100}`,
        unit: 'ms',
        ours: percentile(samples.ours, share),
        raw: percentile(samples.raw, share),
        rawIs: 'uWebSockets.js, two fenced JetStream messages, answer',
      }),
    )
  }

/** Every client goes on until the time is over, then all that was accepted counts. */
export const rate = async (clients: readonly PromptClient[], seconds: number): Promise<number> => {
  let accepted = 0
  const startedMs = performance.now()
  const go = async (client: PromptClient) => {
    while (performance.now() - startedMs < seconds * 1000) {
      await client.prompt()
      accepted++
      await client.fewerThan(AT_A_TIME)
    }
  }
  await Promise.all(clients.map(go))
  return accepted / ((performance.now() - startedMs) / 1000)
}

export const benchRate =
  (stage: Stage) =>
  async (scope: Scope, { quick }: Sizes) => {
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => stage.session()))
    const ours = await Promise.all(
      sessions.map(({ url, token }) => connectClient(scope, url, token)),
    )
    const raw = await rawClients(scope, stage, SESSIONS)
    await rate(ours, 1)
    await rate(raw, 1)
    const seconds = quick ? 6 : 30
    const figure: Figure = {
      name: `prompts accepted and run to their end, ${SESSIONS} sessions`,
      unit: '/s',
      ours: await rate(ours, seconds),
      raw: await rate(raw, seconds),
      rawIs: 'uWebSockets.js, two fenced JetStream messages, answer',
    }
    return [figure]
  }
