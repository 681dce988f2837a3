// Readers of streams against events that no provider should send: whatever comes, nothing is thrown, and what is said is
// in order.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatAssembler } from '../core/chat-assembler.ts'
import { bedrockChatCodec } from './bedrock/chat-codec.ts'
import { bedrockInvokeCodec } from './bedrock/invoke-codec.ts'
import type { ChatCodec, Reading } from './chat-codec.ts'
import { cohereChatCodec } from './cohere/chat-codec.ts'
import { customWire } from './custom/wire.ts'
import { interactionsCodec } from './gemini/interactions-codec.ts'
import { ollamaChatCodec } from './ollama/chat-codec.ts'
import { openaiChatCodec } from './openai/chat-codec.ts'

const index = fc.constantFrom<unknown>(0, 1, 2, -1, 1.5, null, '1')
const text = fc.constantFrom<unknown>('a', '', 'é', null, 7, {}, ['x'], '{"input":"x"}', '{')
const name = fc.constantFrom('c', 'j', 'f')
/** Of any object some members, each with a value of its kind or with none at all. */
function some(members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: fc.record(members, { requiredKeys: [] }) }, { weight: 1, arbitrary: text })
}

const toolUse = some({ toolUseId: text, name, type: fc.constant('server_tool_use'), input: text })
const bedrock = fc.tuple(
  fc.constantFrom(
    'messageStart',
    'contentBlockStart',
    'contentBlockDelta',
    'contentBlockStop',
    'messageStop',
    'metadata',
    'x',
  ),
  some({
    contentBlockIndex: index,
    start: some({ toolUse, image: text }),
    delta: some({
      text,
      toolUse,
      reasoningContent: some({ text, signature: text, redactedContent: text }),
      citation: some({ title: text, location: some({ web: some({ url: text }) }), sourceContent: text }),
    }),
    stopReason: text,
    usage: some({ inputTokens: index, cacheDetails: fc.array(some({ ttl: fc.constant('1h'), inputTokens: index })) }),
    additionalModelResponseFields: some({ delta: some({ stop_sequence: text }) }),
  }),
)
const called = some({ name, arguments: fc.oneof(text, fc.constant({ input: 'x' })) })
const calls = some({ id: text, function: called })
const cohere = some({
  type: fc.constantFrom(
    'message-start',
    'tool-plan-delta',
    'content-start',
    'content-delta',
    'content-end',
    'tool-call-start',
    'tool-call-delta',
    'tool-call-end',
    'citation-start',
    'message-end',
    'x',
  ),
  id: text,
  index,
  delta: some({
    message: some({
      tool_plan: text,
      content: some({ type: fc.constantFrom('text', 'thinking', 'x'), text, thinking: text }),
      tool_calls: calls,
      citations: some({ start: index, content_index: index, sources: fc.array(some({ document: text })) }),
    }),
    finish_reason: text,
    usage: some({ billed_units: some({ input_tokens: index }) }),
    error: fc.constantFrom(null, '', {}),
  }),
}).map((event) => ['', event] as const)
const ollama = some({
  model: text,
  created_at: text,
  message: some({ content: text, thinking: text, tool_calls: fc.array(calls, { maxLength: 2 }) }),
  done: fc.constantFrom(true, false, false, false, 'yes'),
  done_reason: text,
  eval_count: index,
  logprobs: fc.array(some({ token: text, top_logprobs: fc.array(text) }), { maxLength: 1 }),
}).map((line) => ['', line] as const)
const content = some({
  type: fc.constantFrom('text', 'image', 'audio', 'thought_summary', 'x'),
  text,
  data: text,
  mime_type: text,
  signature: text,
  arguments: fc.oneof(text, fc.constant({ input: 'x' })),
  annotations: fc.array(some({ url: text, start_index: index, end_index: index }), { maxLength: 1 }),
  content: some({ text }),
})
const interactions = some({
  event_type: fc.constantFrom(
    'interaction.created',
    'step.start',
    'step.start',
    'step.delta',
    'step.delta',
    'step.stop',
    'interaction.completed',
    'error',
    'x',
  ),
  index,
  step: some({
    type: fc.constantFrom('thought', 'model_output', 'function_call', 'google_search_call', 'x'),
    id: text,
    name,
    arguments: fc.oneof(text, fc.constant({ queries: ['q'] })),
    content: fc.array(content, { maxLength: 2 }),
    summary: fc.array(content, { maxLength: 1 }),
    signature: text,
  }),
  delta: content,
  interaction: some({
    status: fc.constantFrom('completed', 'requires_action', 'incomplete', 'failed', 'x'),
    model: text,
    usage: some({ total_input_tokens: index, input_tokens_by_modality: fc.array(some({ modality: text })) }),
  }),
}).map((event) => ['', event] as const)
const spoken = some({
  id: text,
  choices: fc.array(
    some({
      index: fc.constantFrom(0, 1),
      delta: some({
        content: fc.oneof(text, fc.array(some({ type: fc.constantFrom('text', 'thinking'), text, thinking: text }))),
        reasoning: text,
        reasoning_details: fc.array(some({ type: fc.constantFrom('reasoning.text', 'x'), text, signature: text }), {
          maxLength: 1,
        }),
        refusal: text,
        images: fc.array(
          some({ image_url: some({ url: fc.constantFrom('https://u', 'data:image/png;base64,AA==') }) }),
        ),
        audio: some({ id: text, data: fc.constantFrom('AA==', 'AAAA'), transcript: text }),
        tool_calls: fc.array(some({ index, id: text, function: called }), { maxLength: 2 }),
      }),
      finish_reason: text,
      logprobs: some({ content: fc.array(some({ token: text })) }),
    }),
    { maxLength: 2 },
  ),
  usage: some({ prompt_tokens: index, completion_tokens: index }),
}).map((event) => ['', event] as const)
const chunk = some({
  bytes: fc.oneof(
    text,
    fc.json().map((json) => Buffer.from(json).toString('base64')),
  ),
}).map((event) => ['chunk', event] as const)

const own = some({
  t: text,
  thought: text,
  why: text,
  e: fc.constantFrom(null, '', 0, 'no'),
  u: some({ i: index, o: index }),
  last: text,
}).map((event) => ['', event] as const)
const usage = { input: '/u/i', output: '/u/o' }
const READING: Reading = {
  customTools: new Set(['c']),
  jsonTool: 'j',
  custom: {
    method: 'POST',
    path: '/',
    headers: {},
    body: {},
    messages: { roleField: 'r', contentField: 'c', roles: { system: 's', user: 'u', assistant: 'a' } },
    answer: { text: '/t' },
    finishWords: {},
    stream: {
      framing: 'sse',
      text: '/t',
      reasoning: '/thought',
      textIs: 'whole',
      finish: '/why',
      error: '/e',
      end: '/last',
      usage,
    },
  },
}

for (const [title, codec, event] of [
  ['Bedrock', bedrockChatCodec, bedrock],
  ['InvokeModel', bedrockInvokeCodec, chunk],
  ['Cohere', cohereChatCodec, cohere],
  ['Ollama', ollamaChatCodec, ollama],
  ['Interactions', interactionsCodec, interactions],
  ['OpenAI chat', openaiChatCodec, spoken],
  ['a custom provider', customWire.chat?.codec ?? ollamaChatCodec, own],
] as const satisfies readonly (readonly [string, ChatCodec, fc.Arbitrary<readonly [string, unknown]>])[])
  test(`no event of ${title}, however odd, throws or breaks the order`, () => {
    let sound = 0
    fc.assert(
      fc.property(fc.array(event as fc.Arbitrary<readonly [string, unknown]>, { maxLength: 12 }), (events) => {
        const reader = codec.streamReader(READING)
        const assembler = new ChatAssembler()
        for (const [type, payload] of events)
          for (const one of reader.read(type, JSON.stringify(payload))) assembler.push(one)
        for (const one of reader.end()) assembler.push(one)
        expect(assembler.isComplete || assembler.error !== null).toBe(true)
        if (assembler.isComplete) sound++
      }),
      { numRuns: 1_000 },
    )
    // The generator is worth something only if some of its streams come to their end.
    if (title !== 'InvokeModel') expect(sound).toBeGreaterThan(20)
  })
