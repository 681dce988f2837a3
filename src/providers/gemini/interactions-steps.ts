// Messages of the normal form → steps of an interaction.
//
// What the user says and the results of functions are steps of input; each thought, each call and each run of words of the
// model is a step of its own. Google's own signatures go back; those of other vendors mean nothing there.
import { textOf } from '../../core/chat.ts'
import type { ChatMessage, MediaSource, Part, ToolResultPart } from '../../core/chat.ts'
import { inputOf, isPutIntoOne } from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import type { Notes } from './chat-messages.ts'

const FAMILY = 'gemini-interactions'
const SIGNATURES = 'gemini'

type Steps = { readonly system: string; readonly input: readonly JsonObject[] }

export function writeSteps(messages: readonly ChatMessage[], notes: Notes): Steps {
  const system: string[] = []
  const input: JsonObject[] = []
  const names = new Map<string, string>()
  for (const { role, parts } of messages)
    switch (role) {
      case 'system':
      case 'developer':
        if (input.length > 0)
          notes.warnings.push('An instruction in the middle of the conversation was moved to its front.')
        system.push(textOf(parts))
        break
      case 'user':
        addContent(
          input,
          'user_input',
          parts.flatMap((part) => contentOf(part, notes)),
        )
        break
      case 'tool':
        addContent(
          input,
          'user_input',
          parts.flatMap((part) => resultOf(part, names, notes)),
        )
        break
      case 'assistant':
        for (const part of parts) addOfModel(input, part, names, notes)
        break
    }
  return { system: system.filter((text) => text !== '').join('\n\n'), input }
}

/** Content that follows content of the same kind of step belongs to it. */
function addContent(input: JsonObject[], type: string, content: readonly JsonObject[]): void {
  if (content.length === 0) return
  const last = input.at(-1)
  if (last?.['type'] !== type) input.push({ type, content })
  else input[input.length - 1] = { type, content: [...(last['content'] as readonly JsonObject[]), ...content] }
}

function addOfModel(input: JsonObject[], part: Part, names: Map<string, string>, notes: Notes): void {
  switch (part.type) {
    case 'reasoning': {
      if (part.family !== SIGNATURES || part.signature === null) return
      const summary = part.text === '' ? undefined : [{ type: 'text', text: part.text }]
      input.push(defined<JsonObject>({ type: 'thought', signature: part.signature, summary }))
      return
    }
    case 'tool_call': {
      names.set(part.id, part.name)
      const signature = part.family === SIGNATURES ? part.signature : undefined
      const given = inputOf(part)
      if (isPutIntoOne(given, part))
        notes.warnings.push(`The arguments of the tool call ${part.id} are no JSON object: they were put into one.`)
      const call = { type: 'function_call', id: part.id, name: part.name, arguments: given, signature }
      input.push(defined<JsonObject>(call))
      return
    }
    case 'opaque':
      if (part.family === FAMILY) input.push(part.value)
      else notes.warnings.push('A part of type opaque is left out.')
      return
    case 'text':
    case 'refusal':
    case 'image':
    case 'audio':
    case 'video':
    case 'file':
    case 'tool_result':
    case 'hosted_call':
      addContent(input, 'model_output', contentOf(part, notes))
  }
}

const KINDS = { image: 'image', audio: 'audio', video: 'video', file: 'document' } as const

/** A part as content of a step: none when there is nothing to send. */
function contentOf(part: Part, notes: Notes): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'image':
    case 'audio':
    case 'video':
    case 'file': {
      const named = part.type === 'file' && part.name !== undefined ? `${part.name}\n\n` : ''
      if (part.source.type === 'text') return [{ type: 'text', text: named + part.source.text }]
      const media = mediaOf(part.source)
      if (media !== null) return [{ type: KINDS[part.type], ...media }]
      notes.refusals.push(`A ${part.type} that another vendor keeps cannot be sent to this provider; send its content.`)
      return []
    }
    case 'tool_call':
    case 'tool_result':
    case 'reasoning':
    case 'hosted_call':
    case 'opaque':
      notes.warnings.push(`A part of type ${part.type} is left out.`)
      return []
  }
}

/** Null for a file of another vendor. */
function mediaOf(source: Exclude<MediaSource, { readonly type: 'text' }>): JsonObject | null {
  const { mediaType } = source
  if (source.type === 'inline') return { data: source.data, mime_type: mediaType }
  const uri = source.type === 'url' ? source.url : /^(?:https?|gs):\/\//.test(source.fileId) ? source.fileId : null
  return uri === null ? null : defined<JsonObject>({ uri, mime_type: mediaType ?? undefined })
}

function resultOf(part: Part, names: ReadonlyMap<string, string>, notes: Notes): readonly JsonObject[] {
  if (part.type !== 'tool_result') return []
  const isText = part.parts.every((inner) => inner.type === 'text')
  return [
    defined<JsonObject>({
      type: 'function_result',
      call_id: part.toolCallId,
      name: nameOf(part, names),
      is_error: part.isError ? true : undefined,
      result: isText ? textOf(part.parts) : part.parts.flatMap((inner) => contentOf(inner, notes)),
    }),
  ]
}

function nameOf(part: ToolResultPart, names: ReadonlyMap<string, string>): string {
  return part.toolName ?? names.get(part.toolCallId) ?? part.toolCallId
}
