/** The numbers that the core decides by. All durations in milliseconds; defaults live in `config`. */
export type Policy = Readonly<{
  /** A sandbox silent for strictly longer is lost. */
  heartbeatStaleMs: number
  sandboxInactivityTimeoutMs: number
  /** While somebody watches, an idle sandbox is asked about again after this. */
  inactivityExtensionMs: number
  spawnCooldownMs: number
  /** How long a sandbox that was ready may be without a socket before it is replaced. */
  reconnectWaitMs: number
  breakerFailures: number
  breakerWindowMs: number
  connectTimeoutMs: number
  stopConfirmationMs: number
  executionTimeoutMs: number
  disconnectCheckMs: number
  deliveryConfirmationMs: number
  warmThrottleMs: number
  wsTokenTtlMs: number
  /** How long an image may take before nothing waits for it any more. */
  snapshotTimeoutMs: number
  /** An owner that has watched for less does not know yet whether anybody is connected. */
  presenceSettlesMs: number
  /** A session without any message is put away after this. */
  abandonedDraftMs: number
  maxPromptChars: number
  maxUnfinishedPrompts: number
  /** How long a sandbox may take to push a branch. */
  pushTimeoutMs: number
  /** How long the git host may take to open a pull request of a pushed branch. */
  pullRequestTimeoutMs: number
  /** Where the git host's repositories are, without a slash at the end; null: there is none. */
  gitUrl: string | null
  /** `none`: nothing can start a sandbox, prompts wait. */
  provider: 'local' | 'http' | 'none'
}>

/** What a configuration must hold to make a policy of it. */
export type PolicySource = Omit<Policy, 'provider' | 'gitUrl'> &
  Readonly<{
    sandboxProvider: Policy['provider']
    github: { readonly url: string } | null
  }>

/** Picks the core's numbers out of a configuration, and nothing else. */
export const policyOf = (config: PolicySource): Policy => ({
  heartbeatStaleMs: config.heartbeatStaleMs,
  sandboxInactivityTimeoutMs: config.sandboxInactivityTimeoutMs,
  inactivityExtensionMs: config.inactivityExtensionMs,
  spawnCooldownMs: config.spawnCooldownMs,
  reconnectWaitMs: config.reconnectWaitMs,
  breakerFailures: config.breakerFailures,
  breakerWindowMs: config.breakerWindowMs,
  connectTimeoutMs: config.connectTimeoutMs,
  stopConfirmationMs: config.stopConfirmationMs,
  executionTimeoutMs: config.executionTimeoutMs,
  disconnectCheckMs: config.disconnectCheckMs,
  deliveryConfirmationMs: config.deliveryConfirmationMs,
  warmThrottleMs: config.warmThrottleMs,
  wsTokenTtlMs: config.wsTokenTtlMs,
  snapshotTimeoutMs: config.snapshotTimeoutMs,
  presenceSettlesMs: config.presenceSettlesMs,
  abandonedDraftMs: config.abandonedDraftMs,
  maxPromptChars: config.maxPromptChars,
  maxUnfinishedPrompts: config.maxUnfinishedPrompts,
  pushTimeoutMs: config.pushTimeoutMs,
  pullRequestTimeoutMs: config.pullRequestTimeoutMs,
  gitUrl: config.github?.url ?? null,
  provider: config.sandboxProvider,
})
