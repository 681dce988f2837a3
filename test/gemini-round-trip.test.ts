// Requests and answers through Gemini on both sides: into itself nothing changes its meaning, into others and back what
// both can say arrives, proofs of thoughts and ids of calls included.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { JsonObject } from '../src/core/json.ts'
import { anthropicMessagesTranslator } from '../src/dialects/anthropic-messages-translator.ts'
import { geminiTranslator } from '../src/dialects/gemini-translator.ts'
import { openaiChatTranslator } from '../src/dialects/openai-chat-translator.ts'
import type { ChatTranslator } from '../src/dialects/translator.ts'
import { anthropicChatCodec } from '../src/providers/anthropic/chat-codec.ts'
import type { ChatCodec, WrittenRequest } from '../src/providers/chat-codec.ts'
import { geminiChatCodec } from '../src/providers/gemini/chat-codec.ts'
import { openaiChatCodec } from '../src/providers/openai/chat-codec.ts'

const CONTEXT = { model: 'm', id: 'req', created: 1, includeUsage: true }

/** For comparisons with plain objects, whose types are wider. */
const untyped = (value: unknown): unknown => value

function through(
  translator: ChatTranslator,
  codec: ChatCodec,
  body: unknown,
  model = 'gemini-2.5-flash',
): WrittenRequest {
  const { request } = translator.readRequest(body as JsonObject)
  return codec.writeRequest(request, { model, stream: false, quirks: {}, maxOutputTokens: null })
}

const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.trim() !== '' && !text.includes('_'))
const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,12}$/)
const args = fc.dictionary(fc.oneof(name, fc.constant('snake_case')), fc.oneof(word, fc.integer(), fc.boolean()), {
  maxKeys: 3,
})
const signature = fc
  .option(fc.base64String({ minLength: 4, maxLength: 16 }))
  .map((text) => (text === null ? {} : { thoughtSignature: text }))

const userPart = fc.oneof(
  word.map((text): JsonObject => ({ text })),
  fc.constantFrom<JsonObject>(
    { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
    { inlineData: { mimeType: 'application/pdf', data: 'AAAA', displayName: 'a.pdf' } },
    { inlineData: { mimeType: 'audio/wav', data: 'AAAA', future: 1 } },
    { fileData: { mimeType: 'video/mp4', fileUri: 'gs://b/a.mp4' }, videoMetadata: { startOffset: '1s' } },
    { fileData: { mimeType: 'image/png', fileUri: 'https://e.org/a.png' } },
    { futurePart: { a: 1 } },
  ),
)
const response = fc.oneof(
  word.map((output): JsonObject => ({ output })),
  word.map((error): JsonObject => ({ error })),
  args.map((result): JsonObject => ({ result })),
)
const turn = fc.oneof(
  fc
    .tuple(fc.array(userPart, { minLength: 1, maxLength: 3 }), word, signature)
    .map(([parts, text, proof]): JsonObject[] => [
      { role: 'user', parts },
      { role: 'model', parts: [{ text, ...proof }] },
    ]),
  fc
    .tuple(word, name, args, response, signature, fc.boolean())
    .map(([text, name, args, response, proof, hasId]): JsonObject[] => {
      const id = hasId ? { id: 'own-1' } : {}
      return [
        { role: 'user', parts: [{ text }] },
        {
          role: 'model',
          parts: [
            { text, thought: true, ...proof },
            { executableCode: { language: 'PYTHON', code: text } },
            { text },
            { functionCall: { ...id, name, args }, ...proof },
            { functionCall: { name: `${name}2`, args } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { ...id, name, response } },
            { functionResponse: { name: `${name}2`, response, scheduling: 'SILENT' } },
          ],
        },
        { role: 'model', parts: [{ text }] },
      ]
    }),
)
const schema = fc.constantFrom<JsonObject>(
  { type: 'OBJECT', properties: { a: { type: 'STRING', nullable: true, description: 'd' } }, required: ['a'] },
  {
    type: 'OBJECT',
    properties: {
      l: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: 1 },
      e: { type: 'STRING', enum: ['x', 'y'] },
    },
  },
  { type: 'OBJECT', properties: { u: { anyOf: [{ type: 'STRING' }, { type: 'NUMBER', minimum: 1 }] } } },
)
/** Present or not: absent fields must stay absent. */
function maybe(values: { readonly [field: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<JsonObject> {
  return fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>
}
const body = fc
  .tuple(
    fc.array(turn, { minLength: 1, maxLength: 3 }),
    maybe({
      systemInstruction: word.map((text) => ({ parts: [{ text }] })),
      safetySettings: fc.constant([{ category: 'C', threshold: 'T' }]),
      cachedContent: fc.constant('cachedContents/1'),
      serviceTier: fc.constantFrom('flex', 'priority', 'standard'),
      futureField: fc.constant({ a: [1] }),
    }),
    fc.option(
      fc.tuple(
        name,
        schema,
        fc.constantFrom<JsonObject>(
          { functionCallingConfig: { mode: 'AUTO' } },
          {
            functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['a', 'b'] },
            retrievalConfig: { languageCode: 'de' },
          },
          { functionCallingConfig: { mode: 'VALIDATED' } },
        ),
      ),
    ),
    maybe({
      temperature: fc.constantFrom(0, 0.5, 2),
      topP: fc.constant(0.9),
      topK: fc.nat(40),
      candidateCount: fc.integer({ min: 1, max: 4 }),
      maxOutputTokens: fc.integer({ min: 1, max: 9_999 }),
      stopSequences: fc.array(word, { minLength: 1, maxLength: 3 }),
      seed: fc.integer(),
      responseLogprobs: fc.boolean(),
      responseModalities: fc.constant(['TEXT', 'IMAGE']),
      mediaResolution: fc.constant('MEDIA_RESOLUTION_LOW'),
      speechConfig: fc.constantFrom(
        { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
        { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } }, languageCode: 'de-DE' },
        { multiSpeakerVoiceConfig: { speakerVoiceConfigs: [] } },
      ),
      thinkingConfig: fc.constantFrom(
        { includeThoughts: true, thinkingBudget: 1_024 },
        { includeThoughts: false, thinkingBudget: 0 },
        { includeThoughts: true },
      ),
    }),
    fc.option(schema),
  )
  .map(([turns, top, tool, config, format]): JsonObject => {
    const generationConfig: JsonObject = {
      ...config,
      ...(format === null || tool !== null ? {} : { responseMimeType: 'application/json', responseSchema: format }),
    }
    return {
      ...top,
      contents: [...turns.flat(), { role: 'user', parts: [{ text: 'go' }] }],
      ...(tool === null
        ? {}
        : {
            tools: [
              {
                functionDeclarations: [
                  { name: tool[0], description: 'does', parameters: tool[1], behavior: 'BLOCKING' },
                ],
              },
              { googleSearch: {} },
            ],
            toolConfig: tool[2],
          }),
      ...(Object.keys(generationConfig).length > 0 ? { generationConfig } : {}),
    }
  })

test('a Gemini request through the normal form to Gemini means the same', () => {
  fc.assert(
    fc.property(body, (body) => {
      const { body: written, refusals, warnings } = through(geminiTranslator, geminiChatCodec, body)
      expect(written).toEqual(body)
      expect([...refusals, ...warnings]).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test.each<JsonObject>([
  { output: '{}' },
  { output: '{"a":1}' },
  { output: '' },
  { error: '{}' },
  { error: '{"error":{}}' },
  { error: { code: 5 } },
  { error: { error: 'no' } },
  { error: 5 },
  { error: null },
  { error: ['no'] },
  { error: 'no', output: '{}' },
])('what a function gave comes to Gemini as it came from it: %j', (response) => {
  const contents = [
    { role: 'user', parts: [{ text: 'go' }] },
    { role: 'model', parts: [{ functionCall: { name: 'f', args: {} } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'f', response } }] },
  ]
  expect(through(geminiTranslator, geminiChatCodec, { contents }).body).toEqual({ contents } as unknown as JsonObject)
})

const GEMINI_ANSWER = {
  candidates: [
    {
      content: {
        role: 'model',
        parts: [
          { text: 'I look it up.', thoughtSignature: 'U0lHTg==' },
          { functionCall: { name: 'weather', args: { city: 'Ulm' } }, thoughtSignature: 'Q0FMTA==' },
          { functionCall: { name: 'weather', args: { city: 'Aalen' } } },
        ],
      },
      finishReason: 'STOP',
      index: 0,
    },
  ],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 7 },
  modelVersion: 'gemini-3-pro-preview',
  responseId: 'abc',
}
const WEATHER = { type: 'object', properties: { city: { type: 'string' } } }

test('signatures of Gemini go through an OpenAI client and come back to their calls', () => {
  const answer = openaiChatTranslator.writeAnswer(geminiChatCodec.readAnswer(GEMINI_ANSWER), CONTEXT)
  const message = (answer['choices'] as unknown as { message: JsonObject }[])[0]!.message
  const calls = message['tool_calls'] as unknown as { id: string }[]
  expect(calls.map(({ id }) => id)).toEqual(['call_g_abc_0', 'call_g_abc_1'])
  const back = {
    model: 'm',
    messages: [
      { role: 'user', content: 'weather?' },
      message,
      ...calls.map(({ id }, index) => ({ role: 'tool', tool_call_id: id, content: `sun ${index}` })),
    ],
    tools: [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }],
  }
  const { body, warnings, refusals } = through(openaiChatTranslator, geminiChatCodec, back, 'gemini-3-pro-preview')
  expect(body['contents']).toEqual([
    { role: 'user', parts: [{ text: 'weather?' }] },
    GEMINI_ANSWER.candidates[0]!.content,
    {
      role: 'user',
      parts: [0, 1].map((index) => ({ functionResponse: { name: 'weather', response: { output: `sun ${index}` } } })),
    },
  ])
  expect([...warnings, ...refusals]).toEqual([])
})

test('an Anthropic client’s loop of tools runs on Gemini, and brings its signatures back', () => {
  const answer = anthropicMessagesTranslator.writeAnswer(geminiChatCodec.readAnswer(GEMINI_ANSWER), CONTEXT)
  const content = answer['content'] as unknown as JsonObject[]
  const calls = content.filter(({ type }) => type === 'tool_use')
  const back = {
    model: 'm',
    max_tokens: 99,
    messages: [
      { role: 'user', content: 'weather?' },
      { role: 'assistant', content },
      { role: 'user', content: calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'sun' })) },
    ],
    tools: [{ name: 'weather', input_schema: WEATHER, cache_control: { type: 'ephemeral' } }],
  }
  const { body, refusals } = through(anthropicMessagesTranslator, geminiChatCodec, back, 'gemini-3-pro-preview')
  expect(untyped((body['contents'] as unknown as JsonObject[])[1]!['parts'])).toEqual(
    GEMINI_ANSWER.candidates[0]!.content.parts,
  )
  expect(body['tools']).toEqual([
    {
      functionDeclarations: [
        { name: 'weather', parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } } } },
      ],
    },
  ])
  expect(refusals).toEqual([])
})

const ANTHROPIC_ANSWER = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-6',
  content: [
    { type: 'thinking', thinking: 'Let me see.', signature: 'EqQB+proof' },
    { type: 'redacted_thinking', data: 'EmwKAhgB' },
    { type: 'text', text: 'I look it up.' },
    { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Ulm' } },
    { type: 'tool_use', id: 'toolu_2', name: 'weather', input: { city: 'Aalen' } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 7 },
}

/** What a client of Gemini's sends back: the contents of the model as they came, and results without ids. */
function geminiTurn(contents: readonly JsonObject[], model: string): WrittenRequest {
  const back = {
    contents: [
      { role: 'user', parts: [{ text: 'weather?' }] },
      ...contents,
      {
        role: 'user',
        parts: [0, 1].map((index) => ({ functionResponse: { name: 'weather', response: { output: `sun ${index}` } } })),
      },
    ],
    generationConfig: { thinkingConfig: { thinkingBudget: 2_000 }, maxOutputTokens: 9_000 },
    tools: [
      {
        functionDeclarations: [
          { name: 'weather', parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } } } },
        ],
      },
    ],
  }
  return through(geminiTranslator, anthropicChatCodec, back, model)
}

test.each(['claude-sonnet-4-5', 'claude-opus-4-8'])(
  'thoughts of %s go through a Gemini client and come back with their proof',
  (model) => {
    const answer = geminiTranslator.writeAnswer(anthropicChatCodec.readAnswer(ANTHROPIC_ANSWER), CONTEXT)
    const contents = (answer['candidates'] as unknown as { content: JsonObject }[]).map(({ content }) => content)
    const { body, warnings } = geminiTurn(contents, model)
    const messages = body['messages'] as unknown as { content: unknown }[]
    expect(messages[1]!.content).toEqual(ANTHROPIC_ANSWER.content)
    expect(messages[2]!.content).toEqual([
      { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sun 0' },
      { type: 'tool_result', tool_use_id: 'toolu_2', content: 'sun 1' },
    ])
    expect(body['thinking']).toMatchObject({ type: model === 'claude-opus-4-8' ? 'adaptive' : 'enabled' })
    // `thinkingConfig` says for Gemini alone that thoughts stay hidden.
    expect(warnings).toEqual(['`generationConfig` is left out.'])
  },
)

test('a streamed answer that a Gemini client keeps chunk by chunk comes back whole', () => {
  const reader = anthropicChatCodec.streamReader()
  const writer = geminiTranslator.streamWriter(CONTEXT)
  const block = (index: number, content_block: JsonObject, ...deltas: readonly JsonObject[]) => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
  const json = (text: string): JsonObject => ({ type: 'input_json_delta', partial_json: text })
  const events: readonly JsonObject[] = [
    { type: 'message_start', message: { id: 'msg_1', model: 'm', content: [], usage: { input_tokens: 5 } } },
    ...block(
      0,
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'thinking_delta', thinking: 'Let me ' },
      { type: 'thinking_delta', thinking: 'see.' },
      { type: 'signature_delta', signature: 'EqQB+proof' },
    ),
    ...block(1, { type: 'redacted_thinking', data: 'EmwKAhgB' }),
    ...block(
      2,
      { type: 'text', text: '' },
      { type: 'text_delta', text: 'I look ' },
      { type: 'text_delta', text: 'it up.' },
    ),
    ...block(3, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }, json('{"city":'), json('"Ulm"}')),
    ...block(4, { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} }, json('{"city":"Aalen"}')),
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ]
  const text = events
    .flatMap((event) => reader.read('', JSON.stringify(event)).map((one) => writer.write(one)))
    .join('')
  const contents = text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (JSON.parse(line.slice(6)) as { candidates: { content: JsonObject }[] }).candidates[0]!.content)
  const { body } = geminiTurn(contents, 'claude-sonnet-4-5')
  expect((body['messages'] as unknown as { content: unknown }[])[1]!.content).toEqual(ANTHROPIC_ANSWER.content)
})

test('a Gemini client’s request means the same to an OpenAI host', () => {
  const { body, warnings, refusals } = through(
    geminiTranslator,
    openaiChatCodec,
    {
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'What is it?' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
        { role: 'model', parts: [{ functionCall: { name: 'look', args: { at: 1 } }, thoughtSignature: 'Uw==' }] },
        { role: 'user', parts: [{ functionResponse: { name: 'look', response: { seen: 'cat' } } }] },
      ],
      tools: [
        {
          functionDeclarations: [
            { name: 'look', parameters: { type: 'OBJECT', properties: { at: { type: 'INTEGER', nullable: true } } } },
          ],
        },
      ],
      toolConfig: { functionCallingConfig: { mode: 'AUTO' } },
      generationConfig: {
        temperature: 0,
        maxOutputTokens: 9,
        stopSequences: ['END'],
        responseMimeType: 'application/json',
      },
    },
    'gpt-4.1',
  )
  expect(body).toEqual({
    model: 'gpt-4.1',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_g_1_0',
            type: 'function',
            function: { name: 'look', arguments: '{"at":1}' },
            extra_content: { google: { thought_signature: 'Uw==' } },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'call_g_1_0', content: '{"seen":"cat"}' },
    ],
    tools: [
      {
        type: 'function',
        function: { name: 'look', parameters: { type: 'object', properties: { at: { type: ['integer', 'null'] } } } },
      },
    ],
    tool_choice: 'auto',
    response_format: { type: 'json_object' },
    max_completion_tokens: 9,
    temperature: 0,
    stop: ['END'],
  })
  expect([...warnings, ...refusals]).toEqual([])
})
