// Normal form → request to Ollama's own chat API.
// https://docs.ollama.com/api/chat
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ReasoningSettings } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, objectOf } from '../../core/json-read.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import { writeMessages } from './chat-messages.ts'
import type { Notes } from './chat-messages.ts'

const FAMILY = 'ollama-chat'

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['metadata', ({ metadata }) => Object.keys(metadata ?? {}).length > 0],
  ['user', ({ user }) => user !== undefined],
  ['service_tier', ({ serviceTier }) => serviceTier !== undefined && serviceTier !== 'auto'],
  ['parallel_tool_calls', ({ parallelTools, tools }) => parallelTools === false && tools.length > 0],
  [
    'tool_choice',
    ({ toolChoice, tools }) => tools.length > 0 && (toolChoice?.type === 'required' || toolChoice?.type === 'named'),
  ],
]

const REFUSED: readonly (readonly [sentence: string, has: (request: ChatRequest) => boolean])[] = [
  ['`n` above 1 is not possible: this provider gives one choice.', ({ sampling }) => (sampling.n ?? 1) > 1],
  ['Only text comes out of this provider.', ({ modalities }) => modalities?.some((kind) => kind !== 'text') ?? false],
]

export function writeOllamaRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  for (const [sentence, has] of REFUSED) if (has(request)) notes.refusals.push(sentence)
  const { sampling, toolChoice } = request
  // A tool cannot be forbidden here, so it is not offered.
  const tools = toolChoice?.type === 'none' ? [] : request.tools.flatMap((tool) => toolJson(tool, notes))
  const options = defined<JsonObject>({
    ...objectOf(request.raw?.[FAMILY] ?? {}, 'options'),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    seed: sampling.seed,
    stop: sampling.stop,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    num_predict:
      request.maxOutputTokens === undefined || context.maxOutputTokens === null
        ? request.maxOutputTokens
        : Math.min(request.maxOutputTokens, context.maxOutputTokens),
  })
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model: context.model,
    messages: writeMessages(request.messages, notes),
    tools: tools.length > 0 ? tools : undefined,
    format: formatOf(request),
    think: thinkOf(request.reasoning),
    logprobs: sampling.logprobs,
    top_logprobs: sampling.topLogprobs,
    options: Object.keys(options).length > 0 ? options : undefined,
    // It streams unless it is told not to.
    stream: context.stream,
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  return { body, ...notes, reading: { customTools, jsonTool: null } }
}

function toolJson(tool: ChatTool, notes: Notes): readonly JsonObject[] {
  switch (tool.type) {
    case 'function': {
      const parameters = tool.schema ?? { type: 'object', properties: {} }
      return [{ type: 'function', function: { name: tool.name, description: tool.description ?? '', parameters } }]
    }
    case 'custom': {
      const grammar =
        tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
      const input = { type: 'string', description: 'The whole input of the tool, as plain text.' }
      const parameters = { type: 'object', properties: { input }, required: ['input'] }
      const description = `${tool.description ?? ''}${grammar}`.trim()
      return [{ type: 'function', function: { name: tool.name, description, parameters } }]
    }
    case 'hosted':
      notes.refusals.push(`The tool \`${tool.name}\` runs at another vendor's API.`)
      return []
  }
}

function formatOf({ responseFormat }: ChatRequest): JsonObject | string | undefined {
  switch (responseFormat?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json':
      return 'json'
    case 'json_schema':
      return responseFormat.schema
  }
}

/** On, off, or (gpt-oss) an effort, which other models take for on. */
function thinkOf(reasoning: ReasoningSettings | undefined): boolean | string | undefined {
  if (reasoning?.enabled === false || reasoning?.effort === 'none') return false
  switch (reasoning?.effort) {
    case undefined:
      return reasoning?.enabled === true ? true : undefined
    case 'minimal':
    case 'low':
      return 'low'
    case 'medium':
      return 'medium'
    case 'high':
    case 'xhigh':
    case 'max':
      return 'high'
  }
}
