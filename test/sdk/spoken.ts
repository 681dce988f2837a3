// One answer in the words of every wire: written by hand, from the vendors' documentation, without the code under test.
import type { JsonObject } from '../../src/core/json.ts'

/** What a fake provider says. */
export type Spoken =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string; readonly input: JsonObject }

export const INPUT_TOKENS = 21
export const OUTPUT_TOKENS = 9
export const CALL_ID = 'call_of_the_wire_1'

export type Format = {
  whole(said: Spoken): JsonObject
  /** Data of the events of a stream, in order. */
  stream(said: Spoken): readonly string[]
  /** The body of an error about the request. */
  readonly error: (message: string) => JsonObject
}

const lines = (events: readonly JsonObject[]): readonly string[] => events.map((event) => JSON.stringify(event))
/** A text, or the JSON of a call's input, in the pieces in which it is streamed. */
const piecesOf = (text: string): readonly string[] => text.match(/.{1,7}/gsu) ?? []

const CHAT_USAGE = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
}

export const openaiChat: Format = {
  whole(said) {
    const message =
      said.type === 'text'
        ? { role: 'assistant', content: said.text, refusal: null }
        : { role: 'assistant', content: null, tool_calls: [chatCall(said)] }
    const finish = said.type === 'text' ? 'stop' : 'tool_calls'
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }]
    return { ...chatHead('chat.completion'), choices, usage: CHAT_USAGE }
  },
  stream(said) {
    const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
      ...chatHead('chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    })
    const body =
      said.type === 'text'
        ? piecesOf(said.text).map((content) => chunk({ content }))
        : [
            chunk({ tool_calls: [{ ...chatCall(said), index: 0, function: { name: said.name, arguments: '' } }] }),
            ...piecesOf(JSON.stringify(said.input)).map((json) =>
              chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] }),
            ),
          ]
    const usage = { ...chatHead('chat.completion.chunk'), choices: [], usage: CHAT_USAGE }
    const end = chunk({}, said.type === 'text' ? 'stop' : 'tool_calls')
    return [...lines([chunk({ role: 'assistant', content: '' }), ...body, end, usage]), '[DONE]']
  },
  error: (message) => ({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
}

function chatHead(object: string): JsonObject {
  return { id: 'chatcmpl-1', object, created: 1_700_000_000, model: 'm' }
}

function chatCall({ name, input }: Extract<Spoken, { type: 'call' }>): JsonObject {
  return { id: CALL_ID, type: 'function', function: { name, arguments: JSON.stringify(input) } }
}

export const openaiResponses: Format = {
  whole: (said) => responseOf('completed', [itemOf(said)]),
  stream(said) {
    const item = itemOf(said)
    const place = { output_index: 0, item_id: item['id'] ?? '', content_index: 0 }
    const body =
      said.type === 'text'
        ? [
            { type: 'response.content_part.added', ...place, part: { type: 'output_text', text: '', annotations: [] } },
            ...piecesOf(said.text).map((delta) => ({ type: 'response.output_text.delta', ...place, delta })),
            { type: 'response.output_text.done', ...place, text: said.text },
          ]
        : [
            ...piecesOf(JSON.stringify(said.input)).map((delta) => ({
              type: 'response.function_call_arguments.delta',
              ...place,
              delta,
            })),
            { type: 'response.function_call_arguments.done', ...place, arguments: JSON.stringify(said.input) },
          ]
    const begun = said.type === 'text' ? { ...item, content: [] } : { ...item, arguments: '' }
    const events: JsonObject[] = [
      { type: 'response.created', response: responseOf('in_progress', []) },
      { type: 'response.output_item.added', output_index: 0, item: begun },
      ...body,
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: responseOf('completed', [item]) },
    ]
    return lines(events.map((event, sequence) => ({ ...event, sequence_number: sequence })))
  },
  error: openaiChat.error,
}

function responseOf(status: string, output: readonly JsonObject[]): JsonObject {
  const usage = {
    input_tokens: INPUT_TOKENS,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: OUTPUT_TOKENS,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
  }
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: 'm',
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: status === 'completed' ? usage : null,
  }
}

function itemOf(said: Spoken): JsonObject {
  if (said.type === 'call')
    return {
      id: 'fc_1',
      type: 'function_call',
      status: 'completed',
      call_id: CALL_ID,
      name: said.name,
      arguments: JSON.stringify(said.input),
    }
  const content = [{ type: 'output_text', text: said.text, annotations: [], logprobs: [] }]
  return { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content }
}

export const anthropic: Format = {
  whole: (said) => ({
    ...messageHead(),
    content: [
      said.type === 'text'
        ? { type: 'text', text: said.text }
        : { type: 'tool_use', id: CALL_ID, name: said.name, input: said.input },
    ],
    stop_reason: said.type === 'text' ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS },
  }),
  stream(said) {
    const usage = { input_tokens: INPUT_TOKENS, output_tokens: 1 }
    const block =
      said.type === 'text' ? { type: 'text', text: '' } : { type: 'tool_use', id: CALL_ID, name: said.name, input: {} }
    const deltas =
      said.type === 'text'
        ? piecesOf(said.text).map((text) => ({ type: 'text_delta', text }))
        : piecesOf(JSON.stringify(said.input)).map((json) => ({ type: 'input_json_delta', partial_json: json }))
    const stop = { stop_reason: said.type === 'text' ? 'end_turn' : 'tool_use', stop_sequence: null }
    return lines([
      {
        type: 'message_start',
        message: { ...messageHead(), content: [], stop_reason: null, stop_sequence: null, usage },
      },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'ping' },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index: 0, delta })),
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: stop, usage: { output_tokens: OUTPUT_TOKENS } },
      { type: 'message_stop' },
    ])
  },
  error: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
}

function messageHead(): JsonObject {
  return { id: 'msg_1', type: 'message', role: 'assistant', model: 'm' }
}

export const gemini: Format = {
  whole: (said) => geminiChunk([partOf(said)], true),
  stream: (said) =>
    lines([
      ...(said.type === 'text'
        ? piecesOf(said.text).map((text) => geminiChunk([{ text }], false))
        : [geminiChunk([partOf(said)], false)]),
      geminiChunk([{ text: '' }], true),
    ]),
  error: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
}

function partOf(said: Spoken): JsonObject {
  return said.type === 'text' ? { text: said.text } : { functionCall: { name: said.name, args: said.input } }
}

function geminiChunk(parts: readonly JsonObject[], isLast: boolean): JsonObject {
  return {
    candidates: [{ content: { role: 'model', parts }, index: 0, ...(isLast ? { finishReason: 'STOP' } : {}) }],
    usageMetadata: {
      promptTokenCount: INPUT_TOKENS,
      candidatesTokenCount: OUTPUT_TOKENS,
      totalTokenCount: INPUT_TOKENS + OUTPUT_TOKENS,
    },
    modelVersion: 'm',
    responseId: 'response-1',
  }
}

const CONVERSE_USAGE = {
  inputTokens: INPUT_TOKENS,
  outputTokens: OUTPUT_TOKENS,
  totalTokens: INPUT_TOKENS + OUTPUT_TOKENS,
}

export const bedrock: Format = {
  whole(said) {
    const block =
      said.type === 'text'
        ? { text: said.text }
        : { toolUse: { toolUseId: CALL_ID, name: said.name, input: said.input } }
    return {
      output: { message: { role: 'assistant', content: [block] } },
      stopReason: said.type === 'text' ? 'end_turn' : 'tool_use',
      usage: CONVERSE_USAGE,
      metrics: { latencyMs: 5 },
    }
  },
  stream(said) {
    const start =
      said.type === 'text'
        ? []
        : [{ contentBlockStart: { contentBlockIndex: 0, start: { toolUse: { toolUseId: CALL_ID, name: said.name } } } }]
    const deltas =
      said.type === 'text'
        ? piecesOf(said.text).map((text) => ({ text }))
        : piecesOf(JSON.stringify(said.input)).map((input) => ({ toolUse: { input } }))
    return lines([
      { messageStart: { role: 'assistant' } },
      ...start,
      ...deltas.map((delta) => ({ contentBlockDelta: { contentBlockIndex: 0, delta } })),
      { contentBlockStop: { contentBlockIndex: 0 } },
      { messageStop: { stopReason: said.type === 'text' ? 'end_turn' : 'tool_use' } },
      { metadata: { usage: CONVERSE_USAGE, metrics: { latencyMs: 5 } } },
    ])
  },
  error: (message) => ({ message }),
}

/** Anthropic's events, each in base64 in a `chunk` of AWS's event stream. */
export const bedrockInvoke: Format = {
  ...anthropic,
  stream: (said) =>
    lines(anthropic.stream(said).map((event) => ({ chunk: { bytes: Buffer.from(event).toString('base64') } }))),
  error: bedrock.error,
}

const COHERE_USAGE = {
  billed_units: { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS },
  tokens: { input_tokens: 500, output_tokens: 12 },
}

export const cohere: Format = {
  whole(said) {
    const message =
      said.type === 'text'
        ? { role: 'assistant', content: [{ type: 'text', text: said.text }] }
        : { role: 'assistant', tool_plan: '', tool_calls: [chatCall(said)] }
    return { id: 'c1', message, finish_reason: said.type === 'text' ? 'COMPLETE' : 'TOOL_CALL', usage: COHERE_USAGE }
  },
  stream(said) {
    const event = (type: string, message: JsonObject, more: JsonObject = { index: 0 }): JsonObject => ({
      type,
      ...more,
      delta: { message },
    })
    const body =
      said.type === 'text'
        ? [
            event('content-start', { content: { type: 'text', text: '' } }),
            ...piecesOf(said.text).map((text) => event('content-delta', { content: { text } })),
            { type: 'content-end', index: 0 },
          ]
        : [
            event('tool-call-start', {
              tool_calls: { ...chatCall(said), function: { name: said.name, arguments: '' } },
            }),
            ...piecesOf(JSON.stringify(said.input)).map((json) =>
              event('tool-call-delta', { tool_calls: { function: { arguments: json } } }),
            ),
            { type: 'tool-call-end', index: 0 },
          ]
    const finish = said.type === 'text' ? 'COMPLETE' : 'TOOL_CALL'
    return lines([
      event('message-start', { role: 'assistant', content: [], tool_plan: '', tool_calls: [] }, { id: 'c1' }),
      ...body,
      { type: 'message-end', delta: { finish_reason: finish, usage: COHERE_USAGE } },
    ])
  },
  error: (message) => ({ id: 'c1', message }),
}

export const ollama: Format = {
  whole: (said) => ollamaLine(ollamaMessage(said), true),
  stream: (said) =>
    lines([
      ...(said.type === 'text'
        ? piecesOf(said.text).map((content) => ollamaLine({ content }, false))
        : [ollamaLine(ollamaMessage(said), false)]),
      ollamaLine({ content: '' }, true),
    ]),
  error: (message) => ({ error: message }),
}

function ollamaMessage(said: Spoken): JsonObject {
  return said.type === 'text'
    ? { content: said.text }
    : { content: '', tool_calls: [{ function: { name: said.name, arguments: said.input } }] }
}

function ollamaLine(message: JsonObject, isLast: boolean): JsonObject {
  const end = { done_reason: 'stop', prompt_eval_count: INPUT_TOKENS, eval_count: OUTPUT_TOKENS, total_duration: 5 }
  const head = { model: 'm', created_at: '2025-07-07T20:22:19.184789123Z' }
  return { ...head, message: { role: 'assistant', ...message }, done: isLast, ...(isLast ? end : {}) }
}
