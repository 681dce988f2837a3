// Anthropic messages → normal form.
import { isEffort, rawOf } from '../core/chat.ts'
import type {
  ChatMessage,
  ChatRequest,
  ChatTool,
  Part,
  ReasoningSettings,
  ResponseFormat,
  Sampling,
  ToolChoice,
} from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import { cacheMarkerOf, partsOfContent } from '../core/formats/anthropic-blocks.ts'
import { searchOfAnthropic } from '../core/formats/web-search.ts'
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
import { ROUTING_FIELDS } from './read-fields.ts'
import type { ReadRequest } from './translator.ts'

const FAMILY = 'anthropic-messages'

/** Fields that have a place in the normal form, or are the call's own business. */
const KNOWN = new Set([
  ...ROUTING_FIELDS,
  ...namesOf(`
  model stream weir messages system tools tool_choice max_tokens temperature top_p top_k stop_sequences
  thinking output_config output_format metadata service_tier
`),
])

/** Throws `request_malformed` for what is no conversation; fields that nobody knows go into `raw`. */
export function readAnthropicRequest(body: JsonObject): ReadRequest {
  const toolNames = new Map<string, string>()
  const turns = listOf(body, 'messages').flatMap((message, index) => readTurn(message, index, toolNames))
  const config = objectOf(body, 'output_config') ?? {}
  const metadata = objectOf(body, 'metadata') ?? {}
  const choice = objectOf(body, 'tool_choice')
  const single = choice === null ? null : booleanOf(choice, 'disable_parallel_tool_use')
  const request = defined<ChatRequest>({
    messages: [...readSystem(body['system']), ...turns],
    tools: objectsOf(body, 'tools').map(readTool),
    toolChoice: choice === null ? undefined : readToolChoice(choice),
    parallelTools: single === null ? undefined : !single,
    responseFormat: readFormat(objectOf(config, 'format') ?? objectOf(body, 'output_format')),
    maxOutputTokens: numberOf(body, 'max_tokens') ?? undefined,
    sampling: readSampling(body),
    reasoning: readReasoning(objectOf(body, 'thinking'), config),
    serviceTier: stringOf(body, 'service_tier') ?? undefined,
    user: stringOf(metadata, 'user_id') ?? undefined,
    raw: rawOf(FAMILY, ownFields(body, config)).raw,
  })
  return { request, warnings: [] }
}

const THINKING_FIELDS = new Set(['type', 'budget_tokens'])
const CONFIG_FIELDS = new Set(['format', 'effort'])

/** Whatever only this API understands, with what is left of the objects that are understood in part. */
function ownFields(body: JsonObject, config: JsonObject): JsonObject | null {
  const rest = restOf(body, KNOWN)
  const thinking = restOf(objectOf(body, 'thinking') ?? {}, THINKING_FIELDS)
  const output = restOf(config, CONFIG_FIELDS)
  if (thinking === null && output === null) return rest
  return { ...rest, ...(thinking === null ? {} : { thinking }), ...(output === null ? {} : { output_config: output }) }
}

function readSystem(system: unknown): readonly ChatMessage[] {
  const parts = partsOfContent(system)
  return parts.length === 0 ? [] : [{ role: 'system', parts }]
}

/** A turn of the user may hold results of tools: they become a message of their own. */
function readTurn(turn: unknown, index: number, toolNames: Map<string, string>): readonly ChatMessage[] {
  const path = `messages[${index}]`
  if (!isObject(turn))
    throw new GatewayError('request_malformed', { message: `\`${path}\` must be an object.`, param: path })
  const content = turn['content']
  if (typeof content !== 'string' && !Array.isArray(content))
    throw new GatewayError('request_malformed', {
      message: `\`${path}.content\` must be a string or an array.`,
      param: `${path}.content`,
    })
  const parts = partsOfContent(content)
  switch (turn['role']) {
    case 'assistant':
      for (const part of parts) if (part.type === 'tool_call') toolNames.set(part.id, part.name)
      return [{ role: 'assistant', parts }]
    case 'system':
      return [{ role: 'system', parts }]
    case 'user': {
      const results: Part[] = []
      const rest: Part[] = []
      for (const part of parts) {
        if (part.type === 'tool_result') results.push({ ...part, toolName: toolNames.get(part.toolCallId) ?? null })
        else rest.push(part)
      }
      return [
        ...(results.length > 0 ? [{ role: 'tool', parts: results } as const] : []),
        ...(rest.length > 0 ? [{ role: 'user', parts: rest } as const] : []),
      ]
    }
    default:
      throw new GatewayError('request_malformed', {
        message: `\`${path}.role\` must be user or assistant.`,
        param: `${path}.role`,
      })
  }
}

const TOOL_FIELDS = new Set(['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'])

function readTool(tool: JsonObject): ChatTool {
  const type = stringOf(tool, 'type')
  const name = stringOf(tool, 'name') ?? type ?? ''
  if (type !== null && type !== 'custom')
    return defined<ChatTool>({ type: 'hosted', name, family: FAMILY, value: tool, search: searchOfAnthropic(tool) })
  const description = stringOf(tool, 'description')
  const strict = booleanOf(tool, 'strict')
  const cache = cacheMarkerOf(tool)
  return {
    type: 'function',
    name,
    ...(description === null ? {} : { description }),
    schema: objectOf(tool, 'input_schema'),
    ...(strict === null ? {} : { strict }),
    ...(cache === null ? {} : { cache }),
    ...rawOf(FAMILY, restOf(tool, TOOL_FIELDS)),
  }
}

function readToolChoice(choice: JsonObject): ToolChoice | undefined {
  switch (stringOf(choice, 'type')) {
    case 'auto':
      return { type: 'auto' }
    case 'none':
      return { type: 'none' }
    case 'any':
      return { type: 'required' }
    case 'tool':
      return { type: 'named', name: stringOf(choice, 'name') ?? '' }
    default:
      return undefined
  }
}

function readFormat(format: JsonObject | null): ResponseFormat | undefined {
  if (format === null || stringOf(format, 'type') !== 'json_schema') return undefined
  return { type: 'json_schema', name: 'answer', schema: objectOf(format, 'schema') ?? {}, strict: true }
}

function readSampling(body: JsonObject): Sampling {
  const stop = listOf(body, 'stop_sequences').filter((value) => typeof value === 'string')
  return defined<Sampling>({
    temperature: numberOf(body, 'temperature') ?? undefined,
    topP: numberOf(body, 'top_p') ?? undefined,
    topK: numberOf(body, 'top_k') ?? undefined,
    stop: stop.length > 0 ? stop : undefined,
  })
}

function readReasoning(thinking: JsonObject | null, config: JsonObject): ReasoningSettings | undefined {
  const word = config['effort']
  const effort = isEffort(word) ? word : undefined
  if (thinking === null) return effort === undefined ? undefined : { effort }
  const enabled = stringOf(thinking, 'type') !== 'disabled'
  return defined<ReasoningSettings>({ enabled, effort, budgetTokens: numberOf(thinking, 'budget_tokens') ?? undefined })
}
