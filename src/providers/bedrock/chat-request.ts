// Normal form → request to Bedrock's Converse and ConverseStream: the body is the same for both.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
import { foreignFields } from '../../core/chat.ts'
import type { ChatRequest, ChatTool, ResponseFormat, ToolChoice } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, objectOf } from '../../core/json-read.ts'
import { rootObject, samplingJson, stopsOf, thinkingOf } from '../anthropic/chat-request.ts'
import { abilitiesOf } from '../anthropic/models.ts'
import { strictSchema } from '../anthropic/schema.ts'
import type { Reading, WriteContext, WrittenRequest } from '../chat-codec.ts'
import { cachePoint, writeMessages } from './chat-messages.ts'
import type { Notes } from './chat-messages.ts'
import { bedrockModelOf } from './models.ts'
import type { BedrockModel } from './models.ts'

const FAMILY = 'bedrock-converse'

/** Fields of the normal form that this API has no place for, and how they are called in OpenAI's. */
const LEFT_OUT: readonly (readonly [name: string, has: (request: ChatRequest) => boolean])[] = [
  ['seed', ({ sampling }) => sampling.seed !== undefined],
  ['frequency_penalty', ({ sampling }) => Boolean(sampling.frequencyPenalty)],
  ['presence_penalty', ({ sampling }) => Boolean(sampling.presencePenalty)],
  ['logit_bias', ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0],
  ['verbosity', ({ verbosity }) => verbosity !== undefined],
  ['user', ({ user }) => user !== undefined],
  ['parallel_tool_calls', ({ parallelTools, tools }) => parallelTools === false && tools.length > 0],
]

const REFUSED: readonly (readonly [sentence: string, has: (request: ChatRequest) => boolean])[] = [
  ['`n` above 1 is not possible: this provider gives one choice.', ({ sampling }) => (sampling.n ?? 1) > 1],
  ['`logprobs` are not given by this provider.', ({ sampling }) => sampling.logprobs === true],
  ['Only text comes out of this provider.', ({ modalities }) => modalities?.some((kind) => kind !== 'text') ?? false],
]

const LABEL = /^[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}$/
const MAX_LABELS = 16

const TIERS = new Set(['default', 'flex', 'priority', 'reserved'])

export function writeBedrockRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const notes: Notes = { warnings: [], refusals: [] }
  const model = bedrockModelOf(context.model)
  for (const field of foreignFields(request.raw, FAMILY)) notes.warnings.push(`\`${field}\` is left out.`)
  for (const [name, has] of LEFT_OUT) if (has(request)) notes.warnings.push(`\`${name}\` is left out.`)
  for (const [sentence, has] of REFUSED) if (has(request)) notes.refusals.push(sentence)

  const { system, turns, usedTools } = writeMessages(request.messages, model, notes)
  const output = outputOf(request, context, model, notes)
  const choice = output.jsonTool === null ? request.toolChoice : ({ type: 'named', name: output.jsonTool } as const)
  const stops = stopsOf(request, notes)
  const inference = inferenceOf(request, context, model, choice, notes)
  const wholeSystem = [...system, ...output.system]
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    system: wholeSystem.length > 0 ? wholeSystem : undefined,
    messages: turns,
    toolConfig: toolConfigOf(request.tools, output.tools, choice, usedTools, model, notes),
    inferenceConfig: whole({ ...inference.config, stopSequences: stops }),
    additionalModelRequestFields: whole(inference.own),
    // Only by this way Claude tells which sequence it was: in its whole answer, and in the delta of its stream.
    additionalModelResponseFieldPaths:
      stops !== undefined && model.maker === 'anthropic' ? ['/stop_sequence', '/delta/stop_sequence'] : undefined,
    outputConfig: output.config,
    requestMetadata: metadataOf(request, notes),
    serviceTier: tierOf(request.serviceTier, notes),
  })
  const customTools = new Set(request.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])))
  const reading: Reading = { customTools, jsonTool: output.jsonTool, thoughts: model.thoughts }
  return { body, ...notes, reading }
}

/** The object without members that are undefined; undefined when none are left. */
function whole(object: { readonly [name: string]: JsonObject[string] }): JsonObject | undefined {
  const kept = defined<JsonObject>(object)
  return Object.keys(kept).length > 0 ? kept : undefined
}

function toolConfigOf(
  tools: readonly ChatTool[],
  added: readonly JsonObject[],
  choice: ToolChoice | undefined,
  usedTools: ReadonlySet<string>,
  model: BedrockModel,
  notes: Notes,
): JsonObject | undefined {
  const isForbidden = choice?.type === 'none'
  // A conversation with calls in it is refused without its tools.
  if (isForbidden && usedTools.size === 0) return undefined
  const written = [...tools.flatMap((tool) => toolJson(tool, model, notes)), ...added]
  if (written.length === 0)
    for (const name of usedTools) written.push({ toolSpec: { name, inputSchema: { json: { type: 'object' } } } })
  if (written.length === 0) return undefined
  if (isForbidden) notes.warnings.push('The provider cannot forbid tools that the conversation has used.')
  return defined<JsonObject>({ tools: written, toolChoice: toolChoiceJson(choice, model, notes) })
}

function toolJson(tool: ChatTool, model: BedrockModel, notes: Notes): readonly JsonObject[] {
  switch (tool.type) {
    case 'function': {
      const isStrict = tool.strict === true && model.json === 'schema'
      const schema = rootObject(isStrict && tool.schema !== null ? strictSchema(tool.schema) : tool.schema)
      const toolSpec = defined<JsonObject>({
        name: tool.name,
        // An empty description is refused.
        description: tool.description === '' ? undefined : tool.description,
        inputSchema: { json: schema },
        strict: isStrict ? true : undefined,
      })
      return [{ toolSpec }, ...(model.cache === 'everywhere' ? cachePoint(tool.cache, { model }) : [])]
    }
    case 'custom': {
      const grammar =
        tool.grammar === null ? '' : ` It must match this ${tool.grammar.syntax} grammar:\n${tool.grammar.definition}`
      const input = { type: 'string', description: 'The whole input of the tool, as plain text.' }
      const toolSpec = {
        name: tool.name,
        description: `${tool.description ?? ''}${grammar}`.trim() || tool.name,
        inputSchema: { json: { type: 'object', properties: { input }, required: ['input'] } },
      }
      return [{ toolSpec }]
    }
    case 'hosted':
      if (tool.family === FAMILY) return [tool.value]
      notes.refusals.push(`The tool \`${tool.name}\` runs at another vendor's API.`)
      return []
  }
}

function toolChoiceJson(choice: ToolChoice | undefined, model: BedrockModel, notes: Notes): JsonObject | undefined {
  switch (choice?.type) {
    case undefined:
    case 'none':
      return undefined
    case 'auto':
      return { auto: {} }
    case 'required':
    case 'named':
      if (!model.toolChoice) {
        notes.warnings.push('This model cannot be made to call a tool: it is left to it.')
        return undefined
      }
      return choice.type === 'required' ? { any: {} } : { tool: { name: choice.name } }
  }
}

type Output = {
  readonly config: JsonObject | undefined
  readonly tools: readonly JsonObject[]
  readonly system: readonly JsonObject[]
  readonly jsonTool: string | null
}

const PLAIN_OUTPUT: Output = { config: undefined, tools: [], system: [], jsonTool: null }

/** How a JSON answer is asked for: by schema, by a tool that must be called, or in words. */
function outputOf(request: ChatRequest, context: WriteContext, model: BedrockModel, notes: Notes): Output {
  const { responseFormat, tools } = request
  if (responseFormat === undefined || responseFormat.type === 'text') return PLAIN_OUTPUT
  if (responseFormat.type === 'json') return inWords('', notes)
  const { name, schema, description } = responseFormat
  const isSchema = model.maker === 'anthropic' ? abilitiesOf(context.model).jsonSchema : model.json === 'schema'
  if (isSchema) {
    const jsonSchema = defined<JsonObject>({ schema: JSON.stringify(strictSchema(schema)), name, description })
    return { ...PLAIN_OUTPUT, config: { textFormat: { type: 'json_schema', structure: { jsonSchema } } } }
  }
  if (model.json === 'words') return inWords(schemaWords(responseFormat), notes)
  if (tools.length > 0) {
    notes.refusals.push('This model cannot use tools and answer in JSON of a schema at once.')
    return PLAIN_OUTPUT
  }
  const toolSpec = { name, description: description ?? 'Gives the answer.', inputSchema: { json: rootObject(schema) } }
  return { ...PLAIN_OUTPUT, tools: [{ toolSpec }], jsonTool: name }
}

function inWords(more: string, notes: Notes): Output {
  notes.warnings.push('The provider does not bind the answer to JSON: it is asked for in words.')
  return {
    ...PLAIN_OUTPUT,
    system: [{ text: `Answer with one JSON object and nothing else: no prose, no code fence.${more}` }],
  }
}

function schemaWords({ schema }: Extract<ResponseFormat, { type: 'json_schema' }>): string {
  return ` It must match this JSON schema:\n${JSON.stringify(schema)}`
}

type Inference = {
  readonly config: { readonly [name: string]: number | undefined }
  /** Fields that only this model knows. */
  readonly own: { readonly [name: string]: JsonObject[string] }
}

function inferenceOf(
  request: ChatRequest,
  context: WriteContext,
  model: BedrockModel,
  choice: ToolChoice | undefined,
  notes: Notes,
): Inference {
  const own = objectOf(request.raw?.[FAMILY] ?? {}, 'additionalModelRequestFields') ?? {}
  if (model.maker === 'anthropic') return claudeInference(request, context, choice, own, notes)
  const { sampling, reasoning } = request
  if (sampling.temperature !== undefined && sampling.temperature > 1)
    notes.warnings.push('`temperature` is 1, the highest that this provider takes.')
  const fields: Record<string, JsonObject[string]> = { ...own }
  if (sampling.topK !== undefined) {
    const [first, second] = model.topK ?? []
    if (first === undefined) notes.warnings.push('`top_k` is left out.')
    else fields[first] = second === undefined ? sampling.topK : { [second]: sampling.topK }
  }
  const effort = reasoning?.effort
  if (reasoning?.enabled === true && model.effort === null) notes.warnings.push('`reasoning` is left out.')
  else if (reasoning?.enabled === true) {
    // Budgets are not known here; what is above `high`, or below `low`, is not either.
    const level =
      effort === 'low' || effort === 'minimal' ? 'low' : effort === 'medium' || effort === undefined ? 'medium' : 'high'
    if (model.effort === 'reasoning_effort') fields['reasoning_effort'] = level
    else fields['reasoningConfig'] = { type: 'enabled', maxReasoningEffort: level }
  }
  return {
    config: {
      maxTokens: boundOf(request, context),
      temperature: sampling.temperature === undefined ? undefined : Math.min(1, sampling.temperature),
      topP: sampling.topP,
    },
    own: fields,
  }
}

function boundOf({ maxOutputTokens }: ChatRequest, context: WriteContext): number | undefined {
  if (maxOutputTokens === undefined || context.maxOutputTokens === null) return maxOutputTokens
  return Math.min(maxOutputTokens, context.maxOutputTokens)
}

/** Claude thinks and samples here as at its maker's own API, whose rules count. */
function claudeInference(
  request: ChatRequest,
  context: WriteContext,
  choice: ToolChoice | undefined,
  own: JsonObject,
  notes: Notes,
): Inference {
  const abilities = abilitiesOf(context.model)
  const bound = context.maxOutputTokens ?? abilities.maxOutputTokens
  const maxTokens = Math.min(request.maxOutputTokens ?? bound, bound)
  const isForced = choice?.type === 'required' || choice?.type === 'named'
  const thinking = thinkingOf(request, abilities, maxTokens, isForced, notes)
  const isThinking = thinking.json !== undefined && thinking.json['type'] !== 'disabled'
  const sampling = samplingJson(request, abilities, isThinking, notes)
  return {
    config: { maxTokens, temperature: sampling['temperature'], topP: sampling['top_p'] },
    own: {
      ...own,
      top_k: sampling['top_k'],
      thinking: thinking.json,
      output_config: Object.keys(thinking.config).length > 0 ? thinking.config : undefined,
    },
  }
}

/** Labels for AWS's invocation log: short strings in its alphabet. */
function metadataOf({ metadata }: ChatRequest, notes: Notes): JsonObject | undefined {
  if (metadata === undefined) return undefined
  const labels: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata)) {
    const isLabel = typeof value === 'string' && LABEL.test(name) && LABEL.test(value)
    if (isLabel && Object.keys(labels).length < MAX_LABELS) labels[name] = value
    else notes.warnings.push(`\`metadata.${name}\` is left out: it is no label as this provider takes them.`)
  }
  return Object.keys(labels).length > 0 ? labels : undefined
}

function tierOf(tier: string | undefined, notes: Notes): JsonObject | undefined {
  if (tier === undefined || tier === 'auto') return undefined
  const word = tier === 'standard_only' || tier === 'standard' ? 'default' : tier
  if (TIERS.has(word)) return { type: word }
  notes.warnings.push(`The service tier ${tier} is not known to this provider.`)
  return undefined
}
