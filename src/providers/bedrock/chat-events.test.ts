import { expect, test } from 'bun:test'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { Call } from '../../core/call.ts'
import { scanJson } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ChatCodec, Reading } from '../chat-codec.ts'
import { bedrockChatCodec } from './chat-codec.ts'
import { bedrockInvokeCodec, invokeBody } from './invoke-codec.ts'
import { usageOfBedrock } from './usage.ts'

type Event = readonly [type: string, payload: JsonObject]

function assembled(events: readonly Event[], reading?: Reading, codec: ChatCodec = bedrockChatCodec): ChatAssembler {
  const reader = codec.streamReader(reading)
  const assembler = new ChatAssembler()
  for (const [type, payload] of events)
    for (const one of reader.read(type, JSON.stringify(payload))) assembler.push(one)
  for (const one of reader.end()) assembler.push(one)
  return assembler
}

const delta = (contentBlockIndex: number, delta: JsonObject): Event => [
  'contentBlockDelta',
  { contentBlockIndex, delta },
]
const start = (contentBlockIndex: number, start: JsonObject): Event => [
  'contentBlockStart',
  { contentBlockIndex, start },
]
const stop = (contentBlockIndex: number): Event => ['contentBlockStop', { contentBlockIndex }]
const end = (stopReason: string): Event => ['messageStop', { stopReason }]
const META: Event = ['metadata', { usage: { inputTokens: 3, outputTokens: 4 }, metrics: { latencyMs: 1 }, p: 'abc' }]
const READING: Reading = { customTools: new Set(['c']), jsonTool: 'j', thoughts: 'anthropic-messages' }

test('a stream with thoughts, citations, tools of all kinds, padding and its tier is read whole', () => {
  const answer = assembled(
    [
      ['messageStart', { role: 'assistant', p: 'abcdef' }],
      delta(0, { reasoningContent: { text: 'hm' } }),
      delta(0, { reasoningContent: { signature: 'sig' } }),
      stop(0),
      delta(1, { reasoningContent: { redactedContent: 'ZGFyaw==' } }),
      stop(1),
      delta(2, { text: 'It is' }),
      delta(2, {
        citation: { title: 't', location: { web: { url: 'https://x.test' } }, sourceContent: [{ text: 'q' }] },
      }),
      start(3, { toolUse: { toolUseId: 'a', name: 'c' } }),
      delta(3, { toolUse: { input: '{"inp' } }),
      delta(3, { toolUse: { input: 'ut":"ls"}' } }),
      stop(3),
      start(4, { toolUse: { toolUseId: 'b', name: 'f' } }),
      stop(4),
      start(5, { toolUse: { toolUseId: 'h', name: 'grounding', type: 'server_tool_use' } }),
      delta(5, { toolUse: { input: '{"q":1}' } }),
      stop(5),
      start(6, { toolResult: { toolUseId: 'h' } }),
      delta(6, { toolResult: [{ text: 'r' }] }),
      stop(6),
      ['messageStop', { stopReason: 'tool_use', additionalModelResponseFields: { x: 1 } }],
      ['metadata', { ...META[1], serviceTier: { type: 'flex' } }],
      delta(0, { text: 'late' }),
    ],
    READING,
  ).answer()
  expect(answer.choices[0]?.parts).toMatchObject([
    { type: 'reasoning', text: 'hm', signature: 'sig', family: 'anthropic-messages' },
    { type: 'reasoning', encrypted: 'ZGFyaw==', family: 'anthropic-messages' },
    { type: 'text', text: 'It is', citations: [{ url: 'https://x.test', title: 't', citedText: 'q' }] },
    { type: 'tool_call', kind: 'custom', name: 'c', arguments: 'ls' },
    { type: 'tool_call', kind: 'function', name: 'f', arguments: '{}' },
    { type: 'hosted_call', id: 'h', arguments: '{"q":1}', value: { type: 'server_tool_use' } },
    { type: 'opaque', family: 'bedrock-converse', value: { toolResult: [{ text: 'r' }] } },
  ])
  expect(answer).toMatchObject({
    serviceTier: 'flex',
    usage: { input: 3, output: 4, requests: 1 },
    raw: { 'bedrock-converse': { metrics: { latencyMs: 1 }, additionalModelResponseFields: { x: 1 } } },
  })
  expect(answer.raw?.['bedrock-converse']).not.toHaveProperty('p')
})

test('the tool that stands for a schema comes back as the text of the answer', () => {
  const events = [start(0, { toolUse: { toolUseId: 'a', name: 'j' } }), delta(0, { toolUse: { input: '{"a":1}' } })]
  const streamed = assembled([...events, stop(0), end('tool_use'), META], READING).answer().choices[0]
  const whole = bedrockChatCodec.readAnswer(
    {
      output: { message: { content: [{ toolUse: { toolUseId: 'a', name: 'j', input: { a: 1 } } }] } },
      stopReason: 'tool_use',
    },
    READING,
  ).choices[0]
  for (const choice of [streamed, whole])
    expect(choice).toMatchObject({ parts: [{ type: 'text', text: '{"a":1}' }], finish: { unified: 'stop' } })
})

for (const [word, unified] of [
  ['end_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['guardrail_intervened', 'content_filter'],
  ['content_filtered', 'content_filter'],
  ['malformed_tool_use', 'error'],
  ['something_new', 'other'],
] as const)
  test(`the end ${word} is ${unified}, whole and streamed`, () => {
    const body = { output: { message: { content: [{ text: 'a' }] } }, stopReason: word }
    expect(bedrockChatCodec.readAnswer(body).choices[0]?.finish).toEqual({ unified, raw: word })
    const events = [delta(0, { text: 'a' }), stop(0), end(word), META]
    expect(assembled(events).answer().choices[0]?.finish).toEqual({ unified, raw: word })
  })

test('the stop sequence that was hit is told where the model says it', () => {
  const fields = { delta: { stop_sequence: 'END' } }
  const events: Event[] = [
    ['messageStop', { stopReason: 'stop_sequence', additionalModelResponseFields: fields }],
    META,
  ]
  expect(assembled(events).answer().choices[0]?.finish.stopSequence).toBe('END')
  const body = {
    output: { message: { content: [] } },
    stopReason: 'stop_sequence',
    additionalModelResponseFields: { stop_sequence: 'END' },
  }
  expect(bedrockChatCodec.readAnswer(body).choices[0]?.finish.stopSequence).toBe('END')
})

test('an exception inside the stream ends it with its message and name', () => {
  const reader = bedrockChatCodec.streamReader()
  reader.read('contentBlockDelta', JSON.stringify(delta(0, { text: 'a' })[1]))
  expect(reader.read('exception:modelStreamErrorException', '{"message":"lost"}')).toEqual([
    { type: 'error', message: 'lost', code: 'modelStreamErrorException' },
  ])
  expect(reader.read('messageStop', '{"stopReason":"end_turn"}')).toEqual([])
  expect(reader.end()).toEqual([])
  expect(bedrockChatCodec.streamReader().read('exception:throttlingException', '')).toEqual([
    { type: 'error', message: 'throttlingException', code: 'throttlingException' },
  ])
})

test('a stream that ends too soon is broken, one that only lacks its usage is sound', () => {
  expect(assembled([delta(0, { text: 'a' })]).error).toMatch(/terminal event/)
  expect(assembled([delta(0, { text: 'a' }), end('end_turn')])).toMatchObject({ isComplete: true })
})

test('events that are no JSON break the stream, unless nobody knows them', () => {
  const reader = bedrockChatCodec.streamReader()
  expect(reader.read('futureEvent', 'x')).toEqual([])
  expect(reader.read('contentBlockDelta', '[')).toMatchObject([{ type: 'error' }])
})

test('deltas that do not fit their block are left out', () => {
  const events = [
    delta(0, { text: 'a' }),
    delta(0, { reasoningContent: { signature: 's' } }),
    delta(0, { image: { source: {} } }),
    start(1, {}),
    delta(2, { toolUse: { input: '{}' } }),
    end('end_turn'),
    META,
  ]
  expect(assembled(events).answer().choices[0]?.parts).toEqual([{ type: 'text', text: 'a' }])
})

test('a whole answer with citations and blocks that nobody knows', () => {
  const content = [
    { citationsContent: { content: [{ text: 'It is' }], citations: [{ title: 't', location: { documentPage: {} } }] } },
    { future: { x: 1 } },
    { reasoningContent: { redactedContent: 'ZGFyaw==' } },
  ]
  const { choices } = bedrockChatCodec.readAnswer({ output: { message: { content } }, stopReason: 'end_turn' })
  expect(choices[0]?.parts).toMatchObject([
    { type: 'text', text: 'It is', citations: [{ url: null, title: 't', citedText: null }] },
    { type: 'opaque', value: { future: { x: 1 } } },
    { type: 'reasoning', encrypted: 'ZGFyaw==', family: 'bedrock-converse' },
  ])
})

test.each([
  ['nothing', null],
  ['an error', { message: 'no' }],
  ['no message', { output: {} }],
])('%s is no answer', (_, body) => expect(() => bedrockChatCodec.readAnswer(body)).toThrow(ProblemError))

test('what was read from the cache, or written to it, is beside the input, by its lifetime', () => {
  expect(
    usageOfBedrock({
      inputTokens: 10,
      outputTokens: 5,
      totalTokens: 115,
      cacheReadInputTokens: 60,
      cacheWriteInputTokens: 40,
      cacheDetails: [
        { ttl: '1h', inputTokens: 30 },
        { ttl: '5m', inputTokens: 10 },
      ],
    }),
  ).toMatchObject({ input: 10, cacheRead: 60, cacheWrite5m: 10, cacheWrite1h: 30, output: 5, requests: 1 })
})

const CLAUDE_EVENTS: readonly JsonObject[] = [
  { type: 'message_start', message: { id: 'msg_1', model: 'm', content: [], usage: { input_tokens: 3 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hé' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 3 } },
]
const chunk = (event: JsonObject): Event => [
  'chunk',
  { bytes: Buffer.from(JSON.stringify(event)).toString('base64'), p: 'abc' },
]

test('InvokeModel brings Anthropic’s own events in chunks', () => {
  const answer = assembled([['future', {}], ...CLAUDE_EVENTS.map(chunk)], undefined, bedrockInvokeCodec).answer()
  expect(answer).toMatchObject({
    id: 'msg_1',
    choices: [{ parts: [{ type: 'text', text: 'hé' }], finish: { unified: 'stop' } }],
    usage: { input: 3, output: 2 },
  })
})

test('an exception between the chunks ends the stream', () => {
  const reader = bedrockInvokeCodec.streamReader()
  expect(reader.read('exception:throttlingException', '{"message":"slow down"}')).toEqual([
    { type: 'error', message: 'slow down', code: 'throttlingException' },
  ])
  expect(reader.end()).toEqual([])
  expect(assembled(CLAUDE_EVENTS.slice(0, 3).map(chunk), undefined, bedrockInvokeCodec).error).toMatch(/terminal/)
})

test('a request to InvokeModel is Anthropic’s, with the version in it and the model outside', () => {
  const image = { type: 'image', source: { type: 'url', url: 'https://x.test/a.png', mediaType: null } } as const
  const context = { model: 'anthropic.claude-sonnet-4-5-20250929-v1:0', stream: true, quirks: {}, maxOutputTokens: 9 }
  const written = bedrockInvokeCodec.writeRequest(
    {
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'a' }] }],
      tools: [],
      sampling: {},
      serviceTier: 'default',
    },
    context,
  )
  expect(written).toMatchObject({
    body: {
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 9,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }] }],
    },
    headers: { 'x-amzn-bedrock-service-tier': 'default' },
    refusals: [],
  })
  expect(Object.keys(written.body)).toEqual(['anthropic_version', 'max_tokens', 'messages'])
  const result = { type: 'tool_result', toolCallId: 'a', toolName: null, parts: [image], isError: false } as const
  for (const part of [image, result]) {
    const messages = [{ role: 'user' as const, parts: [part] }]
    const { headers, refusals } = bedrockInvokeCodec.writeRequest({ messages, tools: [], sampling: {} }, context)
    expect(refusals).toHaveLength(1)
    expect(headers).toBeUndefined()
  }
})

test('a body of the native lane keeps what it says of its version and its betas', () => {
  const bodyOf = (text: string, headers: Call['headers'] = {}): string => {
    const { members } = scanJson(text, { depth: 9, keys: 99 })
    return invokeBody({ text, members, headers } as unknown as Call, ['weir'])
  }
  expect(bodyOf('{"model":"m","stream":true,"anthropic_version":"v","anthropic_beta":["b"],"x":1,"weir":{}}')).toBe(
    '{"anthropic_version":"v","anthropic_beta":["b"],"x":1}',
  )
  expect(bodyOf('{"x":1}', { 'anthropic-beta': 'a, b' })).toBe(
    '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a","b"],"x":1}',
  )
})
