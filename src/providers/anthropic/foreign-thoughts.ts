// Thoughts that Claude did not have, in a conversation on its way to Claude: a client got them of another vendor's model, and
// sends them back as it must. Anthropic refuses what its own models have not signed, so they stay behind.
import type { Call } from '../../core/call.ts'
import { DISGUISE } from '../../core/formats/foreign-proofs.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'

/** What has to be edited in a caller's own body: its messages, if such thoughts are in them. */
export function editsOfForeignThoughts({ text, body }: Pick<Call, 'text' | 'body'>): { readonly messages?: string } {
  // A look at the text first: nearly no request holds any.
  if (!mayHoldForeignThoughts(text)) return {}
  const { messages } = body
  if (!Array.isArray(messages)) return {}
  return { messages: JSON.stringify(withoutForeignThoughts(messages)) }
}

function mayHoldForeignThoughts(text: string): boolean {
  return text.includes('thinking"') && (text.includes(DISGUISE) || /"signature"\s*:\s*""/.test(text))
}

/** The messages without such thoughts, and without messages that are nothing else. */
function withoutForeignThoughts(messages: readonly JsonValue[]): readonly JsonValue[] {
  return messages.flatMap((message): readonly JsonValue[] => {
    const content = isObject(message) ? message['content'] : undefined
    if (!isObject(message) || !Array.isArray(content)) return [message]
    const own = (content as readonly JsonValue[]).filter((block) => !isObject(block) || !isForeign(block))
    if (own.length === content.length) return [message]
    return own.length === 0 ? [] : [{ ...message, content: own }]
  })
}

function isForeign({ type, signature, data }: JsonObject): boolean {
  if (type === 'thinking') return signature === '' || isDisguised(signature)
  return type === 'redacted_thinking' && isDisguised(data)
}

function isDisguised(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && value.startsWith(DISGUISE)
}
