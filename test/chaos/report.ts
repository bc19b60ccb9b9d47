/** What a run has shown, for people (Markdown) and programs (JSON), in a folder of its own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Waits } from './figures.ts'
import type { ChaosOptions, Outcome } from './run.ts'

export type Facts = {
  readonly options: Omit<ChaosOptions, 'say'>
  readonly outcome: Outcome
  readonly natsVersion: string
  readonly atMs: number
}

const isFine = ({ outcome }: Facts): boolean =>
  outcome.findings.every(({ wrongs, looked }) => wrongs.length === 0 && looked > 0)

const waits = ({ count, p50Ms, p99Ms, worstMs }: Waits): string =>
  count === 0 ? '– | – | –' : `${p50Ms} | ${p99Ms} | ${worstMs}`

const markdown = (facts: Facts): string => {
  const { options, outcome, natsVersion } = facts
  const { owner, edge, api, github, sandboxes, nats } = options.formation
  const rows = Object.entries(outcome.figures).map(
    ([what, { times, prompts, outages }]) =>
      `| ${what} | ${times || ''} | ${prompts.count} | ${waits(prompts)} | ${outages.count} | ${waits(outages)} |`,
  )
  const found = outcome.findings.map(
    ({ name, looked, wrongs }) => `| ${name} | ${looked} | ${wrongs.length} |`,
  )
  const wrongs = outcome.findings.flatMap(({ name, wrongs }) =>
    wrongs.map(wrong => `- ${name}: ${wrong}`),
  )
  const ways = Object.entries(outcome.ways).map(
    ([way, one]) => `| ${way} | ${one.count} | ${waits(one)} |`,
  )
  const longest = outcome.longest.map(
    ({ way, id, sid, atMs, forMs }) =>
      `| ${way} | ${id} | ${sid} | ${(atMs / 1000).toFixed(1)} | ${(forMs / 1000).toFixed(1)} |`,
  )
  return `# Chaos, seed ${options.seed}: ${isFine(facts) ? 'nothing wrong' : 'SOMETHING WRONG'}

${new Date(facts.atMs).toISOString()}, ${options.seconds} s of ${outcome.faults.length} faults, ${options.sessions} sessions,
${outcome.prompts} prompts, ${outcome.records} records. ${owner} owners, ${edge} edges, ${api} apis, ${github} githubs, ${sandboxes} sandbox hosts, ${nats} nats-servers
(${natsVersion}), Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB; load of the machine at the end
${loadavg()
  .map(load => load.toFixed(1))
  .join(
    ', ',
  )}. Nothing was left to be done ${outcome.settledInSeconds.toFixed(1)} s after the last fault.

| check | looked at | wrong |
| --- | --- | --- |
${found.join('\n')}

${wrongs.join('\n')}

Milliseconds: of prompts, until accepted; of clients, without a socket until caught up over the next. A row counts
what was under way during such a fault or began within a second after it.

| fault | times | prompts | p50 | p99 | worst | outages | p50 | p99 | worst |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

By the way in which they were sent, milliseconds until accepted:

| way | prompts | p50 | p99 | worst |
| --- | --- | --- | --- | --- |
${ways.join('\n')}

Those that waited longest, in seconds:

| way | prompt | session | sent at | waited |
| --- | --- | --- | --- | --- |
${longest.join('\n')}

Deadlines that fired: ${outcome.deadlinesLate.count}, late by p50 ${outcome.deadlinesLate.p50Ms} ms, worst ${outcome.deadlinesLate.worstMs} ms.
`
}

/** @returns the path of the Markdown, and whether nothing was wrong */
export const writeReport = (folder: string, facts: Facts): { path: string; fine: boolean } => {
  const stamp = new Date(facts.atMs).toISOString().replace(/[:.]/g, '-')
  const own = join(folder, `${stamp}-seed-${facts.options.seed}`)
  mkdirSync(own, { recursive: true })
  const path = join(own, 'report.md')
  writeFileSync(path, markdown(facts))
  const machine = { node: process.version, cores: cpus().length, load: loadavg() }
  writeFileSync(join(own, 'report.json'), JSON.stringify({ ...facts, machine }, undefined, 2))
  return { path, fine: isFine(facts) }
}
