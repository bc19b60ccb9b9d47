/** Figures, each beside its raw baseline, as a table for people. */
import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'
import process from 'node:process'
import { ensureNatsServer } from '../lib/process/nats-binary.ts'

export type Figure = {
  readonly name: string
  readonly unit: 'ms' | '/s' | 'KB'
  readonly ours: number
  readonly raw: number
  /** What was done instead of our work, in the same run on the same machine. */
  readonly rawIs: string
}

/** What a scenario is told and what it leaves. */
export type Sizes = { readonly quick: boolean }

/** The value below which the share `share` (0 … 1) of the samples lie. */
export const percentile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const figure = (value: number): string =>
  value >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2)

/** Lines of the table: ours, raw, and ours as a multiple of raw. */
export const tableOf = (figures: readonly Figure[]): string[] => {
  const rows = figures.map(({ name, unit, ours, raw, rawIs }) => [
    name,
    `${figure(ours)} ${unit}`,
    `${figure(raw)} ${unit}`,
    `${figure(ours / raw)}x`,
    rawIs,
  ])
  const all = [['figure', 'ours', 'raw', 'ours/raw', 'raw is'], ...rows]
  const widths = [0, 1, 2, 3].map(column => Math.max(...all.map(row => (row[column] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, column) => {
        const width = widths[column]
        if (width === undefined) return cell
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  '),
  )
}

/** The machine, and how busy it is with other things: figures of a busy one say little. */
export const machineFacts = async (servers = 1): Promise<string[]> => {
  const server = execFileSync(await ensureNatsServer(process.env), ['-v'])
    .toString()
    .trim()
  const [busy = 0] = loadavg()
  return [
    `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 1024 ** 3)} GB, ${process.platform} ${release()}`,
    `Node ${process.version}, ${server}, ${servers === 1 ? 'one replica' : `a cluster of ${servers}`}, everything on this machine`,
    `load average before: ${busy.toFixed(2)}${busy > cpus().length / 2 ? ' (busy with something else!)' : ''}`,
  ]
}
