// Gemini's generateContent → normal form. Names may be written in camel case and with underscores.
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
import { camelKeys, partsOfPart } from '../core/formats/gemini-parts.ts'
import { searchOfGemini } from '../core/formats/web-search.ts'
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
import { createCallIds } from './gemini-call-ids.ts'
import type { CallIdsOfRequest } from './gemini-call-ids.ts'
import { jsonSchemaOf } from './gemini-schema.ts'
import { ROUTING_FIELDS } from './read-fields.ts'
import type { ReadRequest } from './translator.ts'

const FAMILY = 'gemini'

/** Fields that have a place in the normal form, or are the call's own business. */
const KNOWN = new Set([
  ...ROUTING_FIELDS,
  ...namesOf('model stream weir contents systemInstruction tools toolConfig generationConfig serviceTier'),
])

const CONFIG_FIELDS = namesOf(`
  temperature topP topK candidateCount maxOutputTokens stopSequences presencePenalty frequencyPenalty seed
  responseLogprobs logprobs responseMimeType responseSchema responseJsonSchema responseModalities thinkingConfig
`)
const THINKING_FIELDS = new Set(['thinkingBudget', 'thinkingLevel'])

/** Throws `request_malformed` for what is no conversation; fields that nobody knows go into `raw`. */
export function readGeminiRequest(given: JsonObject): ReadRequest {
  const body = camelKeys(given)
  const config = camelKeys(objectOf(body, 'generationConfig') ?? {})
  const thinking = objectOf(config, 'thinkingConfig')
  const toolConfig = camelKeys(objectOf(body, 'toolConfig') ?? {})
  const calling = camelKeys(objectOf(toolConfig, 'functionCallingConfig') ?? {})
  const format = readFormat(config)
  const choice = readToolChoice(calling)
  const modalities = listOf(config, 'responseModalities').filter((kind) => typeof kind === 'string')
  const request = defined<ChatRequest>({
    messages: [...readSystem(body['systemInstruction']), ...readContents(body)],
    tools: objectsOf(body, 'tools').flatMap(readTool),
    toolChoice: choice,
    responseFormat: format,
    maxOutputTokens: numberOf(config, 'maxOutputTokens') ?? undefined,
    sampling: readSampling(config),
    reasoning: thinking === null ? undefined : readReasoning(camelKeys(thinking)),
    serviceTier: stringOf(body, 'serviceTier')
      ?.replace(/^SERVICE_TIER_/i, '')
      .toLowerCase(),
    modalities: modalities.length > 0 ? modalities.map((kind) => kind.toLowerCase()) : undefined,
    audioOutput: readVoice(config),
    raw: rawOf(FAMILY, ownFields(body, config, toolConfig, { hasFormat: format !== undefined, choice })).raw,
  })
  return { request, warnings: [] }
}

/** Whatever only this API understands, with what is left of the objects that are understood in part. */
function ownFields(
  body: JsonObject,
  config: JsonObject,
  toolConfig: JsonObject,
  read: { readonly hasFormat: boolean; readonly choice: ToolChoice | undefined },
): JsonObject | null {
  const thinking = objectOf(config, 'thinkingConfig')
  const generationConfig = {
    ...restOf(config, CONFIG_FIELDS),
    ...(read.hasFormat ? {} : formatFields(config)),
    // Without the word thoughts stay hidden, unlike those of callers who turn thinking on elsewhere.
    ...(thinking === null
      ? {}
      : { thinkingConfig: { includeThoughts: false, ...restOf(camelKeys(thinking), THINKING_FIELDS) } }),
  }
  const calling = camelKeys(objectOf(toolConfig, 'functionCallingConfig') ?? {})
  const callingRest = restOf(calling, read.choice === undefined ? new Set() : CHOICE_FIELDS[read.choice.type])
  const toolRest = {
    ...restOf(toolConfig, new Set(['functionCallingConfig'])),
    ...(callingRest === null ? {} : { functionCallingConfig: callingRest }),
  }
  const own = {
    ...restOf(body, KNOWN),
    ...(Object.keys(generationConfig).length === 0 ? {} : { generationConfig }),
    ...(Object.keys(toolRest).length === 0 ? {} : { toolConfig: toolRest }),
  }
  return Object.keys(own).length === 0 ? null : own
}

const FORMAT_FIELDS = ['responseMimeType', 'responseSchema', 'responseJsonSchema'] as const

function formatFields(config: JsonObject): JsonObject {
  return Object.fromEntries(
    FORMAT_FIELDS.flatMap((name) =>
      config[name] === undefined || config[name] === null ? [] : [[name, config[name]]],
    ),
  ) as JsonObject
}

function readSystem(instruction: unknown): readonly ChatMessage[] {
  const ids = createCallIds()
  const content = typeof instruction === 'string' ? { parts: [{ text: instruction }] } : instruction
  if (!isObject(content)) return []
  const parts = partsOf(content, 'systemInstruction', ids)
  return parts.length === 0 ? [] : [{ role: 'system', parts }]
}

/** SDKs keep a streamed answer as one content for each chunk: contents of the model that follow each other are one turn. */
function readContents(body: JsonObject): readonly ChatMessage[] {
  const ids = createCallIds()
  const messages: ChatMessage[] = []
  for (const [index, content] of contentsOf(body).entries())
    for (const message of readContent(content, index, ids)) {
      const last = messages.at(-1)
      if (message.role === 'assistant' && last?.role === 'assistant')
        messages[messages.length - 1] = { role: 'assistant', parts: joined([...last.parts, ...message.parts]) }
      else messages.push(message)
    }
  return messages
}

/** A text, or one content, is understood as the list that it should be. */
function contentsOf(body: JsonObject): readonly unknown[] {
  const contents = body['contents']
  if (typeof contents === 'string') return [{ role: 'user', parts: [{ text: contents }] }]
  return isObject(contents) ? [contents] : listOf(body, 'contents')
}

function readContent(content: unknown, index: number, ids: CallIdsOfRequest): readonly ChatMessage[] {
  const path = `contents[${index}]`
  if (!isObject(content)) throw malformed(path, `\`${path}\` must be an object.`)
  ids.content(index)
  const parts = partsOf(content, path, ids)
  switch (content['role'] ?? 'user') {
    case 'model':
      return [{ role: 'assistant', parts: joined(parts) }]
    case 'system':
      return [{ role: 'system', parts }]
    case 'user':
    case 'function':
    case 'tool': {
      if (!parts.some(isResult)) return parts.length === 0 ? [] : [{ role: 'user', parts }]
      if (parts.every(isResult)) return [{ role: 'tool', parts }]
      return [
        { role: 'tool', parts: parts.filter(isResult) },
        { role: 'user', parts: parts.filter((part) => !isResult(part)) },
      ]
    }
    default:
      throw malformed(`${path}.role`, `\`${path}.role\` must be user or model.`)
  }
}

function isResult({ type }: Part): boolean {
  return type === 'tool_result'
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function partsOf(content: JsonObject, path: string, ids: CallIdsOfRequest): readonly Part[] {
  const given = content['parts'] ?? []
  if (isObject(given)) return partsOfPart(given, ids)
  if (!Array.isArray(given)) throw malformed(`${path}.parts`, `\`${path}.parts\` must be an array.`)
  const [only] = given
  if (given.length === 1 && isObject(only)) return partsOfPart(only, ids)
  const parts: Part[] = []
  for (const [index, part] of given.entries()) {
    if (!isObject(part)) throw malformed(`${path}.parts[${index}]`, `\`${path}.parts[${index}]\` must be an object.`)
    parts.push(...partsOfPart(part, ids))
  }
  return parts
}

/** Pieces of one text, or of one thought and its proof, as the parts that they were streamed from. */
function joined(parts: readonly Part[]): readonly Part[] {
  if (parts.length < 2) return parts
  const result: Part[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (last?.type === 'text' && part.type === 'text' && last.raw === undefined && part.raw === undefined)
      result[result.length - 1] = { ...last, text: last.text + part.text }
    else if (last?.type === 'reasoning' && part.type === 'reasoning' && isUnproven(last) && last.text !== '')
      result[result.length - 1] = { ...part, text: last.text + part.text }
    else result.push(part)
  }
  return result
}

function isUnproven(part: Extract<Part, { type: 'reasoning' }>): boolean {
  return part.signature === null && part.encrypted === null && part.raw === undefined
}

const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'parametersJsonSchema'])

/** One tool object may hold functions and several tools of Google's. */
function readTool(given: JsonObject): readonly ChatTool[] {
  const { functionDeclarations: _, ...hosted } = camelKeys(given)
  const functions = objectsOf(camelKeys(given), 'functionDeclarations').map((declaration) =>
    readFunction(camelKeys(declaration)),
  )
  const others = Object.entries(hosted).map(([name, value]) =>
    defined<ChatTool>({
      type: 'hosted',
      name,
      family: FAMILY,
      value: { [name]: value },
      search: searchOfGemini(name, value),
    }),
  )
  return [...functions, ...others]
}

function readFunction(declaration: JsonObject): ChatTool {
  const description = stringOf(declaration, 'description')
  const parameters = objectOf(declaration, 'parameters')
  return {
    type: 'function',
    name: stringOf(declaration, 'name') ?? '',
    ...(description === null ? {} : { description }),
    schema: parameters === null ? objectOf(declaration, 'parametersJsonSchema') : jsonSchemaOf(parameters),
    ...rawOf(FAMILY, restOf(declaration, FUNCTION_FIELDS)),
  }
}

/** Fields of the choice that the normal form says; names that are allowed among several functions stay Gemini's own. */
const CHOICE_FIELDS: { readonly [type in ToolChoice['type']]: ReadonlySet<string> } = {
  auto: new Set(['mode']),
  none: new Set(['mode']),
  required: new Set(['mode']),
  named: new Set(['mode', 'allowedFunctionNames']),
}

function readToolChoice(calling: JsonObject): ToolChoice | undefined {
  switch (stringOf(calling, 'mode')?.toUpperCase()) {
    case 'AUTO':
      return { type: 'auto' }
    case 'NONE':
      return { type: 'none' }
    case 'ANY': {
      const [name, ...others] = listOf(calling, 'allowedFunctionNames')
      return typeof name === 'string' && others.length === 0 ? { type: 'named', name } : { type: 'required' }
    }
    default:
      return undefined
  }
}

/** JSON of a schema, or any; another media type (`text/x.enum`) is Gemini's own. */
function readFormat(config: JsonObject): ResponseFormat | undefined {
  if (stringOf(config, 'responseMimeType') !== 'application/json') return undefined
  const subset = objectOf(config, 'responseSchema')
  const schema = subset === null ? objectOf(config, 'responseJsonSchema') : jsonSchemaOf(subset)
  return schema === null ? { type: 'json' } : { type: 'json_schema', name: 'answer', schema }
}

function readSampling(config: JsonObject): Sampling {
  const stop = listOf(config, 'stopSequences').filter((value) => typeof value === 'string')
  return defined<Sampling>({
    temperature: numberOf(config, 'temperature') ?? undefined,
    topP: numberOf(config, 'topP') ?? undefined,
    topK: numberOf(config, 'topK') ?? undefined,
    frequencyPenalty: numberOf(config, 'frequencyPenalty') ?? undefined,
    presencePenalty: numberOf(config, 'presencePenalty') ?? undefined,
    seed: numberOf(config, 'seed') ?? undefined,
    stop: stop.length > 0 ? stop : undefined,
    n: numberOf(config, 'candidateCount') ?? undefined,
    logprobs: booleanOf(config, 'responseLogprobs') ?? undefined,
    topLogprobs: numberOf(config, 'logprobs') ?? undefined,
  })
}

/** A budget of 0 turns thinking off, -1 leaves it to the model. */
function readReasoning(thinking: JsonObject): ReasoningSettings {
  const budget = numberOf(thinking, 'thinkingBudget')
  const level = stringOf(thinking, 'thinkingLevel')?.toLowerCase()
  const effort = isEffort(level) ? level : undefined
  const isShown = booleanOf(thinking, 'includeThoughts') === true
  return defined<ReasoningSettings>({
    enabled: budget === 0 ? false : budget !== null || effort !== undefined || isShown ? true : undefined,
    effort,
    budgetTokens: budget === null || budget <= 0 ? undefined : budget,
    summary: isShown ? 'auto' : undefined,
  })
}

/** The voice, where it is one of the ready-made; how else to speak stays Gemini's own. */
function readVoice(config: JsonObject): ChatRequest['audioOutput'] {
  const speech = camelKeys(objectOf(config, 'speechConfig') ?? {})
  const voice = camelKeys(objectOf(speech, 'voiceConfig') ?? {})
  const name = stringOf(camelKeys(objectOf(voice, 'prebuiltVoiceConfig') ?? {}), 'voiceName')
  return name === null ? undefined : { voice: name, format: 'pcm16' }
}
