// Normal form → request to Anthropic's messages.
import { foreignFields } from '../../core/chat.ts'
import type { ChatMessage, ChatRequest, ChatTool, Effort } from '../../core/chat.ts'
import { cacheJson } from '../../core/formats/anthropic-blocks.ts'
import { anthropicSearch } from '../../core/formats/web-search.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import type { Reading, WriteContext, WrittenRequest } from '../chat-codec.ts'
import { writeMessages } from './chat-messages.ts'
import type { Notes } from './chat-messages.ts'
import { abilitiesOf } from './models.ts'
import type { ModelAbilities } from './models.ts'
import { strictSchema } from './schema.ts'

const FAMILY = 'anthropic-messages'

/** Smallest budget of thoughts that is taken. */
const MIN_BUDGET = 1_024
const MAX_EFFORT_BUDGET = 32_000

/** Share of the output that an effort may spend on thoughts, for models that want a number. */
const EFFORT_SHARE: { readonly [effort in Effort]: number } = {
  none: 0,
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.95,
  max: 0.95,
}

/** Efforts in Anthropic's words. */
const EFFORT_WORDS: { readonly [effort in Effort]: string } = {
  none: 'low',
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
}

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['seed', ({ sampling }) => sampling.seed !== undefined],
  ['frequency_penalty', ({ sampling }) => Boolean(sampling.frequencyPenalty)],
  ['presence_penalty', ({ sampling }) => Boolean(sampling.presencePenalty)],
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['metadata', ({ metadata }) => Object.keys(metadata ?? {}).length > 0],
]

const REFUSED: readonly (readonly [sentence: string, has: (request: ChatRequest) => boolean])[] = [
  ['`n` above 1 is not possible: this provider gives one choice.', ({ sampling }) => (sampling.n ?? 1) > 1],
  ['`logprobs` are not given by this provider.', ({ sampling }) => sampling.logprobs === true],
  ['Only text comes out of this provider.', ({ modalities }) => modalities?.some((kind) => kind !== 'text') ?? false],
]

export function writeAnthropicRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  const abilities = abilitiesOf(context.model)
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  for (const [sentence, has] of REFUSED) if (has(request)) notes.refusals.push(sentence)

  const bound = context.maxOutputTokens ?? abilities.maxOutputTokens
  const maxTokens = Math.min(request.maxOutputTokens ?? bound, bound)
  const { system, turns } = writeMessages(request.messages, notes)
  const output = outputOf(request, abilities, notes)
  const tools = [
    ...request.tools.map((tool) => toolJson(tool, abilities, notes)).filter((tool) => tool !== null),
    ...output.tools,
  ]
  const choice = output.forced ?? request.toolChoice
  const isForced = choice?.type === 'required' || choice?.type === 'named'
  const thinking = thinkingOf(request, abilities, maxTokens, isForced, notes)
  const config = { ...ownConfig(request), ...output.config, ...thinking.config }
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model: context.model,
    max_tokens: maxTokens,
    system: [...system, ...output.system].length > 0 ? [...system, ...output.system] : undefined,
    messages: turns,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: tools.length > 0 ? toolChoiceJson(choice, request.parallelTools) : undefined,
    thinking: thinking.json,
    output_config: Object.keys(config).length > 0 ? config : undefined,
    ...samplingJson(request, abilities, thinking.json !== undefined && thinking.json['type'] !== 'disabled', notes),
    stop_sequences: stopsOf(request, notes),
    service_tier: tierOf(request.serviceTier, notes),
    metadata: request.user === undefined ? undefined : { user_id: request.user },
    stream: context.stream ? true : undefined,
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  const reading: Reading = { customTools, jsonTool: output.jsonTool }
  return { body, ...notes, reading }
}

function ownConfig(request: ChatRequest): JsonObject {
  const config = request.raw?.[FAMILY]?.['output_config']
  return typeof config === 'object' && config !== null && !Array.isArray(config) ? (config as JsonObject) : {}
}

function toolJson(tool: ChatTool, abilities: ModelAbilities, notes: Notes): JsonObject | null {
  switch (tool.type) {
    case 'function': {
      const strict = tool.strict === true && abilities.jsonSchema
      return {
        ...tool.raw?.[FAMILY],
        ...defined<JsonObject>({ name: tool.name, description: tool.description, strict: strict ? true : undefined }),
        input_schema: rootObject(strict && tool.schema !== null ? strictSchema(tool.schema) : tool.schema),
        ...cacheJson(tool.cache),
      }
    }
    case 'custom': {
      const grammar =
        tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
      return {
        name: tool.name,
        description: `${tool.description ?? ''}${grammar}`.trim(),
        input_schema: {
          type: 'object',
          properties: { input: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
          required: ['input'],
        },
        ...cacheJson(tool.cache),
      }
    }
    case 'hosted':
      return tool.family === FAMILY ? tool.value : anthropicSearch(tool, notes)
  }
}

/** The schema of a tool must say that it is an object's. */
export function rootObject(schema: JsonObject | null): JsonObject {
  if (schema === null) return { type: 'object', properties: {} }
  return schema['type'] === 'object' ? schema : { ...schema, type: 'object' }
}

function toolChoiceJson(choice: ChatRequest['toolChoice'], parallel: boolean | undefined): JsonObject | undefined {
  const single = parallel === false ? { disable_parallel_tool_use: true } : {}
  switch (choice?.type) {
    case undefined:
      return parallel === false ? { type: 'auto', ...single } : undefined
    case 'auto':
      return { type: 'auto', ...single }
    case 'none':
      return { type: 'none' }
    case 'required':
      return { type: 'any', ...single }
    case 'named':
      return { type: 'tool', name: choice.name, ...single }
  }
}

type Output = {
  readonly config: JsonObject
  readonly tools: readonly JsonObject[]
  readonly forced: ChatRequest['toolChoice']
  readonly system: readonly JsonObject[]
  readonly jsonTool: string | null
}

const PLAIN_OUTPUT: Output = { config: {}, tools: [], forced: undefined, system: [], jsonTool: null }

/** How a JSON answer is asked for: by schema, by a tool that must be called, or in words. */
function outputOf({ responseFormat, tools }: ChatRequest, abilities: ModelAbilities, notes: Notes): Output {
  if (responseFormat === undefined || responseFormat.type === 'text') return PLAIN_OUTPUT
  if (responseFormat.type === 'json') {
    notes.warnings.push('The provider has no mode for any JSON: it is asked for in words.')
    const text = 'Answer with one JSON object and nothing else: no prose, no code fence.'
    return { ...PLAIN_OUTPUT, system: [{ type: 'text', text }] }
  }
  const { name, schema, description } = responseFormat
  if (abilities.jsonSchema)
    return { ...PLAIN_OUTPUT, config: { format: { type: 'json_schema', schema: strictSchema(schema) } } }
  if (tools.length > 0) {
    notes.refusals.push('This model cannot use tools and answer in JSON of a schema at once.')
    return PLAIN_OUTPUT
  }
  const tool = { name, description: description ?? 'Gives the answer.', input_schema: rootObject(schema) }
  return { ...PLAIN_OUTPUT, tools: [tool], forced: { type: 'named', name }, jsonTool: name }
}

type Thinking = { readonly json: JsonObject | undefined; readonly config: JsonObject }

export function thinkingOf(
  request: ChatRequest,
  abilities: ModelAbilities,
  maxTokens: number,
  isForced: boolean,
  notes: Notes,
): Thinking {
  const { reasoning } = request
  const off: Thinking = { json: undefined, config: {} }
  if (reasoning === undefined) return off
  const { effort, budgetTokens } = reasoning
  const config = effort !== undefined && effort !== 'none' && abilities.effort ? { effort: EFFORT_WORDS[effort] } : {}
  if (reasoning.enabled === false)
    return { json: abilities.thinking === 'adaptive' ? undefined : { type: 'disabled' }, config }
  if (reasoning.enabled !== true) return { json: undefined, config }
  const without = (why: string): Thinking => {
    notes.warnings.push(`Thinking is off: ${why}.`)
    return { json: undefined, config }
  }
  if (abilities.thinking === 'none') return without('this model has none')
  if (isForced) return without('it cannot be together with a forced tool')
  const own = ownThinking(request)
  if (abilities.thinking === 'adaptive' || (abilities.thinking === 'either' && budgetTokens === undefined))
    return { json: { ...own, type: 'adaptive' }, config }
  if (lacksSignedThought(request.messages)) return without('the turn that is under way began without it')
  const wanted = budgetTokens ?? Math.min(MAX_EFFORT_BUDGET, Math.floor(maxTokens * EFFORT_SHARE[effort ?? 'medium']))
  const budget = Math.max(MIN_BUDGET, Math.min(wanted, maxTokens - 1))
  if (budget >= maxTokens) return without(`it takes more than ${MIN_BUDGET} output tokens`)
  return { json: { ...own, type: 'enabled', budget_tokens: budget }, config }
}

/** Fields of `thinking` that only this API knows. */
function ownThinking(request: ChatRequest): JsonObject {
  const own = request.raw?.[FAMILY]?.['thinking']
  return typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as JsonObject) : {}
}

/** With a budget, a turn in the middle of its tool calls must begin with its thought; one from elsewhere has none. */
function lacksSignedThought(messages: readonly ChatMessage[]): boolean {
  if (messages.at(-1)?.role !== 'tool') return false
  const turn = messages.findLast((message) => message.role === 'assistant')
  if (turn === undefined) return false
  return !turn.parts.some(
    (part) => part.type === 'reasoning' && part.family === FAMILY && (part.signature ?? part.encrypted) !== null,
  )
}

export function samplingJson(
  { sampling }: ChatRequest,
  abilities: ModelAbilities,
  isThinking: boolean,
  notes: Notes,
): { readonly [name: string]: number | undefined } {
  const { temperature, topP, topK } = sampling
  const drop = (name: string, value: number | undefined, why: string): undefined => {
    if (value !== undefined) notes.warnings.push(`\`${name}\` is left out: ${why}.`)
    return undefined
  }
  if (abilities.sampling === 'none') {
    const why = 'this model takes none'
    return {
      temperature: drop('temperature', temperature, why),
      top_p: drop('top_p', topP, why),
      top_k: drop('top_k', topK, why),
    }
  }
  if (isThinking) {
    const why = 'it cannot be together with thinking'
    // Thinking goes with a temperature of 1, and with a top_p from 0.95.
    return {
      temperature: temperature === 1 ? 1 : drop('temperature', temperature, why),
      top_p: topP === undefined || topP >= 0.95 ? topP : drop('top_p', topP, why),
      top_k: drop('top_k', topK, why),
    }
  }
  if (temperature !== undefined && temperature > 1)
    notes.warnings.push('`temperature` is 1, the highest that this provider takes.')
  return {
    temperature: temperature === undefined ? undefined : Math.min(1, temperature),
    top_p:
      abilities.sampling === 'one' && temperature !== undefined
        ? drop('top_p', topP, 'this model takes either it or `temperature`')
        : topP,
    top_k: topK,
  }
}

/** Stop sequences of white space alone are refused. */
export function stopsOf({ sampling }: ChatRequest, notes: Notes): readonly string[] | undefined {
  const stops = (sampling.stop ?? []).filter((stop) => stop.trim() !== '')
  if (stops.length < (sampling.stop?.length ?? 0))
    notes.warnings.push('A stop sequence of white space alone is left out.')
  return stops.length > 0 ? stops : undefined
}

function tierOf(tier: string | undefined, notes: Notes): string | undefined {
  switch (tier) {
    case undefined:
      return undefined
    case 'auto':
    case 'standard_only':
      return tier
    case 'default':
      return 'standard_only'
    default:
      notes.warnings.push(`The service tier ${tier} is not known to this provider.`)
      return undefined
  }
}
