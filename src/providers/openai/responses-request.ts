// Normal form → request to OpenAI's Responses.
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ReasoningSettings, ResponseFormat, ToolChoice } from '../../core/chat.ts'
import { responsesSearch } from '../../core/formats/web-search.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, listOf } from '../../core/json-read.ts'
import type { Quirks } from '../../core/model.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import type { Notes } from './chat-messages.ts'
import { allowed, effortWord } from './chat-request.ts'
import { writeInput } from './responses-input.ts'

const FAMILY = 'openai-responses'

type Rule = readonly [message: string, applies: (request: ChatRequest) => boolean]

/** What this API has no word for, and the answer can do without. */
const LEFT_OUT: readonly Rule[] = [
  ['`top_k` is left out.', ({ sampling }) => sampling.topK !== undefined],
  ['`seed` is left out.', ({ sampling }) => sampling.seed !== undefined],
  ['`frequency_penalty` is left out.', ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0],
  ['`presence_penalty` is left out.', ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0],
  ['`logit_bias` is left out.', ({ sampling }) => sampling.logitBias !== undefined],
]

/** What it has no word for, and the answer would be another one without. */
const REFUSED: readonly Rule[] = [
  ['The provider gives one choice only.', ({ sampling }) => (sampling.n ?? 1) > 1],
  ['The provider has no stop sequences.', ({ sampling }) => (sampling.stop?.length ?? 0) > 0],
  ['The provider makes no sound here.', ({ modalities }) => modalities?.includes('audio') === true],
]

/** Fields that OpenAI's chat format has under the same name and meaning. */
const SHARED: readonly string[] = ['prompt_cache_key', 'prompt_cache_retention']

export function writeResponsesRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const { quirks } = context
  const notes: Notes = { warnings: [], refusals: [] }
  for (const field of foreignFields(request.raw, FAMILY))
    if (!SHARED.includes(field)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [message, applies] of LEFT_OUT) if (applies(request)) notes.warnings.push(message)
  for (const [message, applies] of REFUSED) if (applies(request)) notes.refusals.push(message)
  const own = request.raw?.[FAMILY] ?? {}
  const tools = request.tools.map((tool) => toolJson(tool, notes)).filter((tool) => tool !== null)
  const include = includes(request, listOf(own, 'include'))
  const body = defined<JsonObject>({
    ...sharedFields(request.raw?.['openai-chat']),
    ...own,
    model: quirks.modelInPath === true ? undefined : context.model,
    input: writeInput(request.messages, notes),
    tools: tools.length > 0 ? tools : undefined,
    tool_choice:
      tools.length > 0 ? (toolChoiceJson(request.toolChoice, request.tools) ?? own['tool_choice']) : undefined,
    parallel_tool_calls: tools.length > 0 ? request.parallelTools : undefined,
    text: textJson(request, quirks, notes),
    max_output_tokens: request.maxOutputTokens,
    temperature: request.sampling.temperature,
    top_p: request.sampling.topP,
    top_logprobs: request.sampling.logprobs === false ? undefined : request.sampling.topLogprobs,
    reasoning: reasoningJson(request.reasoning, own['reasoning']),
    include: include.length > 0 ? include : undefined,
    service_tier: request.serviceTier === 'standard_only' ? 'default' : request.serviceTier,
    user: request.user,
    metadata: request.metadata,
    // The gateway sends whole conversations and keeps responses itself: nothing has to stay at the provider.
    store: false,
    stream: context.stream ? true : undefined,
  })
  return { body: allowed(body, quirks, notes), ...notes, reading: PLAIN_READING }
}

function sharedFields(chat: JsonObject | undefined): JsonObject {
  return chat === undefined ? {} : Object.fromEntries(SHARED.map((field) => [field, chat[field]]))
}

function toolJson(tool: ChatTool, notes: Notes): JsonObject | null {
  switch (tool.type) {
    case 'function':
      return defined<JsonObject>({
        ...tool.raw?.[FAMILY],
        type: 'function',
        name: tool.name,
        description: tool.description,
        parameters: tool.schema ?? { type: 'object', properties: {} },
        // Absent, this API would try to make the schema strict; the other formats would not.
        strict: tool.strict ?? false,
      })
    case 'custom':
      return defined<JsonObject>({
        ...tool.raw?.[FAMILY],
        type: 'custom',
        name: tool.name,
        description: tool.description,
        format: tool.grammar === null ? undefined : { type: 'grammar', ...tool.grammar },
      })
    case 'hosted':
      return tool.family === FAMILY ? tool.value : responsesSearch(tool, notes)
  }
}

function toolChoiceJson(choice: ToolChoice | undefined, tools: readonly ChatTool[]): JsonObject | string | undefined {
  if (choice === undefined) return undefined
  if (choice.type !== 'named') return choice.type
  const isCustom = tools.some((tool) => tool.type === 'custom' && tool.name === choice.name)
  return { type: isCustom ? 'custom' : 'function', name: choice.name }
}

function textJson(request: ChatRequest, quirks: Quirks, notes: Notes): JsonObject | undefined {
  const format = formatJson(request.responseFormat, quirks, notes)
  const { verbosity } = request
  if (format === undefined && verbosity === undefined) return undefined
  return defined<JsonObject>({ format, verbosity })
}

function formatJson(
  format: ResponseFormat | undefined,
  { responseFormat: able }: Quirks,
  notes: Notes,
): JsonObject | undefined {
  if (format === undefined || format.type === 'text') return undefined
  if (able === 'none') {
    notes.refusals.push('The provider has no structured output.')
    return undefined
  }
  if (format.type === 'json') return { type: 'json_object' }
  if (able === 'json_object') {
    notes.warnings.push('The provider takes no JSON schema: any JSON object is asked for.')
    return { type: 'json_object' }
  }
  const { name, schema, description, strict } = format
  return defined<JsonObject>({ type: 'json_schema', name, schema, description, strict })
}

function reasoningJson(settings: ReasoningSettings | undefined, own: JsonObject[string]): JsonObject | undefined {
  const effort = effortWord(settings)
  const rest = typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as JsonObject) : {}
  const reasoning = defined<JsonObject>({ ...rest, effort, summary: settings?.summary })
  return Object.keys(reasoning).length === 0 ? undefined : reasoning
}

const ENCRYPTED = 'reasoning.encrypted_content'
const LOGPROBS = 'message.output_text.logprobs'

/** Models that do not think refuse to be asked for encrypted thoughts: only whoever speaks of thoughts gets them. */
function includes(request: ChatRequest, own: readonly unknown[]): readonly string[] {
  const include = new Set(own.filter((value) => typeof value === 'string'))
  const { reasoning, sampling, messages } = request
  const asks = reasoning !== undefined && reasoning.enabled !== false && reasoning.effort !== 'none'
  const has = messages.some(({ parts }) =>
    parts.some((part) => part.type === 'reasoning' && part.family === FAMILY && part.encrypted !== null),
  )
  if (asks || has || reasoning?.includeEncrypted === true) include.add(ENCRYPTED)
  if (sampling.logprobs === true) include.add(LOGPROBS)
  return [...include]
}
