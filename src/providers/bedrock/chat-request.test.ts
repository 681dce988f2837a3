import { expect, test } from 'bun:test'
import type { ChatRequest, Part } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import type { WrittenRequest } from '../chat-codec.ts'
import { bedrockChatCodec } from './chat-codec.ts'

const CLAUDE = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0'
const NOVA = 'amazon.nova-pro-v1:0'
const LLAMA = 'meta.llama3-3-70b-instruct-v1:0'
const GPT_OSS = 'openai.gpt-oss-120b-1:0'

function write(request: Partial<ChatRequest>, model = CLAUDE): WrittenRequest {
  const messages = [{ role: 'user' as const, parts: [text('hi')] }]
  return bedrockChatCodec.writeRequest(
    { messages, tools: [], sampling: {}, ...request },
    { model, stream: true, quirks: {}, maxOutputTokens: null },
  )
}

function text(said: string): Part {
  return { type: 'text', text: said }
}

function user(...parts: readonly Part[]): Partial<ChatRequest> {
  return { messages: [{ role: 'user', parts }] }
}

function contentOf(written: WrittenRequest, turn = 0): readonly JsonObject[] {
  return (written.body['messages'] as unknown as { content: JsonObject[] }[])[turn]!.content
}

const inline = (mediaType: string): { type: 'inline'; data: string; mediaType: string } => ({
  type: 'inline',
  data: 'QUJD',
  mediaType,
})
const TOOL = { type: 'function', name: 'weather', description: 'Tells it.', schema: { type: 'object' } } as const
const CALL: Part = { type: 'tool_call', kind: 'function', id: 'a.b', name: 'weather', arguments: '{"city":"Ulm"}' }
const RESULT: Part = { type: 'tool_result', toolCallId: 'a.b', toolName: null, parts: [text('sun')], isError: false }

test('a conversation with tools is written in turns that alternate', () => {
  const { body, warnings, refusals } = write({
    messages: [
      { role: 'system', parts: [{ ...text('be brief'), cache: { ttl: '1h' } }] },
      { role: 'user', parts: [text('weather?')] },
      { role: 'assistant', parts: [text(' '), CALL, { ...CALL, id: 'c2' }] },
      { role: 'tool', parts: [RESULT] },
      { role: 'tool', parts: [{ ...RESULT, toolCallId: 'c2', isError: true, parts: [] }] },
      { role: 'user', parts: [text('and?')] },
      { role: 'assistant', parts: [text('It is ')] },
    ],
    tools: [{ ...TOOL, cache: { ttl: null } }],
    toolChoice: { type: 'required' },
    maxOutputTokens: 100,
    sampling: { temperature: 0.5, stop: ['END'], topK: 5 },
    serviceTier: 'flex',
    metadata: { team: 'a b' },
  })
  expect(body).toEqual({
    system: [{ text: 'be brief' }, { cachePoint: { type: 'default', ttl: '1h' } }],
    messages: [
      { role: 'user', content: [{ text: 'weather?' }] },
      {
        role: 'assistant',
        content: [
          { toolUse: { toolUseId: 'a_x2e_b', name: 'weather', input: { city: 'Ulm' } } },
          { toolUse: { toolUseId: 'c2', name: 'weather', input: { city: 'Ulm' } } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'a_x2e_b', content: [{ text: 'sun' }] } },
          { toolResult: { toolUseId: 'c2', content: [{ text: '…' }], status: 'error' } },
          { text: 'and?' },
        ],
      },
      { role: 'assistant', content: [{ text: 'It is' }] },
    ],
    toolConfig: {
      tools: [
        { toolSpec: { name: 'weather', description: 'Tells it.', inputSchema: { json: { type: 'object' } } } },
        { cachePoint: { type: 'default' } },
      ],
      toolChoice: { any: {} },
    },
    inferenceConfig: { maxTokens: 100, temperature: 0.5, stopSequences: ['END'] },
    additionalModelRequestFields: { top_k: 5 },
    additionalModelResponseFieldPaths: ['/stop_sequence', '/delta/stop_sequence'],
    requestMetadata: { team: 'a b' },
    serviceTier: { type: 'flex' },
  })
  expect([...warnings, ...refusals]).toEqual([])
})

test('pictures, sounds, films and documents go as bytes in the format that their media type says', () => {
  const written = write(
    user(
      { type: 'image', source: inline('image/jpg') },
      { type: 'video', source: inline('video/quicktime') },
      { type: 'audio', source: inline('audio/mpeg') },
      { type: 'video', source: { type: 'url', url: 's3://bucket/a.mp4', mediaType: 'video/mp4' } },
      { type: 'file', source: inline('application/pdf'), name: 'my_report (1).pdf', context: 'c', cite: true },
      { type: 'file', source: inline('image/png') },
      { type: 'file', source: { type: 'text', text: 'é', mediaType: 'text/plain' }, name: 'my_report (1).txt' },
    ),
  )
  expect(contentOf(written)).toEqual([
    // A document is refused without a text beside it.
    { text: '…' },
    { image: { format: 'jpeg', source: { bytes: 'QUJD' } } },
    { video: { format: 'mov', source: { bytes: 'QUJD' } } },
    { audio: { format: 'mp3', source: { bytes: 'QUJD' } } },
    { video: { format: 'mp4', source: { s3Location: { uri: 's3://bucket/a.mp4' } } } },
    {
      document: {
        format: 'pdf',
        name: 'my-report (1)',
        source: { bytes: 'QUJD' },
        context: 'c',
        citations: { enabled: true },
      },
    },
    { image: { format: 'png', source: { bytes: 'QUJD' } } },
    { document: { format: 'txt', name: 'my-report (1) 2', source: { bytes: 'w6k=' } } },
  ])
  expect(written.refusals).toEqual([])
})

for (const [title, part] of [
  [
    'an image elsewhere',
    { type: 'image', source: { type: 'url', url: 'https://x.test/a.png', mediaType: 'image/png' } },
  ],
  ['an image of an odd kind', { type: 'image', source: inline('image/tiff') }],
  ['a file that a provider keeps', { type: 'file', source: { type: 'file', fileId: 'f', mediaType: null } }],
  ['a file of an odd kind', { type: 'file', source: inline('application/zip') }],
] as const satisfies readonly (readonly [string, Part])[])
  test(`${title} is refused`, () => expect(write(user(part)).refusals).toHaveLength(1))

test('thoughts go back to Claude with their proof, whichever way they came, and to no other model', () => {
  const thought: Part = { type: 'reasoning', text: 'hm', signature: 's', encrypted: null, family: 'anthropic-messages' }
  const messages = [
    { role: 'user' as const, parts: [text('a')] },
    {
      role: 'assistant' as const,
      parts: [
        thought,
        { ...thought, text: '', signature: null, encrypted: 'x' },
        { ...thought, signature: null },
        CALL,
      ],
    },
    { role: 'tool' as const, parts: [RESULT] },
  ]
  const request = { messages, tools: [TOOL], reasoning: { enabled: true, budgetTokens: 2_000 }, maxOutputTokens: 4_000 }
  const written = write(request)
  expect(contentOf(written, 1).slice(0, -1)).toEqual([
    { reasoningContent: { reasoningText: { text: 'hm', signature: 's' } } },
    { reasoningContent: { redactedContent: 'x' } },
  ])
  expect(written.body['additionalModelRequestFields']).toEqual({ thinking: { type: 'enabled', budget_tokens: 2_000 } })
  expect(written.reading.thoughts).toBe('anthropic-messages')
  expect(contentOf(write(request, NOVA), 1)).toHaveLength(1)
  expect(write(request, NOVA).body['additionalModelRequestFields']).toEqual({
    reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' },
  })
  const low = write({ reasoning: { enabled: true, effort: 'minimal' } }, GPT_OSS)
  expect(low.body['additionalModelRequestFields']).toEqual({ reasoning_effort: 'low' })
  expect(write({ reasoning: { enabled: true } }, LLAMA).warnings).toEqual(['`reasoning` is left out.'])
})

const FORMAT = { type: 'json_schema', name: 'person', schema: { type: 'object', properties: { a: {} } } } as const

test('JSON of a schema is asked for as the model can: by schema, by a tool, in words', () => {
  const schema = JSON.stringify({ ...FORMAT.schema, additionalProperties: false })
  for (const model of [CLAUDE, GPT_OSS]) {
    const { body, reading } = write({ responseFormat: FORMAT }, model)
    expect(body['outputConfig']).toEqual({
      textFormat: { type: 'json_schema', structure: { jsonSchema: { schema, name: 'person' } } },
    })
    expect(reading.jsonTool).toBeNull()
  }
  for (const model of [NOVA, 'anthropic.claude-3-7-sonnet-20250219-v1:0']) {
    const { body, reading } = write({ responseFormat: FORMAT }, model)
    expect(body['toolConfig']).toEqual({
      tools: [{ toolSpec: { name: 'person', description: 'Gives the answer.', inputSchema: { json: FORMAT.schema } } }],
      toolChoice: { tool: { name: 'person' } },
    })
    expect(reading.jsonTool).toBe('person')
  }
  const { body, warnings } = write({ responseFormat: FORMAT }, LLAMA)
  expect(JSON.stringify(body['system'])).toContain('JSON schema')
  expect(warnings).toHaveLength(1)
  expect(write({ responseFormat: FORMAT, tools: [TOOL] }, NOVA).refusals).toHaveLength(1)
  expect(write({ responseFormat: { type: 'json' } }).body['system']).toHaveLength(1)
})

test('a conversation that has used tools is sent with tools, even if none may be called', () => {
  const messages = [
    { role: 'user' as const, parts: [text('a')] },
    { role: 'assistant' as const, parts: [CALL] },
    { role: 'tool' as const, parts: [RESULT] },
  ]
  expect(write({ messages }).body['toolConfig']).toEqual({
    tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object' } } } }],
  })
  const forbidden = write({ messages, tools: [TOOL], toolChoice: { type: 'none' } })
  expect(forbidden.body['toolConfig']).toHaveProperty('tools')
  expect(forbidden.warnings).toHaveLength(1)
  expect(write({ tools: [TOOL], toolChoice: { type: 'none' } }).body['toolConfig']).toBeUndefined()
})

test('a custom tool becomes a function of one text, and is remembered as what it was', () => {
  const grammar = { syntax: 'lark', definition: 'start: "x"' }
  const { body, reading } = write({ tools: [{ type: 'custom', name: 'shell', grammar }] })
  const tools = (body['toolConfig'] as { tools: { toolSpec: JsonObject }[] }).tools
  expect(tools[0]?.toolSpec).toMatchObject({
    name: 'shell',
    description: expect.stringContaining('lark grammar'),
    inputSchema: { json: { required: ['input'] } },
  })
  expect(reading.customTools).toEqual(new Set(['shell']))
})

test('ids that are too long become short ones, the same for the call and its result', () => {
  const id = 'x'.repeat(200)
  const written = write({
    messages: [
      { role: 'user', parts: [text('a')] },
      {
        role: 'assistant',
        parts: [
          { ...CALL, id },
          { ...CALL, id: `${id}y` },
        ],
      },
      { role: 'tool', parts: [{ ...RESULT, toolCallId: id }] },
    ],
  })
  const [first, second] = contentOf(written, 1).map((block) => (block['toolUse'] as { toolUseId: string }).toolUseId)
  expect(first).toMatch(/^[A-Za-z0-9_-]{64}$/)
  expect(second).not.toBe(first)
  expect(contentOf(written, 2)).toMatchObject([{ toolResult: { toolUseId: first } }])
})

test('what the provider cannot take is told', () => {
  const { warnings, refusals } = write(
    {
      ...user(text('a'), { type: 'opaque', family: 'gemini', value: {} }),
      tools: [
        { type: 'hosted', name: 'web_search', family: 'openai-chat', value: {} },
        { ...TOOL, strict: true },
      ],
      toolChoice: { type: 'named', name: 'weather' },
      parallelTools: false,
      sampling: { seed: 1, n: 2, logprobs: true, topK: 3, temperature: 1.5, frequencyPenalty: 1, logitBias: { 1: 1 } },
      modalities: ['audio'],
      verbosity: 'low',
      user: 'u',
      serviceTier: 'gold',
      metadata: { list: [1], ok: 'yes' },
      raw: { 'openai-chat': { future: 1 } },
    },
    LLAMA,
  )
  expect(refusals).toHaveLength(4)
  expect(warnings.join('\n')).toMatch(
    /future[\s\S]*seed[\s\S]*frequency_penalty[\s\S]*logit_bias[\s\S]*verbosity[\s\S]*user[\s\S]*parallel_tool_calls/,
  )
  expect(warnings.join('\n')).toMatch(
    /type opaque[\s\S]*highest[\s\S]*top_k[\s\S]*made to call[\s\S]*metadata\.list[\s\S]*gold/,
  )
})

test('a conversation that does not begin with the user gets a turn before it, later instructions go to the front', () => {
  const { body, warnings } = write({
    messages: [
      { role: 'assistant', parts: [text('a')] },
      { role: 'developer', parts: [text('b')] },
      { role: 'user', parts: [text('c')] },
    ],
  })
  expect(body['system']).toEqual([{ text: 'b' }])
  expect((body['messages'] as unknown as JsonObject[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  expect(warnings).toHaveLength(2)
})

test('cache points are sent only to models that take them, lifetimes only to Claude', () => {
  const request = user({ ...text('a'), cache: { ttl: '1h' } })
  expect(contentOf(write(request))[1]).toEqual({ cachePoint: { type: 'default', ttl: '1h' } })
  expect(contentOf(write(request, NOVA))[1]).toEqual({ cachePoint: { type: 'default' } })
  expect(contentOf(write(request, LLAMA))).toHaveLength(1)
})

test('the place of top_k is the model’s own', () => {
  const fields = (model: string): unknown =>
    write({ sampling: { topK: 7 } }, model).body['additionalModelRequestFields']
  expect(fields(NOVA)).toEqual({ inferenceConfig: { topK: 7 } })
  expect(fields('mistral.mistral-large-2407-v1:0')).toEqual({ top_k: 7 })
  expect(fields('cohere.command-r-v1:0')).toEqual({ k: 7 })
})
