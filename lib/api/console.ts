/**
 * Serves the page. Its script and style are bundled once, when the process starts, and kept in
 * memory: nothing is written, and nothing comes from another host.
 */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'
import { ownPath } from './callers/admit.ts'
import { personOf } from './callers/caller.ts'
import { GITHUB_PICTURES, sendPage, signInPage } from './page.ts'
import type { Room } from './room.ts'
import type { App } from './zod-validation.ts'

const ENTRY = fileURLToPath(new URL('../console/main.tsx', import.meta.url))
const OUT = '/assets/'

export type Asset = { readonly type: string; readonly bytes: Buffer; readonly tag: string }
export type Bundle = ReadonlyMap<string, Asset>

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

const asset = (type: string, bytes: Buffer): Asset => ({
  type,
  bytes,
  tag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
})

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4f46e5"/><path d="M9 11l5 5-5 5M16 22h8" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`

/** Bundles the console; takes some tenths of a second. */
export const bundleConsole = async (): Promise<Bundle> => {
  const { outputFiles } = await build({
    entryPoints: { console: ENTRY },
    outdir: OUT,
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  })
  // esbuild keeps a process of its own for the next build, and there is none.
  await stop()
  const made = outputFiles.map(({ path, contents }): [string, Asset] => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return [name, asset(TYPES[name.split('.').at(-1) ?? ''] ?? '', Buffer.from(contents))]
  })
  return new Map([...made, ['icon.svg', asset('image/svg+xml', Buffer.from(ICON))]])
}

const SHELL = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>Coding agents</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/console.css">
<script type="module" src="/assets/console.js"></script>
</head>
<body><div id="app"></div><noscript>This page needs JavaScript.</noscript></body>
</html>
`

/** `/`, `/s/<session>` and `/assets/*`. Open to everybody: the page itself holds nothing. */
export const servePage = (app: App, room: Room, bundle: Bundle): void => {
  const pictures = room.config.github?.host === 'forge' ? [] : GITHUB_PICTURES
  for (const path of ['/', '/s/:id']) {
    app.get(path, async (request, reply) => {
      // A link followed from another site comes without the SameSite=Strict cookie, and one from
      // another port of this host with a cookie that does not count (see caller.ts). So only a visit
      // that surely has none is told to sign in; otherwise the page finds out by itself.
      const site = request.headers['sec-fetch-site']
      const fromElsewhere = site === 'cross-site' || site === 'same-site'
      if (personOf(request, room) || fromElsewhere) return sendPage(reply, 200, SHELL, pictures)
      return sendPage(reply, 401, signInPage.needed(room.config.github, ownPath(request.url)))
    })
  }
  for (const [name, { type, bytes, tag }] of bundle) {
    app.get(`/assets/${name}`, async (request, reply) => {
      reply.headers({ 'cache-control': 'no-cache', etag: tag })
      if (request.headers['if-none-match'] === tag) return reply.code(304).send()
      return reply.type(type).send(bytes)
    })
  }
}
