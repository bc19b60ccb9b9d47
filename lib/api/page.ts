/** The few pages that are plain HTML: how to sign in. The console itself is in console.ts. */
import type { FastifyReply } from 'fastify'
import type { GithubConfig } from '../../config/github.ts'
import type { Invite } from '../auth/signin-codes.ts'

/** Where GitHub has pictures of its people. At another git host the same login is somebody else. */
export const GITHUB_PICTURES = ['https://github.com', 'https://avatars.githubusercontent.com']

/** Everything from this origin; pictures of people also from others. */
const pagePolicy = (pictures: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["img-src 'self' data:", ...pictures].join(' '),
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** Sends HTML. Never kept by a cache: what it shows depends on who asks. */
export const sendPage = (
  reply: FastifyReply,
  status: number,
  html: string,
  pictures: readonly string[] = [],
) =>
  reply
    .code(status)
    .header('content-security-policy', pagePolicy(pictures))
    .type('text/html; charset=utf-8')
    .send(html)

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, c => ESCAPES[c] ?? c)

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/console.css">
</head>
<body class="plain"><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body>
</html>
`

/** What the git host is called where people read it. */
export const hostName = ({ host }: Pick<GithubConfig, 'host'>): string =>
  host === 'forge' ? 'the local forge' : 'GitHub'

/** A way in by the git host; nothing where there is none. */
const byGithub = (github: GithubConfig | null, next: string, words: string): string =>
  github
    ? `<p><a class="primary" href="/login/github?next=${escapeHtml(encodeURIComponent(next))}">${words} ${github.host === 'forge' ? 'at' : 'with'} ${hostName(github)}</a></p>\n`
    : ''

export const signInPage = {
  /** Nobody is signed in, and there is no code. Afterwards the person comes to the path `next`. */
  needed: (github: GithubConfig | null, next: string) =>
    page(
      'Sign in',
      `${byGithub(github, next, 'Sign in')}<p>Started it yourself? Open the address that <code>npm start</code> printed: it holds a code that signs you in.</p>
<p>Invited by somebody? Open the link that they sent you.</p>`,
    ),

  /** The sign-in at the git host did not end well, for a reason in one sentence. */
  failed: (github: GithubConfig | null, next: string, why: string) =>
    page(
      'You are not signed in',
      `<p>${escapeHtml(why)}</p>
${byGithub(github, next, 'Try again')}<p><a href="/login">Other ways to sign in</a></p>`,
    ),

  /** The code is used, too old, or never was one. */
  used: (github: GithubConfig | null) =>
    page(
      'This link no longer works',
      `<p>A sign-in link works once, and an invitation for ten minutes.</p>
${byGithub(github, '/', 'Sign in')}<p>The developer: stop <code>npm start</code> and run it again, it prints a new link. Your sessions are kept.</p>
<p>Everybody else: ask for a new invitation.</p>`,
    ),

  /** A good invitation, not used up yet. */
  invited: ({ who, invitedBy }: Invite, code: string) =>
    page(
      `Join as ${who.name}`,
      `<p>${escapeHtml(invitedBy)} invites you to work with coding agents here.</p>
<form method="post" action="/login">
<input type="hidden" name="code" value="${escapeHtml(code)}">
<button class="primary" autofocus>Join as ${escapeHtml(who.name)}</button>
</form>`,
    ),
}
