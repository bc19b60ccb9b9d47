/**
 * github: all that is asked of GitHub, or of the forge that looks like it. It alone holds the App's key
 * and people's tokens. It answers questions over core request/reply (subjects/github.ts), does the jobs
 * of JOB that concern pull requests, consumes verified webhooks from HOOK, and has GitHub repeat those
 * that were missed. What it finds out becomes commands; it decides nothing about a session.
 *
 * It keeps nothing of its own: tokens, lists and who-is-whose lie in buckets, encrypted where they open
 * a door. When it dies, jobs and webhooks come back to another or to the next one, done twice they count
 * once; questions are asked again. Any number may run.
 */
import { Kvm } from '@nats-io/kv'
import { nuid } from '@nats-io/nats-core'
import type { Config } from '../../config/config.ts'
import { type GithubConfig, listOf } from '../../config/github.ts'
import { githubDelivery, type PullRequestJob, pullRequestJob } from '../../subjects/github.ts'
import { GITHUB_BUCKET, HOOK, JOB, REPOS_BUCKET, SCM_BUCKET } from '../../subjects/streams.ts'
import { GITHUB_HOOK, GITHUB_JOBS } from '../../subjects/subjects.ts'
import { encryptionKeys } from '../auth/token-encryption.ts'
import { answerGithub } from '../bus/ask-github.ts'
import { followTime } from '../bus/clock.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { declareStreams } from '../bus/declare.ts'
import { consumeJobs } from '../bus/jobs.ts'
import type { Log } from '../telemetry/log.ts'
import { answer } from './answers.ts'
import { openApp } from './app.ts'
import { deliver, tellBy } from './hooks/deliver.ts'
import { openOAuth } from './oauth.ts'
import { PULL_REQUEST_ATTEMPTS, refusePullRequest, runPullRequest } from './pull-request-job.ts'
import { openRepair, type Repair } from './repair.ts'
import { openRepositories } from './repositories.ts'
import { openSessionOf } from './session-of.ts'
import { type Allowed, signIn } from './sign-in.ts'
import { openUserTokens } from './user-tokens.ts'

const CONCURRENCY = 8
const REPAIR_AGAIN_MS = 500
/** Somebody watches how their pull request is merged. */
const HOOK_ACK_WAIT_MS = 6_000
/** A delivery that is not to be had from GitHub for so long, some minutes each, is a dead letter. */
const HOOK_ATTEMPTS = 60

type Running = {
  readonly bus: Bus
  readonly config: Config
  readonly signal: AbortSignal
  readonly log: Log
}

/** Runs until the signal aborts. */
export const runGithub = async (config: Config, signal: AbortSignal, log: Log): Promise<void> => {
  const bus = await connectBus({
    url: config.natsUrl,
    name: `github-${config.instance ?? '0'}`,
  })
  try {
    await declareStreams(bus, { replicas: config.natsReplicas })
    const running = { bus, config, signal, log }
    if (config.github) await serve(running, config.github)
    else await refuse(running)
  } finally {
    await bus.close()
  }
}

const consumePullRequests = (
  { bus, signal, log }: Running,
  run: (job: PullRequestJob, attempt: number) => Promise<void>,
): Promise<void> =>
  consumeJobs<PullRequestJob>(bus, {
    stream: JOB,
    durable: 'github',
    filter: GITHUB_JOBS,
    schema: pullRequestJob,
    kind: 'job',
    signal,
    concurrency: CONCURRENCY,
    attempts: PULL_REQUEST_ATTEMPTS + 5,
    run: (job, { attempt }) => run(job, attempt),
    onError: (error, meta) => log.warn({ err: error, ...meta }, 'a pull request has to wait'),
  })

/** Without a git host: there is nothing to ask, and whoever waits for a pull request is told. */
const refuse = async (running: Running): Promise<void> => {
  running.log.info({ host: 'none' }, 'ready')
  await consumePullRequests(running, job => refusePullRequest(running.bus, job))
}

/** Nobody is allowed unless named, but for the forge of a development machine. */
const allowedOf = (config: Config, github: GithubConfig): Allowed => {
  const users = listOf(config.allowedGithubUsers)
  const organisations = listOf(config.allowedGithubOrgs)
  const unnamed = users.length + organisations.length === 0
  const everybody = unnamed && github.host === 'forge' && !config.production
  return { users, organisations, everybody }
}

const serve = async (running: Running, github: GithubConfig): Promise<void> => {
  const { bus, config, signal, log } = running
  const buckets = new Kvm(bus.js)
  const keys = encryptionKeys(config.tokenEncryptionKey)
  const shared = await buckets.open(GITHUB_BUCKET)
  const nowMs = await followTime(bus)
  const app = openApp(github, nowMs)
  const oauth = openOAuth(github, nowMs)
  const tokens = openUserTokens({ bucket: await buckets.open(SCM_BUCKET), keys, oauth, log, nowMs })
  const repositories = openRepositories({
    app,
    bucket: await buckets.open(REPOS_BUCKET),
    log,
    nowMs,
  })
  const sessionOf = openSessionOf(bus, shared)
  const allowed = allowedOf(config, github)
  const { apiUrl, url: webUrl } = github

  const answering = {
    app,
    repositories,
    tokens,
    keys,
    apiUrl,
    requireUserAccess: config.requireUserRepoAccess === 'true',
    signIn: (asked: Parameters<typeof signIn>[1]) =>
      signIn({ github, allowed, app, oauth, tokens }, asked),
  }
  const hooks = {
    app,
    sessionOf,
    allowed: github.commentPrompts,
    maxPromptChars: config.maxPromptChars,
    log,
    tell: tellBy(bus),
  }
  const { controlPlaneUrl } = config
  const pulls = {
    bus,
    app,
    repositories,
    tokens,
    keys,
    sessionOf,
    apiUrl,
    webUrl,
    controlPlaneUrl,
    log,
    nowMs,
  }
  const repair = openRepair({ app, bucket: shared, log, name: nuid.next(), nowMs })

  const asks = answerGithub(
    bus,
    asked => answer(answering, asked),
    (error, asked) => log.error({ err: error, question: asked?.type }, 'a question failed'),
  )
  log.info({ host: github.host, url: webUrl }, 'ready')
  await Promise.all([
    consumePullRequests(running, (job, attempt) => runPullRequest(pulls, job, attempt)),
    consumeJobs(bus, {
      stream: HOOK,
      durable: 'github',
      filter: GITHUB_HOOK,
      schema: githubDelivery,
      kind: 'hook',
      signal,
      concurrency: CONCURRENCY,
      ackWaitMs: HOOK_ACK_WAIT_MS,
      attempts: HOOK_ATTEMPTS,
      run: delivery => deliver(hooks, delivery),
      onError: (error, meta) => log.warn({ err: error, ...meta }, 'a webhook has to wait'),
    }),
    repairAll(repair, config.webhookRepairMs, signal, log),
  ])
  asks.close()
}

/** At the start and every `everyMs`; sooner while GitHub, or a forge that starts with us, is away. */
const repairAll = async (repair: Repair, everyMs: number, signal: AbortSignal, log: Log) => {
  let failures = 0
  while (!signal.aborted) {
    try {
      await repair.round(everyMs / 2)
      failures = 0
    } catch (error) {
      failures++
      const level = failures > 2 ? 'warn' : 'debug'
      log[level]({ error }, 'missed webhooks are not looked for just now')
    }
    const waitMs = failures > 0 ? REPAIR_AGAIN_MS * 2 ** Math.min(failures, 20) : everyMs
    await passed(Math.min(waitMs, everyMs), signal)
  }
}

const passed = (ms: number, signal: AbortSignal) =>
  new Promise<void>(resolve => {
    const timer = setTimeout(resolve, ms)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
