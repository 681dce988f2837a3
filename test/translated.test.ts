// The translated lane as clients see it: one vendor's client, another vendor's model, and everything between that can go wrong.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../src/core/json.ts'
import { chunks, completion, eventStream, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const CHAT = '/v1/chat/completions'
const MESSAGES = '/v1/messages'
const ASK = { model: 'up/m', max_tokens: 100, messages: [{ role: 'user', content: 'Say hello' }] }

const caseOf = (name: string): string => readFileSync(path.join(import.meta.dirname, 'cases', name), 'utf8')

/** An OpenAI-compatible provider `up` and Anthropic as `claude`, each with the priced model `m`; `both` asks Claude first. */
function providers(urls: { readonly openai?: string; readonly claude?: string }, more = ''): string {
  const price = '{ price: { input: 1, output: 2, cache_read: 0.1 } }'
  return `
providers:
  up: { preset: openai-compatible, base_url: "${urls.openai ?? 'http://127.0.0.1:1'}/v1", keys: [upstream-secret-value], models: { m: ${price} } }
  claude: { preset: anthropic, base_url: "${urls.claude ?? 'http://127.0.0.1:1'}", keys: [claude-secret-value], models: { m: ${price} } }
routes:
  both: { targets: [claude/m, up/m] }
  other: { targets: [up/m, claude/m] }
${more}`
}

/** The recorded lines as Anthropic sends them. */
function anthropicEvents(lines: readonly string[]): string {
  return lines.map((line) => `event: ${(JSON.parse(line) as { type: string }).type}\ndata: ${line}\n\n`).join('')
}

function linesOf(name: string): string[] {
  return caseOf(name)
    .split('\n')
    .filter((line) => line !== '')
}

function message(content: readonly object[], more: object = {}): object {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
    ...more,
  }
}

/** Events of a short answer of Anthropic's. */
function anthropicStream(texts: readonly string[]): string[] {
  const event = (type: string, rest: object): string => anthropicEvents([JSON.stringify({ type, ...rest })])
  return [
    event('message_start', {
      message: message([], {
        stop_reason: null,
        usage: { input_tokens: 10, cache_read_input_tokens: 4, output_tokens: 1 },
      }),
    }),
    event('ping', {}),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...texts.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } }),
    event('message_stop', {}),
  ]
}

/** The bytes in pieces of odd sizes, each sent for itself. */
function inPieces(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let from = 0
  let size = 1
  return new ReadableStream({
    pull(controller) {
      if (from >= bytes.length) return controller.close()
      size = (size * 7) % 211
      controller.enqueue(bytes.slice(from, from + size))
      from += size
    },
  })
}

function dataOf(text: string): JsonObject[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as JsonObject)
}

type Delta = { readonly content?: string; readonly reasoning_content?: string; readonly tool_calls?: JsonObject[] }
type Chunk = {
  readonly choices: { readonly delta: Delta; readonly finish_reason: string | null }[]
  readonly usage?: JsonObject
}

async function entryOf(weir: TestGateway, response: Response) {
  return weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
}

async function recordOf(weir: TestGateway, response: Response) {
  return weir.store.getRequest(response.headers.get('x-weir-request-id') ?? '')
}

test('an OpenAI client gets a whole answer of Claude, in its own words, priced by its own usage', async () => {
  using claude = startUpstream(
    () =>
      new Response(caseOf('anthropic-text.json'), {
        headers: { 'content-type': 'application/json; charset=x', 'request-id': 'req_up' },
      }),
  )
  await using weir = await startGateway(providers({ claude: claude.url }))
  const response = await weir.call(CHAT, {
    model: 'claude/m',
    seed: 7,
    temperature: 0.5,
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
    ],
  })
  expect(response.status).toBe(200)
  const answer = (await response.json()) as JsonObject
  expect(answer).toMatchObject({
    id: 'msg_01VdEjxAP5ahtHKrrRdNBteQ',
    object: 'chat.completion',
    model: 'claude/m',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: expect.stringContaining("I'm doing well") },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 12, completion_tokens: 29, total_tokens: 41 },
  })
  expect(Math.abs((answer['created'] as number) - Date.now() / 1_000)).toBeLessThan(60)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('x-upstream-request-id')).toBe('req_up')
  expect(response.headers.get('x-weir-warnings')).toBe('`seed` is left out.')
  // 12 × $1 + 29 × $2 per million.
  expect(response.headers.get('x-weir-cost-usd')).toBe('0.00007')
  const [sent] = claude.received
  expect(sent?.path).toBe('/v1/messages')
  expect(sent?.headers.get('x-api-key')).toBe('claude-secret-value')
  expect(sent?.headers.get('authorization')).toBeNull()
  expect(sent?.headers.get('anthropic-version')).toBe('2023-06-01')
  expect(JSON.parse(sent?.body ?? '')).toMatchObject({
    model: 'm',
    max_tokens: 64_000,
    system: [{ type: 'text', text: 'Be kind.' }],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    temperature: 0.5,
  })
  expect(await entryOf(weir, response)).toMatchObject({
    status: 'complete',
    usage: { input: 12, output: 29 },
    usageSource: 'reported',
    costNanoUsd: 70_000n,
  })
  expect(await recordOf(weir, response)).toMatchObject({ finishReason: 'stop', stream: false, target: 'claude/m' })
})

for (const asked of [true, false])
  test(`an OpenAI client gets a stream of Claude’s, with its usage ${asked ? 'as it asked' : 'left out'}`, async () => {
    using claude = startUpstream(() => eventStream(inPieces(anthropicEvents(linesOf('anthropic-text.chunks.txt')))))
    await using weir = await startGateway(providers({ claude: claude.url }))
    const response = await weir.call(CHAT, {
      ...QUESTION,
      model: 'claude/m',
      stream: true,
      ...(asked ? { stream_options: { include_usage: true } } : {}),
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const text = await response.text()
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    const said = dataOf(text) as unknown as Chunk[]
    expect(said.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toStartWith("Hello! I'm doing well")
    expect(said.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(said.flatMap(({ usage }) => usage ?? [])).toMatchObject(
      asked ? [{ prompt_tokens: 12, completion_tokens: 30 }] : [],
    )
    expect(JSON.parse(claude.received[0]?.body ?? '')).toMatchObject({ stream: true })
    expect(claude.received[0]?.headers.get('accept')).toBe('text/event-stream')
    expect(await entryOf(weir, response)).toMatchObject({
      status: 'complete',
      usage: { input: 12, output: 30 },
      usageSource: 'reported',
    })
    expect(await recordOf(weir, response)).toMatchObject({ finishReason: 'stop', stream: true })
  })

const TOOL = {
  type: 'function',
  function: { name: 'json', parameters: { type: 'object', properties: { x: { type: 'string' } } } },
}

test('an OpenAI client calls tools with Claude, streamed, and sends their results back', async () => {
  using claude = startUpstream((_request, number) =>
    number === 1
      ? eventStream(anthropicEvents(linesOf('anthropic-tool.chunks.txt')))
      : Response.json(message([{ type: 'text', text: 'Done.' }])),
  )
  await using weir = await startGateway(providers({ claude: claude.url }))
  const first = await weir.call(CHAT, {
    ...QUESTION,
    model: 'claude/m',
    stream: true,
    tools: [TOOL],
    tool_choice: 'required',
  })
  const deltas = (dataOf(await first.text()) as unknown as Chunk[]).flatMap(
    ({ choices }) => choices[0]?.delta.tool_calls ?? [],
  )
  const call = deltas[0] as { id: string; function: { name: string } }
  const json = deltas.map((delta) => (delta['function'] as { arguments: string }).arguments).join('')
  expect(call).toMatchObject({ id: 'toolu_01KFbKqPYSuAKujiL6mTfzYA', type: 'function', function: { name: 'json' } })
  expect(typeof JSON.parse(json)).toBe('object')
  expect(await recordOf(weir, first)).toMatchObject({ finishReason: 'tool_calls' })
  expect(JSON.parse(claude.received[0]?.body ?? '')).toMatchObject({
    tools: [{ name: 'json', input_schema: TOOL.function.parameters }],
    tool_choice: { type: 'any' },
  })
  const second = await weir.call(CHAT, {
    model: 'claude/m',
    tools: [TOOL],
    messages: [
      ...QUESTION.messages,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: call.id, type: 'function', function: { name: 'json', arguments: json } }],
      },
      { role: 'tool', tool_call_id: call.id, content: 'ok' },
    ],
  })
  expect(await second.json()).toMatchObject({ choices: [{ message: { content: 'Done.' } }] })
  expect((JSON.parse(claude.received[1]?.body ?? '') as { messages: unknown[] }).messages.slice(1)).toEqual([
    { role: 'assistant', content: [{ type: 'tool_use', id: call.id, name: 'json', input: JSON.parse(json) }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'ok' }] },
  ])
})

test('a signed thought of Claude’s survives the way to an OpenAI client and back', async () => {
  const thought = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }
  using claude = startUpstream(() => Response.json(message([thought, { type: 'text', text: 'Hi' }])))
  await using weir = await startGateway(providers({ claude: claude.url }))
  const ask = { model: 'claude/m', reasoning_effort: 'high', max_completion_tokens: 4_000 }
  const first = (await (await weir.call(CHAT, { ...ask, messages: QUESTION.messages })).json()) as {
    choices: { message: JsonObject }[]
  }
  const said = first.choices[0]?.message
  expect(said).toMatchObject({ content: 'Hi', reasoning_content: 'Hm.' })
  expect(JSON.parse(claude.received[0]?.body ?? '')).toHaveProperty('thinking')
  await weir.call(CHAT, { ...ask, messages: [...QUESTION.messages, said, { role: 'user', content: 'And?' }] })
  const { messages } = JSON.parse(claude.received[1]?.body ?? '') as { messages: { content: unknown[] }[] }
  expect(messages[1]?.content[0]).toEqual(thought)
})

test('an Anthropic client gets thoughts and tool calls of an OpenAI-compatible model, whole', async () => {
  using upstream = startUpstream(() => Response.json(JSON.parse(caseOf('deepseek-tool-call.json'))))
  await using weir = await startGateway(providers({ openai: upstream.url }))
  const response = await weir.call(
    MESSAGES,
    {
      ...ASK,
      system: 'Be kind.',
      tools: [{ name: 'weather', input_schema: { type: 'object', properties: {} } }],
      tool_choice: { type: 'tool', name: 'weather' },
    },
    { headers: { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'x-2026' } },
  )
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({
    id: expect.stringMatching(/^msg_/),
    type: 'message',
    role: 'assistant',
    model: 'up/m',
    content: [
      { type: 'thinking', thinking: expect.stringContaining('San Francisco'), signature: '' },
      {
        type: 'tool_use',
        id: 'call_00_9V0vrf86Pc9aelHCJMZqnJBo',
        name: 'weather',
        input: { location: 'San Francisco' },
      },
    ],
    stop_reason: 'tool_use',
    usage: { input_tokens: 19, cache_read_input_tokens: 320, output_tokens: 92 },
  })
  expect(response.headers.get('request-id')).toBe(response.headers.get('x-weir-request-id'))
  const [sent] = upstream.received
  expect(sent?.path).toBe('/v1/chat/completions')
  for (const name of ['anthropic-version', 'anthropic-beta', 'x-api-key']) expect(sent?.headers.get(name)).toBeNull()
  expect(JSON.parse(sent?.body ?? '')).toMatchObject({
    model: 'm',
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Say hello' },
    ],
    max_completion_tokens: 100,
    tools: [{ type: 'function', function: { name: 'weather' } }],
    tool_choice: { type: 'function', function: { name: 'weather' } },
  })
  expect(await entryOf(weir, response)).toMatchObject({
    usage: { input: 19, cacheRead: 320, output: 44, reasoning: 48 },
    usageSource: 'reported',
  })
})

test('an Anthropic client gets thoughts and tool calls of an OpenAI-compatible model, streamed', async () => {
  const sse = linesOf('deepseek-tool-call.chunks.txt').map((line) => `data: ${line}\n\n`)
  using upstream = startUpstream(() => eventStream(inPieces([...sse, 'data: [DONE]\n\n'].join(''))))
  await using weir = await startGateway(providers({ openai: upstream.url }))
  const response = await weir.call(MESSAGES, { ...ASK, stream: true })
  const events = dataOf(await response.text())
  expect(events[0]).toMatchObject({ type: 'message_start', message: { type: 'message', model: 'up/m', content: [] } })
  const blocks = events.filter(({ type }) => type === 'content_block_start')
  expect(blocks).toMatchObject([
    { index: 0, content_block: { type: 'thinking' } },
    { index: 1, content_block: { type: 'tool_use', name: 'weather', input: {} } },
  ])
  const json = events.map(({ delta }) => (delta as { partial_json?: string } | undefined)?.partial_json ?? '').join('')
  expect(JSON.parse(json)).toEqual({ location: 'San Francisco' })
  expect(events.at(-2)).toMatchObject({
    type: 'message_delta',
    delta: { stop_reason: 'tool_use' },
    usage: { input_tokens: 19, cache_read_input_tokens: 320 },
  })
  expect(events.at(-1)).toEqual({ type: 'message_stop' })
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({
    stream: true,
    stream_options: { include_usage: true },
  })
  const entry = await entryOf(weir, response)
  expect(entry).toMatchObject({ status: 'complete', usageSource: 'reported', usage: { input: 19, cacheRead: 320 } })
  expect(await recordOf(weir, response)).toMatchObject({
    finishReason: 'tool_calls',
    rawUsage: expect.stringContaining('prompt_cache_hit_tokens'),
  })
})

const ERRORS: readonly (readonly [title: string, status: number, body: object, seen: number, type: string])[] = [
  [
    'what is wrong with the request',
    400,
    { error: { message: 'temperature is too hot', code: 'bad' } },
    400,
    'invalid_request_error',
  ],
  ['a model’s host that is busy', 429, { error: { message: 'slow down' } }, 503, 'overloaded_error'],
  [
    'a provider’s bad key',
    401,
    { error: { message: 'Incorrect API key provided: upstream-secret-value' } },
    502,
    'api_error',
  ],
]
test.each(ERRORS)('%s is told in Anthropic’s shape and words', async (_title, status, body, seen, type) => {
  using upstream = startUpstream(() => Response.json(body, { status }))
  await using weir = await startGateway(providers({ openai: upstream.url }))
  const response = await weir.call(MESSAGES, ASK)
  const text = await response.text()
  expect(response.status).toBe(seen)
  expect(JSON.parse(text)).toMatchObject({
    type: 'error',
    error: { type },
    request_id: response.headers.get('request-id'),
  })
  expect(text).not.toContain('upstream-secret')
})

test('a provider’s words about the request reach a client of the other format', async () => {
  using claude = startUpstream(() =>
    Response.json(
      { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: too large' } },
      { status: 400 },
    ),
  )
  await using weir = await startGateway(providers({ claude: claude.url }))
  const response = await weir.call(CHAT, { ...QUESTION, model: 'claude/m' })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: { message: 'max_tokens: too large', code: 'invalid_request_error', weir: { code: 'upstream_rejected' } },
  })
})

const OVERLOADED = `${anthropicStream([])[0]}event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n`
const BAD_CLAUDES: readonly (readonly [title: string, answer: () => Response])[] = [
  [
    'is overloaded',
    () => Response.json({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, { status: 529 }),
  ],
  ['answers with a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['answers with nothing', () => new Response('', { headers: { 'content-type': 'application/json' } })],
  [
    'answers with an error in a 200',
    () => Response.json({ type: 'error', error: { type: 'api_error', message: 'no' } }),
  ],
  ['breaks off before its first word', () => eventStream(anthropicStream([]).slice(0, 3).join(''))],
  [
    'ends without a word',
    () => eventStream([anthropicStream([])[0], 'event: message_stop\ndata: {"type":"message_stop"}\n\n'].join('')),
  ],
  ['has an error in its stream before the first word', () => eventStream(OVERLOADED)],
  ['sends what is no JSON', () => eventStream('data: {"type":\n\n')],
]
for (const stream of [false, true])
  test.each(BAD_CLAUDES)(
    `a Claude that %s is not seen by the client: the next target answers (stream: ${stream})`,
    async (_title, answer) => {
      using claude = startUpstream(answer)
      using upstream = startUpstream(() =>
        stream ? eventStream(chunks(['ok']).join('')) : Response.json(completion('ok')),
      )
      for (const [endpoint, body] of [
        [CHAT, QUESTION],
        [MESSAGES, ASK],
      ] as const) {
        // A gateway of its own: one that was told that Claude is busy would not ask it again.
        await using weir = await startGateway(providers({ openai: upstream.url, claude: claude.url }))
        const response = await weir.call(endpoint, { ...body, model: 'both', stream })
        expect(response.status).toBe(200)
        expect(response.headers.get('x-weir-target')).toBe('up/m')
        expect(response.headers.get('x-weir-attempts')).toBe('2')
        expect(await response.text()).toContain('ok')
      }
    },
  )

test('fallback crosses the lanes the other way too: a native target that fails, a translated one that answers', async () => {
  using upstream = startUpstream(() => new Response('busy', { status: 503 }))
  using claude = startUpstream((_request, _number, body) =>
    body.includes('"stream":true')
      ? eventStream(anthropicStream(['ok']).join(''))
      : Response.json(message([{ type: 'text', text: 'ok' }])),
  )
  await using weir = await startGateway(providers({ openai: upstream.url, claude: claude.url }))
  for (const stream of [false, true]) {
    const response = await weir.call(CHAT, { ...QUESTION, model: 'other', stream })
    expect(response.headers.get('x-weir-target')).toBe('claude/m')
    expect(await response.text()).toContain('"content":"ok"')
  }
})

/** A stream whose second part is sent when the first has reached the client. */
function inTwo(first: string, second: string): { readonly answer: () => Response; readonly goOn: () => void } {
  const seen = Promise.withResolvers<void>()
  const send = (controller: ReadableStreamDefaultController<Uint8Array>, text: string): void =>
    controller.enqueue(new TextEncoder().encode(text))
  const answer = (): Response =>
    eventStream(
      new ReadableStream({
        async start(controller) {
          send(controller, first)
          await seen.promise
          send(controller, second)
          controller.close()
        },
      }),
    )
  return { answer, goOn: seen.resolve }
}

test('a translated stream that breaks after it began keeps what was said and ends with the dialect’s own error', async () => {
  const [start, , block, first, second] = anthropicStream(['abc', 'def'])
  const error = OVERLOADED.slice(OVERLOADED.indexOf('event: error'))
  // Words and the error come in one piece: the words are told first.
  const fromClaude = inTwo(`${start}${block}${first}`, `${second}${error}`)
  using claude = startUpstream(fromClaude.answer)
  const fromOpenai = inTwo(chunks(['abc']).slice(0, 2).join(''), chunks(['', 'def'])[2] ?? '')
  using upstream = startUpstream(fromOpenai.answer)
  await using weir = await startGateway(providers({ openai: upstream.url, claude: claude.url }))
  const openai = await weir.call(CHAT, { ...QUESTION, model: 'claude/m', stream: true })
  fromClaude.goOn()
  const events = (await openai.text()).trim().split('\n\n')
  expect(events.join('')).toContain('"content":"abc"')
  expect(events.join('')).toContain('"content":"def"')
  expect(events.at(-1)).toBe('data: [DONE]')
  expect(JSON.parse(events.at(-2)?.slice(6) ?? '')).toMatchObject({
    error: { message: expect.stringContaining('Overloaded'), weir: { code: 'all_targets_failed' } },
  })
  expect(await recordOf(weir, openai)).toMatchObject({ status: 502, errorCode: 'all_targets_failed' })
  const anthropic = await weir.call(MESSAGES, { ...ASK, stream: true })
  fromOpenai.goOn()
  const text = await anthropic.text()
  expect(text).toContain('"text":"abc"')
  expect(text).toContain('"text":"def"')
  expect(dataOf(text).at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'api_error', weir: { code: 'all_targets_failed' } },
  })
  expect(text).not.toContain('message_stop')
  expect(await entryOf(weir, anthropic)).toMatchObject({ status: 'aborted', usageSource: 'estimated' })
})

test('the entry is durable before the client of a translated stream sees its end', async () => {
  using claude = startUpstream(() => eventStream(inPieces(anthropicStream(['a']).join(''))))
  await using weir = await startGateway(providers({ claude: claude.url }))
  const response = await weir.call(CHAT, { ...QUESTION, model: 'claude/m', stream: true })
  const reader = response.body!.getReader()
  let text = ''
  while (!text.includes('[DONE]')) text += new TextDecoder().decode((await reader.read()).value)
  // Input and cached input of the start, output of the end.
  expect(await entryOf(weir, response)).toMatchObject({
    status: 'complete',
    usage: { input: 10, cacheRead: 4, output: 5 },
  })
})

test('a client that leaves a translated stream cancels the upstream within 100 ms and pays for what was produced', async () => {
  const cancelled = Promise.withResolvers<number>()
  using claude = startUpstream(() => {
    let timer: Timer | undefined
    const [start = '', , block = '', text = ''] = anthropicStream(['0123456789abcdef'])
    return eventStream(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(start + block))
          timer = setInterval(() => controller.enqueue(new TextEncoder().encode(text)), 5)
        },
        cancel() {
          clearInterval(timer)
          cancelled.resolve(performance.now())
        },
      }),
    )
  })
  await using weir = await startGateway(providers({ claude: claude.url }))
  const abort = new AbortController()
  const response = await fetch(`${weir.listen().url}${CHAT}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${weir.key}` },
    body: JSON.stringify({ ...QUESTION, model: 'claude/m', stream: true }),
    signal: abort.signal,
  })
  const reader = response.body!.getReader()
  let seen = 0
  while (seen < 5) seen += new TextDecoder().decode((await reader.read()).value).split('data:').length - 1
  const leftAt = performance.now()
  abort.abort()
  expect((await cancelled.promise) - leftAt).toBeLessThan(100)
  await weir.gateway.journal.flush()
  const entry = await entryOf(weir, response)
  // Claude says what went in when it starts, and what came out only at the end.
  expect(entry).toMatchObject({ status: 'aborted', usageSource: 'estimated', usage: { input: 10, cacheRead: 4 } })
  expect(entry!.usage.output).toBeGreaterThanOrEqual(4 * 4)
  expect(weir.gateway.load.inFlight).toBe(0)
})

const TWO = { ...QUESTION, model: 'claude/m', n: 2 }

test('what a provider cannot be asked for is refused by name, or left out where the operator allows it', async () => {
  using claude = startUpstream(() => Response.json(message([{ type: 'text', text: 'ok' }])))
  await using strict = await startGateway(providers({ claude: claude.url }))
  const refused = await strict.call(CHAT, TWO)
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({
    error: { message: expect.stringContaining('`n` above 1'), weir: { code: 'unsupported' } },
  })
  expect(claude.received.length).toBe(0)
  expect(await entryOf(strict, refused)).toMatchObject({ status: 'failed', costNanoUsd: 0n })
  await using lossy = await startGateway(providers({ claude: claude.url }, 'routing: { lossy: allow }'))
  const answered = await lossy.call(CHAT, TWO)
  expect(answered.status).toBe(200)
  expect(answered.headers.get('x-weir-warnings')).toContain('`n` above 1')
})

test('a target that cannot be asked is passed over for one that can', async () => {
  using upstream = startUpstream(() => Response.json(completion('ok')))
  await using weir = await startGateway(providers({ openai: upstream.url }))
  const response = await weir.call(CHAT, { ...TWO, model: 'both' })
  expect(response.headers.get('x-weir-target')).toBe('up/m')
  expect(response.headers.get('x-weir-attempts')).toBe('1')
  expect(await response.json()).toEqual(completion('ok') as JsonObject)
})

test('warnings fit into a header whatever the caller called its fields', async () => {
  using claude = startUpstream(() => Response.json(message([{ type: 'text', text: 'ok' }])))
  await using weir = await startGateway(providers({ claude: claude.url }))
  const fields = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`féld\n${'x'.repeat(50)}${index}`, 1]))
  const response = await weir.call(CHAT, { ...QUESTION, model: 'claude/m', ...fields })
  const warnings = response.headers.get('x-weir-warnings') ?? ''
  expect(warnings).toMatch(/^[\x20-\x7e]+$/)
  expect(warnings.length).toBeLessThan(1_100)
  expect(warnings).toEndWith('more)')
})

test('a request that cannot be read is refused with its path before anybody is asked', async () => {
  await using weir = await startGateway(providers({}))
  const response = await weir.call(MESSAGES, { ...ASK, messages: [{ role: 'user' }] })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', weir: { code: 'request_malformed', param: 'messages[0].content' } },
  })
})

test('what a wire has no way for is excluded with the reason', async () => {
  await using weir = await startGateway(providers({}))
  const response = await weir.call('/v1/embeddings', { model: 'claude/m', input: 'x' })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: { message: expect.stringContaining('claude/m has no embeddings endpoint'), weir: { code: 'unsupported' } },
  })
})

test('how a host differs can be told in the configuration, over what its preset says', async () => {
  using upstream = startUpstream(() => Response.json(completion('<think>Hm.</think>Hi')))
  const quirks = 'quirks: { max_tokens_field: max_tokens, think_tags: true, top_k: true, refused_fields: [stop] }'
  await using weir = await startGateway(`
providers:
  up: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [upstream-secret-value], ${quirks}, models: { m: {} } }
`)
  const response = await weir.call(MESSAGES, { ...ASK, top_k: 5, stop_sequences: ['x'] })
  expect(await response.json()).toMatchObject({
    content: [
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'Hi' },
    ],
  })
  expect(response.headers.get('x-weir-warnings')).toBe('`stop` is left out: the provider does not take it.')
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({
    model: 'm',
    messages: ASK.messages,
    max_tokens: 100,
    top_k: 5,
  })
})

test('when one target fails and the other cannot be asked, the error says both', async () => {
  using upstream = startUpstream(() => new Response('busy', { status: 503 }))
  await using weir = await startGateway(providers({ openai: upstream.url }))
  const response = await weir.call(CHAT, { ...TWO, model: 'both' })
  expect(response.status).toBe(502)
  const { error } = (await response.json()) as { error: { message: string } }
  expect(error.message).toMatch(/up\/m: overloaded \(503\)\. Passed over: claude\/m: `n` above 1/)
})

test('a stream that says nothing for long is let through, and one whose event never ends is broken', async () => {
  const ping = 'event: ping\ndata: {"type":"ping"}\n\n'
  const [start = '', , ...rest] = anthropicStream(['ok'])
  let pings = 0
  using claude = startUpstream(() =>
    eventStream(
      new ReadableStream({
        async pull(controller) {
          const text = pings === 0 ? start : pings <= 80 ? ping : rest.join('')
          controller.enqueue(new TextEncoder().encode(text))
          if (pings++ > 80) controller.close()
          // A chunk of its own for each: what is held is counted in chunks.
          await new Promise((resolve) => setImmediate(resolve))
        },
      }),
    ),
  )
  using endless = startUpstream(() => eventStream(`data: ${'x'.repeat(9 * 1024 * 1024)}`))
  await using weir = await startGateway(providers({ claude: claude.url }))
  const response = await weir.call(CHAT, { ...QUESTION, model: 'claude/m', stream: true })
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('"content":"ok"')
  await using other = await startGateway(providers({ claude: endless.url }))
  const broken = await other.call(CHAT, { ...QUESTION, model: 'claude/m', stream: true })
  expect(broken.status).toBe(502)
  expect(await broken.json()).toMatchObject({ error: { weir: { attempts: [{ outcome: 'broken' }] } } })
})
