// Messages of the normal form → messages of Cohere's chat.
import type { ChatMessage, Part, ReasoningPart } from '../../core/chat.ts'
import { textOf } from '../../core/chat.ts'
import { inputOf } from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'

const FAMILY = 'cohere-chat'

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

export function writeMessages(messages: readonly ChatMessage[], notes: Notes): readonly JsonObject[] {
  const written: JsonObject[] = []
  // A result is a text: what else a tool gave follows in a message of the user, after all results of the turn.
  let owed: JsonObject[] = []
  const payOwed = (): void => {
    if (owed.length > 0) written.push({ role: 'user', content: owed })
    owed = []
  }
  for (const message of messages) {
    if (message.role !== 'tool') payOwed()
    written.push(...messageJson(message, owed, notes))
  }
  payOwed()
  return written
}

function messageJson({ role, parts }: ChatMessage, owed: JsonObject[], notes: Notes): readonly JsonObject[] {
  switch (role) {
    case 'system':
    case 'developer':
      return [{ role: 'system', content: contentOf(parts, notes) }]
    case 'user':
      return [{ role: 'user', content: contentOf(parts, notes) }]
    case 'assistant':
      return [{ role: 'assistant', ...assistantFields(parts, notes) }]
    case 'tool':
      return parts.flatMap((part) => {
        if (part.type !== 'tool_result') return []
        const media = part.parts.filter((inner) => inner.type !== 'text').flatMap((inner) => partJson(inner, notes))
        if (media.length > 0) owed.push({ type: 'text', text: `Of the tool call ${part.toolCallId}:` }, ...media)
        return [{ role: 'tool', tool_call_id: part.toolCallId, content: textOf(part.parts) }]
      })
  }
}

function assistantFields(parts: readonly Part[], notes: Notes): JsonObject {
  const content: JsonObject[] = []
  const calls: JsonObject[] = []
  const hasCalls = parts.some((part) => part.type === 'tool_call')
  let plan = ''
  for (const part of parts)
    switch (part.type) {
      case 'text':
      case 'refusal':
        if (part.text !== '') content.push({ type: 'text', text: part.text })
        break
      case 'reasoning':
        if (hasCalls && isPlan(part)) plan += part.text
        else if (part.family === FAMILY && part.text !== '') content.push({ type: 'thinking', thinking: part.text })
        break
      case 'tool_call': {
        const json = part.kind === 'custom' ? JSON.stringify(inputOf(part)) : part.arguments.trim() || '{}'
        calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: json } })
        break
      }
      case 'image':
      case 'audio':
      case 'video':
      case 'file':
      case 'tool_result':
      case 'hosted_call':
      case 'opaque':
        notes.warnings.push(`A part of type ${part.type} is left out.`)
        break
    }
  const [only] = content
  const text = content.length === 1 && only?.['type'] === 'text' ? only['text'] : content
  return {
    ...(content.length > 0 ? { content: text } : hasCalls ? {} : { content: '' }),
    ...(plan === '' ? {} : { tool_plan: plan }),
    ...(hasCalls ? { tool_calls: calls } : {}),
  }
}

/** A plan before calls; by way of an OpenAI client it comes back without its mark, as a plain thought. */
function isPlan(part: ReasoningPart): boolean {
  if (part.signature !== null || part.encrypted !== null) return false
  return part.family === FAMILY ? part.raw?.[FAMILY]?.['tool_plan'] === true : part.family === 'openai-chat'
}

/** Plain text as a string, a list where it has to be one. */
function contentOf(parts: readonly Part[], notes: Notes): string | readonly JsonObject[] {
  if (parts.every((part) => part.type === 'text')) {
    const [only] = parts
    return parts.length > 1 ? parts.map(({ text }) => ({ type: 'text', text })) : (only?.text ?? '')
  }
  return parts.flatMap((part) => partJson(part, notes))
}

function partJson(part: Part, notes: Notes): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ type: 'text', text: part.text }]
    case 'image': {
      const { source } = part
      const detail = part.detail === undefined ? {} : { detail: part.detail }
      if (source.type === 'url') return [{ type: 'image_url', image_url: { url: source.url, ...detail } }]
      if (source.type !== 'inline') break
      const url = `data:${source.mediaType};base64,${source.data}`
      return [{ type: 'image_url', image_url: { url, ...detail } }]
    }
    case 'file': {
      const { source } = part
      if (source.type !== 'text') break
      // There are no text documents in messages here: the text itself is as good.
      return [{ type: 'text', text: part.name === undefined ? source.text : `${part.name}\n\n${source.text}` }]
    }
    case 'opaque':
      if (part.family === FAMILY) return [part.value]
      break
    case 'audio':
    case 'video':
    case 'tool_call':
    case 'tool_result':
    case 'reasoning':
    case 'hosted_call':
      break
  }
  notes.refusals.push(`A part of type ${part.type} cannot be sent to this provider.`)
  return []
}
