// Thoughts that Claude did not have, in a conversation on its way to Claude: a client got them of another vendor's model, and
// sends them back as it must. Anthropic refuses what its own models have not signed, so they stay behind.
import { DISGUISE } from '../../core/formats/foreign-proofs.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'

/** Whether there may be any in the text of a request: cheap, for nearly all have none. */
export function mayHoldForeignThoughts(text: string): boolean {
  return text.includes('thinking"') && (text.includes(DISGUISE) || /"signature"\s*:\s*""/.test(text))
}

/** The messages without such thoughts, and without messages that are nothing else. */
export function withoutForeignThoughts(messages: readonly JsonValue[]): readonly JsonValue[] {
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
