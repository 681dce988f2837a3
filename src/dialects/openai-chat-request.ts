// OpenAI chat completions → normal form.
import type {
  CacheMarker,
  ChatMessage,
  ChatRequest,
  ChatTool,
  MediaSource,
  Part,
  ReasoningSettings,
  ResponseFormat,
  Sampling,
  ToolChoice,
} from '../core/chat.ts'
import { isEffort, rawOf } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import { isFlatTool } from '../core/formats/chat-form.ts'
import { partsOfMessage } from '../core/formats/openai-message.ts'
import { searchOfChatTool, searchOfOptions } from '../core/formats/web-search.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import {
  booleanOf,
  defined,
  listOf,
  numberOf,
  objectOf,
  objectsOf,
  restOf,
  stringOf,
  namesOf,
} from '../core/json-read.ts'
import { readFlatTool } from './openai-responses-request.ts'
import { ROUTING_FIELDS } from './read-fields.ts'
import type { ReadRequest } from './translator.ts'

const FAMILY = 'openai-chat'

/** Fields that have a place in the normal form, or are the call's own business. */
const KNOWN = new Set([
  ...ROUTING_FIELDS,
  ...namesOf(`
  model stream stream_options weir messages tools tool_choice parallel_tool_calls functions function_call
  response_format max_tokens max_completion_tokens temperature top_p top_k frequency_penalty presence_penalty
  seed stop n logprobs top_logprobs logit_bias reasoning_effort reasoning verbosity service_tier user
  safety_identifier metadata modalities audio web_search_options
`),
])

const MESSAGE_FIELDS = namesOf(`
  role content name refusal audio tool_calls function_call tool_call_id annotations reasoning
  reasoning_content reasoning_details cache_control
`)

/** Throws `request_malformed` for what is no conversation; fields that nobody knows go into `raw`. */
export function readOpenaiChatRequest(body: JsonObject): ReadRequest {
  const warnings: string[] = []
  const toolNames = new Map<string, string>()
  const messages = listOf(body, 'messages').map((message, index) => readMessage(message, index, toolNames, warnings))
  const tools = [
    ...objectsOf(body, 'tools').map(readTool),
    ...objectsOf(body, 'functions').map(readFunction),
    ...readSearch(body),
  ]
  const audio = objectOf(body, 'audio')
  const modalities = listOf(body, 'modalities').filter((value) => typeof value === 'string')
  const request = defined<ChatRequest>({
    messages,
    tools,
    toolChoice: readToolChoice(body['tool_choice'] ?? body['function_call']),
    parallelTools: booleanOf(body, 'parallel_tool_calls') ?? undefined,
    responseFormat: readResponseFormat(objectOf(body, 'response_format')),
    maxOutputTokens: numberOf(body, 'max_completion_tokens') ?? numberOf(body, 'max_tokens') ?? undefined,
    sampling: readSampling(body),
    reasoning: readReasoning(body),
    verbosity: stringOf(body, 'verbosity') ?? undefined,
    serviceTier: stringOf(body, 'service_tier') ?? undefined,
    user: stringOf(body, 'safety_identifier') ?? stringOf(body, 'user') ?? undefined,
    metadata: objectOf(body, 'metadata') ?? undefined,
    modalities: modalities.length > 0 ? modalities : undefined,
    audioOutput:
      audio === null
        ? undefined
        : { voice: stringOf(audio, 'voice') ?? '', format: stringOf(audio, 'format') ?? 'wav' },
    raw: rawOf(FAMILY, restOf(body, KNOWN)).raw,
  })
  return { request, warnings }
}

function readMessage(message: unknown, index: number, toolNames: Map<string, string>, warnings: string[]): ChatMessage {
  const path = `messages[${index}]`
  if (!isObject(message)) throw malformed(path, `\`${path}\` must be an object.`)
  const name = stringOf(message, 'name')
  const extras = { ...(name === null ? {} : { name }), ...rawOf(FAMILY, restOf(message, MESSAGE_FIELDS)) }
  const role = message['role']
  switch (role) {
    case 'system':
    case 'developer':
    case 'user':
      return { role, parts: contentParts(message, path, warnings), ...extras }
    case 'assistant': {
      const parts = partsOfMessage(message)
      for (const part of parts) if (part.type === 'tool_call') toolNames.set(part.id, part.name)
      return { role, parts: marked(parts, message), ...extras }
    }
    case 'tool':
    case 'function': {
      // The old `function` message names the function instead of the call.
      const id = role === 'tool' ? (stringOf(message, 'tool_call_id') ?? '') : `call_${name ?? ''}`
      const parts = contentParts(message, path, warnings)
      return {
        role: 'tool',
        parts: [{ type: 'tool_result', toolCallId: id, toolName: toolNames.get(id) ?? name, parts, isError: false }],
        ...extras,
      }
    }
    default:
      throw malformed(`${path}.role`, `\`${path}.role\` must be system, developer, user, assistant or tool.`)
  }
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function contentParts(message: JsonObject, path: string, warnings: string[]): readonly Part[] {
  const content = message['content']
  if (content === undefined || content === null) return []
  if (typeof content === 'string') return marked([{ type: 'text', text: content }], message)
  if (!Array.isArray(content)) throw malformed(`${path}.content`, `\`${path}.content\` must be a string or an array.`)
  return content.map((part: unknown, index) => {
    if (!isObject(part))
      throw malformed(`${path}.content[${index}]`, `\`${path}.content[${index}]\` must be an object.`)
    return contentPart(part, `${path}.content[${index}]`, warnings)
  })
}

/** A cache marker on the message counts for its last part. */
function marked(parts: readonly Part[], message: JsonObject): readonly Part[] {
  const cache = cacheOf(message)
  const last = parts.at(-1)
  return cache === null || last === undefined ? parts : [...parts.slice(0, -1), { ...last, cache }]
}

function cacheOf(object: JsonObject): CacheMarker | null {
  const control = objectOf(object, 'cache_control')
  if (control === null) return null
  const ttl = stringOf(control, 'ttl')
  return { ttl: ttl === '5m' || ttl === '1h' ? ttl : null }
}

const PART_FIELDS = new Set(['type', 'cache_control', 'text', 'image_url', 'input_audio', 'file', 'video_url'])

function contentPart(part: JsonObject, path: string, warnings: string[]): Part {
  const cache = cacheOf(part)
  const base = { ...(cache === null ? {} : { cache }), ...rawOf(FAMILY, restOf(part, PART_FIELDS)) }
  switch (part['type']) {
    case 'text':
      return { type: 'text', text: stringOf(part, 'text') ?? '', ...base }
    case 'image_url': {
      const image = objectOf(part, 'image_url') ?? {}
      const url = stringOf(image, 'url') ?? stringOf(part, 'image_url')
      if (url === null) throw malformed(`${path}.image_url.url`, `\`${path}.image_url.url\` is missing.`)
      const detail = stringOf(image, 'detail')
      return { type: 'image', source: sourceOf(url), ...(detail === null ? {} : { detail }), ...base }
    }
    case 'input_audio': {
      const audio = objectOf(part, 'input_audio') ?? {}
      const mediaType = `audio/${stringOf(audio, 'format') ?? 'wav'}`
      return { type: 'audio', source: { type: 'inline', data: stringOf(audio, 'data') ?? '', mediaType }, ...base }
    }
    case 'video_url':
      return { type: 'video', source: sourceOf(stringOf(objectOf(part, 'video_url') ?? {}, 'url') ?? ''), ...base }
    case 'file': {
      const file = objectOf(part, 'file') ?? {}
      const name = stringOf(file, 'filename')
      const fileId = stringOf(file, 'file_id')
      const source: MediaSource =
        fileId === null ? sourceOf(stringOf(file, 'file_data') ?? '') : { type: 'file', fileId, mediaType: null }
      return { type: 'file', source, ...(name === null ? {} : { name }), ...base }
    }
    case 'refusal':
      return { type: 'refusal', text: stringOf(part, 'refusal') ?? '' }
    default:
      warnings.push(`\`${path}\` has the unknown type ${JSON.stringify(part['type'] ?? null)}.`)
      return { type: 'opaque', family: FAMILY, value: part }
  }
}

/** A URL, or the content of a data URL. */
function sourceOf(url: string): MediaSource {
  if (!url.startsWith('data:')) return { type: 'url', url, mediaType: null }
  const comma = url.indexOf(',')
  const head = url.slice(5, comma < 0 ? undefined : comma)
  const data = comma < 0 ? '' : url.slice(comma + 1)
  const mediaType = head.split(';')[0] || 'application/octet-stream'
  if (head.endsWith(';base64')) return { type: 'inline', data, mediaType }
  return { type: 'text', text: decoded(data), mediaType }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const TOOL_FIELDS = new Set(['type', 'function', 'custom', 'cache_control'])

function readTool(tool: JsonObject): ChatTool {
  if (isFlatTool(tool)) return readFlatTool(tool)
  const fn = objectOf(tool, 'function')
  const custom = objectOf(tool, 'custom')
  const cache = cacheOf(tool)
  const base = { ...(cache === null ? {} : { cache }), ...rawOf(FAMILY, restOf(tool, TOOL_FIELDS)) }
  if (tool['type'] === 'custom' && custom !== null) {
    const description = stringOf(custom, 'description')
    const grammar = objectOf(objectOf(custom, 'format') ?? {}, 'grammar')
    return {
      type: 'custom',
      name: stringOf(custom, 'name') ?? '',
      ...(description === null ? {} : { description }),
      grammar:
        grammar === null
          ? null
          : { syntax: stringOf(grammar, 'syntax') ?? '', definition: stringOf(grammar, 'definition') ?? '' },
      ...base,
    }
  }
  if (fn !== null) return { ...readFunction(fn), ...base }
  const name = stringOf(tool, 'type') ?? ''
  return defined<ChatTool>({ type: 'hosted', name, family: FAMILY, value: tool, search: searchOfChatTool(tool) })
}

/** The models that search by themselves are told how in a field of the request. */
function readSearch(body: JsonObject): readonly ChatTool[] {
  const options = objectOf(body, 'web_search_options')
  if (options === null) return []
  const value = { web_search_options: options }
  return [{ type: 'hosted', name: 'web_search', family: FAMILY, value, search: searchOfOptions(options) }]
}

function readFunction(fn: JsonObject): ChatTool {
  const description = stringOf(fn, 'description')
  const strict = booleanOf(fn, 'strict')
  return {
    type: 'function',
    name: stringOf(fn, 'name') ?? '',
    ...(description === null ? {} : { description }),
    schema: objectOf(fn, 'parameters'),
    ...(strict === null ? {} : { strict }),
  }
}

function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (!isObject(choice)) return undefined
  const name = stringOf(objectOf(choice, 'function') ?? objectOf(choice, 'custom') ?? choice, 'name')
  if (name !== null) return { type: 'named', name }
  const mode = stringOf(objectOf(choice, 'allowed_tools') ?? {}, 'mode')
  return mode === 'auto' || mode === 'required' ? { type: mode } : undefined
}

function readResponseFormat(format: JsonObject | null): ResponseFormat | undefined {
  if (format === null) return undefined
  switch (stringOf(format, 'type')) {
    case 'json_object':
      return { type: 'json' }
    case 'json_schema': {
      const schema = objectOf(format, 'json_schema') ?? {}
      const description = stringOf(schema, 'description')
      const strict = booleanOf(schema, 'strict')
      return {
        type: 'json_schema',
        name: stringOf(schema, 'name') ?? 'answer',
        schema: objectOf(schema, 'schema') ?? {},
        ...(description === null ? {} : { description }),
        ...(strict === null ? {} : { strict }),
      }
    }
    case 'text':
      return { type: 'text' }
    default:
      return undefined
  }
}

function readSampling(body: JsonObject): Sampling {
  const stop = body['stop']
  const stops = typeof stop === 'string' ? [stop] : listOf(body, 'stop').filter((value) => typeof value === 'string')
  return defined<Sampling>({
    temperature: numberOf(body, 'temperature') ?? undefined,
    topP: numberOf(body, 'top_p') ?? undefined,
    topK: numberOf(body, 'top_k') ?? undefined,
    frequencyPenalty: numberOf(body, 'frequency_penalty') ?? undefined,
    presencePenalty: numberOf(body, 'presence_penalty') ?? undefined,
    seed: numberOf(body, 'seed') ?? undefined,
    stop: stops.length > 0 ? stops : undefined,
    n: numberOf(body, 'n') ?? undefined,
    logprobs: booleanOf(body, 'logprobs') ?? undefined,
    topLogprobs: numberOf(body, 'top_logprobs') ?? undefined,
    logitBias: objectOf(body, 'logit_bias') ?? undefined,
  })
}

/** OpenAI's `reasoning_effort`, or OpenRouter's `reasoning: {effort, max_tokens, enabled}`. */
function readReasoning(body: JsonObject): ReasoningSettings | undefined {
  const reasoning = objectOf(body, 'reasoning')
  const word = body['reasoning_effort'] ?? reasoning?.['effort']
  const effort = isEffort(word) ? word : undefined
  const budgetTokens = reasoning === null ? undefined : (numberOf(reasoning, 'max_tokens') ?? undefined)
  const said = reasoning === null ? null : booleanOf(reasoning, 'enabled')
  const asked = effort !== undefined || budgetTokens !== undefined
  if (!asked && said === null) return undefined
  return defined<ReasoningSettings>({ enabled: said ?? effort !== 'none', effort, budgetTokens })
}
