// Responses behind: requests out, answers and events in, in both lanes.
import { describe, expect, test } from 'bun:test'
import { NO_FACTS } from '../../core/model-facts.ts'
import type { Call } from '../../core/call.ts'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import type { ChatMessage, ChatRequest, Part } from '../../core/chat.ts'
import type { ChatAnswer } from '../../core/chat-answer.ts'
import type { ChatEvent } from '../../core/chat-events.ts'
import { scanJson } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Deployment, Quirks } from '../../core/model.ts'
import type { WrittenRequest } from '../chat-codec.ts'
import { responsesCodec } from './responses-codec.ts'
import { readResponsesEvent, readResponsesFacts } from './responses-native.ts'
import { openaiResponsesWire, responsesNative } from './responses-wire.ts'

function written(request: Partial<ChatRequest>, quirks: Quirks = {}, stream = false): WrittenRequest {
  return responsesCodec.writeRequest(
    { messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }], tools: [], sampling: {}, ...request },
    { model: 'gpt', stream, quirks, maxOutputTokens: null },
  )
}

const FAMILY = 'openai-responses'

describe('requests', () => {
  test('the least is a model, an input, and that nothing is kept', () => {
    expect(written({})).toEqual({
      body: { model: 'gpt', input: [{ type: 'message', role: 'user', content: 'hi' }], store: false },
      warnings: [],
      refusals: [],
      reading: { customTools: new Set(), jsonTool: null },
    })
    expect(written({}, { modelInPath: true }, true).body).toMatchObject({ stream: true })
    expect(written({}, { modelInPath: true }).body).not.toHaveProperty('model')
  })

  test('settings go into their places', () => {
    const { body } = written({
      tools: [
        { type: 'function', name: 'f', description: 'd', schema: null },
        { type: 'custom', name: 'c', grammar: { syntax: 'lark', definition: 'x' } },
        { type: 'custom', name: 'free', grammar: null },
        { type: 'hosted', name: 'web_search', family: FAMILY, value: { type: 'web_search' } },
      ],
      toolChoice: { type: 'named', name: 'c' },
      parallelTools: false,
      responseFormat: { type: 'json_schema', name: 'n', schema: {}, strict: true },
      verbosity: 'low',
      maxOutputTokens: 5,
      sampling: { temperature: 1, topP: 0.5, logprobs: true, topLogprobs: 3 },
      reasoning: { enabled: true, effort: 'max', summary: 'auto' },
      serviceTier: 'standard_only',
      user: 'ada',
      metadata: { a: 'b' },
      raw: { [FAMILY]: { truncation: 'auto', include: ['x'], reasoning: { context: 'all_turns' } } },
    })
    expect(body).toMatchObject({
      tools: [
        {
          type: 'function',
          name: 'f',
          description: 'd',
          parameters: { type: 'object', properties: {} },
          strict: false,
        },
        { type: 'custom', name: 'c', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
        { type: 'custom', name: 'free' },
        { type: 'web_search' },
      ],
      tool_choice: { type: 'custom', name: 'c' },
      parallel_tool_calls: false,
      text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true }, verbosity: 'low' },
      max_output_tokens: 5,
      temperature: 1,
      top_p: 0.5,
      top_logprobs: 3,
      reasoning: { context: 'all_turns', effort: 'xhigh', summary: 'auto' },
      include: ['x', 'reasoning.encrypted_content', 'message.output_text.logprobs'],
      service_tier: 'default',
      user: 'ada',
      metadata: { a: 'b' },
      truncation: 'auto',
    })
  })

  test.each<[string, Partial<ChatRequest>, Quirks, RegExp]>([
    ['top_k', { sampling: { topK: 1 } }, {}, /top_k/],
    ['seed', { sampling: { seed: 1 } }, {}, /seed/],
    ['penalties', { sampling: { frequencyPenalty: 1 } }, {}, /frequency_penalty/],
    ['presence', { sampling: { presencePenalty: 1 } }, {}, /presence_penalty/],
    ['bias', { sampling: { logitBias: {} } }, {}, /logit_bias/],
    ['foreign fields', { raw: { 'openai-chat': { prediction: {} } } }, {}, /prediction/],
    [
      'a schema where only JSON is known',
      { responseFormat: { type: 'json_schema', name: 'n', schema: {} } },
      { responseFormat: 'json_object' },
      /JSON schema/,
    ],
    ['refused fields', { user: 'ada' }, { refusedFields: ['user'] }, /user/],
  ])('%s are left out with a warning', (_name, request, quirks, warning) => {
    const { warnings, refusals } = written(request, quirks)
    expect(warnings.join()).toMatch(warning)
    expect(refusals).toEqual([])
  })

  test.each<[string, Partial<ChatRequest>, Quirks]>([
    ['several choices', { sampling: { n: 2 } }, {}],
    ['stop sequences', { sampling: { stop: ['x'] } }, {}],
    ['sound', { modalities: ['text', 'audio'] }, {}],
    ['structured output where there is none', { responseFormat: { type: 'json' } }, { responseFormat: 'none' }],
    [
      'another vendor’s tool',
      { tools: [{ type: 'hosted', name: 'bash', family: 'anthropic-messages', value: {} }] },
      {},
    ],
    [
      'sound that goes in',
      {
        messages: [
          { role: 'user', parts: [{ type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/wav' } }] },
        ],
      },
      {},
    ],
  ])('%s cannot be left out', (_name, request, quirks) => {
    expect(written(request, quirks).refusals).toHaveLength(1)
  })

  test.each<[string, Partial<ChatRequest>, object]>([
    ['JSON', { responseFormat: { type: 'json' } }, { text: { format: { type: 'json_object' } } }],
    [
      'a hosted tool chosen',
      {
        tools: [{ type: 'hosted', name: 'web_search', family: FAMILY, value: { type: 'web_search' } }],
        raw: { [FAMILY]: { tool_choice: { type: 'web_search' } } },
      },
      { tool_choice: { type: 'web_search' } },
    ],
    [
      'a function chosen',
      { tools: [{ type: 'function', name: 'f', schema: {} }], toolChoice: { type: 'named', name: 'f' } },
      { tool_choice: { type: 'function', name: 'f' } },
    ],
    [
      'encrypted thoughts asked for',
      { reasoning: { includeEncrypted: true } },
      { include: ['reasoning.encrypted_content'] },
    ],
  ])('%s', (_name, request, fields) => {
    expect(written(request).body).toMatchObject(fields)
  })

  test('who does not want thoughts is not given any', () => {
    expect(written({ reasoning: { enabled: false, effort: 'none' } }).body).toMatchObject({
      reasoning: { effort: 'none' },
    })
    expect(written({ reasoning: { enabled: false, effort: 'none' } }).body).not.toHaveProperty('include')
    expect(written({ responseFormat: { type: 'text' } }).body).not.toHaveProperty('text')
  })

  test('a conversation becomes items, in order and without ids', () => {
    const thought = { type: 'reasoning', text: '', signature: null, encrypted: null } as const
    const messages: readonly ChatMessage[] = [
      { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'look' },
          { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } },
          { type: 'image', source: { type: 'file', fileId: 'file_1', mediaType: null }, detail: 'low' },
          { type: 'image', source: { type: 'url', url: 'https://x/y.png', mediaType: null } },
          { type: 'file', source: { type: 'url', url: 'https://x/y.pdf', mediaType: null } },
          { type: 'file', source: { type: 'inline', data: 'AAAA', mediaType: 'application/pdf' }, name: 'a.pdf' },
          { type: 'file', source: { type: 'file', fileId: 'file_2', mediaType: null } },
          { type: 'file', source: { type: 'text', text: 'plain', mediaType: 'text/plain' }, name: 'a.txt' },
          { type: 'refusal', text: 'no' },
          { type: 'opaque', family: FAMILY, value: { type: 'input_smell' } },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { ...thought, text: 'summary', isSummary: true, family: FAMILY, id: 'rs_1' },
          { ...thought, encrypted: 'gAAA', family: FAMILY, id: 'rs_1' },
          { ...thought, text: 'foreign', signature: 'x', family: 'anthropic-messages' },
          { ...thought, text: 'without proof', family: FAMILY, id: 'rs_2' },
          { type: 'text', text: 'I', raw: { [FAMILY]: { message_id: 'msg_1', phase: 'commentary' } } },
          {
            type: 'text',
            text: 'know',
            citations: [{ url: 'https://x', title: null, citedText: null, start: null, end: null }],
          },
          { type: 'refusal', text: 'not' },
          {
            type: 'tool_call',
            kind: 'function',
            id: 'call_1',
            name: 'f',
            arguments: '',
            raw: { [FAMILY]: { id: 'fc_1', namespace: 'n' } },
          },
          { type: 'tool_call', kind: 'custom', id: 'call_2', name: 'c', arguments: 'text' },
          { type: 'opaque', family: FAMILY, value: { type: 'web_search_call', id: 'ws_1' } },
          { type: 'opaque', family: 'anthropic-messages', value: { type: 'web_search_tool_result' } },
        ],
      },
      {
        role: 'tool',
        parts: [
          {
            type: 'tool_result',
            toolCallId: 'call_1',
            toolName: 'f',
            isError: false,
            parts: [{ type: 'text', text: 'ok' }],
          },
          { type: 'tool_result', toolCallId: 'call_2', toolName: null, isError: false, parts: [] },
        ],
      },
      {
        role: 'user',
        parts: [{ type: 'opaque', family: FAMILY, value: { type: 'shell_call_output', output: [] } }],
        raw: { [FAMILY]: { is_item: true } },
      },
    ]
    const { body, warnings, refusals } = written({ messages })
    expect(body['input']).toEqual([
      { type: 'message', role: 'system', content: 'be brief' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'look' },
          { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,AAAA' },
          { type: 'input_image', detail: 'low', file_id: 'file_1' },
          { type: 'input_image', detail: 'auto', image_url: 'https://x/y.png' },
          { type: 'input_file', file_url: 'https://x/y.pdf' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' },
          { type: 'input_file', file_id: 'file_2' },
          { type: 'input_text', text: 'a.txt\n\nplain' },
          { type: 'input_text', text: 'no' },
          { type: 'input_smell' },
        ],
      },
      {
        type: 'reasoning',
        id: 'rs_1',
        summary: [{ type: 'summary_text', text: 'summary' }],
        encrypted_content: 'gAAA',
      },
      {
        type: 'message',
        role: 'assistant',
        phase: 'commentary',
        content: [{ type: 'output_text', text: 'I', annotations: [] }],
      },
      {
        type: 'message',
        role: 'assistant',
        content: [
          {
            type: 'output_text',
            text: 'know',
            annotations: [{ type: 'url_citation', url: 'https://x', title: 'https://x', start_index: 0, end_index: 4 }],
          },
          { type: 'refusal', refusal: 'not' },
        ],
      },
      { namespace: 'n', type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'call_2', name: 'c', input: 'text' },
      { type: 'web_search_call', id: 'ws_1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'ok' },
      { type: 'custom_tool_call_output', call_id: 'call_2', output: '' },
      { type: 'shell_call_output', output: [] },
    ])
    expect(warnings).toEqual(['A part of type web_search_tool_result is left out.'])
    expect(refusals).toEqual([])
    expect(body['include']).toEqual(['reasoning.encrypted_content'])
  })
})

describe('whole answers', () => {
  test.each<[string, unknown, RegExp]>([
    ['no object', [], /not an object/],
    ['an error', { error: { message: 'no' } }, /no/],
    ['a failed one', { status: 'failed', error: { message: 'broke' }, output: [] }, /broke/],
    ['one without output', { status: 'completed' }, /no output/],
  ])('%s is a problem', (_name, body, problem) => {
    expect(() => responsesCodec.readAnswer(body)).toThrow(problem)
  })

  test('an incomplete one says what cut it off, and keeps what nobody knows', () => {
    const answer = responsesCodec.readAnswer({
      id: 'resp_1',
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [
        {
          type: 'message',
          id: 'msg_1',
          content: [
            {
              type: 'output_text',
              text: 'hi',
              logprobs: [{ token: 'hi', logprob: -1, bytes: [104], top_logprobs: [] }],
              annotations: [{ type: 'file_citation', filename: 'a.pdf', file_id: 'f', index: 1 }],
            },
            { type: 'refusal', refusal: 'no' },
            { type: 'future', value: 1 },
          ],
        },
        { type: 'web_search_call', action: { type: 'search' } },
        { type: 'web_search_call', action: { type: 'open_page' } },
      ],
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 },
        output_tokens: 6,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 16,
      },
      tool_usage: { x: 1 },
    })
    expect(answer.choices[0]).toMatchObject({
      finish: { unified: 'length', raw: 'max_output_tokens' },
      logprobs: [{ token: 'hi', logprob: -1, bytes: [104], top: [] }],
      parts: [
        { type: 'text', citations: [{ url: null, title: 'a.pdf' }] },
        { type: 'refusal' },
        { type: 'opaque' },
        { type: 'opaque' },
        { type: 'opaque' },
      ],
    })
    expect(answer.usage).toMatchObject({
      input: 5,
      cacheRead: 4,
      cacheWrite5m: 1,
      output: 4,
      reasoning: 2,
      searches: 1,
      requests: 1,
    })
    expect(answer.raw).toEqual({ [FAMILY]: { tool_usage: { x: 1 } } })
  })
})

function read(...events: readonly JsonObject[]): { events: readonly ChatEvent[]; answer: ChatAnswer } {
  const reader = responsesCodec.streamReader()
  const found = [...events.flatMap((event) => [...reader.read('', JSON.stringify(event))]), ...reader.end()]
  const assembler = new ChatAssembler()
  for (const event of found) assembler.push(event)
  return { events: found, answer: assembler.answer() }
}

function partsIn(...events: readonly JsonObject[]): readonly Part[] {
  return read(...events, COMPLETED).answer.choices[0]?.parts ?? []
}

const COMPLETED: JsonObject = { type: 'response.completed', response: { status: 'completed', output: [] } }

describe('streams', () => {
  test('a host that tells items only at their end loses nothing', () => {
    const parts = partsIn(
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: {
          type: 'reasoning',
          id: 'rs_1',
          summary: [{ type: 'summary_text', text: 's' }],
          content: [{ type: 'reasoning_text', text: 'c' }],
          encrypted_content: 'gAAA',
        },
      },
      {
        type: 'response.output_item.done',
        output_index: 1,
        item: {
          type: 'message',
          id: 'msg_1',
          content: [
            { type: 'output_text', text: 'hi', annotations: [{ type: 'url_citation', url: 'https://x' }] },
            { type: 'refusal', refusal: 'no' },
            { type: 'future' },
          ],
        },
      },
      {
        type: 'response.output_item.done',
        output_index: 2,
        item: { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{"a":1}' },
      },
    )
    expect(parts).toMatchObject([
      { type: 'reasoning', text: 's', isSummary: true, id: 'rs_1' },
      { type: 'reasoning', text: 'c', id: 'rs_1' },
      { type: 'reasoning', encrypted: 'gAAA', id: 'rs_1' },
      { type: 'text', text: 'hi', citations: [{ url: 'https://x' }] },
      { type: 'refusal', text: 'no' },
      { type: 'opaque', value: { type: 'future' } },
      { type: 'tool_call', id: 'call_1', arguments: '{"a":1}' },
    ])
  })

  test('a host that tells its items only in the last event loses nothing', () => {
    const { answer } = read({
      type: 'response.completed',
      response: {
        id: 'r',
        status: 'completed',
        output: [{ type: 'message', content: [{ type: 'output_text', text: 'x' }] }],
      },
    })
    expect(answer).toMatchObject({
      id: 'r',
      choices: [{ parts: [{ type: 'text', text: 'x' }], finish: { unified: 'stop' } }],
    })
  })

  test('deltas without a beginning open what they belong to', () => {
    const at = { output_index: 0, content_index: 0 }
    expect(
      partsIn(
        { type: 'response.output_text.delta', ...at, delta: 'a' },
        { type: 'response.output_text.annotation.added', ...at, annotation: { type: 'url_citation', url: 'u' } },
        { type: 'response.output_text.annotation.added', ...at, annotation: null },
        { type: 'response.content_part.done', ...at, part: { type: 'output_text', text: 'ab' } },
        { type: 'response.refusal.delta', output_index: 1, content_index: 0, delta: 'no' },
        { type: 'response.reasoning_text.delta', output_index: 2, content_index: 0, delta: 'hm' },
        { type: 'response.reasoning_summary_text.delta', output_index: 3, summary_index: 0, delta: 'so' },
        { type: 'response.function_call_arguments.delta', output_index: 4, delta: 'lost without a call' },
      ),
    ).toMatchObject([
      { type: 'text', text: 'ab', citations: [{ url: 'u' }] },
      { type: 'refusal', text: 'no' },
      { type: 'reasoning', text: 'hm' },
      { type: 'reasoning', text: 'so', isSummary: true },
    ])
  })

  test('an end that contradicts its deltas comes too late', () => {
    const at = { output_index: 0, content_index: 0 }
    expect(
      partsIn(
        { type: 'response.output_text.delta', ...at, delta: 'said' },
        { type: 'response.content_part.done', ...at, part: { type: 'output_text', text: 'meant' } },
      ),
    ).toMatchObject([{ text: 'said' }])
  })

  test.each<[string, string, string, string | null]>([
    ['no JSON', '{', 'an event of the stream is not JSON', null],
    ['no object', '[]', 'an event of the stream is not an object', null],
    ['an error at the top', '{"type":"error","message":"m","code":"c"}', 'm', 'c'],
    ['an error inside', '{"type":"error","error":{"message":"m","code":"c"}}', 'm', 'c'],
    ['a failure', '{"type":"response.failed","response":{"error":{"message":"m","code":"c"}}}', 'm', 'c'],
    ['a failure without a word', '{"type":"response.failed"}', 'the response has failed', null],
    ['a cancelled one', '{"type":"response.cancelled"}', 'the response was cancelled', null],
  ])('%s ends the stream', (_name, data, message, code) => {
    const reader = responsesCodec.streamReader()
    expect(reader.read('', data)).toEqual([{ type: 'error', message, code }])
    expect(reader.read('', JSON.stringify(COMPLETED))).toEqual([])
    expect(reader.end()).toEqual([])
  })

  test('bytes that end before the last event are a broken stream', () => {
    const reader = responsesCodec.streamReader()
    expect(reader.read('', '[DONE]')).toEqual([])
    expect(reader.end()).toMatchObject([{ type: 'error' }])
  })
})

describe('the native lane', () => {
  const response = {
    status: 'completed',
    output: [
      {
        type: 'message',
        content: [
          { type: 'output_text', text: 'four' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      { type: 'function_call', name: 'f', arguments: '{}' },
    ],
  }
  const usage = { input_tokens: 3, output_tokens: 2, total_tokens: 5 }

  test('a whole answer tells usage and end; without usage, its characters', () => {
    expect(readResponsesFacts(JSON.stringify({ ...response, usage }))).toMatchObject({
      usage: { input: 3, output: 2 },
      rawUsage: JSON.stringify(usage),
      finishReason: 'completed',
      outputCharacters: 0,
      problem: null,
    })
    expect(readResponsesFacts(JSON.stringify(response))).toMatchObject({ usage: null, outputCharacters: 9 })
  })

  test.each([
    ['', /empty/],
    ['{', /not JSON/],
    ['[]', /not an object/],
    ['{"error":{"message":"m"}}', /m/],
    ['{"status":"failed","error":{"message":"m"},"output":[]}', /inside a 200: m/],
    ['{"status":"completed"}', /no output/],
  ])('%s is a problem', (text, problem) => {
    expect(readResponsesFacts(text).problem).toMatch(problem)
  })

  test.each<[string, object, object]>([
    ['a beginning', { type: 'response.created', response: {} }, { meaningful: false, terminal: false }],
    ['a text', { type: 'response.output_text.delta', delta: 'abc' }, { meaningful: true, outputCharacters: 3 }],
    ['nothing', { type: 'response.output_text.delta', delta: '' }, { meaningful: false }],
    [
      'a call',
      { type: 'response.output_item.added', item: { type: 'function_call', name: 'ff' } },
      { meaningful: true, outputCharacters: 2 },
    ],
    ['a message', { type: 'response.output_item.added', item: { type: 'message' } }, { meaningful: false }],
    [
      'the end',
      { type: 'response.completed', response: { status: 'completed', usage } },
      { terminal: true, finishReason: 'completed', usage: { input: 3, output: 2 }, error: null },
    ],
    [
      'an end at the bound',
      {
        type: 'response.incomplete',
        response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      },
      { terminal: true, finishReason: 'max_output_tokens' },
    ],
    [
      'a failure',
      { type: 'response.failed', response: { error: { message: 'm' }, usage } },
      { error: 'm', rawUsage: JSON.stringify(usage) },
    ],
    ['a failure without a word', { type: 'response.failed' }, { error: 'the response has failed' }],
    ['an error', { type: 'error', message: 'm' }, { error: 'm' }],
    ['what nobody knows', { type: 'future.thing', delta: 'x' }, { meaningful: false, error: null }],
  ])('%s', (_name, event, facts) => {
    expect(readResponsesEvent(JSON.stringify(event))).toMatchObject(facts)
  })

  test('what is no event is an error, a terminator of another wire is nothing', () => {
    expect(readResponsesEvent('{').error).toMatch(/not JSON/)
    expect(readResponsesEvent('7').error).toMatch(/not an object/)
    expect(readResponsesEvent('[DONE]').terminal).toBe(false)
  })

  function deployment(quirks: Quirks): Deployment {
    return {
      id: 'p/m',
      model: 'm',
      facts: NO_FACTS,
      provider: { baseUrl: 'https://x/v1', quirks } as Deployment['provider'],
    }
  }

  test('only a host that has the endpoint is called at it', () => {
    const has = deployment({ paths: { responses: '/responses' }, query: 'api-version=1' })
    expect(responsesNative.url({} as Call, has)).toBe('https://x/v1/responses?api-version=1')
    expect(openaiResponsesWire.chat?.url(has, true)).toBe('https://x/v1/responses?api-version=1')
    expect(responsesNative.url({} as Call, deployment({ responses: 'served' }))).toBe('https://x/v1/responses')
    expect(responsesNative.url({} as Call, deployment({ responses: 'none', paths: { responses: '/r' } }))).toBeNull()
    expect(responsesNative.url({} as Call, deployment({}))).toBeNull()
    expect(openaiResponsesWire.chat?.url(deployment({ paths: { responses: null } }), false)).toBeNull()
    expect(responsesNative.readAnswer('', {} as Call).problem).toMatch(/empty/)
    expect(responsesNative.eventReader()('[DONE]').error).toBeNull()
  })

  test('the body leaves as it came, but for the model’s name and our own fields', () => {
    const text = '{ "model":"alias", "input":"x" , "weir":{"tags":[]},"future":[1, 2] }'
    const { members } = scanJson(text, { depth: 10, keys: 100 })
    const call = { text, members, body: JSON.parse(text) as JsonObject } as unknown as Call
    expect(responsesNative.body(call, deployment({}), ['weir', 'models'])).toBe(
      '{ "model":"m", "input":"x" , "future":[1, 2] }',
    )
  })
})
