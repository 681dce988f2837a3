// Normal form → request to an OpenAI-compatible host.
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ReasoningSettings, ResponseFormat, Sampling, ToolChoice } from '../../core/chat.ts'
import { chatSearch } from '../../core/formats/web-search.ts'
import type { ChatSearch } from '../../core/formats/web-search.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined } from '../../core/json-read.ts'
import type { Quirks } from '../../core/model.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import { cacheJson, writeMessages } from './chat-messages.ts'
import type { Notes } from './chat-messages.ts'
import { abilitiesOf } from './models.ts'

const FAMILY = 'openai-chat'
const OPTIONS = 'web_search_options'
/** Longest end user's id that OpenAI takes; Anthropic's clients send longer ones. */
const MAX_USER = 64
/** What a model that thinks refuses, but for the values that it has anyway. */
const SAMPLING_DEFAULTS: Readonly<Record<string, number>> = {
  temperature: 1,
  top_p: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
}

export function writeOpenaiChatRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const { quirks } = context
  const notes: Notes = { warnings: [], refusals: [] }
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  const written = request.tools.map((tool) => toolJson(tool, context, notes))
  const tools = written.map(({ tool }) => tool).filter((tool) => tool !== null)
  const { topK } = request.sampling
  if (topK !== undefined && quirks.topK !== true) notes.warnings.push('`top_k` is left out.')
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    ...fieldsOf(written),
    model: quirks.modelInPath === true ? undefined : context.model,
    messages: writeMessages(request.messages, quirks, notes),
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: tools.length > 0 ? toolChoiceJson(request.toolChoice, request.tools) : undefined,
    parallel_tool_calls: tools.length > 0 ? request.parallelTools : undefined,
    response_format: responseFormatJson(request.responseFormat, quirks, notes),
    [quirks.maxTokensField ?? 'max_completion_tokens']: request.maxOutputTokens,
    ...samplingJson(request.sampling),
    top_k: quirks.topK === true ? topK : undefined,
    reasoning_effort: effortWord(request.reasoning),
    verbosity: request.verbosity,
    service_tier: request.serviceTier === 'standard_only' ? 'default' : request.serviceTier,
    user: userOf(request.user, notes),
    metadata: request.metadata,
    modalities: request.modalities,
    audio: request.audioOutput,
    stream: context.stream ? true : undefined,
    stream_options: context.stream && quirks.streamUsage !== false ? { include_usage: true } : undefined,
  })
  return {
    body: allowed(fitting(body, context.model, notes), quirks, notes),
    ...notes,
    reading: quirks.thinkTags === true ? { ...PLAIN_READING, thinkTags: true } : PLAIN_READING,
  }
}

/** The body without what the model is known to refuse. */
function fitting(body: JsonObject, model: string, notes: Notes): JsonObject {
  const { effort, sampling } = abilitiesOf(model)
  const asked = body['reasoning_effort']
  const isFree = sampling === 'always' || (sampling === 'without_effort' && asked === 'none')
  if (isFree && (effort || asked === undefined)) return body
  const rest = { ...body }
  const leaveOut = (field: string): void => {
    delete rest[field]
    notes.warnings.push(`\`${field}\` is left out: the model does not take it.`)
  }
  if (!effort && asked !== undefined) leaveOut('reasoning_effort')
  if (!isFree)
    for (const [field, usual] of Object.entries(SAMPLING_DEFAULTS))
      if (rest[field] !== undefined && rest[field] !== usual) leaveOut(field)
  return rest
}

function userOf(user: string | undefined, notes: Notes): string | undefined {
  if (user === undefined || user.length <= MAX_USER) return user
  notes.warnings.push(`\`user\` is cut to ${MAX_USER} characters.`)
  return user.slice(0, MAX_USER)
}

/** The body without what the host is known to refuse. */
export function allowed(body: JsonObject, { refusedFields }: Quirks, notes: Notes): JsonObject {
  if (refusedFields === undefined) return body
  const rest = { ...body }
  for (const field of refusedFields) {
    if (rest[field] === undefined) continue
    delete rest[field]
    notes.warnings.push(`\`${field}\` is left out: the provider does not take it.`)
  }
  return rest
}

/** A tool among the others, and what a request says of it elsewhere. */
type WrittenTool = { readonly tool: JsonObject | null; readonly fields: JsonObject | null }

function fieldsOf(written: readonly WrittenTool[]): JsonObject {
  return written.reduce<JsonObject>((all, { fields }) => (fields === null ? all : { ...all, ...fields }), {})
}

function toolJson(tool: ChatTool, { quirks, model }: WriteContext, notes: Notes): WrittenTool {
  switch (tool.type) {
    case 'function': {
      const { name, description, schema, strict } = tool
      const written = {
        ...tool.raw?.[FAMILY],
        type: 'function',
        function: defined<JsonObject>({ name, description, parameters: schema ?? undefined, strict }),
        ...cacheJson(tool.cache, quirks),
      }
      return { tool: written, fields: null }
    }
    case 'custom': {
      const { name, description, grammar } = tool
      const format =
        grammar === null
          ? undefined
          : { type: 'grammar', grammar: { syntax: grammar.syntax, definition: grammar.definition } }
      const custom = defined<JsonObject>({ name, description, format })
      return { tool: { ...tool.raw?.[FAMILY], type: 'custom', custom }, fields: null }
    }
    case 'hosted':
      return hostedJson(tool, quirks.webSearch ?? (SEARCH_MODEL.test(model) ? 'options' : undefined), notes)
  }
}

/** OpenAI's chat models that search: `gpt-5-search-api`, `gpt-4o-search-preview`. */
const SEARCH_MODEL = /^gpt-.*-search/

function hostedJson(
  tool: Extract<ChatTool, { type: 'hosted' }>,
  host: ChatSearch | undefined,
  notes: Notes,
): WrittenTool {
  if (tool.family === FAMILY) {
    const { [OPTIONS]: options } = tool.value
    // `web_search_options` is a field of its own, also where it is one of this format's words for a search.
    return options === undefined ? { tool: tool.value, fields: null } : { tool: null, fields: tool.value }
  }
  if (host !== undefined) return chatSearch(tool, host, notes) ?? { tool: null, fields: null }
  notes.refusals.push(
    tool.search === undefined
      ? `The tool \`${tool.name}\` runs at another vendor's API.`
      : 'This provider cannot be asked to search the web.',
  )
  return { tool: null, fields: null }
}

function toolChoiceJson(choice: ToolChoice | undefined, tools: readonly ChatTool[]): JsonObject | string | undefined {
  if (choice === undefined) return undefined
  if (choice.type !== 'named') return choice.type
  const isCustom = tools.some((tool) => tool.type === 'custom' && tool.name === choice.name)
  return isCustom
    ? { type: 'custom', custom: { name: choice.name } }
    : { type: 'function', function: { name: choice.name } }
}

function responseFormatJson(
  format: ResponseFormat | undefined,
  { responseFormat: able }: Quirks,
  notes: Notes,
): JsonObject | undefined {
  if (format === undefined) return undefined
  if (format.type === 'text') return able === 'none' ? undefined : { type: 'text' }
  if (able === 'none') {
    notes.refusals.push('The provider has no structured output.')
    return undefined
  }
  if (format.type === 'json') return { type: 'json_object' }
  if (able === 'json_object') {
    notes.warnings.push('The provider takes no JSON schema: any JSON object is asked for.')
    return { type: 'json_object' }
  }
  const { name, description, schema, strict } = format
  return { type: 'json_schema', json_schema: defined<JsonObject>({ name, description, schema, strict }) }
}

function samplingJson(sampling: Sampling): { readonly [name: string]: JsonObject[string] } {
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    seed: sampling.seed,
    stop: sampling.stop,
    n: sampling.n,
    logprobs: sampling.logprobs,
    top_logprobs: sampling.topLogprobs,
    logit_bias: sampling.logitBias,
  }
}

/** The effort in OpenAI's words; a budget of tokens becomes the nearest one. */
export function effortWord(reasoning: ReasoningSettings | undefined): string | undefined {
  if (reasoning === undefined) return undefined
  if (reasoning.enabled === false) return reasoning.effort === 'none' ? 'none' : undefined
  if (reasoning.effort !== undefined) return reasoning.effort === 'max' ? 'xhigh' : reasoning.effort
  const budget = reasoning.budgetTokens
  if (budget === undefined) return undefined
  if (budget <= 4_096) return 'low'
  return budget <= 16_384 ? 'medium' : 'high'
}
