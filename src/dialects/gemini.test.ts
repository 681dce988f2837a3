import { expect, test } from 'bun:test'
import type { Part } from '../core/chat.ts'
import type { ChatAnswer, Finish, FinishReason } from '../core/chat-answer.ts'
import { eventsOf } from '../core/chat-assembler.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import { GatewayError } from '../core/error.ts'
import type { ErrorCode } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_USAGE } from '../core/usage.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import { geminiModelJson, geminiModelList } from './gemini-models.ts'
import { jsonSchemaOf } from './gemini-schema.ts'
import { geminiArrayTranslator, geminiTranslator } from './gemini-translator.ts'
import { gemini, geminiArray, geminiCountTokens, geminiDialect, geminiEmbeddings, readGeminiPath } from './gemini.ts'
import type { ChatTranslator } from './translator.ts'

const CONTEXT = { model: 'asked', id: 'req_1', created: 7, includeUsage: true }
const HEAD = { modelVersion: 'asked', createTime: '1970-01-01T00:00:07.000Z', responseId: 'req_1' }
const USAGE = { ...NO_USAGE, input: 3, cacheRead: 2, audioIn: 4, output: 5, reasoning: 6, imageOut: 1 }

function answer(parts: readonly Part[], finish: Partial<Finish> = {}, more: Partial<ChatAnswer> = {}): ChatAnswer {
  return {
    id: null,
    model: null,
    created: null,
    choices: [{ index: 0, parts, finish: { unified: 'stop', raw: null, ...finish }, logprobs: null }],
    usage: null,
    rawUsage: null,
    serviceTier: null,
    warnings: [],
    ...more,
  }
}
const written = (parts: readonly Part[]) =>
  (
    geminiTranslator.writeAnswer(answer(parts), CONTEXT) as unknown as {
      candidates: { content: { parts: JsonObject[] } }[]
    }
  ).candidates[0]!.content.parts

/** For comparisons with plain objects, whose types are wider. */
const untyped = (value: unknown): unknown => value

function streamed(events: readonly ChatEvent[], translator: ChatTranslator = geminiTranslator): string {
  const writer = translator.streamWriter(CONTEXT)
  return events.map((event) => writer.write(event)).join('') + writer.end()
}
type Chunk = { candidates?: { content: { parts: JsonObject[] } }[] }
const chunks = (sse: string): Chunk[] =>
  sse.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Chunk] : []))
const streamedParts = (parts: readonly Part[]) =>
  chunks(streamed(eventsOf(answer(parts))))
    .slice(0, -1)
    .flatMap(({ candidates }) => candidates![0]!.content.parts)

test.each([
  ['/v1beta/models/gemini-2.5-flash:generateContent', { model: 'gemini-2.5-flash', method: 'generateContent' }],
  ['/v1beta/models/openai/gpt-5:streamGenerateContent', { model: 'openai/gpt-5', method: 'streamGenerateContent' }],
  ['/v1beta/models/local%2Fllama3:8b:countTokens', { model: 'local/llama3:8b', method: 'countTokens' }],
  ['/v1/projects/p/locations/l/publishers/google/models/m:embedContent', { model: 'm', method: 'embedContent' }],
  ['/v1beta/models/m', null],
  ['/v1beta/models/m:predict', null],
  ['/v1beta/models/:generateContent', null],
  ['/v1beta/models/%E0%A4%A:generateContent', null],
] as const)('the path %s says %j', (path, address) => expect(readGeminiPath(path)).toEqual(address))

test('each method has its dialect; a stream that is not asked for as events is an array', () => {
  expect(geminiDialect('generateContent', false)).toBe(gemini)
  expect(geminiDialect('streamGenerateContent', true)).toBe(gemini)
  expect(geminiDialect('streamGenerateContent', false)).toBe(geminiArray)
  expect(geminiDialect('countTokens', false)).toBe(geminiCountTokens)
  expect(geminiDialect('embedContent', false)).toBe(geminiEmbeddings)
  expect(geminiDialect('batchEmbedContents', false)).toBe(geminiEmbeddings)
})

const contents = [{ parts: [{ text: 'x' }] }]

test('the facts of a call: the model and the stream are in its path', () => {
  const body = { contents, generation_config: { max_output_tokens: 9, candidate_count: 2 }, weir: { tags: ['t'] } }
  expect(gemini.readFacts(body, { model: 'models/m', method: 'streamGenerateContent' })).toEqual({
    model: 'm',
    stream: true,
    wantsStreamUsage: true,
    maxOutputTokens: 18,
    endUser: null,
    options: { tags: ['t'], timeoutMs: null, maxCostNanoUsd: null, isTraced: false, cache: null, routing: null },
  })
  expect(gemini.readFacts({ contents: 'Hi', model: 'models/m' })).toMatchObject({
    model: 'm',
    stream: false,
    maxOutputTokens: null,
  })
  expect(geminiEmbeddings.readFacts({ content: {} }, { model: 'e', method: 'embedContent' })).toMatchObject({
    model: 'e',
    stream: false,
    maxOutputTokens: 0,
  })
  expect(
    geminiCountTokens.readFacts({ generateContentRequest: { contents } }, { model: 'e', method: 'countTokens' })
      .maxOutputTokens,
  ).toBe(0)
})

test.each([
  [gemini, { model: 'm' }, 'contents'],
  [gemini, { model: 'm', contents: [] }, 'contents'],
  [gemini, { model: 'm', contents: 1 }, 'contents'],
  [gemini, { contents }, 'model'],
  [gemini, { model: 'm', contents, generationConfig: { maxOutputTokens: 'x' } }, 'maxOutputTokens'],
  [gemini, { model: 'm', contents, provider: 'x' }, 'provider'],
  [geminiEmbeddings, { model: 'm' }, 'content'],
  [geminiEmbeddings, { model: 'm', requests: [] }, 'requests'],
] as const)('%# a call without what it needs is refused with its place', (dialect, body, param) => {
  expect(() => dialect.readFacts(body as unknown as JsonObject)).toThrow(
    expect.objectContaining({ detail: expect.objectContaining({ param }) }),
  )
})

test.each([
  [{ contents: ['x'] }, 'contents[0]'],
  [{ contents: [{ role: 'x', parts: [] }] }, 'contents[0].role'],
  [{ contents: [{ parts: 'x' }] }, 'contents[0].parts'],
  [{ contents: [{ parts: ['x'] }] }, 'contents[0].parts[0]'],
] as const)('%j is refused with its path', (body, param) => {
  expect(() => geminiTranslator.readRequest(body as unknown as JsonObject)).toThrow(
    expect.objectContaining({ code: 'request_malformed', detail: expect.objectContaining({ param }) }),
  )
})

const camel = {
  systemInstruction: { parts: [{ text: 'Be brief.' }] },
  contents: [
    {
      role: 'user',
      parts: [
        { text: 'look' },
        { inlineData: { mimeType: 'image/png', data: 'AAAA', displayName: 'a' } },
        { fileData: { mimeType: 'application/pdf', fileUri: 'https://e.org/a.pdf', displayName: 'a.pdf' } },
        { fileData: { fileUri: 'https://youtu.be/1' } },
      ],
    },
    { role: 'model', parts: [{ functionCall: { name: 'f', args: { snake_case: 1 } }, thoughtSignature: 'S' }] },
    {
      role: 'user',
      parts: [
        {
          functionResponse: {
            name: 'f',
            response: { output: 'sun' },
            parts: [{ inlineData: { mimeType: 'image/png', data: 'BBBB' } }],
          },
        },
        { text: 'go on' },
      ],
    },
  ],
  tools: [
    {
      functionDeclarations: [
        {
          name: 'f',
          description: 'd',
          parameters: {
            type: 'OBJECT',
            properties: { snake_case: { type: 'STRING', nullable: true } },
            propertyOrdering: ['snake_case'],
          },
        },
        { name: 'g', parametersJsonSchema: { type: 'object' }, behavior: 'BLOCKING' },
      ],
      googleSearch: {},
    },
    { codeExecution: {} },
  ],
  toolConfig: {
    functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] },
    retrievalConfig: { languageCode: 'de' },
  },
  generationConfig: {
    temperature: 0.5,
    topP: 0.9,
    topK: 3,
    candidateCount: 2,
    maxOutputTokens: 9,
    stopSequences: ['END'],
    presencePenalty: 0.1,
    frequencyPenalty: 0.2,
    seed: 7,
    responseLogprobs: true,
    logprobs: 2,
    responseMimeType: 'application/json',
    responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING' } } },
    responseModalities: ['TEXT'],
    thinkingConfig: { includeThoughts: true, thinkingBudget: 1_024 },
    speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
    mediaResolution: 'MEDIA_RESOLUTION_LOW',
  },
  serviceTier: 'SERVICE_TIER_FLEX',
  safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
  cachedContent: 'cachedContents/1',
}

/** The same with names as Python writes them, but for what is the caller's own. */
function snaked(value: unknown, isOwn = false): unknown {
  if (Array.isArray(value)) return value.map((one) => snaked(one, isOwn))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      isOwn ? name : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snaked(member, name === 'args' || name === 'response'),
    ]),
  )
}

test('a request is read with all that is in it, however its names are written', () => {
  const { request } = geminiTranslator.readRequest(camel)
  const png = (data: string) => ({ type: 'image', source: { type: 'inline', data, mediaType: 'image/png' } })
  expect(untyped(request)).toEqual({
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'look' },
          { ...png('AAAA'), raw: { gemini: { inlineData: { displayName: 'a' } } } },
          {
            type: 'file',
            source: { type: 'url', url: 'https://e.org/a.pdf', mediaType: 'application/pdf' },
            name: 'a.pdf',
          },
          { type: 'video', source: { type: 'url', url: 'https://youtu.be/1', mediaType: null } },
        ],
      },
      {
        role: 'assistant',
        parts: [
          {
            type: 'tool_call',
            kind: 'function',
            id: 'call_g_1_0',
            name: 'f',
            arguments: '{"snake_case":1}',
            signature: 'S',
            family: 'gemini',
          },
        ],
      },
      {
        role: 'tool',
        parts: [
          {
            type: 'tool_result',
            toolCallId: 'call_g_1_0',
            toolName: 'f',
            parts: [{ type: 'text', text: 'sun' }, png('BBBB')],
            isError: false,
          },
        ],
      },
      { role: 'user', parts: [{ type: 'text', text: 'go on' }] },
    ],
    tools: [
      {
        type: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object', properties: { snake_case: { type: ['string', 'null'] } } },
      },
      { type: 'function', name: 'g', schema: { type: 'object' }, raw: { gemini: { behavior: 'BLOCKING' } } },
      { type: 'hosted', name: 'googleSearch', family: 'gemini', value: { googleSearch: {} }, search: {} },
      { type: 'hosted', name: 'codeExecution', family: 'gemini', value: { codeExecution: {} } },
    ],
    toolChoice: { type: 'named', name: 'f' },
    responseFormat: {
      type: 'json_schema',
      name: 'answer',
      schema: { type: 'object', properties: { a: { type: 'string' } } },
    },
    maxOutputTokens: 9,
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      n: 2,
      stop: ['END'],
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 7,
      logprobs: true,
      topLogprobs: 2,
    },
    reasoning: { enabled: true, budgetTokens: 1_024, summary: 'auto' },
    serviceTier: 'flex',
    modalities: ['text'],
    audioOutput: { voice: 'Kore', format: 'pcm16' },
    raw: {
      gemini: {
        safetySettings: camel.safetySettings,
        cachedContent: 'cachedContents/1',
        generationConfig: {
          thinkingConfig: { includeThoughts: true },
          speechConfig: camel.generationConfig.speechConfig,
          mediaResolution: 'MEDIA_RESOLUTION_LOW',
        },
        toolConfig: { retrievalConfig: { languageCode: 'de' } },
      },
    },
  })
  const { request: fromSnakes } = geminiTranslator.readRequest(snaked(camel) as JsonObject)
  // What only Gemini knows is kept as it was written.
  const shared = ({ raw: _raw, messages, tools, ...rest }: typeof request): unknown => [
    rest,
    messages.slice(2),
    tools[0],
  ]
  expect(shared(fromSnakes)).toEqual(shared(request))
})

test('short forms of contents are understood', () => {
  const messagesOf = (body: JsonObject) => geminiTranslator.readRequest(body).request.messages
  const hi = [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }]
  expect(untyped(messagesOf({ contents: 'Hi' }))).toEqual(hi)
  expect(untyped(messagesOf({ contents: { parts: { text: 'Hi' } }, systemInstruction: 'S' }))).toEqual([
    { role: 'system', parts: [{ type: 'text', text: 'S' }] },
    ...hi,
  ])
  expect(
    messagesOf({ contents: [{ role: 'system', parts: [{ text: 'Hi' }] }, { role: 'model' }], systemInstruction: 1 }),
  ).toMatchObject([{ role: 'system' }, { role: 'assistant', parts: [] }])
})

test('a streamed answer that an SDK kept chunk by chunk is one turn, its proof on its thought', () => {
  const { request } = geminiTranslator.readRequest({
    contents: [
      { role: 'model', parts: [{ text: 'Let me ', thought: true }] },
      { role: 'model', parts: [{ text: 'see.', thought: true }] },
      { role: 'model', parts: [{ text: '', thought: true, thoughtSignature: 'S' }, { text: 'Hel' }] },
      { role: 'model', parts: [{ text: 'lo' }, { text: '' }] },
      { role: 'model', parts: [{ text: '', thoughtSignature: 'T' }] },
    ],
  })
  expect(request.messages).toEqual([
    {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'Let me see.', signature: 'S', encrypted: null, family: 'gemini' },
        { type: 'text', text: 'Hello' },
        { type: 'reasoning', text: '', signature: 'T', encrypted: null, family: 'gemini' },
      ],
    },
  ])
})

test('calls and results without ids find each other by name, then by order', () => {
  const call = (name: string, more: object = {}) => ({ functionCall: { name, args: {}, ...more } })
  const result = (name: string, response: object, more: object = {}) => ({
    functionResponse: { name, response, ...more },
  })
  const { request } = geminiTranslator.readRequest({
    contents: [
      { role: 'model', parts: [call('f'), call('g'), call('f'), call('h', { id: 'own' })] },
      {
        role: 'function',
        parts: [
          result('h', { error: 'no' }, { id: 'own' }),
          result('f', { a: 1 }),
          result('f', { error: { code: 5 } }),
          result('renamed', {}),
          result('late', {}),
        ],
      },
    ],
  } as unknown as JsonObject)
  expect(request.messages[1]!.parts).toMatchObject([
    { toolCallId: 'own', isError: true, parts: [{ text: 'no' }] },
    { toolCallId: 'call_g_0_0', isError: false, parts: [{ text: '{"a":1}' }] },
    { toolCallId: 'call_g_0_2', isError: true, parts: [{ text: '{"code":5}' }] },
    { toolCallId: 'call_g_0_1', toolName: 'renamed' },
    { toolCallId: 'call_g_1-late_0' },
  ])
})

test.each([
  [{ thinkingBudget: 0 }, { enabled: false }],
  [{ thinkingBudget: -1 }, { enabled: true }],
  [{ thinkingLevel: 'LOW' }, { enabled: true, effort: 'low' }],
  [{}, {}],
] as const)('thinking of %j is %j', (thinkingConfig, reasoning) =>
  expect(geminiTranslator.readRequest({ contents, generationConfig: { thinkingConfig } }).request.reasoning).toEqual(
    reasoning,
  ),
)

test.each([
  [{ mode: 'AUTO' }, { type: 'auto' }, undefined],
  [{ mode: 'none' }, { type: 'none' }, undefined],
  [{ mode: 'ANY' }, { type: 'required' }, undefined],
  [{ mode: 'ANY', allowedFunctionNames: ['a', 'b'] }, { type: 'required' }, { allowedFunctionNames: ['a', 'b'] }],
  [{ mode: 'VALIDATED' }, undefined, { mode: 'VALIDATED' }],
] as const)('calling by %j is %j', (functionCallingConfig, toolChoice, own) => {
  const { request } = geminiTranslator.readRequest({ contents, toolConfig: { functionCallingConfig } })
  expect(request.toolChoice).toEqual(toolChoice as never)
  expect(request.raw?.gemini?.['toolConfig']).toEqual(own === undefined ? undefined : { functionCallingConfig: own })
})

test('another media type stays Gemini’s own, any JSON is any JSON', () => {
  const formatOf = (generationConfig: JsonObject) =>
    geminiTranslator.readRequest({ contents, generationConfig }).request
  const choice = { responseMimeType: 'text/x.enum', responseSchema: { type: 'STRING', enum: ['a'] } }
  expect(formatOf(choice)).toMatchObject({ raw: { gemini: { generationConfig: choice } } })
  expect(formatOf(choice).responseFormat).toBeUndefined()
  expect(formatOf({ responseMimeType: 'application/json' }).responseFormat).toEqual({ type: 'json' })
  expect(
    formatOf({ responseMimeType: 'application/json', responseJsonSchema: { type: 'object' } }).responseFormat,
  ).toMatchObject({ schema: { type: 'object' } })
})

test.each([
  [
    { type: 'STRING', format: 'enum', enum: ['a'], nullable: true },
    { type: ['string', 'null'], enum: ['a', null] },
  ],
  [
    { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '2', max_items: 3 },
    { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
  ],
  [{ anyOf: [{ type: 'NUMBER' }], nullable: true }, { anyOf: [{ type: 'number' }, { type: 'null' }] }],
  [{ nullable: true, description: 'd' }, { description: 'd' }],
  [{ type: 'TYPE_UNSPECIFIED', example: 1 }, { examples: [1] }],
  [
    { type: 'OBJECT', properties: { a: 1 } },
    { type: 'object', properties: { a: {} } },
  ],
] as const)('the schema %j is %j', (schema, json) =>
  expect(jsonSchemaOf(schema as unknown as JsonObject)).toEqual(json as never),
)

test('the order of properties is that of the object', () => {
  const schema = {
    type: 'OBJECT',
    properties: { a: { type: 'STRING' }, b: { type: 'STRING' } },
    propertyOrdering: ['b', 'gone'],
  }
  expect(Object.keys(jsonSchemaOf(schema)['properties'] as object)).toEqual(['b', 'a'])
})

const EVERYTHING: readonly Part[] = [
  { type: 'reasoning', text: 'hm', signature: 'S', encrypted: null, family: 'gemini' },
  { type: 'text', text: 'Hi' },
  { type: 'tool_call', kind: 'custom', id: 'c', name: 'sh', arguments: 'ls' },
  {
    type: 'tool_call',
    kind: 'function',
    id: 'call_g_r_0',
    name: 'f',
    arguments: '{"a":1}',
    signature: 'G',
    family: 'gemini',
  },
  { type: 'refusal', text: 'No.' },
  { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } },
  { type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/wav' }, transcript: 'said' },
  { type: 'opaque', family: 'gemini', value: { executableCode: { code: '1' } } },
  { type: 'opaque', family: 'openai-responses', value: { type: 'x' } },
  { type: 'hosted_call', id: 'h', name: 'search', arguments: '{}', family: 'anthropic-messages', value: {} },
]
const THOUGHT = [{ text: 'hm', thought: true, thoughtSignature: 'S' }]
const REST = [
  { functionCall: { id: 'c', name: 'sh', args: { input: 'ls' } } },
  { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'G' },
  { text: 'No.' },
  { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
  { text: 'said' },
  { executableCode: { code: '1' } },
]

test('everything that Gemini’s form can say is said, whole and streamed', () => {
  expect(written(EVERYTHING)).toEqual([...THOUGHT, { text: 'Hi' }, ...REST])
  expect(streamedParts(EVERYTHING)).toEqual([
    { text: 'hm', thought: true },
    { text: '', thought: true, thoughtSignature: 'S' },
    { text: 'Hi' },
    ...REST,
  ])
})

test('a signature of no thought stands on its text, or alone in a stream', () => {
  const parts: readonly Part[] = [
    { type: 'text', text: 'Hi' },
    { type: 'reasoning', text: '', signature: 'S', encrypted: null, family: 'gemini' },
  ]
  expect(written(parts)).toEqual([{ text: 'Hi', thoughtSignature: 'S' }])
  expect(streamedParts(parts)).toEqual([{ text: 'Hi' }, { text: '', thoughtSignature: 'S' }])
})

const disguised: readonly Part[] = [
  { type: 'reasoning', text: 'hm', signature: 'proof ✓', encrypted: null, family: 'anthropic-messages' },
  { type: 'reasoning', text: '', signature: null, encrypted: 'dark', family: 'openai-responses', id: 'rs_1' },
]

test.each([
  ['whole', () => written(disguised)],
  ['streamed', () => streamedParts(disguised)],
])('proofs of other vendors go through a client of Gemini’s, %s', (_, partsOf) => {
  const parts = partsOf()
  expect(parts.every(({ thought }) => thought === true)).toBe(true)
  const { request } = geminiTranslator.readRequest({ contents: [{ role: 'model', parts }] })
  expect(request.messages[0]!.parts).toEqual(disguised)
})

test('what only looks like a disguise is Google’s own', () => {
  for (const text of ['weir:{', 'weir:{"a":1}']) {
    const thoughtSignature = Buffer.from(text).toString('base64')
    const { request } = geminiTranslator.readRequest({ contents: [{ role: 'model', parts: [{ thoughtSignature }] }] })
    expect(request.messages[0]!.parts).toMatchObject([{ family: 'gemini', signature: thoughtSignature }])
  }
})

const source = (url: string | null, start: number | null = null, end: number | null = null) => ({
  url,
  title: 'T',
  citedText: 'quote',
  start,
  end,
})

test('citations become grounding, with places in bytes', () => {
  const parts: readonly Part[] = [
    { type: 'text', text: 'Ä. ', citations: [source('u')] },
    { type: 'text', text: 'É b', citations: [source('u', 2, 3), source(null)] },
  ]
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: 'u', title: 'T' } }, { retrievedContext: { title: 'T', text: 'quote' } }],
    groundingSupports: [
      { segment: { startIndex: 0, endIndex: 4, text: 'Ä. ' }, groundingChunkIndices: [0] },
      { segment: { startIndex: 7, endIndex: 8, text: 'b' }, groundingChunkIndices: [0] },
      { segment: { startIndex: 4, endIndex: 8, text: 'É b' }, groundingChunkIndices: [1] },
    ],
  }
  expect(geminiTranslator.writeAnswer(answer(parts), CONTEXT)).toMatchObject({ candidates: [{ groundingMetadata }] })
  expect(chunks(streamed(eventsOf(answer(parts)))).at(-1)).toMatchObject({ candidates: [{ groundingMetadata }] })
  const own = answer(parts, { details: { gemini: { groundingMetadata: { own: true } } } })
  expect(geminiTranslator.writeAnswer(own, CONTEXT)).toMatchObject({
    candidates: [{ groundingMetadata: { own: true } }],
  })
})

test.each([
  ['stop', null, 'STOP'],
  ['length', 'length', 'MAX_TOKENS'],
  ['tool_calls', 'tool_use', 'STOP'],
  ['content_filter', 'SPII', 'SPII'],
  ['content_filter', 'refusal', 'SAFETY'],
  ['pause', 'pause_turn', 'STOP'],
  ['error', null, 'OTHER'],
  ['other', 'LANGUAGE', 'LANGUAGE'],
] as const)('the end %s (%s) is %s', (unified: FinishReason, raw, word) =>
  expect(geminiTranslator.writeAnswer(answer([], { unified, raw }), CONTEXT)).toMatchObject({
    candidates: [{ finishReason: word }],
  }),
)

test('the head, the usage and the tier of an answer, whole and at the end of a stream', () => {
  const whole = answer(
    [{ type: 'text', text: 'x' }],
    {},
    { usage: USAGE, rawUsage: {}, serviceTier: 'default', raw: { gemini: { future: 1 } } },
  )
  const last = {
    future: 1,
    ...HEAD,
    usageMetadata: {
      promptTokenCount: 9,
      cachedContentTokenCount: 2,
      candidatesTokenCount: 6,
      thoughtsTokenCount: 6,
      totalTokenCount: 21,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 5 },
        { modality: 'AUDIO', tokenCount: 4 },
      ],
      candidatesTokensDetails: [
        { modality: 'TEXT', tokenCount: 5 },
        { modality: 'IMAGE', tokenCount: 1 },
      ],
      serviceTier: 'standard',
    },
  }
  const end = { finishReason: 'STOP', index: 0 }
  expect(geminiTranslator.writeAnswer(whole, CONTEXT)).toEqual({
    candidates: [{ content: { parts: [{ text: 'x' }], role: 'model' }, ...end }],
    ...last,
  })
  expect(untyped(chunks(streamed(eventsOf(whole))))).toEqual([
    { candidates: [{ content: { parts: [{ text: 'x' }], role: 'model' }, index: 0 }], ...HEAD },
    { candidates: [{ content: { parts: [{ text: '' }], role: 'model' }, ...end }], ...last },
  ])
})

test('a refused prompt has no candidates', () => {
  const own = { promptFeedback: { blockReason: 'SAFETY' } }
  const blocked = answer([], { unified: 'content_filter', raw: 'SAFETY' }, { raw: { gemini: own } })
  expect(geminiTranslator.writeAnswer(blocked, CONTEXT)).toEqual({ ...own, ...HEAD })
  expect(untyped(chunks(streamed(eventsOf(blocked))))).toEqual([{ ...own, ...HEAD }])
})

test('probabilities are told', () => {
  const whole = answer([{ type: 'text', text: 'x' }])
  const token = { token: 'x', logprob: -1, bytes: null }
  const told = {
    ...whole,
    choices: whole.choices.map((choice) => ({ ...choice, logprobs: [{ ...token, top: [token] }] })),
  }
  const logprobsResult = {
    topCandidates: [{ candidates: [{ token: 'x', logProbability: -1 }] }],
    chosenCandidates: [{ token: 'x', logProbability: -1 }],
  }
  expect(geminiTranslator.writeAnswer(told, CONTEXT)).toMatchObject({ candidates: [{ logprobsResult }] })
  expect(streamed(eventsOf(told))).toContain(JSON.stringify(logprobsResult))
})

test('a stream may be one JSON array, which begins with a chunk without words', () => {
  const events = eventsOf(answer([{ type: 'text', text: 'x' }]))
  const text = streamed(events, geminiArrayTranslator)
  const opening = { candidates: [{ content: { parts: [{ text: '' }], role: 'model' }, index: 0 }], ...HEAD }
  expect(JSON.parse(text)).toEqual([opening, ...chunks(streamed(events))])
  expect(text.startsWith('[{')).toBe(true)
  const error: ChatEvent = { type: 'error', message: 'boom', code: null }
  const failed = { error: { code: 500, message: 'boom', status: 'INTERNAL' } }
  expect(JSON.parse(streamed([error], geminiArrayTranslator))).toEqual([failed])
  expect(JSON.parse(streamed([...events.slice(0, 3), error], geminiArrayTranslator))).toHaveLength(3)
})

test('an error inside a stream is told in both ways that readers look for, and nothing after it', () => {
  const error = { error: { code: 500, message: 'boom', status: 'UNAVAILABLE' } }
  const text = streamed([{ type: 'ping' }, { type: 'error', message: 'boom', code: 'UNAVAILABLE' }])
  expect(text).toBe(`data: ${JSON.stringify(error)}\n\n${JSON.stringify(error)}\n`)
})

test('audio comes as its pieces put together, deltas of unknown blocks are left out', () => {
  const audio: Part = { type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/L16' } }
  const delta = (block: number, data: string): ChatEvent => ({
    type: 'block_delta',
    choice: 0,
    block,
    delta: { type: 'data', data },
  })
  const text = streamed([
    { type: 'start', id: 'r', model: null, created: null },
    { type: 'block_start', choice: 0, block: 0, part: audio },
    delta(0, 'AAAA'),
    delta(0, 'BBBB'),
    delta(9, 'CCCC'),
    { type: 'block_end', choice: 0, block: 0 },
    { type: 'block_end', choice: 0, block: 9 },
    { type: 'block_start', choice: 0, block: 1, part: audio },
    { type: 'block_end', choice: 0, block: 1 },
    { type: 'finish', choice: 0, finish: { unified: 'stop', raw: null } },
    { type: 'end' },
  ])
  expect(chunks(text)).toMatchObject([
    { candidates: [{ content: { parts: [{ inlineData: { mimeType: 'audio/L16', data: 'AAAABBBB' } }] } }] },
    {},
  ])
})

test.each([
  ['key_unknown', 401, 'UNAUTHENTICATED'],
  ['budget_exhausted', 402, 'FAILED_PRECONDITION'],
  ['model_not_allowed', 403, 'PERMISSION_DENIED'],
  ['model_unknown', 404, 'NOT_FOUND'],
  ['request_too_slow', 408, 'DEADLINE_EXCEEDED'],
  ['idempotency_conflict', 409, 'ABORTED'],
  ['request_too_large', 413, 'INVALID_ARGUMENT'],
  ['rate_limited', 429, 'RESOURCE_EXHAUSTED'],
  ['internal', 500, 'INTERNAL'],
  ['all_targets_failed', 502, 'UNAVAILABLE'],
  ['all_targets_timed_out', 504, 'DEADLINE_EXCEEDED'],
] as const)('the error %s is Google’s %i %s', (code: ErrorCode, status, word) => {
  const attempts = [{ target: 'a/b', outcome: 'broken', status: 500, durationMs: 1.4 }]
  const error = new GatewayError(code, { param: 'p', attempts, retryAfterMs: 34_360 })
  const body = gemini.errorBody(error, 'req_1')
  expect(body).toMatchObject({
    error: {
      code: status,
      status: word,
      message: error.message,
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: code.toUpperCase(),
          metadata: { request_id: 'req_1' },
        },
        { fieldViolations: [{ field: 'p' }] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' },
      ],
      weir: { code, attempts: [{ duration_ms: 1 }] },
    },
  })
  const json = JSON.stringify(body)
  expect(gemini.errorEvents(error, 'req_1')).toBe(`data: ${json}\n\n${json}\n`)
  expect(JSON.parse(`[{}${geminiArray.errorEvents(error, 'req_1')}`)).toEqual([{}, body])
})

test('a plain error has the plain details', () => {
  const { error } = gemini.errorBody(new GatewayError('internal'), 'r') as {
    error: { details: unknown[]; weir: object }
  }
  expect(error.details).toHaveLength(1)
  expect(error.weir).not.toHaveProperty('attempts')
})

test('tokens are counted of all words, with media beside them', () => {
  const count = geminiCountTokens.tokenCount!
  const request = {
    system_instruction: { parts: [{ text: 'sys' }] },
    contents: [
      {
        role: 'user',
        parts: [
          { text: 'one' },
          { inline_data: { data: 'AAAA' } },
          { functionCall: { name: 'f' }, thoughtSignature: 'SIG' },
        ],
      },
    ],
    tools: [{ functionDeclarations: [{ name: 'g' }] }],
  }
  const counted = count.countable({ generate_content_request: request })
  expect(counted.media).toBe(1)
  expect(counted.text.split('\n')).toEqual(['sys', 'one', '{"name":"f"}', '{"functionDeclarations":[{"name":"g"}]}'])
  expect(count.countable({ contents: 'Hi' })).toEqual({ text: 'Hi', media: 0 })
  expect(count.answer(7)).toEqual({ totalTokens: 7, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 7 }] })
})

test('models are listed in Gemini’s form, page by page', () => {
  expect(geminiModelJson({ id: 'a/b', facts: NO_FACTS })).toEqual({
    name: 'models/a/b',
    baseModelId: 'a/b',
    version: '001',
    displayName: 'a/b',
    supportedGenerationMethods: expect.arrayContaining(['generateContent', 'countTokens', 'embedContent']),
  })
  const models = ['a', 'b', 'c'].map((id) => ({ id, facts: NO_FACTS }))
  const names = (size: string | null, token: string | null) => {
    const page = geminiModelList(models, { size, token }) as { models: { name: string }[]; nextPageToken?: string }
    return [page.models.map(({ name }) => name.slice(7)).join(''), page.nextPageToken ?? null]
  }
  expect(names(null, null)).toEqual(['abc', null])
  expect(names('2', null)).toEqual(['ab', 'b'])
  expect(names('2', 'b')).toEqual(['c', null])
  expect(names('x', 'gone')).toEqual(['abc', null])
})
