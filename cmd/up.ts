/**
 * up: everything on one machine. Reads the Procfile, checks what can be checked beforehand, runs
 * each line as a process that comes back when it dies, prints one address when the api answers,
 * and stops all of it in order. It decides nothing; killed, its processes stop by themselves.
 *
 *   npm start                        one of each
 *   npm start -- owner=2 edge=2      two owners, and two edges on EDGE_PORT and the next port
 *   npm start -- --procfile Procfile.cluster      three nats-servers, everything three times
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from '../config/config.ts'
import { requirePorts, takeDataDir, type WantedPort } from '../lib/process/checks.ts'
import { SUPERVISED, tell } from '../lib/process/main.ts'
import { ensureNatsServer } from '../lib/process/nats-binary.ts'
import { endFormerNats } from '../lib/process/nats-server.ts'
import { type ProcfileLine, parseFormation, parseProcfile } from '../lib/process/procfile.ts'
import { natsNode } from '../lib/process/run-nats.ts'
import { supervise } from '../lib/process/supervise.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Who takes work in stops before who does it, and the bus last; others than these come first. */
const STOP_ORDER = ['api', 'edge', 'sandboxes', 'owner', 'forge']

/** Lines `nats`, or `nats-1`, `nats-2` …: the nats-servers of this machine. */
const isNats = ({ name }: ProcfileLine): boolean => /^nats(-\d+)?$/.test(name)

/** After a hard end, what it left behind may need this long to stop and free its ports. */
const LEFTOVERS_MS = 10_000

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

const accepts = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** What a process gets: all that was decided here, so that each of them sees the same. */
const environment = (
  config: Config,
  code: string,
  edges: number,
): Record<string, string | undefined> => ({
  ...process.env,
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  DATA_DIR: config.dataDir,
  SIGNIN_CODE: code,
  EDGES: String(edges),
})

const up = async (
  config: Config,
  lines: readonly ProcfileLine[],
  counts: ReadonlyMap<string, number>,
) => {
  const { host, natsEmbedded } = config
  takeDataDir(config.dataDir)
  const marker = join(config.dataDir, 'up.running')
  const endedHard = existsSync(marker)
  const servers = natsEmbedded ? lines.filter(isNats) : []
  const forge = config.github?.host === 'forge'
  const others = lines.filter(line => !isNats(line) && (forge || line.name !== 'forge'))
  const nodes = servers.map((_, i) => natsNode(config, i + 1))
  if (nodes.length > 0) await ensureNatsServer(process.env, say)
  if (endedHard) await Promise.all(nodes.map(({ folder }) => endFormerNats(folder)))
  const natsPorts = nodes.flatMap(({ port, node }) => (node ? [port, node.port] : [port]))
  const ports = others.flatMap(({ name }): WantedPort[] => {
    if (name === 'forge') {
      return [{ variable: 'FORGE_PORT', port: config.forgePort, host: '127.0.0.1' }]
    }
    if (name === 'api') return [{ variable: 'PORT', port: config.port, host }]
    if (name !== 'edge') return []
    const edges = Array.from({ length: counts.get(name) ?? 1 })
    return edges.map((_, i) => ({ variable: 'EDGE_PORT', port: config.edgePort + i, host }))
  })
  for (const port of natsPorts) ports.push({ variable: 'NATS_PORT', port, host: '127.0.0.1' })
  await requirePorts(ports, endedHard ? LEFTOVERS_MS : 0)
  await writeFile(marker, '')

  const stop = new AbortController()
  const supervisor = supervise({ cwd: root, say })
  const onSignal = () => {
    if (stop.signal.aborted) {
      supervisor.kill()
      process.exit(1)
    }
    stop.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  // A terminal that is gone cannot be written to; that must not end us before the others.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})

  const code = randomBytes(16).toString('base64url')
  const env = environment(config, code, counts.get('edge') ?? config.edges)
  const start = ({ name, command }: ProcfileLine) => {
    const count = counts.get(name) ?? 1
    for (let i = 0; i < count; i++) {
      const label = count > 1 ? `${name}-${i + 1}` : name
      const own = {
        INSTANCE: count > 1 ? label : env.INSTANCE,
        EDGE_PORT: String(config.edgePort + (name === 'edge' ? i : 0)),
      }
      supervisor.start({ name, label, command, env: { ...env, ...own } })
    }
  }
  const until = async (done: () => Promise<boolean>) => {
    while (!stop.signal.aborted && !(await done())) await delay(100)
  }
  servers.forEach(start)
  for (const { port } of nodes) await until(() => accepts(port))
  if (!stop.signal.aborted) others.forEach(start)
  if (others.some(line => line.name === 'api')) {
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    const origin = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${config.port}`
    await until(() => answers(`${origin}/health`))
    if (!stop.signal.aborted) say(`\nReady: ${origin}/login?code=${code}\n`)
  }
  if (!stop.signal.aborted) await once(stop.signal, 'abort')
  say('Stopping …')
  await supervisor.stop([...STOP_ORDER, ...servers.map(line => line.name)])
  await rm(marker, { force: true })
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { procfile: { type: 'string', default: join(root, 'Procfile') } },
  })
  delete process.env[SUPERVISED]
  const lines = parseProcfile(readFileSync(values.procfile, 'utf8'))
  const servers = lines.filter(isNats).length
  if (servers > 1) process.env.NATS_NODES = String(servers)
  await up(readConfig(process.env), lines, parseFormation(positionals, lines))
  process.exit(0)
} catch (error) {
  process.stderr.write(`${tell(error)}\n`)
  process.exit(1)
}
