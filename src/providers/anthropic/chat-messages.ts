// Messages of the normal form → system blocks and turns of Anthropic's messages.
import type { ChatMessage, Part, ToolResultPart } from '../../core/chat.ts'
import { textOf } from '../../core/chat.ts'
import {
  cacheJson,
  citationJson,
  documentJson,
  inputOf,
  isPutIntoOne,
  sourceJson,
} from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'
import { parseObject } from '../../core/json-read.ts'
import { sanitizeToolId } from './tool-ids.ts'

const FAMILY = 'anthropic-messages'

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

export type WrittenMessages = { readonly system: readonly JsonObject[]; readonly turns: readonly JsonObject[] }

/** Turns alternate: what stands next to each other in one role is one turn. Instructions all go to the front. */
export function writeMessages(messages: readonly ChatMessage[], notes: Notes): WrittenMessages {
  const system: JsonObject[] = []
  const turns: { role: 'user' | 'assistant'; content: JsonObject[] }[] = []
  for (const message of messages) {
    if (message.role === 'system' || message.role === 'developer') {
      if (turns.length > 0)
        notes.warnings.push('An instruction in the middle of the conversation was moved to its front.')
      system.push(...message.parts.flatMap((part) => blockOf(part, notes)))
      continue
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = message.parts.flatMap((part) => blockOf(part, notes))
    if (content.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...content)
    else turns.push({ role, content })
  }
  if (turns[0]?.role !== 'user') {
    notes.warnings.push('The conversation does not begin with the user: a turn of the user was put before it.')
    turns.unshift({ role: 'user', content: [{ type: 'text', text: '…' }] })
  }
  for (const turn of turns) if (turn.role === 'user') resultsFirst(turn.content)
  trimPrefill(turns)
  return { system, turns }
}

/** Results must stand before anything else of the turn that follows their calls. */
function resultsFirst(content: JsonObject[]): void {
  if (!content.some((block) => block['type'] === 'tool_result')) return
  content.sort((a, b) => Number(b['type'] === 'tool_result') - Number(a['type'] === 'tool_result'))
}

/** An answer to be continued may not end with white space. */
function trimPrefill(turns: { readonly role: string; readonly content: JsonObject[] }[]): void {
  const last = turns.at(-1)
  const block = last?.content.at(-1)
  if (last?.role !== 'assistant' || typeof block?.['text'] !== 'string') return
  const text = block['text'].trimEnd()
  if (text === block['text']) return
  last.content.pop()
  if (text !== '') last.content.push({ ...block, text })
}

/** A part as content blocks: none when there is nothing to send. */
function blockOf(part: Part, notes: Notes): readonly JsonObject[] {
  const base = { ...part.raw?.[FAMILY], ...cacheJson(part.cache) }
  switch (part.type) {
    case 'text': {
      // An empty text is refused, and says nothing.
      if (part.text === '') return []
      const citations = (part.citations ?? []).flatMap((citation) => {
        const json = citation.raw?.[FAMILY] === undefined ? null : citationJson(citation)
        return json === null ? [] : [json]
      })
      return [{ ...base, type: 'text', text: part.text, ...(citations.length > 0 ? { citations } : {}) }]
    }
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'image':
      if (part.source.type === 'text') break
      return [{ ...base, type: 'image', source: sourceJson(part.source) }]
    case 'file':
      return [fileBlock(part)]
    case 'tool_call': {
      const input = inputOf(part)
      if (isPutIntoOne(input, part))
        notes.warnings.push(`The arguments of the tool call ${part.id} are no JSON object: they were put into one.`)
      return [{ ...base, type: 'tool_use', id: sanitizeToolId(part.id), name: part.name, input }]
    }
    case 'tool_result':
      return [{ ...base, ...resultJson(part, notes) }]
    case 'reasoning':
      return reasoningBlock(part)
    case 'hosted_call':
      if (part.family !== FAMILY) break
      return [{ ...part.value, input: parseObject(part.arguments) ?? {} }]
    case 'opaque':
      if (part.family !== FAMILY) break
      return [part.value]
    case 'audio':
    case 'video':
      notes.refusals.push(`A part of type ${part.type} cannot be sent to this provider.`)
      return []
  }
  notes.warnings.push(`A part of type ${part.type} is left out.`)
  return []
}

/** A thought goes back only with Anthropic's own proof: another vendor's, or none, is refused. */
function reasoningBlock(part: Extract<Part, { type: 'reasoning' }>): readonly JsonObject[] {
  if (part.family !== FAMILY) return []
  if (part.encrypted !== null) return [{ type: 'redacted_thinking', data: part.encrypted }]
  return part.signature === null ? [] : [{ type: 'thinking', thinking: part.text, signature: part.signature }]
}

function fileBlock(part: Extract<Part, { type: 'file' }>): JsonObject {
  const { source } = part
  if (source.type === 'inline' && source.mediaType.startsWith('image/'))
    return { ...part.raw?.[FAMILY], type: 'image', source: sourceJson(source), ...cacheJson(part.cache) }
  // Only PDFs are taken as bytes; what is text is sent as text.
  if (source.type === 'inline' && isText(source.mediaType)) {
    const text = new TextDecoder().decode(Uint8Array.from(atob(source.data), (letter) => letter.charCodeAt(0)))
    return documentJson({ ...part, source: { type: 'text', text, mediaType: 'text/plain' } })
  }
  return documentJson(part)
}

function isText(mediaType: string): boolean {
  return mediaType.startsWith('text/') || mediaType === 'application/json' || mediaType === 'application/xml'
}

function resultJson(part: ToolResultPart, notes: Notes): JsonObject {
  const isPlain = part.parts.every(
    (inner) => inner.type === 'text' && inner.cache === undefined && inner.raw === undefined,
  )
  const text = isPlain ? textOf(part.parts) : ''
  const content = isPlain ? (text === '' ? null : text) : part.parts.flatMap((inner) => blockOf(inner, notes))
  return {
    type: 'tool_result',
    tool_use_id: sanitizeToolId(part.toolCallId),
    ...(content === null ? {} : { content }),
    ...(part.isError ? { is_error: true } : {}),
  }
}
