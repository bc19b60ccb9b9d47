/** Pieces that several pages show. */
import { Marked } from 'marked'
import type { PullView } from '../json/pull.ts'
import { fullName } from '../json/repository.ts'
import type { Repository } from '../room.ts'
import { escapeHtml, type Html, html, raw } from './html.ts'

const SAFE_ADDRESS = /^(https?:|mailto:|#|\/|[^:]*$)/i

/** A comment in HTML is not shown: a pull request of ours carries its mark in one. */
const htmlText = (text: string): string => escapeHtml(text.replace(/<!--[\s\S]*?-->/g, ''))

/** Foreign Markdown: HTML in it is shown as text, and only harmless addresses become links. */
const marked = new Marked({
  gfm: true,
  renderer: { html: ({ text }) => htmlText(text), image: ({ text }) => escapeHtml(text) },
  walkTokens: token => {
    if (token.type === 'link' && !SAFE_ADDRESS.test(token.href)) token.href = '#'
  },
})

export const markdown = (text: string): Html =>
  html`<div class="prose">${raw(marked.parse(text, { async: false }))}</div>`

export const when = (ms: number): Html => {
  const iso = new Date(ms).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)}</time>`
}

type Shown = 'draft' | 'open' | 'merged' | 'closed'
export const stateOf = ({ pull }: PullView): Shown => {
  if (pull.merged_at !== null) return 'merged'
  if (pull.state !== 'open') return 'closed'
  return pull.draft ? 'draft' : 'open'
}
export const stateTag = (view: PullView): Html => {
  const state = stateOf(view)
  return html`<span class="state ${state}">${state.slice(0, 1).toUpperCase()}${state.slice(1)}</span>`
}

/** The repository's name and its two sections. */
export const repositoryHead = (repository: Repository, here: 'code' | 'pulls'): Html => {
  const path = `/${fullName(repository)}`
  const current = (name: string) => (name === here ? raw(' aria-current="page"') : '')
  return html`<h1><a href="${path}">${fullName(repository)}</a>${
    repository.private ? html` <span class="tag">private</span>` : ''
  }</h1>
<nav class="tabs"><a href="${path}"${current('code')}>Code</a><a href="${path}/pulls"${current('pulls')}>Pull requests</a></nav>`
}
