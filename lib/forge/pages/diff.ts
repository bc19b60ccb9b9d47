/** A diff with colours, line numbers, and the comments that were made on its lines. */
import type { CommentView } from '../json/comment.ts'
import { type DiffFile, type DiffLine, readDiff } from '../pulls/hunk.ts'
import { type Html, html } from './html.ts'
import { markdown, when } from './parts.ts'

export const commentBox = ({ comment, author }: CommentView): Html => {
  const anchor = comment.path === null ? 'issuecomment-' : 'discussion_r'
  return html`<article class="comment" id="${anchor}${comment.id}">
<header><img src="/avatars/${author.id}" alt="" width="22" height="22"> <b>${author.login}</b> <span class="dim">${when(comment.created_at)}</span></header>
${markdown(comment.body)}</article>`
}

/** `action`: where a comment on a line is sent; null for one who may not. */
export const diffView = (
  diff: string,
  comments: readonly CommentView[],
  action: string | null,
): Html => html`${readDiff(diff).map(file => fileView(file, comments, action))}`

const fileView = (
  file: DiffFile,
  comments: readonly CommentView[],
  action: string | null,
): Html => {
  const mine = comments.filter(({ comment }) => comment.path === file.path)
  const onFile = mine.filter(({ comment }) => comment.line === null)
  return html`<section class="box file"><h3>${file.path}</h3>
${onFile.map(commentBox)}
<table class="diff"><tbody>${file.lines.map(line => lineView(line, mine))}</tbody></table>
${action === null ? '' : commentForm(file, action)}</section>`
}

const lineView = (line: DiffLine, comments: readonly CommentView[]): Html => {
  const here = comments.filter(({ comment }) => {
    const number = comment.side === 'LEFT' ? line.before : line.after
    return comment.line !== null && number === comment.line
  })
  return html`<tr class="${line.kind}"><td>${line.before ?? ''}</td><td>${line.after ?? ''}</td><td><pre>${line.text || ' '}</pre></td></tr>${here.map(
    one => html`<tr class="said"><td></td><td></td><td>${commentBox(one)}</td></tr>`,
  )}`
}

const commentForm = (file: DiffFile, action: string): Html => {
  const lines = file.lines.filter(line => line.kind === 'added' || line.kind === 'removed')
  if (lines.length === 0) return html``
  return html`<details class="review"><summary>Comment on a line</summary>
<form method="post" action="${action}"><input type="hidden" name="path" value="${file.path}">
<label>Line <select name="where">${lines.map(line => {
    const value = line.kind === 'added' ? `RIGHT:${line.after}` : `LEFT:${line.before}`
    return html`<option value="${value}">${line.after ?? line.before} ${line.text.slice(0, 60)}</option>`
  })}</select></label>
<textarea name="body" rows="3" required placeholder="What about this line?"></textarea>
<button class="primary">Comment</button></form></details>`
}
