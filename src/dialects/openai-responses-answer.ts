// Normal form → whole answer of OpenAI Responses.
import type { Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart } from '../core/chat.ts'
import type { ChatAnswer, Finish, TokenLogprob } from '../core/chat-answer.ts'
import { annotationsOf, callJson, groupsOf, logprobJson } from '../core/formats/responses-items.ts'
import { encryptedForClient, reasoningTexts, signatureItem } from '../core/formats/responses-reasoning.ts'
import type { JsonObject } from '../core/json.ts'
import { isObject } from '../core/json.ts'
import { namesOf, objectOf, objectsOf, stringOf } from '../core/json-read.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import { namespacesOf } from './openai-responses-namespaces.ts'
import type { AnswerContext } from './translator.ts'

const FAMILY = 'openai-responses'

type Status = 'in_progress' | 'completed' | 'incomplete'

/** Makes the ids of items from their place, so that a stream and its whole answer agree. */
export type ItemIds = (prefix: string, place: number) => string

export function itemIds(context: AnswerContext): ItemIds {
  const suffix = context.id.replace(/^[a-z]+_/, '')
  return (prefix, place) => `${prefix}_${suffix}_${place}`
}

/**
 * The gateway's own id, whatever the provider calls its answer: the response may be kept under it, and no provider decides
 * about the names in our store.
 */
function responseId(context: AnswerContext): string {
  return context.id.startsWith('resp_') ? context.id : `resp_${context.id}`
}

/** This dialect has one choice: only the first is told. */
export function writeResponsesAnswer(answer: ChatAnswer, context: AnswerContext): JsonObject {
  const choice = answer.choices[0]
  const namespaces = namespacesOf(context.body)
  const parts = (choice?.parts ?? []).map((part) =>
    part.type === 'tool_call' && namespaces !== null ? namespaces.restored(part) : part,
  )
  return {
    ...answer.raw?.[FAMILY],
    ...responseJson(context, {
      created: answer.created ?? context.created,
      output: itemsOf(parts, choice?.logprobs ?? [], itemIds(context)),
      usage: answer.usage,
      serviceTier: answer.serviceTier,
      ...endOf(choice?.finish ?? { unified: 'other', raw: null }),
    }),
  }
}

export type ResponseState = {
  readonly created: number
  readonly output: readonly JsonObject[]
  readonly usage: Usage | null
  readonly serviceTier: string | null
  readonly status: Status | 'failed'
  readonly error: JsonObject | null
  readonly incompleteReason: string | null
}

/** How a response ended. One that a fault cut off has failed. */
export function endOf(finish: Finish): Pick<ResponseState, 'status' | 'error' | 'incompleteReason'> {
  switch (finish.unified) {
    case 'length':
      return { status: 'incomplete', error: null, incompleteReason: 'max_output_tokens' }
    case 'content_filter':
      return { status: 'incomplete', error: null, incompleteReason: 'content_filter' }
    case 'error': {
      const message = `The provider broke the answer off${finish.raw === null ? '' : ` (${finish.raw})`}.`
      return { status: 'failed', error: { code: 'server_error', message }, incompleteReason: null }
    }
    case 'stop':
    case 'tool_calls':
    case 'pause':
    case 'other':
      return { status: 'completed', error: null, incompleteReason: null }
  }
}

const TIERS: ReadonlySet<string> = namesOf('auto default flex scale priority fast ultrafast')

/** Fields of the request that the response repeats as they were sent. */
const REPEATED = namesOf(`
  max_tool_calls user safety_identifier prompt_cache_key prompt_cache_retention top_logprobs prompt_cache_options
`)

/** The response object. What the request said stands in it again, as clients expect. */
export function responseJson(context: AnswerContext, state: ResponseState): JsonObject {
  const body = context.body ?? {}
  const tier = state.serviceTier === 'standard' ? 'default' : state.serviceTier
  const repeated: Record<string, JsonObject[string]> = {}
  for (const name of REPEATED) if (body[name] !== undefined && body[name] !== null) repeated[name] = body[name]
  return {
    id: responseId(context),
    object: 'response',
    created_at: state.created,
    status: state.status,
    background: false,
    error: state.error,
    incomplete_details: state.incompleteReason === null ? null : { reason: state.incompleteReason },
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    model: context.model,
    output: state.output,
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    reasoning: { effort: null, summary: null, ...objectOf(body, 'reasoning') },
    ...(tier !== null && TIERS.has(tier) ? { service_tier: tier } : {}),
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? null,
    text: { format: { type: 'text' }, ...objectOf(body, 'text') },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: objectsOf(body, 'tools').map(toolEcho),
    top_p: body['top_p'] ?? null,
    truncation: body['truncation'] ?? 'disabled',
    ...(state.usage === null ? {} : { usage: usageJson(state.usage) }),
    metadata: isObject(body['metadata']) ? body['metadata'] : {},
    ...repeated,
  }
}

function toolEcho(tool: JsonObject): JsonObject {
  return stringOf(tool, 'type') === 'function' ? { parameters: null, strict: null, ...tool } : tool
}

/** Parts as items, each whole. */
function itemsOf(parts: readonly Part[], logprobs: readonly TokenLogprob[], idOf: ItemIds): readonly JsonObject[] {
  const items: JsonObject[] = []
  let tokens = logprobs
  for (const group of groupsOf(parts.filter(says).map(asText))) {
    const place = items.length
    switch (group.type) {
      case 'message': {
        const content = group.parts.map((part) => {
          const share = part.type === 'text' ? tokensOf(tokens, part.text) : []
          tokens = tokens.slice(share.length)
          return contentJson(part, share)
        })
        items.push(messageItem(group.fields, content, 'completed', idOf('msg', place)))
        break
      }
      case 'reasoning':
        items.push(reasoningItem(group.parts, idOf('rs', place)))
        break
      case 'single': {
        const { part } = group
        if (part.type === 'tool_call') items.push(callItem(part, 'completed', idOf('fc', place)))
        else {
          const item = otherItem(part, idOf('ig', place))
          if (item !== null) items.push(item)
        }
        const proof = part.type === 'tool_call' ? signatureItem(part, idOf('rs', items.length)) : null
        if (proof !== null) items.push(proof)
      }
    }
  }
  return items
}

/** Parts that hold nothing, or what this dialect has no place for, make no item. */
function says(part: Part): boolean {
  switch (part.type) {
    case 'text':
      return part.text !== '' || (part.citations?.length ?? 0) > 0
    case 'refusal':
      return part.text !== ''
    case 'reasoning':
      return part.text !== '' || part.signature !== null || part.encrypted !== null
    case 'audio':
      return part.transcript !== undefined && part.transcript !== ''
    case 'tool_call':
      return true
    case 'image':
    case 'opaque':
    case 'video':
    case 'file':
    case 'tool_result':
    case 'hosted_call':
      return otherItem(part, '') !== null
  }
}

/** Sound has no place here; what was said has. */
function asText(part: Part): Part {
  return part.type === 'audio' && part.transcript !== undefined ? { type: 'text', text: part.transcript } : part
}

/** The first tokens that make up a text. */
function tokensOf(tokens: readonly TokenLogprob[], text: string): readonly TokenLogprob[] {
  let length = 0
  let count = 0
  while (count < tokens.length && length < text.length) length += tokens[count++]?.token.length ?? 0
  return tokens.slice(0, count)
}

export function contentJson(part: TextPart | RefusalPart, logprobs: readonly TokenLogprob[]): JsonObject {
  return part.type === 'refusal'
    ? { type: 'refusal', refusal: part.text }
    : { type: 'output_text', text: part.text, annotations: annotationsOf(part), logprobs: logprobs.map(logprobJson) }
}

export function messageItem(
  fields: JsonObject,
  content: readonly JsonObject[],
  status: Status,
  id: string,
): JsonObject {
  const { message_id: own, phase } = fields
  return {
    id: typeof own === 'string' ? own : id,
    type: 'message',
    status,
    role: 'assistant',
    content,
    ...(phase === undefined ? {} : { phase }),
  }
}

export function reasoningItem(parts: readonly ReasoningPart[], id: string): JsonObject {
  const encrypted = encryptedForClient(parts)
  return {
    ...parts[0]?.raw?.[FAMILY],
    id: parts[0]?.id ?? id,
    type: 'reasoning',
    ...reasoningTexts(parts),
    ...(encrypted === null ? {} : { encrypted_content: encrypted }),
  }
}

/** A call as an item; `id` is used where the provider gave the item none. */
export function callItem(part: ToolCallPart, status: Status, id: string): JsonObject {
  const own = part.raw?.[FAMILY]?.['id']
  return { id: typeof own === 'string' ? own : id, ...callJson(part), status }
}

/** An item of something that is neither said nor thought nor called; null when this dialect has no place for it. */
export function otherItem(part: Part, id: string): JsonObject | null {
  if (part.type === 'opaque') return part.family === FAMILY ? part.value : null
  if (part.type !== 'image' || part.source.type !== 'inline') return null
  return { id, type: 'image_generation_call', status: 'completed', result: part.source.data }
}

/** Usage in OpenAI's way of counting: the input includes what was cached, the output the thoughts. */
function usageJson(usage: Usage): JsonObject {
  const input = inputTokens(usage)
  const output = outputTokens(usage)
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + output,
  }
}
