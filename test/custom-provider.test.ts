// APIs of somebody's own, described in the configuration, as clients of every format use them. The first is the page's example.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import { createSnapshot } from '../src/snapshot.ts'
import { systemClock } from '../src/core/clock.ts'
import type { JsonObject } from '../src/core/json.ts'
import { startGateway, startUpstream, type TestGateway } from './gateway.ts'

const PAGE = readFileSync(path.join(import.meta.dirname, '../docs/custom-provider.md'), 'utf8')
const EXAMPLE = /```yaml\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? ''

const WHOLE = { outputs: [{ text: 'Hi!', why: 'EOS' }], tokens: { in: 12, out: 3 } }
const EVENTS = ['{"delta":"Hi"}', '{"delta":"!","why":"EOS","tokens":{"in":12,"out":3}}', 'END']

let answer: (body: JsonObject) => Response = () => Response.json(WHOLE)
const sse = (events: readonly string[]): Response =>
  new Response(events.map((data) => `data: ${data}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } })
const methods: string[] = []
const house = startUpstream((request, _number, body) => {
  methods.push(request.method)
  return answer(JSON.parse(body) as JsonObject)
})
const weir = await startGateway(
  EXAMPLE.replace('https://models.example.internal', house.url).replace('${HOUSE_KEY}', 'house-key-value'),
)
afterAll(async () => {
  await weir[Symbol.asyncDispose]()
  house[Symbol.dispose]()
})
beforeEach(() => {
  house.received.length = 0
  answer = ({ stream }) => (stream === true ? sse(EVENTS) : Response.json(WHOLE))
})

const MODEL = 'house/house-7b'
/** The same request in each format, with the path of its stream. */
const CLIENTS = [
  {
    name: 'OpenAI chat',
    path: '/v1/chat/completions',
    stream: null,
    body: {
      model: MODEL,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
      max_completion_tokens: 100,
      temperature: 0.2,
      user: 'u1',
    },
  },
  {
    name: 'Responses',
    path: '/v1/responses',
    stream: null,
    body: {
      model: MODEL,
      instructions: 'Be brief.',
      input: 'Hello',
      max_output_tokens: 100,
      temperature: 0.2,
      user: 'u1',
    },
  },
  {
    name: 'Anthropic',
    path: '/v1/messages',
    stream: null,
    body: {
      model: MODEL,
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 100,
      temperature: 0.2,
      metadata: { user_id: 'u1' },
    },
  },
  {
    name: 'Gemini',
    path: `/v1beta/models/${encodeURIComponent(MODEL)}:generateContent`,
    stream: `/v1beta/models/${encodeURIComponent(MODEL)}:streamGenerateContent?alt=sse`,
    body: {
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
      generationConfig: { maxOutputTokens: 100, temperature: 0.2 },
    },
  },
] as const

async function entryOf(response: Response, gateway: TestGateway = weir) {
  return gateway.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
}

for (const client of CLIENTS) {
  test(`a client of ${client.name} gets a whole answer`, async () => {
    const response = await weir.call(client.path, client.body)
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('Hi!')])
    const [sent] = house.received
    expect(sent?.path).toBe('/api/generate/house-7b')
    expect(sent?.headers.get('x-house-key')).toBe('house-key-value')
    expect(sent?.headers.get('authorization')).toBeNull()
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      instructions: 'Be brief.',
      turns: [{ who: 'human', say: 'Hello' }],
      params: { max_new_tokens: 100, temperature: 0.2 },
      stream: false,
    })
    expect(await entryOf(response)).toMatchObject({
      usage: { input: 12, output: 3 },
      usageSource: 'reported',
      costNanoUsd: 12n * 100n + 3n * 200n,
    })
  })

  test(`a client of ${client.name} gets a stream`, async () => {
    const response = await weir.call(
      client.stream ?? client.path,
      client.stream === null ? { ...client.body, stream: true } : client.body,
    )
    const text = await response.text()
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(text).toMatch(/"Hi"[\s\S]*"!"/)
    expect(JSON.parse(house.received[0]?.body ?? '')).toMatchObject({ stream: true })
    expect(await entryOf(response)).toMatchObject({
      usage: { input: 12, output: 3 },
      usageSource: 'reported',
      status: 'complete',
    })
  })
}

const CHAT = CLIENTS[0].path
const ask: JsonObject = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] }

test('what is said to headers cannot become another one', async () => {
  await weir.call(CHAT, { ...ask, user: 'ä\r\nx-evil: 1' })
  expect(house.received[0]?.headers.get('x-asked-by')).toBe('???x-evil: 1')
  expect(house.received[0]?.headers.get('x-evil')).toBeNull()
})

test('finish words are those of the description', async () => {
  answer = () => Response.json({ outputs: [{ text: 'Hi', why: 'MAX' }] })
  expect(await (await weir.call(CHAT, ask)).text()).toContain('"finish_reason":"length"')
})

test('without numbers the tokens are estimated', async () => {
  answer = () => Response.json({ outputs: [{ text: 'Hello there, you.' }] })
  const response = await weir.call(CHAT, ask)
  await response.text()
  expect(await entryOf(response)).toMatchObject({ usageSource: 'estimated', usage: { output: 5 } })
})

for (const [title, told, words] of [
  ['its own error in a 200', { fault: 'overheated' }, 'overheated'],
  ['an answer without a text', { outputs: [] }, 'there is no text at /outputs/0/text'],
] as const)
  test(`${title} is no answer`, async () => {
    answer = () => Response.json(told)
    const response = await weir.call(CHAT, ask)
    await response.text()
    const [record] = (await weir.store.listRequests({ cursor: null, limit: 1 })).data
    expect(response.status).toBe(502)
    expect(JSON.stringify(record?.attempts)).toContain(words)
  })

test('a stream that ends without a word is broken: an error after the first words', async () => {
  answer = () => sse(['{"delta":"Hi"}'])
  const response = await weir.call(CHAT, { ...ask, stream: true })
  expect(await response.text()).toContain('"error"')
  expect((await entryOf(response))?.status).not.toBe('complete')
})

test('what it cannot be told is refused or told in a warning', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
  const refused = await weir.call(CHAT, { ...ask, tools })
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('calls no tools')])
  const warned = await weir.call(CHAT, { ...ask, seed: 7, stop: ['.'] })
  expect([warned.status, warned.headers.get('x-weir-warnings')]).toEqual([200, '`seed` is left out.'])
  expect(JSON.parse(house.received.at(-1)?.body ?? '')).toMatchObject({ params: { stop_words: ['.'] } })
})

describe('other ways to stream', () => {
  const configOf = (custom: string): string => `
providers:
  other: { preset: custom, base_url: "${house.url}", keys: [other-key-value], models: { m: {} }, custom: { path: /ask, body: { q: "Q: {{last_user_text}}", schema: "{{response_schema}}" }, ${custom} } }
`
  const other: JsonObject = { ...ask, model: 'other/m', stream: true }

  test('lines of JSON, each with all there is so far, the last one marked', async () => {
    const custom =
      'method: PUT, answer: { text: /t }, auth: { query: key }, stream: { framing: json_lines, path: /ask-stream, text: /t, text_is: whole, end: /last }'
    await using gateway = await startGateway(configOf(custom))
    answer = () =>
      new Response(['{"t":"Hi"}', '{"t":"Hi there"}', '{"t":"Hi there","last":true}'].join('\n'), {
        headers: { 'content-type': 'application/x-ndjson' },
      })
    const text = await (await gateway.call(CHAT, other)).text()
    expect(text).toMatch(/"content":"Hi"[\s\S]*"content":" there"[\s\S]*\[DONE\]/)
    expect([methods.at(-1), house.received[0]?.path]).toEqual(['PUT', '/ask-stream'])
    expect(JSON.parse(house.received[0]?.body ?? '')).toEqual({ q: 'Q: Hello' })
  })

  test('an API without streams: the whole answer as one', async () => {
    await using gateway = await startGateway(configOf('answer: { text: "", error: /e }'))
    answer = () => Response.json('Hi there')
    expect(await (await gateway.call(CHAT, other)).text()).toMatch(/"content":"Hi there"[\s\S]*\[DONE\]/)
    answer = () => Response.json({ e: { message: 'no' } })
    expect((await gateway.call(CHAT, other)).status).toBe(502)
    answer = () => Response.json('Hi')
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } }
    await gateway.call(CHAT, { ...other, stream: false, response_format: format })
    expect(JSON.parse(house.received.at(-1)?.body ?? '')).toMatchObject({ schema: { type: 'object' } })
  })
})

describe('a wrong description is refused with its place', () => {
  test.each([
    [
      '{ path: /a, body: { x: "{{max_tokenz}}" }, answer: { text: /t } }',
      /custom\.body.*max_tokenz.*Did you mean max_tokens/,
    ],
    ['{ path: /a, body: { x: "{{ model" }, answer: { text: /t } }', /custom\.body.*brace at \/x/],
    ['{ path: "/a/{{user}}", body: {}, answer: { text: /t } }', /custom\.path.*no \{\{user\}\}/],
    ['{ path: a, body: {}, answer: { text: /t } }', /custom\.path: expected path/],
    ['{ path: /a, body: [], answer: { text: /t } }', /custom\.body: expected a mapping/],
    ['{ path: /a, body: {}, answer: { text: t } }', /custom\.answer\.text: expected a JSON Pointer/],
    ['{ path: /a, body: {}, answer: {} }', /custom\.answer\.text/],
    [
      '{ path: /a, body: {}, answer: { text: /t }, finish_words: { A: done } }',
      /finish_words\.A: expected one of stop/,
    ],
    ['{ path: /a, body: {}, answer: { text: /t }, stream: { text: /t } }', /custom\.stream: say by what a stream ends/],
    ['{ path: /a, body: {}, answer: { text: /t }, auth: { header: a, query: b } }', /custom\.auth.*not in both/],
    [
      '{ path: /a, body: {}, answer: { text: /t }, headers: { host: a } }',
      /custom\.headers\.host.*sets this header itself/,
    ],
  ])('%s', async (custom, words) => {
    expect(
      await problemsOf(`preset: custom, base_url: "http://127.0.0.1:1", keys: [k1234567], custom: ${custom}`),
    ).toMatch(words)
  })

  test('the preset needs a description, and no other has one', async () => {
    expect(await problemsOf('preset: custom, base_url: "http://127.0.0.1:1", keys: []')).toMatch(/needs `custom`/)
    expect(
      await problemsOf('preset: openai, keys: [k1234567], custom: { path: /a, body: {}, answer: { text: /t } }'),
    ).toMatch(/belongs to the preset `custom`/)
  })

  async function problemsOf(provider: string): Promise<string> {
    const loaded = await loadConfig({
      path: 'weir.yaml',
      readFile: async () => new TextEncoder().encode(`providers: { p: { ${provider} } }`),
      environment: {},
    })
    if (!loaded.ok) return loaded.problems.map(formatProblem).join('\n')
    try {
      createSnapshot(loaded.config, {}, { clock: systemClock, seed: 1 })
    } catch (error) {
      const { path: place, message } = error as Error & { path: string }
      return formatProblem(loaded.problemAt(place, message))
    }
    return ''
  }
})
