// Normal form → request to Gemini's Interactions, which keeps nothing of it.
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ResponseFormat, ToolChoice } from '../../core/chat.ts'
import { geminiSearch } from '../../core/formats/web-search.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import type { Notes } from './chat-messages.ts'
import { writeSteps } from './interactions-steps.ts'
import { thinkingConfig } from './thinking.ts'

const FAMILY = 'gemini-interactions'

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['frequency_penalty', ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0],
  ['presence_penalty', ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0],
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['logprobs', ({ sampling }) => sampling.logprobs === true],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['metadata', ({ metadata }) => Object.keys(metadata ?? {}).length > 0],
  ['user', ({ user }) => user !== undefined],
  ['parallel_tool_calls', ({ parallelTools, tools }) => parallelTools === false && tools.length > 0],
]

export function writeInteractionsRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  if ((request.sampling.n ?? 1) > 1) notes.refusals.push('This API gives one answer, not several.')
  const { system, input } = writeSteps(request.messages, notes)
  const tools = request.tools.flatMap((tool) => toolJson(tool, notes))
  const format = formatJson(request.responseFormat)
  const config = configOf(request, context, tools.length > 0, notes)
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model: context.model,
    input,
    system_instruction: system === '' ? undefined : system,
    tools: tools.length > 0 ? tools : undefined,
    response_format: format === null ? undefined : [format],
    response_modalities: request.modalities,
    generation_config: Object.keys(config).length > 0 ? config : undefined,
    service_tier: tierOf(request.serviceTier, notes),
    store: false,
    stream: context.stream ? true : undefined,
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  return { body, ...notes, reading: { ...PLAIN_READING, customTools } }
}

function configOf(
  { sampling, reasoning, maxOutputTokens, toolChoice }: ChatRequest,
  context: WriteContext,
  hasTools: boolean,
  notes: Notes,
): JsonObject {
  const level = { type: 'level', minimal: true, medium: true } as const
  const thinking = thinkingConfig(reasoning, level, {}, notes.warnings) ?? {}
  if (thinking['thinkingBudget'] !== undefined)
    notes.warnings.push('A budget of thoughts is left out: this API takes an effort.')
  const stops = sampling.stop?.filter((stop) => stop !== '') ?? []
  return defined<JsonObject>({
    max_output_tokens:
      maxOutputTokens !== undefined && context.maxOutputTokens !== null
        ? Math.min(maxOutputTokens, context.maxOutputTokens)
        : maxOutputTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    seed: sampling.seed === undefined ? undefined : sampling.seed | 0,
    stop_sequences: stops.length > 0 ? stops : undefined,
    thinking_level: thinking['thinkingLevel'],
    thinking_summaries: thinking['includeThoughts'] === true ? 'auto' : undefined,
    tool_choice: hasTools && toolChoice !== undefined ? choiceJson(toolChoice) : undefined,
  })
}

function choiceJson(choice: ToolChoice): JsonValue {
  switch (choice.type) {
    case 'auto':
    case 'none':
      return choice.type
    case 'required':
      return 'any'
    case 'named':
      return { allowed_tools: { mode: 'any', tools: [choice.name] } }
  }
}

function toolJson(tool: ChatTool, notes: Notes): readonly JsonObject[] {
  switch (tool.type) {
    case 'function': {
      const { name, description, schema } = tool
      return [
        {
          ...tool.raw?.[FAMILY],
          type: 'function',
          ...defined<JsonObject>({ name, description, parameters: schema ?? undefined }),
        },
      ]
    }
    case 'custom': {
      const grammar =
        tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
      const input = { type: 'string', description: 'The whole input of the tool, as plain text.' }
      const parameters = { type: 'object', properties: { input }, required: ['input'] }
      return [
        { type: 'function', name: tool.name, description: `${tool.description ?? ''}${grammar}`.trim(), parameters },
      ]
    }
    case 'hosted':
      if (tool.family === FAMILY) return [tool.value]
      return geminiSearch(tool, false, notes) === null ? [] : [{ type: 'google_search' }]
  }
}

function formatJson(format: ResponseFormat | undefined): JsonObject | null {
  switch (format?.type) {
    case undefined:
    case 'text':
      return null
    case 'json':
      return { type: 'text', mime_type: 'application/json' }
    case 'json_schema':
      return { type: 'text', mime_type: 'application/json', schema: format.schema }
  }
}

const TIERS: { readonly [tier: string]: string } = {
  default: 'standard',
  standard: 'standard',
  standard_only: 'standard',
  flex: 'flex',
  priority: 'priority',
}

function tierOf(tier: string | undefined, notes: Notes): string | undefined {
  if (tier === undefined || tier === 'auto') return undefined
  const word = TIERS[tier]
  if (word === undefined) notes.warnings.push(`The service tier ${tier} is not known to this provider.`)
  return word
}
