// A request and an answer as one text each, for a reader who is to judge them.
import { textOf } from '../core/chat.ts'
import type { ChatRequest, Part } from '../core/chat.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'

/** `system: …`, `user: …`, one after the other; what is no text is named. */
export function promptText({ messages, responseFormat }: ChatRequest): string {
  const said = messages.map(({ role, parts }) => `${role}: ${spoken(parts)}`)
  const form = responseFormat !== undefined && responseFormat.type !== 'text' ? ['(The answer is to be JSON.)'] : []
  return [...said, ...form].join('\n')
}

/** Of the first choice: its text, and its tool calls as `name(arguments)`. */
export function answerText({ choices }: ChatAnswer): string {
  return spoken(choices[0]?.parts ?? [])
}

function spoken(parts: readonly Part[]): string {
  const text = textOf(parts)
  const others = parts.flatMap((part) => wordsOf(part) ?? [])
  return [...(text === '' ? [] : [text]), ...others].join('\n')
}

function wordsOf(part: Part): string | null {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'opaque':
      return null
    case 'tool_call':
    case 'hosted_call':
      return `${part.name}(${part.arguments})`
    case 'tool_result':
      return `result: ${spoken(part.parts)}`
    case 'refusal':
      return part.text
    case 'image':
    case 'audio':
    case 'video':
    case 'file':
      return `[${part.type}]`
  }
}
