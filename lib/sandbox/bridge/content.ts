/**
 * A prompt as the agent gets it: its text, and its attachments as far as the agent can take them.
 * Pure.
 */
import type { ContentBlock, PromptCapabilities } from '@agentclientprotocol/sdk'
import { z } from 'zod'

/** The shapes of both ages of the protocol (spec 2.3); fields of another type are as if absent. */
const optional = z.string().min(1).optional().catch(undefined)
const attachment = z.looseObject({
  type: optional,
  name: optional,
  url: optional,
  content: optional,
  mimeType: optional,
})
type Attachment = z.infer<typeof attachment>

export type PromptContent = {
  readonly blocks: readonly ContentBlock[]
  /** What could not be passed on, and why: sentences for people. */
  readonly problems: readonly string[]
}

const DATA_URL = /^data:([\w.+/-]+);base64,([A-Za-z0-9+/=\s]+)$/

const isLink = (url: string): boolean =>
  ['http:', 'https:'].includes(URL.parse(url)?.protocol ?? '')

const imageBlock = (text: string, capabilities: PromptCapabilities): ContentBlock | string => {
  const [, mimeType = '', data = ''] = DATA_URL.exec(text) ?? []
  if (!mimeType.startsWith('image/')) return 'it is of a kind that cannot be shown to an agent'
  return capabilities.image
    ? { type: 'image', mimeType, data }
    : 'the agent does not look at images'
}

/** The block of one attachment, or why there is none. */
const blockOf = (
  { name = 'attachment', url, content, mimeType }: Attachment,
  capabilities: PromptCapabilities,
): ContentBlock | string => {
  const kind = mimeType === undefined ? {} : { mimeType }
  if (content?.startsWith('data:')) return imageBlock(content, capabilities)
  if (content !== undefined) {
    if (!capabilities.embeddedContext) return { type: 'text', text: `${name}:\n\n${content}` }
    const uri = `attachment:///${encodeURIComponent(name)}`
    return { type: 'resource', resource: { uri, text: content, ...kind } }
  }
  if (url === undefined) return 'its content is not here'
  if (url.startsWith('data:')) return imageBlock(url, capabilities)
  return isLink(url) ? { type: 'resource_link', name, uri: url, ...kind } : 'its address is no link'
}

/** The blocks of a prompt. */
export const contentOf = (
  prompt: { readonly content: string; readonly attachments?: readonly unknown[] | undefined },
  capabilities: PromptCapabilities,
): PromptContent => {
  const blocks: ContentBlock[] = [{ type: 'text', text: prompt.content }]
  const problems: string[] = []
  for (const candidate of prompt.attachments ?? []) {
    const { success, data } = attachment.safeParse(candidate)
    const block = success ? blockOf(data, capabilities) : 'it is not an attachment'
    if (typeof block !== 'string') blocks.push(block)
    else problems.push(`The attachment ${data?.name ?? ''} does not reach the agent: ${block}`)
  }
  return { blocks, problems }
}
