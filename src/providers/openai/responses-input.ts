// Messages of the normal form → input items of OpenAI's Responses.
import type { ChatMessage, Part, ToolResultPart } from '../../core/chat.ts'
import { inputJson } from '../../core/formats/responses-content.ts'
import { annotationsOf, callJson, groupsOf } from '../../core/formats/responses-items.ts'
import type { ItemGroup } from '../../core/formats/responses-items.ts'
import { encryptedOf, reasoningTexts } from '../../core/formats/responses-reasoning.ts'
import type { JsonObject } from '../../core/json.ts'
import { stringOf } from '../../core/json-read.ts'
import type { Notes } from './chat-messages.ts'

const FAMILY = 'openai-responses'

export function writeInput(messages: readonly ChatMessage[], notes: Notes): readonly JsonObject[] {
  const customCalls = new Set<string>()
  for (const { parts } of messages)
    for (const part of parts) if (part.type === 'tool_call' && part.kind === 'custom') customCalls.add(part.id)
  return messages.flatMap((message) => itemsOfMessage(message, customCalls, notes))
}

function itemsOfMessage(message: ChatMessage, customCalls: ReadonlySet<string>, notes: Notes): readonly JsonObject[] {
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user': {
      // An item that only this family knows, and no message at all.
      if (message.raw?.[FAMILY]?.['is_item'] === true)
        return message.parts.flatMap((part) => (part.type === 'opaque' && part.family === FAMILY ? [part.value] : []))
      return [{ type: 'message', role: message.role, content: contentOf(message.parts, notes) }]
    }
    case 'assistant':
      return groupsOf(message.parts).flatMap((group) => itemOfGroup(group, notes))
    case 'tool':
      return message.parts.flatMap((part) =>
        part.type === 'tool_result' ? [resultItem(part, customCalls, notes)] : [],
      )
  }
}

/** Plain text as a string; a list only where it has to be one. */
function contentOf(parts: readonly Part[], notes: Notes): string | readonly JsonObject[] {
  const only = parts[0]
  if (parts.length === 0) return ''
  if (parts.length === 1 && only?.type === 'text' && only.raw?.[FAMILY] === undefined) return only.text
  return parts.flatMap((part): readonly JsonObject[] => {
    const json = inputJson(part)
    if (json !== null) return [json]
    notes.refusals.push(`A part of type ${kindOf(part)} cannot be sent to this provider.`)
    return []
  })
}

/** The ids of items are left out: they would refer to what the provider was asked not to keep. */
function itemOfGroup(group: ItemGroup, notes: Notes): readonly JsonObject[] {
  switch (group.type) {
    case 'message': {
      const phase = stringOf(group.fields, 'phase')
      const content = group.parts.map((part): JsonObject =>
        part.type === 'refusal'
          ? { type: 'refusal', refusal: part.text }
          : { type: 'output_text', text: part.text, annotations: annotationsOf(part) },
      )
      return [{ type: 'message', role: 'assistant', content, ...(phase === null ? {} : { phase }) }]
    }
    case 'reasoning': {
      // A thought without its encrypted form would be looked up at the provider, which has not kept it.
      const [first] = group.parts
      const encrypted = encryptedOf(group.parts)
      if (first === undefined || first.family !== FAMILY || encrypted === null) return []
      return [
        {
          ...first.raw?.[FAMILY],
          type: 'reasoning',
          ...(first.id === undefined ? {} : { id: first.id }),
          ...reasoningTexts(group.parts),
          encrypted_content: encrypted,
        },
      ]
    }
    case 'single': {
      const { part } = group
      if (part.type === 'tool_call') return [callJson(part)]
      if (part.type === 'opaque' && part.family === FAMILY) return [part.value]
      notes.warnings.push(`A part of type ${kindOf(part)} is left out.`)
      return []
    }
  }
}

function resultItem(result: ToolResultPart, customCalls: ReadonlySet<string>, notes: Notes): JsonObject {
  const own = result.raw?.[FAMILY] ?? {}
  const isCustom = customCalls.has(result.toolCallId) || own['type'] === 'custom_tool_call_output'
  return {
    ...own,
    type: isCustom ? 'custom_tool_call_output' : 'function_call_output',
    call_id: result.toolCallId,
    output: contentOf(result.parts, notes),
  }
}

function kindOf(part: Part): string {
  return part.type === 'opaque' ? (stringOf(part.value, 'type') ?? part.type) : part.type
}
