/** The App and its one installation, as GitHub's REST and webhooks show them. */
import type { components } from '@octokit/openapi-types'
import { BOT_NAME } from '../accounts.ts'
import type { ForgeSettings } from '../room.ts'
import type { AccountRow } from '../tables.ts'
import { accountJson, isoOf, nodeId } from './account.ts'

type Schemas = components['schemas']

/** What the App may do wherever it is installed. */
export const APP_PERMISSIONS = {
  contents: 'write',
  issues: 'write',
  metadata: 'read',
  pull_requests: 'write',
} as const satisfies Schemas['app-permissions']

export type PermissionName = keyof typeof APP_PERMISSIONS

const EVENTS = ['push', 'pull_request', 'issue_comment', 'pull_request_review_comment']

/** As it stands in every webhook. */
export const installationRef = ({ app }: Pick<ForgeSettings, 'app'>) => ({
  id: app.installationId,
  node_id: nodeId('Installation', app.installationId),
})

export const appJson = (settings: ForgeSettings, owner: AccountRow): Schemas['integration'] => ({
  id: settings.app.appId,
  slug: BOT_NAME,
  node_id: nodeId('App', settings.app.appId),
  client_id: settings.app.clientId,
  owner: accountJson(settings, owner),
  name: BOT_NAME,
  description: null,
  external_url: new URL(settings.webhookUrl).origin,
  html_url: settings.origin,
  created_at: isoOf(owner.created_at),
  updated_at: isoOf(owner.created_at),
  permissions: APP_PERMISSIONS,
  events: EVENTS,
  installations_count: 1,
})

export const installationJson = (
  settings: ForgeSettings,
  account: AccountRow,
): Schemas['installation'] => {
  const { app, origin } = settings
  return {
    id: app.installationId,
    account: accountJson(settings, account),
    repository_selection: 'selected',
    access_tokens_url: `${origin}/api/v3/app/installations/${app.installationId}/access_tokens`,
    repositories_url: `${origin}/api/v3/installation/repositories`,
    html_url: origin,
    app_id: app.appId,
    client_id: app.clientId,
    target_id: account.id,
    target_type: account.type,
    permissions: APP_PERMISSIONS,
    events: EVENTS,
    created_at: isoOf(account.created_at),
    updated_at: isoOf(account.created_at),
    single_file_name: null,
    app_slug: BOT_NAME,
    suspended_by: null,
    suspended_at: null,
  }
}
