// One answer in the words of Anthropic, Gemini, Bedrock, Cohere and Ollama: see spoken.ts.
import type { JsonObject } from '../../src/core/json.ts'
import { CALL_ID, chatCall, INPUT_TOKENS, lines, OUTPUT_TOKENS, piecesOf } from './spoken.ts'
import type { Format, Spoken, Thought } from './spoken.ts'

export const anthropic: Format = {
  whole: (said) => ({
    ...messageHead(),
    content: [
      ...thinkingOf(said).map(({ text, proof }) => ({ type: 'thinking', thinking: text, signature: proof })),
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
    const thoughts = thinkingOf(said)
    const index = thoughts.length
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
      ...thoughts.flatMap(({ text, proof }) => [
        { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: text } },
        { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: proof } },
        { type: 'content_block_stop', index: 0 },
      ]),
      { type: 'content_block_start', index, content_block: block },
      { type: 'ping' },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
      { type: 'message_delta', delta: stop, usage: { output_tokens: OUTPUT_TOKENS } },
      { type: 'message_stop' },
    ])
  },
  error: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
}

function thinkingOf(said: Spoken): readonly Thought[] {
  return said.type === 'call' && said.thought !== undefined ? [said.thought] : []
}

function messageHead(): JsonObject {
  return { id: 'msg_1', type: 'message', role: 'assistant', model: 'm' }
}

export const gemini: Format = {
  whole: (said) => geminiChunk(partsOf(said), true),
  stream: (said) =>
    lines([
      ...(said.type === 'text'
        ? piecesOf(said.text).map((text) => geminiChunk([{ text }], false))
        : [geminiChunk(partsOf(said), false)]),
      geminiChunk([{ text: '' }], true),
    ]),
  error: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
}

function partsOf(said: Spoken): readonly JsonObject[] {
  if (said.type === 'text') return [{ text: said.text }]
  const call = { functionCall: { name: said.name, args: said.input } }
  if (said.thought === undefined) return [call]
  return [
    { text: said.thought.text, thought: true },
    { ...call, thoughtSignature: said.thought.proof },
  ]
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

export const interactions: Format = {
  whole: (said) => ({ ...interactionHead(said, stepsOf(said)), usage: INTERACTION_USAGE }),
  stream(said) {
    const steps = stepsOf(said).flatMap((step, index) => [
      { event_type: 'step.start', index, step: begunStep(step) },
      ...deltasOf(step).map((delta) => ({ event_type: 'step.delta', index, delta })),
      { event_type: 'step.stop', index },
    ])
    const { steps: _steps, ...head } = interactionHead(said, [])
    return lines([
      { event_type: 'interaction.created', interaction: { ...head, status: 'in_progress' } },
      ...steps,
      { event_type: 'interaction.completed', interaction: { ...head, usage: INTERACTION_USAGE } },
    ])
  },
  error: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
}

const INTERACTION_USAGE = {
  total_input_tokens: INPUT_TOKENS,
  total_output_tokens: OUTPUT_TOKENS,
  total_thought_tokens: 0,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
}

function interactionHead(said: Spoken, steps: readonly JsonObject[]): JsonObject {
  const status = said.type === 'text' ? 'completed' : 'requires_action'
  return { id: 'v1_1', object: 'interaction', status, created: '2026-05-15T18:52:02Z', model: 'm', steps }
}

function stepsOf(said: Spoken): readonly JsonObject[] {
  if (said.type === 'text') return [{ type: 'model_output', content: [{ type: 'text', text: said.text }] }]
  const thoughts = thinkingOf(said).map(({ text, proof }) => ({
    type: 'thought',
    summary: [{ type: 'text', text }],
    signature: proof,
  }))
  return [...thoughts, { type: 'function_call', id: CALL_ID, name: said.name, arguments: said.input }]
}

function begunStep({ content: _content, summary: _summary, signature: _signature, ...step }: JsonObject): JsonObject {
  return step['arguments'] === undefined ? step : { ...step, arguments: {} }
}

function deltasOf(step: JsonObject): readonly JsonObject[] {
  const [{ text } = { text: '' }] = (step['content'] ?? step['summary'] ?? []) as unknown as { text: string }[]
  switch (step['type']) {
    case 'model_output':
      return piecesOf(text).map((piece) => ({ type: 'text', text: piece }))
    case 'thought':
      return [
        { type: 'thought_summary', content: { type: 'text', text } },
        { type: 'thought_signature', signature: step['signature'] ?? '' },
      ]
    default:
      return piecesOf(JSON.stringify(step['arguments'])).map((json) => ({ type: 'arguments_delta', arguments: json }))
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
    const thoughts = thinkingOf(said).map(({ text, proof }) => ({
      reasoningContent: { reasoningText: { text, signature: proof } },
    }))
    return {
      output: { message: { role: 'assistant', content: [...thoughts, block] } },
      stopReason: said.type === 'text' ? 'end_turn' : 'tool_use',
      usage: CONVERSE_USAGE,
      metrics: { latencyMs: 5 },
    }
  },
  stream(said) {
    const thoughts = thinkingOf(said)
    const contentBlockIndex = thoughts.length
    const start =
      said.type === 'text'
        ? []
        : [{ contentBlockStart: { contentBlockIndex, start: { toolUse: { toolUseId: CALL_ID, name: said.name } } } }]
    const deltas =
      said.type === 'text'
        ? piecesOf(said.text).map((text) => ({ text }))
        : piecesOf(JSON.stringify(said.input)).map((input) => ({ toolUse: { input } }))
    return lines([
      { messageStart: { role: 'assistant' } },
      ...thoughts.flatMap(({ text, proof }) => [
        { contentBlockDelta: { contentBlockIndex: 0, delta: { reasoningContent: { text } } } },
        { contentBlockDelta: { contentBlockIndex: 0, delta: { reasoningContent: { signature: proof } } } },
        { contentBlockStop: { contentBlockIndex: 0 } },
      ]),
      ...start,
      ...deltas.map((delta) => ({ contentBlockDelta: { contentBlockIndex, delta } })),
      { contentBlockStop: { contentBlockIndex } },
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
