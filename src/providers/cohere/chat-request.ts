// Normal form → request to Cohere's chat (v2).
// https://docs.cohere.com/reference/chat
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ReasoningSettings, Sampling } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import { writeMessages } from './chat-messages.ts'
import type { Notes } from './chat-messages.ts'

const FAMILY = 'cohere-chat'
const MAX_STOPS = 5
/** `p` must be below one. */
const MAX_P = 0.99

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['metadata', ({ metadata }) => Object.keys(metadata ?? {}).length > 0],
  ['user', ({ user }) => user !== undefined],
  ['service_tier', ({ serviceTier }) => serviceTier !== undefined && serviceTier !== 'auto'],
  ['parallel_tool_calls', ({ parallelTools, tools }) => parallelTools === false && tools.length > 0],
]

const REFUSED: readonly (readonly [sentence: string, has: (request: ChatRequest) => boolean])[] = [
  ['`n` above 1 is not possible: this provider gives one choice.', ({ sampling }) => (sampling.n ?? 1) > 1],
  // It gives numbers of tokens, and not their text.
  [
    '`logprobs` are not given by this provider in a form that can be told.',
    ({ sampling }) => sampling.logprobs === true,
  ],
  ['Only text comes out of this provider.', ({ modalities }) => modalities?.some((kind) => kind !== 'text') ?? false],
  [
    'This provider cannot use tools and answer in JSON at once.',
    ({ responseFormat, tools }) => tools.length > 0 && (responseFormat?.type ?? 'text') !== 'text',
  ],
]

export function writeCohereRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  for (const [sentence, has] of REFUSED) if (has(request)) notes.refusals.push(sentence)
  const { toolChoice, maxOutputTokens } = request
  // A tool cannot be named here; of one tool, one must be chosen.
  const offered =
    toolChoice?.type === 'named'
      ? request.tools.filter((tool) => tool.type !== 'hosted' && tool.name === toolChoice.name)
      : request.tools
  const tools = offered.flatMap((tool) => toolJson(tool, notes))
  const isStrict = offered.length > 0 && offered.every((tool) => tool.type === 'function' && tool.strict === true)
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model: context.model,
    messages: writeMessages(request.messages, notes),
    tools: tools.length > 0 ? tools : undefined,
    strict_tools: isStrict ? true : undefined,
    tool_choice: tools.length > 0 ? choiceWord(toolChoice?.type) : undefined,
    response_format: responseFormatJson(request),
    max_tokens:
      maxOutputTokens === undefined || context.maxOutputTokens === null
        ? maxOutputTokens
        : Math.min(maxOutputTokens, context.maxOutputTokens),
    thinking: thinkingJson(request.reasoning),
    ...samplingJson(request.sampling, notes),
    stream: context.stream,
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  return { body, ...notes, reading: { customTools, jsonTool: null } }
}

function toolJson(tool: ChatTool, notes: Notes): readonly JsonObject[] {
  switch (tool.type) {
    case 'function': {
      const parameters = tool.schema ?? { type: 'object', properties: {} }
      return [functionJson(tool.name, tool.description, parameters)]
    }
    case 'custom': {
      const grammar =
        tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
      const input = { type: 'string', description: 'The whole input of the tool, as plain text.' }
      const parameters = { type: 'object', properties: { input }, required: ['input'] }
      return [functionJson(tool.name, `${tool.description ?? ''}${grammar}`.trim(), parameters)]
    }
    case 'hosted':
      notes.refusals.push(`The tool \`${tool.name}\` runs at another vendor's API.`)
      return []
  }
}

function functionJson(name: string, description: string | undefined, parameters: JsonObject): JsonObject {
  return { type: 'function', function: { name, ...(description === undefined ? {} : { description }), parameters } }
}

function choiceWord(choice: 'auto' | 'none' | 'required' | 'named' | undefined): string | undefined {
  switch (choice) {
    case undefined:
    case 'auto':
      return undefined
    case 'none':
      return 'NONE'
    case 'required':
    case 'named':
      return 'REQUIRED'
  }
}

function responseFormatJson({ responseFormat }: ChatRequest): JsonObject | undefined {
  switch (responseFormat?.type) {
    case undefined:
      return undefined
    case 'text':
      return { type: 'text' }
    case 'json':
      return { type: 'json_object' }
    case 'json_schema':
      return { type: 'json_object', json_schema: responseFormat.schema }
  }
}

/** There is thinking within a budget, and none; efforts are not known. */
function thinkingJson(reasoning: ReasoningSettings | undefined): JsonObject | undefined {
  if (reasoning?.enabled === false || reasoning?.effort === 'none') return { type: 'disabled' }
  if (reasoning?.enabled !== true) return undefined
  return {
    type: 'enabled',
    ...(reasoning.budgetTokens === undefined ? {} : { token_budget: reasoning.budgetTokens }),
  }
}

function samplingJson(sampling: Sampling, notes: Notes): { readonly [name: string]: JsonObject[string] } {
  const { temperature, topP, topK, seed, frequencyPenalty, presencePenalty, stop } = sampling
  if ((stop?.length ?? 0) > MAX_STOPS)
    notes.warnings.push(`Only the first ${MAX_STOPS} stop sequences are sent: the provider takes no more.`)
  const penalty = (name: string, value: number | undefined): number | undefined => {
    if (value === undefined || (value >= 0 && value <= 1)) return value
    const nearest = Math.min(1, Math.max(0, value))
    notes.warnings.push(`\`${name}\` is ${nearest}: the provider takes 0 to 1.`)
    return nearest
  }
  return {
    temperature,
    p: topP === undefined ? undefined : Math.min(MAX_P, topP),
    k: topK,
    seed,
    frequency_penalty: penalty('frequency_penalty', frequencyPenalty),
    presence_penalty: penalty('presence_penalty', presencePenalty),
    stop_sequences: stop?.slice(0, MAX_STOPS),
  }
}
