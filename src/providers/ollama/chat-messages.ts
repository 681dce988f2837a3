// Messages of the normal form → messages of Ollama's chat.
import type { ChatMessage, Part } from '../../core/chat.ts'
import { textOf } from '../../core/chat.ts'
import { inputOf } from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

export function writeMessages(messages: readonly ChatMessage[], notes: Notes): readonly JsonObject[] {
  /** Results are told by the name of their tool; ids come along for those versions that know them. */
  const names = new Map<string, string>()
  for (const { parts } of messages)
    for (const part of parts) if (part.type === 'tool_call') names.set(part.id, part.name)
  return messages.flatMap(({ role, parts }): readonly JsonObject[] => {
    switch (role) {
      case 'system':
      case 'developer':
        return [{ role: 'system', ...contentOf(parts, notes) }]
      case 'user':
        return [{ role: 'user', ...contentOf(parts, notes) }]
      case 'assistant':
        return [{ role: 'assistant', ...assistantFields(parts, notes) }]
      case 'tool':
        return parts.flatMap((part) => {
          if (part.type !== 'tool_result') return []
          const name = part.toolName ?? names.get(part.toolCallId)
          const { content, ...images } = contentOf(part.parts, notes)
          return [
            {
              role: 'tool',
              content,
              ...images,
              ...(name === undefined ? {} : { tool_name: name }),
              tool_call_id: part.toolCallId,
            },
          ]
        })
    }
  })
}

function assistantFields(parts: readonly Part[], notes: Notes): JsonObject {
  const calls: JsonObject[] = []
  let thinking = ''
  for (const part of parts)
    switch (part.type) {
      case 'text':
      case 'refusal':
        break
      case 'reasoning':
        // Plain thoughts only: a proof means nothing to a model that runs here.
        thinking += part.text
        break
      case 'tool_call':
        calls.push({ id: part.id, function: { name: part.name, arguments: inputOf(part) } })
        break
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
  const content = parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
  return {
    content,
    ...(thinking === '' ? {} : { thinking }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }
}

/** All text as one, and images beside it: a message has no order of the two. */
function contentOf(
  parts: readonly Part[],
  notes: Notes,
): { readonly content: string; readonly images?: readonly string[] } {
  const images: string[] = []
  const texts: string[] = []
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'refusal') texts.push(part.text)
    else if (part.type === 'image' && part.source.type === 'inline') images.push(part.source.data)
    else if (part.type === 'image') notes.refusals.push('An image must be sent as its content to this provider.')
    else if (part.type === 'file' && part.source.type === 'text')
      texts.push(part.name === undefined ? part.source.text : `${part.name}\n\n${part.source.text}`)
    else if (part.type === 'tool_result') texts.push(textOf(part.parts))
    else notes.refusals.push(`A part of type ${part.type} cannot be sent to this provider.`)
  }
  return { content: texts.join('\n\n'), ...(images.length > 0 ? { images } : {}) }
}
