/** HTML by tagged templates: what is put in is escaped, unless it is HTML already. */
import type { FastifyReply } from 'fastify'

/** A piece of HTML. */
export type Html = { readonly html: string }
type Part = Html | string | number | null | undefined | false | readonly Part[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, c => ESCAPES[c] ?? c)

const textOf = (part: Part): string => {
  if (part === null || part === undefined || part === false) return ''
  if (Array.isArray(part)) return part.map(textOf).join('')
  if (typeof part === 'object') return (part as Html).html
  return escapeHtml(String(part))
}

export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  html: strings.map((text, n) => text + textOf(parts[n])).join(''),
})

/** Takes text for HTML: only for what was escaped, or is ours. */
export const raw = (text: string): Html => ({ html: text })

/** No script runs on these pages. `target`: an origin that a form may lead to. */
const policy = (target = ''): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    `form-action 'self' ${target}`.trim(),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

export type PageOptions = {
  readonly title: string
  /** Who is signed in. */
  readonly login: string | null
  readonly body: Html
  readonly status?: number
  readonly formTarget?: string
}

export const sendPage = (reply: FastifyReply, page: PageOptions) =>
  reply
    .code(page.status ?? 200)
    .headers({
      'content-security-policy': policy(page.formTarget),
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .type('text/html; charset=utf-8')
    .send(wholePage(page).html)

const wholePage = ({ title, login, body }: PageOptions): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/forge.css">
</head>
<body class="forge">
<header>
<a class="brand" href="/">Forge</a>
<span class="dim">a git host of this machine, for development</span>
<nav>${
  login === null
    ? html`<a href="/login">Sign in</a>`
    : html`<span>${login}</span><form method="post" action="/logout"><button class="quiet">Sign out</button></form>`
}</nav>
</header>
<main>
${body}
</main>
</body>
</html>
`
