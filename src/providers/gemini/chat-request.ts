// Normal form → request to Gemini's generateContent.
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ResponseFormat, ToolChoice } from '../../core/chat.ts'
import { geminiSearch } from '../../core/formats/web-search.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, objectOf, restOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'
import { writeMessages } from './chat-messages.ts'
import type { Notes, Platform } from './chat-messages.ts'
import { abilitiesOf } from './models.ts'
import type { ModelAbilities } from './models.ts'
import { geminiSchema } from './schema.ts'
import { thinkingConfig } from './thinking.ts'

const FAMILY = 'gemini'

/** Most stop sequences that are taken. */
const MAX_STOPS = 5

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['metadata', ({ metadata }) => Object.keys(metadata ?? {}).length > 0],
  ['user', ({ user }) => user !== undefined],
  ['parallel_tool_calls', ({ parallelTools, tools }) => parallelTools === false && tools.length > 0],
]

/** Objects of the request of which the normal form knows a part. */
const SHARED_FIELDS = new Set(['generationConfig', 'toolConfig'])

export function writeGeminiRequest(request: ChatRequest, context: WriteContext, platform: Platform): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  const abilities = abilitiesOf(context.model)
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  const own = request.raw?.[FAMILY] ?? {}
  const { system, contents } = writeMessages(request.messages, abilities, platform, notes)
  const tools = toolsJson(request.tools, platform, notes)
  const isMixed = mixesSearch(request.tools)
  if (isMixed && (!abilities.searchBesideTools || platform === 'vertex'))
    notes.refusals.push('This model cannot search the web and use functions at once.')
  const output = outputOf(request, abilities, notes)
  const instruction = [...system, ...output.system]
  const generationConfig = configOf(request, context, abilities, output.config, notes)
  const body = defined<JsonObject>({
    ...restOf(own, SHARED_FIELDS),
    systemInstruction: instruction.length > 0 ? { parts: instruction } : undefined,
    contents,
    tools: tools.length > 0 ? tools : undefined,
    toolConfig: toolConfigJson(request.toolChoice, tools.length > 0, objectOf(own, 'toolConfig'), isMixed),
    generationConfig: Object.keys(generationConfig).length > 0 ? generationConfig : undefined,
    serviceTier: tierOf(request.serviceTier, platform, notes),
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  return { body, ...notes, reading: { ...PLAIN_READING, customTools } }
}

function configOf(
  { sampling, reasoning, maxOutputTokens, modalities, audioOutput, raw }: ChatRequest,
  context: WriteContext,
  abilities: ModelAbilities,
  format: JsonObject,
  notes: Notes,
): JsonObject {
  const { thinkingConfig: thinking, ...own } = objectOf(raw?.[FAMILY] ?? {}, 'generationConfig') ?? {}
  const ownThinking = objectOf({ thinking }, 'thinking') ?? {}
  const bound =
    maxOutputTokens !== undefined && context.maxOutputTokens !== null
      ? Math.min(maxOutputTokens, context.maxOutputTokens)
      : maxOutputTokens
  const { topLogprobs } = sampling
  return defined<JsonObject>({
    ...format,
    maxOutputTokens: bound,
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    frequencyPenalty: sampling.frequencyPenalty,
    presencePenalty: sampling.presencePenalty,
    // Seeds are numbers of 32 bits there: a longer one keeps its last.
    seed: sampling.seed === undefined ? undefined : sampling.seed | 0,
    stopSequences: stopsOf(sampling.stop, notes),
    candidateCount: sampling.n,
    responseLogprobs: sampling.logprobs,
    logprobs: topLogprobs === 0 ? undefined : topLogprobs,
    responseModalities: modalities?.map((kind) => kind.toUpperCase()),
    speechConfig:
      audioOutput === undefined
        ? undefined
        : { voiceConfig: { prebuiltVoiceConfig: { voiceName: audioOutput.voice } } },
    thinkingConfig: thinkingConfig(reasoning, abilities.thinking, ownThinking, notes.warnings),
    ...own,
  })
}

function stopsOf(stops: readonly string[] | undefined, notes: Notes): readonly string[] | undefined {
  const taken = stops?.filter((stop) => stop !== '').slice(0, MAX_STOPS) ?? []
  if (taken.length < (stops?.length ?? 0))
    notes.warnings.push(`A stop sequence is left out: this provider takes ${MAX_STOPS}, and none that is empty.`)
  return taken.length > 0 ? taken : undefined
}

/** All functions in one tool; what Google runs itself in tools of their own. */
function toolsJson(tools: readonly ChatTool[], platform: Platform, notes: Notes): readonly JsonObject[] {
  const functions: JsonObject[] = []
  const hosted: JsonObject[] = []
  for (const tool of tools)
    switch (tool.type) {
      case 'function':
        functions.push(functionJson(tool, notes))
        break
      case 'custom':
        functions.push(customJson(tool))
        break
      case 'hosted':
        if (tool.family === FAMILY) hosted.push(tool.value)
        else hosted.push(...[geminiSearch(tool, platform === 'vertex', notes)].filter((written) => written !== null))
        break
    }
  return [...(functions.length > 0 ? [{ functionDeclarations: functions }] : []), ...hosted]
}

/** Another vendor's search beside functions; of what is Gemini's own, its caller has said how. */
function mixesSearch(tools: readonly ChatTool[]): boolean {
  return (
    tools.some((tool) => tool.type === 'hosted' && tool.family !== FAMILY && tool.search !== undefined) &&
    tools.some(({ type }) => type !== 'hosted')
  )
}

function functionJson(tool: Extract<ChatTool, { type: 'function' }>, notes: Notes): JsonObject {
  return {
    ...tool.raw?.[FAMILY],
    ...defined<JsonObject>({ name: tool.name, description: tool.description }),
    ...parametersOf(tool.name, tool.schema, notes),
  }
}

/** An object without properties is refused: then the function has no parameters. */
function parametersOf(name: string, schema: JsonObject | null, notes: Notes): JsonObject {
  if (schema === null || Object.keys(objectOf(schema, 'properties') ?? {}).length === 0) {
    const hasMore = schema !== null && ['$ref', 'anyOf', 'oneOf', 'allOf'].some((word) => schema[word] !== undefined)
    if (!hasMore || schema === null) return {}
  }
  const written = geminiSchema(schema)
  if (written.isRecursive) return { parametersJsonSchema: schema }
  warnOf(`the tool \`${name}\``, written.dropped, notes)
  return { parameters: written.schema }
}

function warnOf(what: string, dropped: ReadonlySet<string>, notes: Notes): void {
  if (dropped.size === 0) return
  const words = [...dropped].map((word) => `\`${word}\``).join(', ')
  notes.warnings.push(`The schema of ${what} is sent without ${words}.`)
}

function customJson(tool: Extract<ChatTool, { type: 'custom' }>): JsonObject {
  const grammar =
    tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
  const description = `${tool.description ?? ''}${grammar}`.trim()
  return {
    name: tool.name,
    ...(description === '' ? {} : { description }),
    parameters: {
      type: 'OBJECT',
      properties: { input: { type: 'STRING', description: 'The whole input of the tool, as plain text.' } },
      required: ['input'],
    },
  }
}

const MODES = { auto: 'AUTO', none: 'NONE', required: 'ANY', named: 'ANY' } as const

function toolConfigJson(
  choice: ToolChoice | undefined,
  hasTools: boolean,
  own: JsonObject | null,
  isMixed: boolean,
): JsonObject | undefined {
  const ownCalling = own === null ? null : objectOf(own, 'functionCallingConfig')
  const calling =
    choice === undefined || !hasTools
      ? (ownCalling ?? undefined)
      : {
          mode: MODES[choice.type],
          ...(choice.type === 'named' ? { allowedFunctionNames: [choice.name] } : {}),
          ...ownCalling,
        }
  const config = defined<JsonObject>({
    // Without it, a tool of Google's beside functions is a 400. https://ai.google.dev/gemini-api/docs/tool-combination
    includeServerSideToolInvocations: isMixed ? true : undefined,
    ...own,
    functionCallingConfig: calling,
  })
  return Object.keys(config).length > 0 ? config : undefined
}

type Output = { readonly config: JsonObject; readonly system: readonly JsonObject[] }

/** How a JSON answer is asked for: by schema, by its media type, or in words where a model cannot have it beside tools. */
function outputOf({ responseFormat, tools }: ChatRequest, abilities: ModelAbilities, notes: Notes): Output {
  const plain: Output = { config: {}, system: [] }
  if (responseFormat === undefined || responseFormat.type === 'text') return plain
  const isApart = tools.length > 0 && !abilities.toolsWithSchema
  if (responseFormat.type === 'json_schema') {
    if (!isApart) return { ...plain, config: schemaConfig(responseFormat, notes) }
    notes.refusals.push('This model cannot use tools and answer in JSON of a schema at once.')
    return plain
  }
  if (!isApart) return { ...plain, config: { responseMimeType: 'application/json' } }
  notes.warnings.push('This model has no JSON mode beside tools: it is asked for in words.')
  return { ...plain, system: [{ text: 'Answer with one JSON object and nothing else: no prose, no code fence.' }] }
}

function schemaConfig(format: Extract<ResponseFormat, { type: 'json_schema' }>, notes: Notes): JsonObject {
  const responseMimeType = 'application/json'
  if (Object.keys(format.schema).length === 0) return { responseMimeType }
  const { schema, dropped, isRecursive } = geminiSchema(format.schema)
  if (isRecursive) return { responseMimeType, responseJsonSchema: format.schema }
  warnOf('the answer', dropped, notes)
  return { responseMimeType, responseSchema: schema }
}

const TIERS: { readonly [tier: string]: string } = {
  default: 'standard',
  standard: 'standard',
  standard_only: 'standard',
  flex: 'flex',
  priority: 'priority',
}

/** AI Studio takes the tier in the body; at Vertex it is a matter of the account. */
function tierOf(tier: string | undefined, platform: Platform, notes: Notes): string | undefined {
  if (tier === undefined || tier === 'auto') return undefined
  const word = TIERS[tier]
  if (word !== undefined && platform === 'ai-studio') return word
  if (word !== 'standard') notes.warnings.push(`The service tier ${tier} is not known to this provider.`)
  return undefined
}
