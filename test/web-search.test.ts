// Searching the web, asked for in each vendor's words and done by another's: what is asked, what is lost, and where the
// answer says that it has it from.
import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { startGateway, startUpstream } from './gateway.ts'
import { interactions } from './sdk/spoken-vendors.ts'

const QUESTION = 'What does the river carry?'
const SAID = 'The river carries water.'
const URL_OF = 'https://river.example/water'
const PLACE = { city: 'Ulm', country: 'DE' }

type Asked = { readonly path: string; readonly body: (model: string, settings: object) => object }

/** How each dialect asks for a search; `settings` are the tool's own. */
const DIALECTS: Readonly<Record<string, Asked>> = {
  responses: {
    path: '/v1/responses',
    body: (model, settings) => ({ model, input: QUESTION, tools: [{ type: 'web_search', ...settings }] }),
  },
  chat: {
    path: '/v1/chat/completions',
    body: (model, settings) => ({
      model,
      messages: [{ role: 'user', content: QUESTION }],
      web_search_options: settings,
    }),
  },
  anthropic: {
    path: '/v1/messages',
    body: (model, settings) => ({
      model,
      max_tokens: 100,
      messages: [{ role: 'user', content: QUESTION }],
      tools: [{ type: 'web_search_20250305', name: 'web_search', ...settings }],
    }),
  },
  gemini: {
    path: '/v1beta/models/{model}:generateContent',
    body: (_model, settings) => ({
      contents: [{ role: 'user', parts: [{ text: QUESTION }] }],
      tools: [{ google_search: settings }],
    }),
  },
}

/** Answers with where they come from, as each vendor tells it. */
const ANSWERS: Readonly<Record<string, JsonObject>> = {
  responses: {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    model: 'm',
    output: [
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'river' } },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [
          {
            type: 'output_text',
            text: SAID,
            annotations: [{ type: 'url_citation', url: URL_OF, title: 'Water', start_index: 0, end_index: 24 }],
          },
        ],
      },
    ],
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
  },
  chat: {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: SAID,
          annotations: [
            { type: 'url_citation', url_citation: { url: URL_OF, title: 'Water', start_index: 0, end_index: 24 } },
          ],
        },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  },
  anthropic: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'river' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        content: [{ type: 'web_search_result', url: URL_OF, title: 'Water', encrypted_content: 'e' }],
      },
      {
        type: 'text',
        text: SAID,
        citations: [
          {
            type: 'web_search_result_location',
            url: URL_OF,
            title: 'Water',
            cited_text: 'water',
            encrypted_index: 'i',
          },
        ],
      },
    ],
    stop_reason: 'end_turn',
    usage: { input_tokens: 10, output_tokens: 5, server_tool_use: { web_search_requests: 1 } },
  },
  gemini: {
    candidates: [
      {
        content: { role: 'model', parts: [{ text: SAID }] },
        finishReason: 'STOP',
        groundingMetadata: {
          webSearchQueries: ['river'],
          groundingChunks: [{ web: { uri: URL_OF, title: 'Water' } }],
          groundingSupports: [{ segment: { endIndex: 24 }, groundingChunkIndices: [0] }],
        },
      },
    ],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
  },
}

function config(url: string): string {
  const provider = (preset: string, base: string, more = ''): string =>
    `{ preset: ${preset}, base_url: "${base}", keys: [k]${more} }`
  return `
unpriced: allow
providers:
  responses: ${provider('openai', `${url}/responses/v1`, ', quirks: { responses: only }')}
  chat: ${provider('openai-compatible', `${url}/chat/v1`)}
  perplexity: ${provider('perplexity', `${url}/chat/v1`)}
  openrouter: ${provider('openrouter', `${url}/chat/v1`)}
  claude: ${provider('anthropic', `${url}/anthropic/v1`)}
  gemini: ${provider('gemini', `${url}/gemini/v1beta`)}
  vertex: ${provider('vertex', `${url}/gemini/v1`)}
  interactions: ${provider('gemini-interactions', `${url}/gemini/v1beta`)}
  bedrock: ${provider('bedrock-anthropic', `${url}/anthropic`, ', settings: { region: us-east-1 }')}
  cohere: ${provider('cohere', `${url}/chat/v2`)}
`
}

async function ask(dialect: string, model: string, settings: object = {}, change: object = {}) {
  const { path, body } = DIALECTS[dialect] as Asked
  using up = startUpstream((request) => {
    const { pathname } = new URL(request.url)
    return Response.json(
      pathname.endsWith('/interactions')
        ? interactions.whole({ type: 'text', text: SAID })
        : ANSWERS[pathname.split('/')[1] ?? ''],
    )
  })
  await using weir = await startGateway(config(up.url))
  const answer = await weir.call(path.replace('{model}', model), { ...body(model, settings), ...change })
  const sent = up.received[0]?.body
  return {
    status: answer.status,
    warnings: answer.headers.get('x-weir-warnings'),
    told: (await answer.json()) as JsonObject,
    sent: sent === undefined ? null : (JSON.parse(sent) as JsonObject),
  }
}

describe('a search is asked for', () => {
  const cases: readonly (readonly [string, string, object, object])[] = [
    ['responses', 'claude/claude-haiku-4-5', {}, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    [
      'responses',
      'claude/claude-haiku-4-5',
      { filters: { allowed_domains: ['a.example'] }, user_location: { type: 'approximate', ...PLACE } },
      {
        tools: [
          {
            type: 'web_search_20250305',
            name: 'web_search',
            allowed_domains: ['a.example'],
            user_location: { type: 'approximate', ...PLACE },
          },
        ],
      },
    ],
    ['responses', 'gemini/gemini-2.5-flash', {}, { tools: [{ googleSearch: {} }] }],
    ['responses', 'interactions/gemini-3-flash', {}, { tools: [{ type: 'google_search' }] }],
    [
      'anthropic',
      'responses/gpt-5-mini',
      { allowed_domains: ['a.example'], user_location: { type: 'approximate', ...PLACE } },
      {
        tools: [
          {
            type: 'web_search',
            filters: { allowed_domains: ['a.example'] },
            user_location: { type: 'approximate', ...PLACE },
          },
        ],
      },
    ],
    [
      'anthropic',
      'vertex/gemini-3-flash',
      { blocked_domains: ['b.example'] },
      { tools: [{ googleSearch: { excludeDomains: ['b.example'] } }] },
    ],
    ['gemini', 'claude/claude-haiku-4-5', {}, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['gemini', 'responses/gpt-5-mini', {}, { tools: [{ type: 'web_search' }] }],
    ['gemini', 'chat/gpt-5-search-api', {}, { web_search_options: {} }],
    [
      'chat',
      'responses/gpt-5-mini',
      { search_context_size: 'high', user_location: { type: 'approximate', approximate: PLACE } },
      {
        tools: [{ type: 'web_search', search_context_size: 'high', user_location: { type: 'approximate', ...PLACE } }],
      },
    ],
    ['chat', 'claude/claude-haiku-4-5', {}, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['chat', 'chat/m', { search_context_size: 'low' }, { web_search_options: { search_context_size: 'low' } }],
    [
      'anthropic',
      'perplexity/sonar',
      { allowed_domains: ['a.example'], user_location: { type: 'approximate', ...PLACE } },
      { web_search_options: { user_location: PLACE }, search_domain_filter: ['a.example'] },
    ],
    ['anthropic', 'perplexity/sonar', { blocked_domains: ['b.example'] }, { search_domain_filter: ['-b.example'] }],
    [
      'responses',
      'perplexity/sonar',
      { search_context_size: 'low' },
      { web_search_options: { search_context_size: 'low' } },
    ],
    ['responses', 'openrouter/x/y', {}, { tools: [{ type: 'openrouter:web_search' }] }],
    [
      'anthropic',
      'openrouter/x/y',
      { blocked_domains: ['b.example'] },
      { tools: [{ type: 'openrouter:web_search', parameters: { excluded_domains: ['b.example'] } }] },
    ],
  ]
  test.each(cases)('in the words of %s at %s: %p', async (dialect, model, settings, expected) => {
    const { status, sent, told } = await ask(dialect, model, settings)
    expect([status, JSON.stringify(told)]).toEqual([200, expect.any(String) as string])
    const names = [...Object.keys(expected), 'tools', 'web_search_options', 'search_domain_filter']
    expect(Object.fromEntries(names.map((name) => [name, sent?.[name]]))).toEqual(
      Object.fromEntries(names.map((name) => [name, (expected as JsonObject)[name]])),
    )
  })
})

describe('the answer says where it comes from', () => {
  const SHOWN: Readonly<Record<string, object>> = {
    responses: {
      output: expect.arrayContaining([
        expect.objectContaining({
          content: [
            expect.objectContaining({
              text: SAID,
              annotations: [expect.objectContaining({ type: 'url_citation', url: URL_OF, title: 'Water' })],
            }),
          ],
        }),
      ]),
    },
    chat: {
      choices: [
        {
          message: {
            content: SAID,
            annotations: [{ type: 'url_citation', url_citation: { url: URL_OF, title: 'Water' } }],
          },
        },
      ],
    },
    anthropic: {
      content: expect.arrayContaining([
        expect.objectContaining({
          type: 'text',
          text: SAID,
          citations: [expect.objectContaining({ type: 'web_search_result_location', url: URL_OF, title: 'Water' })],
        }),
      ]),
    },
    gemini: {
      candidates: [
        {
          content: { parts: [{ text: SAID }] },
          groundingMetadata: { groundingChunks: [{ web: { uri: URL_OF, title: 'Water' } }] },
        },
      ],
    },
  }
  const targets = [
    'responses/gpt-5-mini',
    'perplexity/sonar',
    'openrouter/x/y',
    'claude/claude-haiku-4-5',
    'gemini/gemini-3-flash',
  ]
  const pairs = Object.keys(DIALECTS).flatMap((dialect) => targets.map((model) => [dialect, model] as const))
  test.each(pairs)('in the words of %s, by %s', async (dialect, model) => {
    expect((await ask(dialect, model)).told).toMatchObject(SHOWN[dialect] ?? {})
  })
})

describe('what cannot be said', () => {
  const lost: readonly (readonly [string, string, object, string])[] = [
    ['anthropic', 'responses/gpt-5-mini', { max_uses: 3 }, 'The number of searches is left out'],
    ['responses', 'claude/claude-haiku-4-5', { search_context_size: 'low' }, '`search_context_size` is left out'],
    [
      'anthropic',
      'gemini/gemini-3-flash',
      { user_location: { type: 'approximate', ...PLACE } },
      'The place of the user is left out',
    ],
  ]
  test.each(lost)(
    'and does not change what is searched is a warning: %s at %s, %p',
    async (dialect, model, settings, words) => {
      const { status, warnings } = await ask(dialect, model, settings)
      expect([status, warnings]).toEqual([200, expect.stringContaining(words) as string])
    },
  )

  const refused: readonly (readonly [string, string, object, object, string])[] = [
    [
      'responses',
      'gemini/gemini-3-flash',
      { filters: { allowed_domains: ['a'] } },
      {},
      'cannot be kept to certain domains',
    ],
    ['anthropic', 'responses/gpt-5-mini', { blocked_domains: ['a'] }, {}, 'cannot be kept from certain domains'],
    ['anthropic', 'gemini/gemini-3-flash', { blocked_domains: ['a'] }, {}, 'cannot be kept from certain domains'],
    ['anthropic', 'chat/m', {}, {}, 'cannot be asked to search the web'],
    ['responses', 'bedrock/anthropic.claude-haiku-4-5-v1:0', {}, {}, 'cannot search the web'],
    ['responses', 'cohere/command-a', {}, {}, "runs at another vendor's API"],
    [
      'responses',
      'gemini/gemini-2.5-flash',
      {},
      { tools: [{ type: 'web_search' }, { type: 'function', name: 'f', parameters: null, strict: null }] },
      'cannot search the web and use functions at once',
    ],
    [
      'responses',
      'claude/claude-haiku-4-5',
      {},
      { tools: [{ type: 'file_search', vector_store_ids: ['v'] }] },
      "The tool `file_search` runs at another vendor's API.",
    ],
  ]
  test.each(refused)(
    'and would search where it must not is refused: %s at %s, %p',
    async (dialect, model, settings, change, words) => {
      const { status, sent, told } = await ask(dialect, model, settings, change)
      expect([status, sent, JSON.stringify(told)]).toEqual([400, null, expect.stringContaining(words) as string])
    },
  )
})

test('a search beside functions is said to the Gemini models that can do both', async () => {
  const tools = [{ type: 'web_search' }, { type: 'function', name: 'f', parameters: null, strict: null }]
  const { sent } = await ask('responses', 'gemini/gemini-3-flash', {}, { tools, tool_choice: 'auto' })
  expect(sent).toMatchObject({
    tools: [{ functionDeclarations: [{ name: 'f' }] }, { googleSearch: {} }],
    toolConfig: { includeServerSideToolInvocations: true, functionCallingConfig: { mode: 'AUTO' } },
  })
})
