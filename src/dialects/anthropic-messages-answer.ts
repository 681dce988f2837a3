// Normal form → whole answer of Anthropic messages.
import type { Part, ToolCallPart } from '../core/chat.ts'
import type { ChatAnswer, Finish, FinishReason } from '../core/chat-answer.ts'
import { citationJson, inputOf } from '../core/formats/anthropic-blocks.ts'
import { disguised, disguisedCall } from '../core/formats/foreign-proofs.ts'
import type { JsonObject } from '../core/json.ts'
import { parseObject } from '../core/json-read.ts'
import type { Usage } from '../core/usage.ts'
import type { AnswerContext } from './translator.ts'

const FAMILY = 'anthropic-messages'

/** An answer that a fault cut off is incomplete, as one at its bound is. */
const STOP_WORDS: { readonly [reason in FinishReason]: string } = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
  pause: 'pause_turn',
  error: 'max_tokens',
  other: 'end_turn',
}

/** Words that say more than the unified reason, and are this dialect's own. */
const OWN_WORDS = new Set(['model_context_window_exceeded', 'compaction', 'stop_sequence'])

export function stopFields(finish: Finish): JsonObject {
  const details = finish.details?.[FAMILY]
  const own = finish.raw !== null && OWN_WORDS.has(finish.raw) ? finish.raw : null
  return {
    stop_reason: own ?? (finish.stopSequence === undefined ? STOP_WORDS[finish.unified] : 'stop_sequence'),
    stop_sequence: finish.stopSequence ?? null,
    ...(details === undefined ? {} : { stop_details: details }),
  }
}

/** Anthropic has one choice: only the first is told. */
export function writeAnthropicAnswer(answer: ChatAnswer, context: AnswerContext): JsonObject {
  const choice = answer.choices[0]
  return {
    ...answer.raw?.[FAMILY],
    id: messageId(answer.id, context),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content: (choice?.parts ?? []).flatMap(blocksOf),
    ...stopFields(choice?.finish ?? { unified: 'other', raw: null }),
    usage: usageJson(answer.usage, answer.serviceTier),
  }
}

/** Ids of another form are the gateway's own business: clients check the prefix. */
export function messageId(id: string | null, context: AnswerContext): string {
  if (id !== null && id.startsWith('msg_')) return id
  return context.id.startsWith('msg_') ? context.id : `msg_${context.id}`
}

function blocksOf(part: Part): readonly JsonObject[] {
  const proof = part.type === 'tool_call' ? proofOfCall(part) : null
  const block = blockOf(part)
  return [...(proof === null ? [] : [proof]), ...(block === null ? [] : [block])]
}

/**
 * What proves a call of another vendor's model, as a thought that clients send back as it came: calls have no place for it.
 * Null when the call has no proof.
 */
export function proofOfCall({ id, signature, family }: ToolCallPart): JsonObject | null {
  if (signature === undefined || family === undefined || family === FAMILY) return null
  return { type: 'redacted_thinking', data: disguisedCall({ id, signature, family }) }
}

/** A part as a block of an answer; null when this dialect has no place for it. */
export function blockOf(part: Part): JsonObject | null {
  switch (part.type) {
    case 'text': {
      if (part.text === '' && (part.citations?.length ?? 0) === 0) return null
      const citations = (part.citations ?? []).map(citationJson).filter((citation) => citation !== null)
      return { ...part.raw?.[FAMILY], type: 'text', text: part.text, ...(citations.length > 0 ? { citations } : {}) }
    }
    case 'refusal':
      return { type: 'text', text: part.text }
    case 'reasoning':
      return reasoningBlock(part)
    case 'tool_call':
      return { ...part.raw?.[FAMILY], type: 'tool_use', id: part.id, name: part.name, input: inputOf(part) }
    case 'hosted_call':
      return part.family === FAMILY ? { ...part.value, input: parseObject(part.arguments) ?? {} } : null
    case 'opaque':
      return part.family === FAMILY ? part.value : null
    case 'audio':
      // Sound has no place here; what was said has.
      return part.transcript === undefined ? null : { type: 'text', text: part.transcript }
    case 'image':
    case 'video':
    case 'file':
    case 'tool_result':
      return null
  }
}

/** Thoughts of other vendors are shown too; their proof goes along in disguise, so that the client brings it back. */
function reasoningBlock(part: Extract<Part, { type: 'reasoning' }>): JsonObject | null {
  const isOwn = part.family === FAMILY
  if (isOwn && part.encrypted !== null) return { type: 'redacted_thinking', data: part.encrypted }
  const signature = isOwn ? part.signature : disguised(part)
  if (part.text !== '') return { type: 'thinking', thinking: part.text, signature: signature ?? '' }
  if (signature === null) return null
  return isOwn ? { type: 'thinking', thinking: '', signature } : { type: 'redacted_thinking', data: signature }
}

/** Usage in Anthropic's way of counting: thoughts are part of the output, the cache is beside the input. */
export function usageJson(usage: Usage | null, serviceTier: string | null): JsonObject {
  const tier = serviceTier === null ? {} : { service_tier: serviceTier === 'default' ? 'standard' : serviceTier }
  if (usage === null)
    return { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, ...tier }
  return {
    input_tokens: usage.input + usage.audioIn + usage.imageIn + usage.video,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5m,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    },
    output_tokens: usage.output + usage.reasoning + usage.audioOut + usage.imageOut,
    ...(usage.searches > 0 ? { server_tool_use: { web_search_requests: usage.searches } } : {}),
    ...tier,
  }
}
