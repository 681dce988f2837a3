import { expect, test } from 'bun:test'
import type { ChatRequest, Part, ReasoningSettings } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import type { WriteContext } from '../chat-codec.ts'
import { geminiChatCodec, vertexChatCodec } from './chat-codec.ts'

const USER: ChatRequest = {
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
  tools: [],
  sampling: {},
}
const context = (model: string, maxOutputTokens: number | null = null): WriteContext => ({
  model,
  stream: false,
  quirks: {},
  maxOutputTokens,
})

function written(request: Partial<ChatRequest>, model = 'gemini-2.5-flash', codec = geminiChatCodec) {
  return codec.writeRequest({ ...USER, ...request }, context(model))
}
const configOf = (request: Partial<ChatRequest>, model?: string) => written(request, model).body['generationConfig']
const contentsOf = (messages: ChatRequest['messages'], model?: string) => written({ messages }, model).body['contents']
const user = (...parts: readonly Part[]) => ({ role: 'user', parts }) as const
const call = (id: string, name = 'f', more: object = {}): Part => ({
  type: 'tool_call',
  kind: 'function',
  id,
  name,
  arguments: '{"a":1}',
  ...more,
})
const result = (toolCallId: string, text: string, more: object = {}): Part => ({
  type: 'tool_result',
  toolCallId,
  toolName: null,
  parts: [{ type: 'text', text }],
  isError: false,
  ...more,
})

test('every setting of a request has its place', () => {
  const { body, warnings, refusals } = written({
    messages: [{ role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] }, user({ type: 'text', text: 'Hi' })],
    maxOutputTokens: 99,
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      seed: 7,
      stop: ['END'],
      n: 2,
      logprobs: true,
      topLogprobs: 4,
    },
    modalities: ['text', 'audio'],
    audioOutput: { voice: 'Kore', format: 'pcm16' },
    serviceTier: 'flex',
  })
  expect(body).toEqual({
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    generationConfig: {
      maxOutputTokens: 99,
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      seed: 7,
      stopSequences: ['END'],
      candidateCount: 2,
      responseLogprobs: true,
      logprobs: 4,
      responseModalities: ['TEXT', 'AUDIO'],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
    },
    serviceTier: 'flex',
  })
  expect([...warnings, ...refusals]).toEqual([])
})

test('what has no place is left out with a warning, what matters is refused', () => {
  const { body, warnings, refusals } = written({
    sampling: { logitBias: { '1': 1 }, stop: ['', 'a', 'b', 'c', 'd', 'e', 'f'] },
    verbosity: 'low',
    metadata: { a: 'b' },
    user: 'u',
    parallelTools: false,
    serviceTier: 'scale',
    tools: [
      { type: 'function', name: 'f', schema: { properties: { a: { type: 'number', multipleOf: 2 } } } },
      { type: 'hosted', name: 'web_search', family: 'openai-chat', value: {} },
    ],
    raw: { 'openai-chat': { store: true } },
  })
  expect(warnings).toEqual([
    '`store` is left out.',
    '`logit_bias` is left out.',
    '`verbosity` is left out.',
    '`metadata` is left out.',
    '`user` is left out.',
    '`parallel_tool_calls` is left out.',
    'The schema of the tool `f` is sent without `multipleOf`.',
    'A stop sequence is left out: this provider takes 5, and none that is empty.',
    'The service tier scale is not known to this provider.',
  ])
  expect(refusals).toEqual(["The tool `web_search` runs at another vendor's API."])
  expect(body['generationConfig']).toEqual({ stopSequences: ['a', 'b', 'c', 'd', 'e'] })
})

test.each([
  ['default', 'standard', undefined, 0],
  ['priority', 'priority', undefined, 1],
  ['auto', undefined, undefined, 0],
] as const)('the tier %s is %s at AI Studio and %s at Vertex', (serviceTier, studio, vertex, warnings) => {
  expect(written({ serviceTier }).body['serviceTier']).toBe(studio)
  const atVertex = written({ serviceTier }, 'gemini-2.5-flash', vertexChatCodec)
  expect(atVertex.body['serviceTier']).toBe(vertex)
  expect(atVertex.warnings.length).toBe(warnings)
})

test('a seed of more than 32 bits is still a seed, and the same each time', () => {
  expect(configOf({ sampling: { seed: 2 ** 40 + 5 } })).toEqual({ seed: 5 })
})

test('the bound of the output is no higher than the model’s', () => {
  const request = { ...USER, maxOutputTokens: 99_999 }
  expect(geminiChatCodec.writeRequest(request, context('gemini-2.5-flash', 65_536)).body['generationConfig']).toEqual({
    maxOutputTokens: 65_536,
  })
})

test('roles, calls and results become contents; results name their function', () => {
  expect(
    contentsOf([
      user({ type: 'text', text: 'a' }),
      user({ type: 'text', text: 'b' }, { type: 'text', text: '' }),
      { role: 'assistant', parts: [{ type: 'text', text: 'x' }, call('id1', 'weather'), call('call_g_r_1')] },
      { role: 'tool', parts: [result('id1', '{"t":20}')] },
      { role: 'tool', parts: [result('call_g_r_1', 'sun'), result('zz', 'boom', { isError: true, toolName: 'z' })] },
      user({ type: 'text', text: 'c' }),
    ]),
  ).toEqual([
    { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
    {
      role: 'model',
      parts: [
        { text: 'x' },
        { functionCall: { id: 'id1', name: 'weather', args: { a: 1 } } },
        { functionCall: { name: 'f', args: { a: 1 } } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { id: 'id1', name: 'weather', response: { t: 20 } } },
        { functionResponse: { name: 'f', response: { output: 'sun' } } },
        { functionResponse: { id: 'zz', name: 'z', response: { error: 'boom' } } },
      ],
    },
    { role: 'user', parts: [{ text: 'c' }] },
  ])
  const messages: ChatRequest['messages'] = [...USER.messages, { role: 'assistant', parts: [call('id1')] }]
  expect(written({ messages }, 'gemini-2.5-flash', vertexChatCodec).body['contents']).toMatchObject([
    {},
    { parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] },
  ])
})

test('instructions go to the front; alone, they are what the user says', () => {
  const late = written({ messages: [...USER.messages, { role: 'developer', parts: [{ type: 'text', text: 's' }] }] })
  expect(late.body['systemInstruction']).toEqual({ parts: [{ text: 's' }] })
  expect(late.warnings).toEqual(['An instruction in the middle of the conversation was moved to its front.'])
  const alone = written({ messages: [{ role: 'system', parts: [{ type: 'text', text: 's' }] }] })
  expect(alone.body).toEqual({ contents: [{ role: 'user', parts: [{ text: 's' }] }] })
  expect(alone.warnings.length).toBe(1)
  const begun = written({ messages: [{ role: 'assistant', parts: [call('a')] }] })
  expect(begun.body['contents']).toMatchObject([{ role: 'user', parts: [{ text: '…' }] }, { role: 'model' }])
})

test('signatures go back where they came from; a call without one says so where one must be', () => {
  const bare = (signature: string, family: 'gemini' | 'anthropic-messages' = 'gemini'): Part => ({
    type: 'reasoning',
    text: '',
    signature,
    encrypted: null,
    family,
  })
  const assistant = (...parts: readonly Part[]) => [...USER.messages, { role: 'assistant', parts } as const]
  const partsOf = (parts: readonly Part[], model?: string) =>
    (contentsOf(assistant(...parts), model) as readonly JsonObject[])[1]!['parts']
  expect(partsOf([{ type: 'text', text: 'x' }, bare('S')])).toEqual([{ text: 'x', thoughtSignature: 'S' }])
  expect(partsOf([bare('S'), { type: 'text', text: 'x' }])).toEqual([{ text: 'x', thoughtSignature: 'S' }])
  expect(partsOf([bare('S'), call('a'), bare('T')])).toEqual([
    { text: '', thoughtSignature: 'S' },
    { functionCall: { id: 'a', name: 'f', args: { a: 1 } } },
  ])
  expect(
    partsOf(
      [
        { ...bare('S'), text: 'hm' } as Part,
        bare('A', 'anthropic-messages'),
        call('a', 'f', { signature: 'C', family: 'gemini' }),
        call('b'),
      ],
      'gemini-3-pro-preview',
    ),
  ).toEqual([
    { text: 'hm', thought: true, thoughtSignature: 'S' },
    { functionCall: { id: 'a', name: 'f', args: { a: 1 } }, thoughtSignature: 'C' },
    { functionCall: { id: 'b', name: 'f', args: { a: 1 } } },
  ])
  expect(partsOf([call('a'), call('b')], 'gemini-3-flash-preview')).toMatchObject([
    { thoughtSignature: 'skip_thought_signature_validator' },
    { functionCall: { id: 'b' } },
  ])
})

test('media of every kind, and what cannot be sent', () => {
  const parts: readonly Part[] = [
    { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } },
    { type: 'image', source: { type: 'url', url: 'https://e.org/a.JPG?x', mediaType: null } },
    { type: 'video', source: { type: 'url', url: 'https://www.youtube.com/watch?v=1', mediaType: null } },
    { type: 'audio', source: { type: 'file', fileId: 'files/1', mediaType: 'audio/mpeg' } },
    { type: 'file', source: { type: 'inline', data: 'AAAA', mediaType: 'application/pdf' }, name: 'a.pdf' },
    { type: 'file', source: { type: 'inline', data: btoa('{"a":1}'), mediaType: 'application/json' }, name: 'a.json' },
    { type: 'file', source: { type: 'text', text: 'doc', mediaType: 'text/plain' } },
    { type: 'refusal', text: 'no' },
  ]
  const { body, warnings, refusals } = written({
    messages: [
      user(
        ...parts,
        { type: 'file', source: { type: 'file', fileId: 'file-1', mediaType: null } },
        { type: 'opaque', family: 'openai-chat', value: {} },
      ),
    ],
  })
  expect(body['contents']).toEqual([
    {
      role: 'user',
      parts: [
        { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
        { fileData: { mimeType: 'image/jpeg', fileUri: 'https://e.org/a.JPG?x' } },
        { fileData: { mimeType: 'video/mp4', fileUri: 'https://www.youtube.com/watch?v=1' } },
        { fileData: { mimeType: 'audio/mpeg', fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/1' } },
        { inlineData: { displayName: 'a.pdf', mimeType: 'application/pdf', data: 'AAAA' } },
        { text: 'a.json\n\n{"a":1}' },
        { text: 'doc' },
        { text: 'no' },
      ],
    },
  ])
  expect(warnings).toEqual(['A part of type opaque is left out.'])
  expect(refusals).toEqual(['A file that another vendor keeps cannot be sent to this provider; send its content.'])
})

test('pictures of a result stand inside of it, or after it where the model does not look there', () => {
  const png: Part = { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } }
  const messages: ChatRequest['messages'] = [
    ...USER.messages,
    { role: 'assistant', parts: [call('a')] },
    { role: 'tool', parts: [result('a', 'x', { parts: [{ type: 'text', text: 'x' }, png] })] },
  ]
  const blob = { inlineData: { mimeType: 'image/png', data: 'AAAA' } }
  const last = (model: string) => (contentsOf(messages, model) as readonly JsonObject[])[2]!['parts']
  expect(last('gemini-3-pro-preview')).toEqual([
    { functionResponse: { id: 'a', name: 'f', response: { output: 'x' }, parts: [blob] } },
  ])
  expect(last('gemini-2.5-pro')).toEqual([
    { functionResponse: { id: 'a', name: 'f', response: { output: 'x' } } },
    { text: 'Of the tool call f:' },
    blob,
  ])
})

test('arguments that are no JSON object are put into one', () => {
  const messages: ChatRequest['messages'] = [
    ...USER.messages,
    { role: 'assistant', parts: [call('a', 'f', { arguments: 'x' })] },
  ]
  const { body, warnings } = written({ messages })
  expect(body['contents']).toMatchObject([{}, { parts: [{ functionCall: { args: { arguments: 'x' } } }] }])
  expect(warnings.length).toBe(1)
})

test('functions in one tool, custom ones as functions, Google’s own beside them', () => {
  const { body, reading } = written({
    tools: [
      {
        type: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object', properties: { a: { type: 'string' } } },
      },
      { type: 'function', name: 'none', schema: { type: 'object', properties: {} } },
      {
        type: 'function',
        name: 'ref',
        schema: { $defs: { a: { properties: { b: { type: 'string' } } } }, $ref: '#/$defs/a' },
      },
      { type: 'function', name: 'tree', schema: { properties: { child: { $ref: '#' } } } },
      { type: 'custom', name: 'sh', description: 'runs', grammar: { syntax: 'lark', definition: 'x' } },
      { type: 'hosted', name: 'googleSearch', family: 'gemini', value: { googleSearch: {} } },
    ],
    toolChoice: { type: 'named', name: 'f' },
  })
  expect(body['tools']).toEqual([
    {
      functionDeclarations: [
        { name: 'f', description: 'd', parameters: { type: 'OBJECT', properties: { a: { type: 'STRING' } } } },
        { name: 'none' },
        { name: 'ref', parameters: { type: 'OBJECT', properties: { b: { type: 'STRING' } } } },
        { name: 'tree', parametersJsonSchema: { properties: { child: { $ref: '#' } } } },
        {
          name: 'sh',
          description: 'runs It must match this lark grammar:\nx',
          parameters: expect.objectContaining({ required: ['input'] }),
        },
      ],
    },
    { googleSearch: {} },
  ])
  expect(body['toolConfig']).toEqual({ functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } })
  expect([...reading.customTools]).toEqual(['sh'])
})

const schema: JsonObject = { type: 'object', properties: { a: { type: 'string' } } }
const tool = { type: 'function', name: 'f', schema: null } as const
const bySchema = { type: 'json_schema', name: 'n', schema } as const

test.each([
  ['any JSON', { responseFormat: { type: 'json' } }, { responseMimeType: 'application/json' }],
  ['text', { responseFormat: { type: 'text' } }, undefined],
  [
    'a schema',
    { responseFormat: bySchema },
    { responseMimeType: 'application/json', responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING' } } } },
  ],
  ['an empty schema', { responseFormat: { ...bySchema, schema: {} } }, { responseMimeType: 'application/json' }],
  [
    'a schema that refers to itself',
    { responseFormat: { ...bySchema, schema: { properties: { a: { $ref: '#' } } } } },
    { responseMimeType: 'application/json', responseJsonSchema: { properties: { a: { $ref: '#' } } } },
  ],
] as const)('%s as the format of the answer', (_, request, config) => expect(configOf(request)).toEqual(config))

test('structured output beside tools is for new models; older ones are asked in words, or refuse', () => {
  expect(configOf({ responseFormat: bySchema, tools: [tool] }, 'gemini-3-pro-preview')).toHaveProperty('responseSchema')
  expect(written({ responseFormat: bySchema, tools: [tool] }).refusals.length).toBe(1)
  const words = written({ responseFormat: { type: 'json' }, tools: [tool] })
  expect(words.body['systemInstruction']).toMatchObject({ parts: [{ text: expect.stringContaining('JSON') }] })
  expect(words.warnings.length).toBe(1)
})

const thinkingOf = (reasoning: ReasoningSettings, model: string) =>
  (configOf({ reasoning }, model) as JsonObject | undefined)?.['thinkingConfig']

test.each([
  ['gemini-2.5-flash', { enabled: true, effort: 'low' }, { includeThoughts: true, thinkingBudget: 1_024 }],
  ['gemini-2.5-flash', { enabled: true, effort: 'high' }, { includeThoughts: true, thinkingBudget: 24_576 }],
  ['gemini-2.5-flash', { enabled: true, budgetTokens: 99_999 }, { includeThoughts: true, thinkingBudget: 24_576 }],
  ['gemini-2.5-flash-lite', { enabled: true, budgetTokens: 9 }, { includeThoughts: true, thinkingBudget: 512 }],
  ['gemini-2.5-flash', { enabled: false }, { thinkingBudget: 0 }],
  ['gemini-2.5-pro', { enabled: false, effort: 'none' }, { thinkingBudget: 128 }],
  ['gemini-2.5-pro', { enabled: true }, { includeThoughts: true }],
  ['gemini-3-pro-preview', { enabled: true, effort: 'medium' }, { includeThoughts: true, thinkingLevel: 'high' }],
  ['gemini-3.1-pro-preview', { enabled: true, effort: 'medium' }, { includeThoughts: true, thinkingLevel: 'medium' }],
  ['gemini-3-pro-preview', { enabled: true, effort: 'minimal' }, { includeThoughts: true, thinkingLevel: 'low' }],
  ['gemini-3-flash-preview', { enabled: true, effort: 'xhigh' }, { includeThoughts: true, thinkingLevel: 'high' }],
  ['gemini-3-flash-preview', { enabled: false }, { thinkingLevel: 'minimal' }],
  ['gemini-3-flash-preview', { enabled: true, budgetTokens: 2_000 }, { includeThoughts: true, thinkingBudget: 2_000 }],
  ['gemini-flash-latest', { summary: 'auto' }, { includeThoughts: true }],
  ['gemini-2.0-flash', { enabled: true, effort: 'high' }, undefined],
] as const)('%s thinks as %j asks', (model, reasoning, config) => expect(thinkingOf(reasoning, model)).toEqual(config))

test('thinking that a model cannot do, or cannot leave, is told', () => {
  const warningsOf = (reasoning: ReasoningSettings, model: string) => written({ reasoning }, model).warnings.length
  expect(warningsOf({ enabled: true }, 'gemma-3-27b-it')).toBe(1)
  expect(warningsOf({ enabled: false }, 'gemma-3-27b-it')).toBe(0)
  expect(warningsOf({ enabled: false }, 'gemini-2.5-pro')).toBe(1)
  expect(warningsOf({ effort: 'none' }, 'gemini-3-pro-preview')).toBe(1)
})
