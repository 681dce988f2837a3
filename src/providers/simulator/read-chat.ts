// POST …/chat/completions: the body as the simulator needs it, or the 400 that OpenAI would answer.
import {
  checkSampling,
  isObject,
  type JsonObject,
  missing,
  readArray,
  readBoolean,
  readEnum,
  readInteger,
  readModel,
  readObject,
  readStop,
  readStream,
  readString,
  wrongType,
  wrongValue,
} from './check.ts'
import { countTokens } from './tokens.ts'
import { invalid } from './wire-error.ts'

export type Tool = { readonly name: string; readonly parameters: JsonObject | null }

export type AnswerFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly name: string; readonly schema: unknown }

export type ChatRequest = {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly n: number
  /** Null: as long as the model likes. */
  readonly maxTokens: number | null
  readonly stop: readonly string[]
  readonly promptTokens: number
  /** Text of the last user message. */
  readonly question: string
  /** Tools that may be called now; empty when the answer is to be text. */
  readonly tools: readonly Tool[]
  readonly format: AnswerFormat
  readonly reasoningEffort: ReasoningEffort
}

const ROLES = ['system', 'assistant', 'user', 'function', 'tool', 'developer'] as const
const PARTS = ['text', 'image_url', 'input_audio', 'refusal', 'audio', 'file'] as const
const FORMATS = ['json_object', 'json_schema', 'text'] as const
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const
export type ReasoningEffort = (typeof EFFORTS)[number]

// What a part that is no text counts, whatever its size: the simulator looks at none of them.
const MEDIA_TOKENS = 85

type Message = {
  readonly role: (typeof ROLES)[number]
  readonly text: string
  readonly media: number
  readonly callIds: readonly string[]
  readonly answersCall: string | null
}

/** Throws a `WireError` for what OpenAI refuses. */
export function readChat(body: JsonObject): ChatRequest {
  const model = readModel(body)
  const written = readArray(body, 'messages', 'objects', Number.MAX_SAFE_INTEGER)
  if (written === null) throw missing('messages')
  const messages = written.map(readMessage)
  checkToolTurns(messages)
  checkSampling(body)
  readBoolean(body, 'logprobs')
  const maxTokens = readInteger(body, 'max_tokens', { min: 1 })
  const maxCompletionTokens = readInteger(body, 'max_completion_tokens', { min: 1 })
  if (maxTokens !== null && maxCompletionTokens !== null)
    throw invalid(
      'max_tokens',
      null,
      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    )
  const tools = readTools(body)
  const text = messages.map((message) => message.text).join('')
  const definitions = tools.length === 0 ? '' : JSON.stringify(body['tools'])
  return {
    model,
    ...readStream(body),
    n: readInteger(body, 'n', { min: 1, max: 128 }) ?? 1,
    maxTokens: maxTokens ?? maxCompletionTokens,
    stop: readStop(body),
    promptTokens:
      countTokens(text + definitions) + MEDIA_TOKENS * messages.reduce((sum, message) => sum + message.media, 0),
    question: messages.findLast((message) => message.role === 'user')?.text ?? '',
    tools: callableTools(body, tools, messages.at(-1)?.role),
    format: readFormat(body),
    reasoningEffort: readEnum(body, 'reasoning_effort', EFFORTS) ?? 'medium',
  }
}

function readMessage(value: unknown, index: number): Message {
  const path = `messages[${index}]`
  if (!isObject(value)) throw wrongType(path, 'an object', value)
  const role = readEnum(value, 'role', ROLES, `${path}.role`)
  if (role === null) throw missing(`${path}.role`)
  const calls = readArray(value, 'tool_calls', 'objects', 128, `${path}.tool_calls`)
  const callIds = (calls ?? []).map((call, position) => {
    const at = `${path}.tool_calls[${position}]`
    if (!isObject(call)) throw wrongType(at, 'an object', call)
    const id = readString(call, 'id', `${at}.id`)
    if (id === null) throw missing(`${at}.id`)
    return id
  })
  const answersCall = readString(value, 'tool_call_id', `${path}.tool_call_id`)
  if (role === 'tool' && answersCall === null) throw missing(`${path}.tool_call_id`)
  const content = readContent(value['content'] ?? null, `${path}.content`)
  if (content === null && role !== 'assistant' && role !== 'function') throw missing(`${path}.content`)
  if (content === null && role === 'assistant' && calls === null && !isObject(value['function_call']))
    throw wrongType(`${path}.content`, 'one of a string or array of objects', null)
  const callText = calls === null ? '' : JSON.stringify(calls)
  return { role, text: (content?.text ?? '') + callText, media: content?.media ?? 0, callIds, answersCall }
}

function readContent(value: unknown, path: string): { text: string; media: number } | null {
  if (value === null) return null
  if (typeof value === 'string') return { text: value, media: 0 }
  if (!Array.isArray(value)) throw wrongType(path, 'one of a string or array of objects', value)
  let text = ''
  let media = 0
  value.forEach((part: unknown, index) => {
    const at = `${path}[${index}]`
    if (!isObject(part)) throw wrongType(at, 'an object', part)
    const type = readEnum(part, 'type', PARTS, `${at}.type`)
    if (type === null) throw missing(`${at}.type`)
    if (type !== 'text' && type !== 'refusal') {
      media++
      return
    }
    const piece = readString(part, type, `${at}.${type}`)
    if (piece === null) throw missing(`${at}.${type}`)
    text += piece
  })
  return { text, media }
}

// Each tool call of an assistant is answered before anybody else speaks, and nothing else is answered.
function checkToolTurns(messages: readonly Message[]): void {
  const open = new Set<string>()
  const demandAnswers = () => {
    if (open.size === 0) return
    throw invalid(
      'messages',
      null,
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
    )
  }
  let afterCalls = false
  messages.forEach((message, index) => {
    if (message.role === 'tool') {
      if (!afterCalls)
        throw invalid(
          `messages.[${index}].role`,
          null,
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        )
      open.delete(message.answersCall ?? '')
      return
    }
    demandAnswers()
    for (const id of message.callIds) open.add(id)
    afterCalls = message.callIds.length > 0
  })
  demandAnswers()
}

function readTools(body: JsonObject): readonly Tool[] {
  // Agents send an empty list when they have no tools; OpenAI refuses it, so does this.
  const tools = readArray(body, 'tools', 'objects', 128) ?? []
  return tools.map((tool, index) => {
    const path = `tools[${index}]`
    if (!isObject(tool)) throw wrongType(path, 'an object', tool)
    const type = readString(tool, 'type', `${path}.type`)
    if (type === null) throw missing(`${path}.type`)
    if (type !== 'function') throw wrongValue(`${path}.type`, type, ['function'])
    const definition = readObject(tool, 'function', `${path}.function`)
    if (definition === null) throw missing(`${path}.function`)
    const name = readString(definition, 'name', `${path}.function.name`)
    if (name === null) throw missing(`${path}.function.name`)
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name))
      throw invalid(
        `${path}.function.name`,
        'invalid_value',
        `Invalid '${path}.function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$' of at most 64 characters.`,
      )
    const parameters = readObject(definition, 'parameters', `${path}.function.parameters`)
    const schemaType = parameters?.['type']
    if (parameters !== null && schemaType !== 'object' && Object.keys(parameters).length > 0)
      throw invalid(
        `${path}.function.parameters`,
        'invalid_function_parameters',
        `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: "${String(schemaType)}"'.`,
      )
    return { name, parameters }
  })
}

// By itself the simulator calls a tool when it is asked something new, and talks once it has the tool's result.
function callableTools(body: JsonObject, tools: readonly Tool[], lastRole: string | undefined): readonly Tool[] {
  const choice = body['tool_choice'] ?? null
  if (choice === null) return lastRole === 'user' ? tools : []
  if (tools.length === 0)
    throw invalid(
      'tool_choice',
      null,
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    )
  if (isObject(choice)) {
    const named = readObject(choice, 'function', 'tool_choice.function')
    const name = named === null ? null : readString(named, 'name', 'tool_choice.function.name')
    if (name === null) throw missing('tool_choice.function.name')
    const tool = tools.find((candidate) => candidate.name === name)
    if (tool === undefined)
      throw invalid(
        'tool_choice',
        null,
        `Invalid value for 'tool_choice': no function named '${name}' was specified in the 'tools' parameter.`,
      )
    return [tool]
  }
  switch (readEnum(body, 'tool_choice', ['none', 'auto', 'required'])) {
    case 'required':
      return tools
    case 'auto':
      return lastRole === 'user' ? tools : []
    case 'none':
    case null:
      return []
  }
}

function readFormat(body: JsonObject): AnswerFormat {
  const format = readObject(body, 'response_format')
  if (format === null) return { type: 'text' }
  const type = readEnum(format, 'type', FORMATS, 'response_format.type')
  if (type === null) throw missing('response_format.type')
  if (type !== 'json_schema') return { type }
  const definition = readObject(format, 'json_schema', 'response_format.json_schema')
  if (definition === null) throw missing('response_format.json_schema')
  const name = readString(definition, 'name', 'response_format.json_schema.name')
  if (name === null) throw missing('response_format.json_schema.name')
  const schema = definition['schema'] ?? true
  if (schema !== true && !isObject(schema)) throw wrongType('response_format.json_schema.schema', 'an object', schema)
  return { type, name, schema }
}
