// OpenAI Responses → normal form.
import { isEffort, rawOf } from '../core/chat.ts'
import type {
  ChatMessage,
  ChatRequest,
  ChatTool,
  ReasoningSettings,
  ResponseFormat,
  Sampling,
  ToolChoice,
} from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import { searchOfResponses } from '../core/formats/web-search.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import {
  booleanOf,
  defined,
  listOf,
  namesOf,
  numberOf,
  objectOf,
  objectsOf,
  restOf,
  stringOf,
} from '../core/json-read.ts'
import { readInput } from './openai-responses-input.ts'
import { callsRenamed, namespacesOf, withoutNamespaces } from './openai-responses-namespaces.ts'
import { ROUTING_FIELDS } from './read-fields.ts'
import type { ReadRequest } from './translator.ts'

const FAMILY = 'openai-responses'

/**
 * Fields that have a place in the normal form, or are the call's own business: what is kept, and what it goes on from,
 * has been resolved before.
 */
const KNOWN = new Set([
  ...ROUTING_FIELDS,
  ...namesOf(`
  model stream stream_options weir input instructions tools tool_choice parallel_tool_calls text max_output_tokens
  temperature top_p top_logprobs reasoning include service_tier user safety_identifier metadata
  store previous_response_id background
`),
])

/** State that lives at one provider: without it the question would be another one. */
const ELSEWHERE = ['prompt', 'conversation'] as const

const ENCRYPTED = 'reasoning.encrypted_content'
const LOGPROBS = 'message.output_text.logprobs'

/**
 * Throws `request_malformed` for what is no conversation, `unsupported` for what only the provider could look up; fields
 * that nobody knows go into `raw`.
 */
export function readResponsesRequest(body: JsonObject): ReadRequest {
  for (const field of ELSEWHERE)
    if (body[field] !== undefined && body[field] !== null)
      throw new GatewayError('unsupported', {
        message: `\`${field}\` is kept by one provider, and this request goes to another: send its content instead.`,
        param: field,
      })
  const choice = body['tool_choice']
  const namespaces = namespacesOf(body)
  const offered = withoutNamespaces(objectsOf(body, 'tools'), namespaces)
  const tools = allowedTools(offered.map(readFlatTool), choice)
  const toolChoice = readToolChoice(choice)
  const text = objectOf(body, 'text') ?? {}
  const include = listOf(body, 'include').filter((value) => typeof value === 'string')
  const request = defined<ChatRequest>({
    messages: [...readInstructions(body), ...callsRenamed(readInput(body['input']), namespaces)],
    tools,
    toolChoice,
    parallelTools: booleanOf(body, 'parallel_tool_calls') ?? undefined,
    responseFormat: readFormat(objectOf(text, 'format')),
    maxOutputTokens: numberOf(body, 'max_output_tokens') ?? undefined,
    sampling: readSampling(body, include),
    reasoning: readReasoning(objectOf(body, 'reasoning'), include),
    verbosity: stringOf(text, 'verbosity') ?? undefined,
    serviceTier: stringOf(body, 'service_tier') ?? undefined,
    user: stringOf(body, 'safety_identifier') ?? stringOf(body, 'user') ?? undefined,
    metadata: objectOf(body, 'metadata') ?? undefined,
    raw: rawOf(FAMILY, ownFields(body, include, isObject(choice) && toolChoice === undefined ? choice : null)).raw,
  })
  return { request, warnings: [] }
}

const REASONING_FIELDS = namesOf('effort summary generate_summary')

/** Whatever only this API understands; what merely says its default is left out. */
function ownFields(body: JsonObject, include: readonly string[], choice: JsonObject | null): JsonObject | null {
  const { truncation, ...rest } = restOf(body, KNOWN) ?? {}
  const more = include.filter((value) => value !== ENCRYPTED && value !== LOGPROBS)
  const reasoning = restOf(objectOf(body, 'reasoning') ?? {}, REASONING_FIELDS)
  const own = defined<JsonObject>({
    ...rest,
    truncation: truncation === 'disabled' ? undefined : truncation,
    include: more.length > 0 ? more : undefined,
    reasoning: reasoning ?? undefined,
    tool_choice: choice ?? undefined,
  })
  return Object.keys(own).length === 0 ? null : own
}

function readInstructions(body: JsonObject): readonly ChatMessage[] {
  const instructions = body['instructions']
  if (typeof instructions === 'string')
    return instructions === '' ? [] : [{ role: 'system', parts: [{ type: 'text', text: instructions }] }]
  return readInput(instructions)
}

const TOOL_FIELDS = namesOf('type name description parameters strict format')

export function readFlatTool(tool: JsonObject): ChatTool {
  const type = stringOf(tool, 'type')
  const name = stringOf(tool, 'name')
  const description = stringOf(tool, 'description')
  const base = {
    name: name ?? '',
    ...(description === null ? {} : { description }),
    ...rawOf(FAMILY, restOf(tool, TOOL_FIELDS)),
  }
  if (type === 'function') {
    const strict = booleanOf(tool, 'strict')
    return { type, schema: objectOf(tool, 'parameters'), ...(strict === null ? {} : { strict }), ...base }
  }
  if (type === 'custom') {
    const format = objectOf(tool, 'format')
    const isGrammar = format !== null && stringOf(format, 'type') === 'grammar'
    return {
      type,
      grammar: isGrammar
        ? { syntax: stringOf(format, 'syntax') ?? '', definition: stringOf(format, 'definition') ?? '' }
        : null,
      ...base,
    }
  }
  const called = name ?? stringOf(tool, 'server_label') ?? type ?? ''
  return defined<ChatTool>({
    type: 'hosted',
    name: called,
    family: FAMILY,
    value: tool,
    search: searchOfResponses(tool),
  })
}

/** `allowed_tools` narrows the tools for this turn: the others are not offered. */
function allowedTools(tools: readonly ChatTool[], choice: unknown): readonly ChatTool[] {
  if (!isObject(choice) || stringOf(choice, 'type') !== 'allowed_tools') return tools
  const allowed = objectsOf(choice, 'tools')
  return tools.filter((tool) =>
    allowed.some((one) =>
      tool.type === 'hosted'
        ? stringOf(one, 'type') === stringOf(tool.value, 'type')
        : stringOf(one, 'name') === tool.name,
    ),
  )
}

function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (!isObject(choice)) return undefined
  switch (stringOf(choice, 'type')) {
    case 'function':
    case 'custom':
      return { type: 'named', name: stringOf(choice, 'name') ?? '' }
    case 'allowed_tools':
      return { type: stringOf(choice, 'mode') === 'required' ? 'required' : 'auto' }
    default:
      return undefined
  }
}

function readFormat(format: JsonObject | null): ResponseFormat | undefined {
  if (format === null) return undefined
  switch (stringOf(format, 'type')) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json' }
    case 'json_schema': {
      const description = stringOf(format, 'description')
      const strict = booleanOf(format, 'strict')
      return {
        type: 'json_schema',
        name: stringOf(format, 'name') ?? 'answer',
        schema: objectOf(format, 'schema') ?? {},
        ...(description === null ? {} : { description }),
        ...(strict === null ? {} : { strict }),
      }
    }
    default:
      return undefined
  }
}

function readSampling(body: JsonObject, include: readonly string[]): Sampling {
  const topLogprobs = numberOf(body, 'top_logprobs') ?? undefined
  return defined<Sampling>({
    temperature: numberOf(body, 'temperature') ?? undefined,
    topP: numberOf(body, 'top_p') ?? undefined,
    logprobs: include.includes(LOGPROBS) || (topLogprobs ?? 0) > 0 ? true : undefined,
    topLogprobs: topLogprobs === 0 ? undefined : topLogprobs,
  })
}

function readReasoning(reasoning: JsonObject | null, include: readonly string[]): ReasoningSettings | undefined {
  const word = reasoning?.['effort']
  const effort = isEffort(word) ? word : undefined
  const summary =
    reasoning === null
      ? undefined
      : (stringOf(reasoning, 'summary') ?? stringOf(reasoning, 'generate_summary') ?? undefined)
  const includeEncrypted = include.includes(ENCRYPTED) ? true : undefined
  if (effort === undefined && summary === undefined && includeEncrypted === undefined) return undefined
  // To ask for encrypted thoughts says nothing about whether to think.
  const enabled = effort === undefined ? (summary === undefined ? undefined : true) : effort !== 'none'
  return defined<ReasoningSettings>({ enabled, effort, summary, includeEncrypted })
}
