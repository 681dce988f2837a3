// Responses in front: requests in, answers and events out.
import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { eventsOf } from '../core/chat-assembler.ts'
import type { ChatMessage, Part } from '../core/chat.ts'
import type { ChatAnswer, FinishReason } from '../core/chat-answer.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import { GatewayError } from '../core/error.ts'
import type { StoredResponse } from '../core/formats/responses-history.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_USAGE } from '../core/usage.ts'
import {
  deletedResponse,
  inputItemsPage,
  refuseCancel,
  resolvedInput,
  responseNotFound,
  retrievedResponse,
} from './openai-responses-stored.ts'
import { openaiResponsesTranslator } from './openai-responses-translator.ts'
import { openaiResponses } from './openai-responses.ts'
import type { AnswerContext } from './translator.ts'

type Json = { readonly [name: string]: any } // oxlint-disable-line typescript/no-explicit-any -- test data of any form

const readRequest = (body: JsonObject) => openaiResponsesTranslator.readRequest(body)
const writeAnswer = (answer: ChatAnswer, context: AnswerContext): Json =>
  openaiResponsesTranslator.writeAnswer(answer, context)
const CONTEXT: AnswerContext = { model: 'asked-for', id: 'req_01', created: 1_700_000_000, includeUsage: false }

function codeOf(action: () => unknown): readonly [string, string | undefined] {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return [error.code, error.detail.param]
  }
  return ['nothing was thrown', undefined]
}

function messagesOf(input: JsonObject['input']): readonly ChatMessage[] {
  return readRequest({ model: 'm', input }).request.messages
}

describe('facts of a request', () => {
  test('what the path needs is read', () => {
    expect(
      openaiResponses.readFacts({
        model: 'gpt',
        input: 'hello',
        stream: true,
        max_output_tokens: 50,
        user: 'ada',
        safety_identifier: 'hash',
      }),
    ).toMatchObject({ model: 'gpt', stream: true, maxOutputTokens: 50, endUser: 'hash', wantsStreamUsage: true })
    expect(openaiResponses.readFacts({ model: 'gpt', previous_response_id: 'resp_1' }).maxOutputTokens).toBeNull()
  })

  test.each<[string, JsonObject, string, string]>([
    ['no input', { model: 'm' }, 'request_malformed', 'input'],
    ['an empty list', { model: 'm', input: [] }, 'request_malformed', 'input'],
    ['an input of another type', { model: 'm', input: 7 }, 'request_malformed', 'input'],
    ['no model', { input: 'x' }, 'request_malformed', 'model'],
    ['background', { model: 'm', input: 'x', background: true }, 'unsupported', 'background'],
    ['models that are no list', { model: 'm', input: 'x', models: 'a' }, 'request_malformed', 'models'],
  ])('%s is refused', (_name, body, code, param) => {
    expect(codeOf(() => openaiResponses.readFacts(body))).toEqual([code, param])
  })

  test('an error in a stream can be read by every SDK', () => {
    const text = openaiResponses.errorEvents(new GatewayError('all_targets_failed'), 'req_1')
    const [first, second] = text.split('\n')
    expect(first).toBe('event: error')
    const event = JSON.parse((second ?? '').slice(6)) as Json
    expect(event).toMatchObject({
      type: 'error',
      code: 'all_targets_failed',
      param: null,
      error: { type: 'server_error' },
    })
    expect(event['message']).toBe(event['error'].message)
  })
})

describe('requests', () => {
  test('a text is a message of the user, instructions one of the system', () => {
    const { request } = readRequest({ model: 'm', input: 'hello', instructions: 'be brief' })
    expect(request.messages).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
      { role: 'user', parts: [{ type: 'text', text: 'hello' }] },
    ])
  })

  test('one turn of the model is one message: its thoughts, its text, all its calls; so are their results', () => {
    const messages = messagesOf([
      { role: 'user', content: [{ type: 'input_text', text: 'weather?' }] },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'gAAA' },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        phase: 'commentary',
        content: [{ type: 'output_text', text: 'I look.' }],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_2', name: 'sql', input: 'SELECT 1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
      { type: 'custom_tool_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: '1' }] },
      { role: 'user', content: 'thanks' },
    ])
    expect(messages.map(({ role, parts }) => [role, parts.map((part) => part.type)])).toEqual([
      ['user', ['text']],
      ['assistant', ['reasoning', 'reasoning', 'text', 'tool_call', 'tool_call']],
      ['tool', ['tool_result', 'tool_result']],
      ['user', ['text']],
    ])
    expect(messages[1]?.parts[1]).toMatchObject({ encrypted: 'gAAA', id: 'rs_1', family: 'openai-responses' })
    expect(messages[1]?.parts[4]).toMatchObject({ kind: 'custom', id: 'call_2', arguments: 'SELECT 1' })
    expect(messages[2]?.parts[0]).toMatchObject({ toolCallId: 'call_1', toolName: 'weather' })
    expect(messages[2]?.parts[1]).toMatchObject({ raw: { 'openai-responses': { type: 'custom_tool_call_output' } } })
  })

  test('two texts of the model in a row are two messages', () => {
    const messages = messagesOf([
      { role: 'assistant', content: 'one' },
      { role: 'assistant', content: 'two' },
    ])
    expect(messages).toHaveLength(2)
  })

  test('calls tie a later text to their turn, for their results must follow all of it', () => {
    const messages = messagesOf([
      { role: 'assistant', content: 'one' },
      { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
      { role: 'assistant', content: 'two' },
      { role: 'assistant', content: 'three' },
      { type: 'function_call_output', call_id: 'call_1', output: 'x' },
    ])
    expect(messages.map(({ role, parts }) => [role, parts.length])).toEqual([
      ['assistant', 4],
      ['tool', 1],
    ])
  })

  test.each<[string, JsonObject, Partial<Part> | object]>([
    [
      'an image by URL',
      { type: 'input_image', image_url: 'https://x/y.png', detail: 'low' },
      { type: 'image', source: { type: 'url', url: 'https://x/y.png', mediaType: null }, detail: 'low' },
    ],
    [
      'an image as data',
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
      { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } },
    ],
    [
      'a kept image',
      { type: 'input_image', file_id: 'file_1' },
      { type: 'image', source: { type: 'file', fileId: 'file_1', mediaType: null } },
    ],
    [
      'a file as data',
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' },
      { type: 'file', name: 'a.pdf', source: { type: 'inline', data: 'AAAA', mediaType: 'application/pdf' } },
    ],
    [
      'a file as bare base64',
      { type: 'input_file', filename: 'A.PDF', file_data: 'AAAA' },
      { type: 'file', name: 'A.PDF', source: { type: 'inline', data: 'AAAA', mediaType: 'application/pdf' } },
    ],
    [
      'a file by URL',
      { type: 'input_file', file_url: 'https://x/y.pdf' },
      { type: 'file', source: { type: 'url', url: 'https://x/y.pdf', mediaType: null } },
    ],
    [
      'sound',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { type: 'audio', source: { type: 'inline', data: 'AAAA', mediaType: 'audio/mp3' } },
    ],
    ['a refusal', { type: 'refusal', refusal: 'no' }, { type: 'refusal', text: 'no' }],
    [
      'what nobody knows',
      { type: 'input_smell', data: 'x' },
      { type: 'opaque', family: 'openai-responses', value: { type: 'input_smell', data: 'x' } },
    ],
    [
      'an image without content',
      { type: 'input_image' },
      { type: 'opaque', family: 'openai-responses', value: { type: 'input_image' } },
    ],
  ])('%s in a message', (_name, piece, part) => {
    expect(messagesOf([{ role: 'user', content: [piece] }])[0]?.parts).toEqual([part as Part])
  })

  test('items of hosted tools are kept as they came, on the side that they belong to', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' }
    const shell = { type: 'shell_call_output', call_id: 'call_1', output: [] }
    const messages = messagesOf([
      search,
      shell,
      { type: 'mcp_approval_response', approval_request_id: 'm', approve: true },
    ])
    expect(messages.map(({ role }) => role)).toEqual(['assistant', 'user', 'user'])
    expect(messages[0]?.parts).toEqual([{ type: 'opaque', family: 'openai-responses', value: search }])
    expect(messages[1]?.raw).toEqual({ 'openai-responses': { is_item: true } })
  })

  test.each<[string, JsonObject, string, string]>([
    ['an item that is no object', { input: ['x'] }, 'request_malformed', 'input[0]'],
    ['a message without content', { input: [{ role: 'user' }] }, 'request_malformed', 'input[0].content'],
    ['an unknown role', { input: [{ role: 'boss', content: 'x' }] }, 'request_malformed', 'input[0].role'],
    ['a reference that was not resolved', { input: [{ type: 'item_reference', id: 'm' }] }, 'unsupported', 'input[0]'],
    ['a prompt kept elsewhere', { prompt: { id: 'p' } }, 'unsupported', 'prompt'],
    ['a conversation kept elsewhere', { input: 'x', conversation: 'c' }, 'unsupported', 'conversation'],
  ])('%s is refused with its place', (_name, body, code, param) => {
    expect(codeOf(() => readRequest({ model: 'm', ...body }))).toEqual([code, param])
  })

  test('settings find their place, and what only this API knows is kept for it', () => {
    const { request } = readRequest({
      model: 'm',
      input: 'x',
      stream: true,
      store: false,
      background: false,
      truncation: 'disabled',
      max_output_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 2,
      parallel_tool_calls: false,
      service_tier: 'flex',
      user: 'ada',
      metadata: { a: 'b' },
      prompt_cache_key: 'k',
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs', 'web_search_call.action.sources'],
      reasoning: { effort: 'low', summary: 'auto', context: 'all_turns' },
      text: {
        verbosity: 'low',
        format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true, description: 'd' },
      },
    })
    expect(request).toMatchObject({
      maxOutputTokens: 9,
      sampling: { temperature: 0.5, topP: 0.9, logprobs: true, topLogprobs: 2 },
      parallelTools: false,
      serviceTier: 'flex',
      user: 'ada',
      metadata: { a: 'b' },
      reasoning: { enabled: true, effort: 'low', summary: 'auto', includeEncrypted: true },
      verbosity: 'low',
      responseFormat: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true, description: 'd' },
    })
    expect(request.raw).toEqual({
      'openai-responses': {
        prompt_cache_key: 'k',
        include: ['web_search_call.action.sources'],
        reasoning: { context: 'all_turns' },
      },
    })
  })

  test('formats and thinking have their plain forms too', () => {
    const of = (body: JsonObject) => readRequest({ model: 'm', input: 'x', ...body }).request
    expect(of({ text: { format: { type: 'text' } } }).responseFormat).toEqual({ type: 'text' })
    expect(of({ text: { format: { type: 'json_object' } } }).responseFormat).toEqual({ type: 'json' })
    expect(of({ text: { format: { type: 'grammar' } } }).responseFormat).toBeUndefined()
    expect(of({ reasoning: { effort: 'none' } }).reasoning).toEqual({ enabled: false, effort: 'none' })
    expect(of({ include: ['reasoning.encrypted_content'] }).reasoning).toEqual({ includeEncrypted: true })
    expect(of({}).reasoning).toBeUndefined()
    expect(of({}).raw).toBeUndefined()
  })

  const TOOLS: readonly JsonObject[] = [
    { type: 'function', name: 'weather', description: 'd', parameters: { type: 'object' }, strict: true },
    { type: 'custom', name: 'sql', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } },
    { type: 'custom', name: 'free', format: { type: 'text' } },
    { type: 'web_search', search_context_size: 'low' },
  ]

  test('tools of all kinds', () => {
    expect(readRequest({ model: 'm', input: 'x', tools: TOOLS }).request.tools).toEqual([
      { type: 'function', name: 'weather', description: 'd', schema: { type: 'object' }, strict: true },
      { type: 'custom', name: 'sql', grammar: { syntax: 'lark', definition: 'start: "x"' } },
      { type: 'custom', name: 'free', grammar: null },
      {
        type: 'hosted',
        name: 'web_search',
        family: 'openai-responses',
        value: TOOLS[3]!,
        search: { contextSize: 'low' },
      },
    ])
  })

  test.each<[JsonObject['tool_choice'], object | undefined, readonly string[]]>([
    ['auto', { type: 'auto' }, ['weather', 'sql', 'free', 'web_search']],
    [
      { type: 'function', name: 'weather' },
      { type: 'named', name: 'weather' },
      ['weather', 'sql', 'free', 'web_search'],
    ],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'custom', name: 'sql' }, { type: 'web_search' }] },
      { type: 'required' },
      ['sql', 'web_search'],
    ],
    [{ type: 'web_search' }, undefined, ['weather', 'sql', 'free', 'web_search']],
  ])('the choice %j', (choice, expected, names) => {
    const { request } = readRequest({ model: 'm', input: 'x', tools: TOOLS, tool_choice: choice })
    expect(request.toolChoice).toEqual(expected as typeof request.toolChoice)
    expect(request.tools.map((tool) => tool.name)).toEqual([...names])
    expect(request.raw?.['openai-responses']?.['tool_choice']).toEqual(expected === undefined ? choice : undefined)
  })
})

function anAnswer(parts: readonly Part[], unified: FinishReason = 'stop'): ChatAnswer {
  return {
    id: 'chatcmpl-1',
    model: 'upstream',
    created: 1_700_000_001,
    choices: [{ index: 0, parts, finish: { unified, raw: null }, logprobs: null }],
    usage: { ...NO_USAGE, input: 5, cacheRead: 3, output: 7, reasoning: 2 },
    rawUsage: {},
    serviceTier: 'standard',
    warnings: [],
  }
}

function streamed(events: readonly ChatEvent[], context: AnswerContext = CONTEXT): readonly Json[] {
  const writer = openaiResponsesTranslator.streamWriter(context)
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const [name, data] = block.split('\n')
      const event = JSON.parse((data ?? '').slice(6)) as Json
      expect(name).toBe(`event: ${event['type']}`)
      return event
    })
}

const THOUGHT = { type: 'reasoning', signature: null, encrypted: null } as const

const somePart = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: fc.string() }),
  fc.record({
    type: fc.constant('text' as const),
    text: fc.string(),
    raw: fc.constantFrom(
      { 'openai-responses': { message_id: 'msg_a', phase: 'commentary' } },
      {
        'openai-responses': { message_id: 'msg_b' },
      },
    ),
  }),
  fc.record({
    type: fc.constant('text' as const),
    text: fc.string({ minLength: 1 }),
    citations: fc.constant([{ url: 'https://x', title: null, citedText: null, start: 0, end: 1 }]),
  }),
  fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
  fc.record({
    type: fc.constant('reasoning' as const),
    text: fc.string(),
    signature: fc.option(fc.string({ minLength: 1 })),
    encrypted: fc.constant(null),
    family: fc.constantFrom('anthropic-messages' as const, 'openai-chat' as const),
  }),
  fc.record({
    type: fc.constant('reasoning' as const),
    text: fc.string(),
    signature: fc.constant(null),
    encrypted: fc.option(fc.string({ minLength: 1 })),
    family: fc.constant('openai-responses' as const),
    id: fc.constantFrom('rs_a', 'rs_b'),
    isSummary: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('tool_call' as const),
    kind: fc.constantFrom('function' as const, 'custom' as const),
    id: fc.constantFrom('call_1', 'call_2'),
    name: fc.constant('tool'),
    arguments: fc.constantFrom('{"a":1}', '{}', 'text'),
  }),
  fc.constant<Part>({
    type: 'tool_call',
    kind: 'function',
    id: 'call_3',
    name: 'tool',
    arguments: '{}',
    signature: 'sig',
    family: 'gemini',
  }),
  fc.constant<Part>({ type: 'opaque', family: 'openai-responses', value: { type: 'web_search_call', id: 'ws_1' } }),
  fc.constant<Part>({ type: 'opaque', family: 'anthropic-messages', value: { type: 'web_search_tool_result' } }),
  fc.constant<Part>({ type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } }),
)

describe('answers', () => {
  test('a stream tells the same items as the whole answer, each begun and ended once, its deltas adding up', () => {
    fc.assert(
      fc.property(fc.array(somePart, { maxLength: 8 }), (parts) => {
        const answer = anAnswer(parts)
        const whole = writeAnswer(answer, CONTEXT)
        const events = streamed(eventsOf(answer))
        expect(events.map((event) => event['sequence_number'] as number)).toEqual([...events.keys()])
        expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: whole })
        const state = new Map<number, 'open' | 'done'>()
        const told = new Map<string, string>()
        for (const event of events) {
          const place = event['output_index'] as number | undefined
          if (place === undefined) continue
          const expected = event['type'] === 'response.output_item.added' ? undefined : 'open'
          expect(state.get(place)).toBe(expected)
          if (event['type'] === 'response.output_item.added') state.set(place, 'open')
          if (event['type'] === 'response.output_item.done') {
            state.set(place, 'done')
            expect(event['item']).toEqual(whole['output'][place])
          } else if (event['item_id'] !== undefined) expect(event['item_id']).toBe(whole['output'][place].id)
          const key = `${place} ${event['content_index'] ?? ''} ${event['summary_index'] ?? ''}`
          const type = String(event['type'])
          if (type.endsWith('.delta')) told.set(key, (told.get(key) ?? '') + event['delta'])
          const said = event['text'] ?? event['refusal'] ?? event['arguments'] ?? event['input']
          if (type.endsWith('.done') && said !== undefined) expect(told.get(key) ?? '').toBe(said)
        }
        expect([...state.values()].every((one) => one === 'done')).toBe(true)
        expect(state.size).toBe(whole['output'].length)
      }),
      { numRuns: 300 },
    )
  })

  test('what is answered comes back as what it was', () => {
    const parts: readonly Part[] = [
      { ...THOUGHT, text: 'deep', signature: 'proof', family: 'anthropic-messages', id: 'rs_x' },
      { ...THOUGHT, text: '', encrypted: 'redacted', family: 'anthropic-messages', id: 'rs_x' },
      { type: 'text', text: 'I call.', raw: { 'openai-responses': { message_id: 'msg_x', phase: 'commentary' } } },
      {
        type: 'tool_call',
        kind: 'function',
        id: 'call_1',
        name: 'a',
        arguments: '{}',
        signature: 'sig',
        family: 'gemini',
      },
    ]
    const { output } = writeAnswer(anAnswer(parts), CONTEXT)
    const [message] = messagesOf(output)
    expect(message?.parts.map(({ raw: _raw, ...part }) => part)).toEqual(parts.map(({ raw: _raw, ...part }) => part))
    expect(message?.parts[2]?.raw).toEqual(parts[2]?.raw)
  })

  test('thoughts and texts of different items stay apart, those of one item together', () => {
    const thought = (id: string, text: string): Part => ({
      ...THOUGHT,
      text,
      id,
      isSummary: true,
      family: 'openai-responses',
    })
    const text = (id: string): Part => ({ type: 'text', text: id, raw: { 'openai-responses': { message_id: id } } })
    const parts = [
      thought('rs_a', '1'),
      thought('rs_a', '2'),
      thought('rs_b', '3'),
      text('m_a'),
      text('m_a'),
      text('m_b'),
    ]
    const { output } = writeAnswer(anAnswer(parts), CONTEXT)
    expect(
      (output as readonly Json[]).map((item) => [item['id'], (item['summary'] ?? item['content']).length]),
    ).toEqual([
      ['rs_a', 2],
      ['rs_b', 1],
      ['m_a', 2],
      ['m_b', 1],
    ])
  })

  test('usage is counted in this API’s way, the response named by the gateway', () => {
    const body = writeAnswer(anAnswer([{ type: 'text', text: 'hi' }]), CONTEXT)
    expect(body).toMatchObject({
      id: 'resp_req_01',
      object: 'response',
      created_at: 1_700_000_001,
      model: 'asked-for',
      status: 'completed',
      service_tier: 'default',
      usage: {
        input_tokens: 8,
        input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 17,
      },
    })
    expect(body['output']).toEqual([
      {
        id: 'msg_01_0',
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'hi', annotations: [], logprobs: [] }],
      },
    ])
    expect(writeAnswer(anAnswer([]), { ...CONTEXT, id: 'resp_9' })['id']).toBe('resp_9')
  })

  test('the response repeats what was asked', () => {
    const body = {
      model: 'm',
      input: 'x',
      instructions: 'brief',
      temperature: 0.2,
      previous_response_id: 'resp_0',
      store: false,
      tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }],
      tool_choice: 'required',
      metadata: { a: 'b' },
      user: 'ada',
      reasoning: { effort: 'low' },
      text: { verbosity: 'low' },
    }
    expect(writeAnswer(anAnswer([]), { ...CONTEXT, body })).toMatchObject({
      instructions: 'brief',
      temperature: 0.2,
      top_p: null,
      previous_response_id: 'resp_0',
      store: false,
      tools: [{ type: 'function', name: 'f', parameters: null, strict: null }, { type: 'web_search' }],
      tool_choice: 'required',
      metadata: { a: 'b' },
      user: 'ada',
      reasoning: { effort: 'low', summary: null },
      text: { format: { type: 'text' }, verbosity: 'low' },
    })
  })

  test.each<[FinishReason, string, object]>([
    ['stop', 'completed', { error: null, incomplete_details: null }],
    ['pause', 'completed', { error: null, incomplete_details: null }],
    ['length', 'incomplete', { incomplete_details: { reason: 'max_output_tokens' } }],
    ['content_filter', 'incomplete', { incomplete_details: { reason: 'content_filter' } }],
    ['error', 'failed', { error: { code: 'server_error', message: 'The provider broke the answer off.' } }],
  ])('an answer that ended with %s is %s', (finish, status, fields) => {
    const answer = anAnswer([{ type: 'text', text: 'a' }], finish)
    expect(writeAnswer(answer, CONTEXT)).toMatchObject({ status, ...fields })
    expect(streamed(eventsOf(answer)).at(-1)).toMatchObject({
      type: `response.${status}`,
      response: { status, ...fields },
    })
  })

  test('parallel calls may overlap: each event names its place', () => {
    const call = (id: string): Part => ({ type: 'tool_call', kind: 'function', id, name: 'f', arguments: '' })
    const json = (block: number, text: string): ChatEvent => ({
      type: 'block_delta',
      choice: 0,
      block,
      delta: { type: 'arguments', json: text },
    })
    const events = streamed([
      { type: 'start', id: 'x', model: 'm', created: null },
      { type: 'block_start', choice: 0, block: 0, part: call('call_a') },
      { type: 'block_start', choice: 0, block: 1, part: call('call_b') },
      json(0, '{"a"'),
      json(1, '{}'),
      json(0, ':1}'),
      { type: 'block_end', choice: 0, block: 0 },
      { type: 'block_end', choice: 0, block: 1 },
      { type: 'finish', choice: 0, finish: { unified: 'tool_calls', raw: null } },
      { type: 'end' },
    ])
    expect(events.at(-1)?.['response'].output).toMatchObject([
      { call_id: 'call_a', arguments: '{"a":1}' },
      { call_id: 'call_b', arguments: '{}' },
    ])
    expect(events.at(-1)?.['response']).not.toHaveProperty('usage')
  })

  test('a message whose text is still open ends with it, though something else has begun', () => {
    const events = streamed([
      { type: 'start', id: 'x', model: 'm', created: null },
      { type: 'block_start', choice: 0, block: 0, part: { type: 'text', text: 'a' } },
      { type: 'block_start', choice: 0, block: 1, part: { ...THOUGHT, text: 'b', family: null } },
      { type: 'block_delta', choice: 0, block: 0, delta: { type: 'text', text: 'c' } },
      { type: 'block_end', choice: 0, block: 0 },
      { type: 'block_end', choice: 0, block: 1 },
      { type: 'end' },
    ])
    const ends = events.filter((event) => event['type'] === 'response.output_item.done')
    expect(ends.map((event) => event['output_index'] as number)).toEqual([0, 1])
    expect(ends[0]?.['item'].content[0].text).toBe('ac')
  })

  test('log probabilities stand with the text that they belong to', () => {
    const token = { token: 'hi', logprob: -0.1, bytes: null, top: [{ token: 'ho', logprob: -2, bytes: [1] }] }
    const json = {
      token: 'hi',
      logprob: -0.1,
      bytes: [],
      top_logprobs: [{ token: 'ho', logprob: -2, bytes: [1] }],
    }
    const answer = anAnswer([
      { type: 'text', text: 'hi' },
      { type: 'text', text: 'hi' },
      { type: 'refusal', text: 'no' },
    ])
    const [choice] = answer.choices
    const whole = writeAnswer(
      { ...answer, choices: [{ ...choice!, logprobs: [token, { ...token, logprob: -3 }] }] },
      CONTEXT,
    )
    expect(whole['output'][0].content.map((piece: Json) => piece['logprobs'])).toEqual([
      [json],
      [{ ...json, logprob: -3 }],
      undefined,
    ])
    const events = streamed([
      { type: 'start', id: 'x', model: 'm', created: null },
      { type: 'block_start', choice: 0, block: 0, part: { type: 'text', text: '' } },
      { type: 'logprobs', choice: 0, tokens: [token] },
      { type: 'block_delta', choice: 0, block: 0, delta: { type: 'text', text: 'hi' } },
      { type: 'logprobs', choice: 0, tokens: [token] },
      { type: 'block_end', choice: 0, block: 0 },
      { type: 'end' },
    ])
    expect(events.find((event) => event['type'] === 'response.output_text.delta')?.['logprobs']).toEqual([json])
    expect(events.find((event) => event['type'] === 'response.output_text.done')?.['logprobs']).toEqual([json, json])
  })

  test('sound is told by its transcript, a picture as a generated image', () => {
    const start = { type: 'start', id: 'x', model: 'm', created: null } as const
    const events = streamed([
      start,
      {
        type: 'block_start',
        choice: 0,
        block: 0,
        part: { type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/pcm' } },
      },
      { type: 'block_delta', choice: 0, block: 0, delta: { type: 'data', data: 'AAAA' } },
      { type: 'block_delta', choice: 0, block: 0, delta: { type: 'transcript', text: 'hello' } },
      { type: 'block_end', choice: 0, block: 0 },
      {
        type: 'block_start',
        choice: 0,
        block: 1,
        part: { type: 'image', source: { type: 'inline', data: '', mediaType: 'image/png' } },
      },
      { type: 'block_delta', choice: 0, block: 1, delta: { type: 'data', data: 'YQ==' } },
      { type: 'block_delta', choice: 0, block: 1, delta: { type: 'data', data: 'Yg==' } },
      { type: 'block_end', choice: 0, block: 1 },
      { type: 'ping' },
      { type: 'end' },
    ])
    expect(events.at(-1)?.['response'].output).toMatchObject([
      { type: 'message', content: [{ text: 'hello' }] },
      { type: 'image_generation_call', result: btoa('ab') },
    ])
  })

  test('a stream that breaks ends with an error, and with nothing after it', () => {
    const writer = openaiResponsesTranslator.streamWriter(CONTEXT)
    const text = writer.write({ type: 'error', message: 'gone', code: null })
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: response.created',
      'event: response.in_progress',
      'event: error',
    ])
    expect(text).toContain('"message":"gone"')
    expect(writer.end()).toBe('')
  })

  test('a stream without an end still gets its last event', () => {
    expect(streamed([]).map((event) => event['type'] as string)).toEqual([
      'response.created',
      'response.in_progress',
      'response.completed',
    ])
  })
})

describe('kept responses', () => {
  const stored: StoredResponse = {
    id: 'resp_1',
    keyId: 'key_1',
    createdAt: 0,
    expiresAt: 1,
    previousId: null,
    input: [{ type: 'message', id: 'msg_1', role: 'user', content: 'hello' }],
    response: { id: 'resp_1', output: [{ type: 'message', id: 'msg_2', role: 'assistant', content: [] }] },
  }

  test('they are shown, deleted and listed in OpenAI’s words', () => {
    expect(retrievedResponse(stored)).toBe(stored.response)
    expect(deletedResponse('resp_1')).toEqual({ id: 'resp_1', object: 'response', deleted: true })
    expect(inputItemsPage(stored.input, true)).toEqual({
      object: 'list',
      data: stored.input,
      first_id: 'msg_1',
      last_id: 'msg_1',
      has_more: true,
    })
    expect(inputItemsPage([], false)).toMatchObject({ first_id: '', last_id: '' })
    expect(codeOf(() => refuseCancel('resp_1'))[0]).toBe('unsupported')
    expect(responseNotFound('resp_1').code).toBe('not_found')
  })

  test('a request goes on from what was said before', () => {
    const body = { model: 'm', previous_response_id: 'resp_1', input: 'and now?' }
    expect(resolvedInput(body, [stored], new Map()).map((item) => item['role'] as string)).toEqual([
      'user',
      'assistant',
      'user',
    ])
  })

  test('what is not there is said clearly', () => {
    const body = { model: 'm', previous_response_id: 'resp_9', input: 'x' }
    expect(codeOf(() => resolvedInput(body, [], new Map()))).toEqual(['not_found', 'previous_response_id'])
    const reference = { model: 'm', input: [{ type: 'item_reference', id: 'msg_9' }] }
    expect(codeOf(() => resolvedInput(reference, [], new Map()))).toEqual(['request_malformed', 'input'])
  })
})
