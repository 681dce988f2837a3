import { describe, expect, test } from 'bun:test'
import OpenAI, { AuthenticationError, InternalServerError, RateLimitError } from 'openai'
import { drivenClock } from './driven-clock.ts'
import { FAULTS } from './faults.ts'
import { createSimulator } from './simulator.ts'

type Json = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- answers are read as a client reads them
type Options = { models?: Record<string, Record<string, unknown>>; seed?: number }

function setUp({ models = {}, seed = 7 }: Options = {}) {
  const clock = drivenClock()
  const simulator = createSimulator({ clock, seed, models })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    simulator.fetch(
      new Request(`http://simulator/v1${path}`, {
        method: 'POST',
        headers,
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(signal !== undefined && { signal }),
      }),
    )
  const json = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Json> => {
    const response = await clock.run(post(path, body, headers))
    return (await clock.run(response.json())) as Json
  }
  const events = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<string[]> => {
    const response = await clock.run(post(path, body, headers))
    const text = await clock.run(response.text())
    return text
      .split('\n\n')
      .slice(0, -1)
      .map((event) => event.replace(/^data: /, ''))
  }
  return { clock, simulator, post, json, events }
}

const ask = (content: string, more: Json = {}) => ({ model: 'small', messages: [{ role: 'user', content }], ...more })
const parsed = (events: readonly string[]) =>
  events.filter((event) => event !== '[DONE]').map((event) => JSON.parse(event) as Json)
const contentOf = (events: readonly string[]) =>
  parsed(events)
    .map((event) => event['choices'][0]?.delta?.content ?? '')
    .join('')

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        unit: { type: 'string', enum: ['c', 'f'] },
        days: { type: 'integer', minimum: 1, maximum: 3 },
      },
      required: ['city', 'unit'],
    },
  },
}
const TIME = { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } }

/** What a promise is rejected with; undefined when it is not. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('chat completions', () => {
  test('a stream says what the whole answer says, with the same usage, for every model', async () => {
    for (const model of ['small', 'large', 'reasoner', 'slow']) {
      const body = ask('How do weirs hold back a river?', { model, n: 2 })
      const { json, events } = setUp()
      const whole = await json('/chat/completions', body)
      const chunks = parsed(
        await events('/chat/completions', { ...body, stream: true, stream_options: { include_usage: true } }),
      )
      for (const index of [0, 1]) {
        const deltas = chunks
          .flatMap((chunk) => chunk['choices'] as Json[])
          .filter((choice) => choice['index'] === index)
        const join = (field: string) => deltas.map((choice) => choice['delta'][field] ?? '').join('')
        const choice = whole['choices'][index]
        expect(join('content')).toBe(choice.message.content)
        expect(join('reasoning_content')).toBe(choice.message.reasoning_content ?? '')
        expect(deltas.at(-1)?.['finish_reason']).toBe(choice.finish_reason)
      }
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole['usage'] })
      expect(whole['choices'][0].message.content).not.toBe(whole['choices'][1].message.content)
      expect(whole['usage'].completion_tokens_details.reasoning_tokens > 0).toBe(model === 'reasoner')
    }
  })

  test('a stream is a role event, one event a token, a finish event, the usage if asked for, and [DONE]', async () => {
    const { events } = setUp()
    const plain = await events('/chat/completions', ask('Hi [[sim tokens=5]]', { stream: true }))
    expect(plain).toHaveLength(1 + 5 + 1 + 1)
    expect(parsed(plain)[0]?.['choices'][0].delta).toEqual({ role: 'assistant', content: '', refusal: null })
    expect(parsed(plain).at(-1)?.['choices'][0]).toEqual({ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' })
    expect(parsed(plain).some((event) => 'usage' in event)).toBe(false)
    expect(plain.at(-1)).toBe('[DONE]')
    const withUsage = await events(
      '/chat/completions',
      ask('Hi [[sim tokens=5]]', { stream: true, stream_options: { include_usage: true } }),
    )
    expect(withUsage).toHaveLength(plain.length + 1)
    expect(
      parsed(withUsage)
        .slice(0, -1)
        .every((event) => event['usage'] === null),
    ).toBe(true)
    expect(parsed(withUsage).at(-1)?.['usage']).toMatchObject({ completion_tokens: 5, total_tokens: 5 + 5 })
  })

  test('the same seed and body have the same answer, another seed or body another', async () => {
    const answer = async (seed: number, question: string) => {
      const { id, choices } = await setUp({ seed }).json('/chat/completions', ask(question))
      return JSON.stringify({ id: id as string, choices: choices as Json })
    }
    const first = await answer(1, 'Tell me about rivers')
    expect(await answer(1, 'Tell me about rivers')).toBe(first)
    expect(await answer(2, 'Tell me about rivers')).not.toBe(first)
    expect(await answer(1, 'Tell me about dams')).not.toBe(first)
  })

  test('the answer picks up words of the question and leaves the directive out', async () => {
    const { json } = setUp()
    const answer = await json('/chat/completions', ask('What do salmon eat? [[sim gap_ms=1]]'))
    expect(answer['choices'][0].message.content).toContain('salmon')
    expect(answer['choices'][0].message.content).not.toContain('[[')
  })

  test.each([
    ['max_tokens', 'small', { max_tokens: 7 }],
    ['max_completion_tokens', 'small', { max_completion_tokens: 7 }],
    ['thoughts included', 'reasoner', { max_completion_tokens: 7 }],
  ])('an answer ends at %s with the finish reason length', async (_, model, bound) => {
    const answer = await setUp().json('/chat/completions', ask('Write a long story', { model, ...bound }))
    expect(answer['usage'].completion_tokens).toBe(7)
    expect(answer['choices'][0].finish_reason).toBe('length')
  })

  test('an answer ends before a stop text', async () => {
    const { json } = setUp()
    const answer = await json(
      '/chat/completions',
      ask('[[sim output="one two three four"]]', { stop: ['zero', ' thr'] }),
    )
    expect(answer['choices'][0]).toMatchObject({ message: { content: 'one two' }, finish_reason: 'stop' })
  })

  test('a scripted length is exact, thoughts included', async () => {
    for (const model of ['small', 'reasoner'])
      for (const tokens of [1, 2, 50, 999]) {
        const answer = await setUp().json('/chat/completions', ask(`Zürich 🏔️ [[sim tokens=${tokens}]]`, { model }))
        expect(answer['usage'].completion_tokens).toBe(tokens)
      }
  })

  test('reasoning effort decides how much a reasoner thinks', async () => {
    const { json } = setUp()
    const thought = async (reasoning_effort: string) => {
      const answer = await json('/chat/completions', ask('Why?', { model: 'reasoner', reasoning_effort }))
      return (answer['choices'][0].message.reasoning_content?.length ?? 0) as number
    }
    expect(await thought('none')).toBe(0)
    expect(await thought('high')).toBeGreaterThan(await thought('minimal'))
  })
})

describe('tools', () => {
  test('a question is answered by calling the tool it speaks of, with arguments of its schema', async () => {
    const { json } = setUp()
    const answer = await json('/chat/completions', ask('What is the weather in Paris?', { tools: [TIME, WEATHER] }))
    const [choice] = answer['choices']
    expect(choice.finish_reason).toBe('tool_calls')
    expect(choice.message.content).toBeNull()
    const [call] = choice.message.tool_calls
    expect(call).toMatchObject({
      id: expect.stringMatching(/^call_\w{24}$/),
      type: 'function',
      function: { name: 'get_weather' },
    })
    const given = JSON.parse(call.function.arguments) as Json
    expect(Object.keys(given)).toEqual(['city', 'unit'])
    expect(typeof given['city']).toBe('string')
    expect(['c', 'f']).toContain(given['unit'])
  })

  test('a streamed call joins to the whole one', async () => {
    const { json, events } = setUp()
    const body = ask('What is the weather in Paris?', { tools: [WEATHER], tool_choice: 'required' })
    const [call] = (await json('/chat/completions', body))['choices'][0].message.tool_calls
    const deltas = parsed(await events('/chat/completions', { ...body, stream: true })).flatMap(
      (event) => (event['choices'][0]?.delta.tool_calls ?? []) as Json[],
    )
    expect(deltas[0]).toEqual({
      index: 0,
      id: call.id,
      type: 'function',
      function: { name: 'get_weather', arguments: '' },
    })
    expect(deltas.map((delta) => delta['function'].arguments).join('')).toBe(call.function.arguments)
  })

  test.each([
    ['auto after a question', 'auto', true],
    ['none', 'none', false],
    ['one by name', { type: 'function', function: { name: 'get_time' } }, true],
  ])('tool choice %s', async (_, tool_choice, calls) => {
    const answer = await setUp().json('/chat/completions', ask('Hello', { tools: [WEATHER, TIME], tool_choice }))
    const message = answer['choices'][0].message
    expect('tool_calls' in message).toBe(calls)
    if (typeof tool_choice === 'object') expect(message.tool_calls[0].function.name).toBe('get_time')
  })

  test('with the result of a tool at hand it talks', async () => {
    const messages = [
      { role: 'user', content: 'What is the weather in Paris?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '21 degrees' },
    ]
    const answer = await setUp().json('/chat/completions', { model: 'small', messages, tools: [WEATHER] })
    expect(answer['choices'][0].finish_reason).toBe('stop')
  })

  test('a bound cuts the arguments, or the whole call when its name does not fit', async () => {
    const { json } = setUp()
    const body = (max_tokens: number) => ask('Weather?', { tools: [WEATHER], tool_choice: 'required', max_tokens })
    const cut = (await json('/chat/completions', body(4)))['choices'][0]
    expect(cut.finish_reason).toBe('length')
    expect(cut.message.tool_calls[0].function.arguments).toHaveLength(4)
    const none = (await json('/chat/completions', body(1)))['choices'][0]
    expect(none).toMatchObject({ finish_reason: 'length', message: { content: null } })
    expect('tool_calls' in none.message).toBe(false)
  })
})

describe('response formats', () => {
  test('json_object is an object, json_schema one of the schema', async () => {
    const { json } = setUp()
    const contentFor = async (response_format: Json) =>
      JSON.parse(
        (await json('/chat/completions', ask('Name a river', { response_format })))['choices'][0].message
          .content as string,
      ) as Json
    expect(await contentFor({ type: 'json_object' })).toMatchObject({ answer: expect.any(String) })
    const schema = {
      type: 'object',
      properties: { river: { type: 'string', maxLength: 5 }, km: { type: 'number' } },
      required: ['river', 'km'],
    }
    const value = await contentFor({ type: 'json_schema', json_schema: { name: 'river', schema } })
    expect(Object.keys(value)).toEqual(['river', 'km'])
  })

  test('a schema that cannot be followed is refused and named', async () => {
    const schema = { type: 'object', properties: { code: { type: 'string', pattern: '^[A-Z]$' } }, required: ['code'] }
    const answer = await setUp().json(
      '/chat/completions',
      ask('x', { response_format: { type: 'json_schema', json_schema: { name: 'r', schema } } }),
    )
    expect(answer['error']).toMatchObject({ code: 'invalid_json_schema', param: 'response_format' })
    expect(answer['error'].message).toContain('properties.code.pattern')
  })
})

describe('completions', () => {
  test('each prompt has n texts, streamed as whole', async () => {
    const { json, events } = setUp()
    const body = { model: 'small', prompt: ['One', 'Two'], n: 2, max_tokens: 9, echo: true }
    const whole = await json('/completions', body)
    expect(whole['object']).toBe('text_completion')
    expect(whole['choices']).toHaveLength(4)
    expect(whole['choices'][2].text).toStartWith('Two')
    expect(whole['usage']).toMatchObject({ prompt_tokens: 2, completion_tokens: 36 })
    const chunks = parsed(
      await events('/completions', { ...body, stream: true, stream_options: { include_usage: true } }),
    )
    const texts = [0, 1, 2, 3].map((index) =>
      chunks
        .flatMap((chunk) => chunk['choices'] as Json[])
        .filter((choice) => choice['index'] === index)
        .map((choice) => choice['text'])
        .join(''),
    )
    expect(texts).toEqual((whole['choices'] as Json[]).map((choice) => choice['text'] as string))
    expect(chunks.at(-1)?.['usage']).toEqual(whole['usage'])
  })

  test('without a bound a completion has 16 tokens', async () => {
    const answer = await setUp().json('/completions', { model: 'large', prompt: 'Tell me everything about the sea' })
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 16 } })
  })
})

describe('models', () => {
  test('are listed, and shown one by one', async () => {
    const { simulator } = setUp({ models: { mine: {} } })
    const get = async (path: string) =>
      (await simulator.fetch(new Request(`http://simulator/v1${path}`))).json() as Promise<Json>
    const ids = ((await get('/models'))['data'] as Json[]).map((row) => row['id'] as string)
    const media = ['draw', 'speak', 'hear', 'moderate', 'talk', 'rank']
    expect(ids).toEqual(['small', 'large', 'reasoner', 'embed', ...media, 'flaky', 'slow', 'mine'])
    expect(await get('/models/mine')).toMatchObject({ id: 'mine', object: 'model', owned_by: 'simulator' })
    expect(await get('/models/%zz')).toMatchObject({ error: { code: 'model_not_found' } })
    expect(await get('/elsewhere')).toMatchObject({ error: { message: 'Invalid URL (GET /v1/elsewhere)' } })
    expect(await get('/chat/completions')).toMatchObject({ error: { code: 'method_not_supported' } })
    const wrong = await simulator.fetch(new Request('http://simulator/v1/models', { method: 'DELETE' }))
    expect(wrong.status).toBe(405)
  })

  test('a model answers at its own endpoint only', async () => {
    const { post } = setUp()
    const statuses = await Promise.all([
      post('/chat/completions', ask('x', { model: 'embed' })),
      post('/embeddings', { model: 'small', input: 'x' }),
      post('/chat/completions', ask('x', { model: 'toString' })),
    ])
    expect(statuses.map((response) => response.status)).toEqual([404, 404, 404])
  })

  test('a limited model lets its requests of a minute through and tells the others when to return', async () => {
    const { clock, post } = setUp({ models: { small: { rateLimit: { rpm: 2, retryAfterS: 9 } } } })
    const send = () => clock.run(post('/chat/completions', ask('x'), { 'x-sim-ttft-ms': '0', 'x-sim-gap-ms': '0' }))
    const first = await send()
    expect(first.status).toBe(200)
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect((await send()).status).toBe(200)
    const refused = await send()
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('9')
    clock.advance(59_000)
    expect((await send()).status).toBe(429)
    clock.advance(1_000)
    expect((await send()).status).toBe(200)
  })

  test('a prompt that fills the context is refused', async () => {
    const { json } = setUp({ models: { small: { context: 10 } } })
    const answer = await json('/chat/completions', ask('x'.repeat(100)))
    expect(answer['error']).toMatchObject({ code: 'context_length_exceeded', param: 'messages' })
  })
})

describe('faults', () => {
  const STATUS: Partial<Record<string, number>> = {
    error_500: 500,
    error_503: 503,
    rate_limited: 429,
    unauthorized: 401,
    quota_403: 403,
    context_400: 400,
  }
  test.each(FAULTS.filter((fault) => fault in STATUS))(
    '%s has its status, streamed and whole, by header and by directive',
    async (fault) => {
      const { clock, post } = setUp()
      for (const stream of [false, true]) {
        const byHeader = await clock.run(post('/chat/completions', ask('Hi', { stream }), { 'x-sim-fault': fault }))
        const byDirective = await clock.run(
          post('/chat/completions', ask(`Hi [[sim fault=${fault} retry_after_s=3]]`, { stream })),
        )
        expect(byHeader.status).toBe(STATUS[fault] ?? 0)
        expect(byDirective.status).toBe(STATUS[fault] ?? 0)
        expect((await byHeader.json()) as Json).toMatchObject({
          error: { message: expect.any(String), type: expect.any(String) },
        })
        if (fault !== 'context_400') expect(byDirective.headers.get('retry-after')).toBe('3')
      }
    },
  )

  const script = (fault: string) => `Hi [[sim fault=${fault} tokens=8 ttft_ms=100 gap_ms=10]]`
  const playedWhole = async (fault: string) => {
    const { clock, post } = setUp()
    const response = await clock.run(post('/chat/completions', ask(script(fault))))
    return { response, text: await clock.run(response.text()), atMs: clock.monotonicMs() }
  }
  const playedStream = async (fault: string) => {
    const { events, clock } = setUp()
    return {
      events: await events('/chat/completions', ask(script(fault), { stream: true })),
      atMs: clock.monotonicMs(),
    }
  }

  test('refused_body is a page, empty_200 is nothing', async () => {
    const page = await playedWhole('refused_body')
    expect(page.response.headers.get('content-type')).toStartWith('text/html')
    expect(page.text).toStartWith('<!doctype html>')
    expect((await playedWhole('empty_200')).text).toBe('')
    expect((await playedStream('empty_200')).events).toEqual([])
  })

  test('errors inside a 200', async () => {
    const { response, text } = await playedWhole('error_in_200')
    expect(response.status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'server_error' } })
    expect(JSON.parse((await playedWhole('error_after_first_event')).text)).toMatchObject({
      error: { type: 'server_error' },
    })
    expect(parsed((await playedStream('error_in_200')).events)).toMatchObject([{ error: { type: 'server_error' } }])
    expect(parsed((await playedStream('error_after_first_event')).events)).toMatchObject([
      { choices: [{ delta: { role: 'assistant' } }] },
      { error: { type: 'server_error' } },
    ])
  })

  test('cut ends in the middle without a terminator', async () => {
    expect(() => JSON.parse('{"a"')).toThrow()
    const { text } = await playedWhole('cut')
    expect(() => JSON.parse(text) as unknown).toThrow()
    const { events } = await playedStream('cut')
    expect(events).toHaveLength(1 + 4)
    expect(contentOf(events)).toHaveLength(16)
  })

  test('garbage_chunk breaks one event and leaves the others', async () => {
    const { text } = await playedWhole('garbage_chunk')
    expect(() => JSON.parse(text) as unknown).toThrow()
    const { events } = await playedStream('garbage_chunk')
    const broken = events.filter((event) => {
      try {
        return event !== '[DONE]' && JSON.parse(event) === undefined
      } catch {
        return true
      }
    })
    expect(broken).toHaveLength(1)
    expect(events).toHaveLength(1 + 8 + 1 + 1 + 1)
  })

  test('trickle and slow_start come in full, late', async () => {
    expect((await playedStream('none')).atMs).toBe(100 + 7 * 10)
    expect((await playedStream('trickle')).atMs).toBe(100 + 7 * 2000)
    expect((await playedStream('slow_start')).atMs).toBe(1000 + 7 * 10)
    expect((await playedWhole('slow_start')).atMs).toBe(1000 + 7 * 10)
    const trickled = await playedWhole('trickle')
    expect(JSON.parse(trickled.text)).toMatchObject({ usage: { completion_tokens: 8 } })
    expect(trickled.atMs).toBeGreaterThan(20_000)
  })

  test('slow_start withholds even the head', async () => {
    const { clock, post } = setUp()
    let headAtMs = -1
    const response = post('/chat/completions', ask(script('slow_start'), { stream: true })).then((answer) => {
      headAtMs = clock.monotonicMs()
      return answer
    })
    await clock.run(response)
    expect(headAtMs).toBe(1000)
  })

  test.each([
    ['stall_before_first', 0],
    ['stall_midstream', 1 + 4],
  ])('%s stops after %d events and ends when the caller gives up', async (fault, expected) => {
    const { clock, post } = setUp()
    const response = await clock.run(post('/chat/completions', ask(script(fault), { stream: true })))
    const reader = response.body!.getReader()
    for (let count = 0; count < expected; count++) expect((await clock.run(reader.read())).done).toBe(false)
    const stalled = reader.read()
    expect(String(await failureOf(clock.run(stalled)))).toContain('nothing is left to wait for')
    await reader.cancel()
    expect((await stalled).done).toBe(true)
    expect(clock.pending()).toBe(0)
  })

  test('a whole answer stalls before its head, or in the middle of its body', async () => {
    const { clock, post } = setUp()
    const caller = new AbortController()
    const never = post('/chat/completions', ask(script('stall_before_first')), {}, caller.signal)
    expect(String(await failureOf(clock.run(never)))).toContain('nothing is left to wait for')
    caller.abort(new Error('gone'))
    expect(String(await failureOf(never))).toContain('gone')
    const { body } = await clock.run(post('/chat/completions', ask(script('stall_midstream'))))
    const reader = body!.getReader()
    expect((await clock.run(reader.read())).done).toBe(false)
    const stalled = reader.read()
    await reader.cancel()
    expect((await stalled).done).toBe(true)
  })

  test('an answer without any text is cut and stalled all the same', async () => {
    const { events } = setUp()
    const body = (fault: string) => ask(`[[sim fault=${fault} output=""]]`, { stream: true })
    expect(await events('/chat/completions', body('none'))).toHaveLength(3)
    expect(await events('/chat/completions', body('cut'))).toHaveLength(1)
    expect(String(await failureOf(events('/chat/completions', body('stall_midstream'))))).toContain('nothing is left')
  })

  test('shares decide how often a model fails, and an arrival has its own luck', async () => {
    const { clock, post } = setUp({ models: { shaky: { errorShare: 0.5, faults: { rate_limited: 0.25 } } } })
    const counts = new Map<number, number>()
    for (let index = 0; index < 400; index++) {
      const response = await post('/chat/completions', ask('x', { model: 'shaky', stream: true }))
      counts.set(response.status, (counts.get(response.status) ?? 0) + 1)
      await response.body?.cancel()
    }
    const expected: [number, number][] = [
      [200, 100],
      [429, 100],
      [500, 100],
      [503, 100],
    ]
    for (const [status, count] of expected) expect(Math.abs((counts.get(status) ?? 0) - count)).toBeLessThan(40)
    const unharmed = await clock.run(post('/chat/completions', ask('x', { model: 'shaky' }), { 'x-sim-fault': 'none' }))
    expect(unharmed.status).toBe(200)
  })
})

test('two simulators that are sent the same requests repeat each other to the byte, times and faults included', async () => {
  const course = async () => {
    const { clock, post } = setUp()
    const seen: unknown[] = []
    for (let index = 0; index < 60; index++) {
      const response = await clock.run(
        post('/chat/completions', ask('same', { model: 'flaky', max_tokens: 3 }), { 'x-sim-gap-ms': '1' }),
      )
      seen.push([response.status, response.headers.get('x-request-id'), clock.monotonicMs()])
      await response.body?.cancel()
    }
    return seen
  }
  const first = await course()
  expect(await course()).toEqual(first)
  expect(new Set(first.map((entry) => (entry as unknown[])[0])).size).toBeGreaterThan(1)
})

describe('the openai SDK', () => {
  const client = (options: Options = {}) => {
    const { clock, simulator } = setUp(options)
    const openai = new OpenAI({
      baseURL: 'http://simulator/v1',
      apiKey: 'none',
      maxRetries: 0,
      fetch: (url, init) => simulator.fetch(new Request(url as string, init)),
    })
    return { clock, openai }
  }

  test('lists, asks, streams, embeds, and gets its typed errors', async () => {
    const { clock, openai } = client()
    const names: string[] = []
    for await (const model of openai.models.list()) names.push(model.id)
    expect(names).toContain('reasoner')
    const messages = [{ role: 'user' as const, content: 'Hello there [[sim tokens=6]]' }]
    const whole = await clock.run(openai.chat.completions.create({ model: 'small', messages }))
    const runner = openai.chat.completions.stream({ model: 'small', messages, stream_options: { include_usage: true } })
    const streamed = await clock.run(runner.finalChatCompletion())
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content ?? '')
    expect(streamed.usage).toEqual(whole.usage)
    const { data } = await clock.run(
      openai.embeddings.create({ model: 'embed', input: ['a river', 'a weir'], dimensions: 64 }),
    )
    expect(data.map((row) => row.embedding.length)).toEqual([64, 64])
    const failing = (fault: string) =>
      clock.run(
        openai.chat.completions.create({
          model: 'small',
          messages: [{ role: 'user', content: `[[sim fault=${fault}]]` }],
        }),
      )
    expect(await failureOf(failing('rate_limited'))).toBeInstanceOf(RateLimitError)
    expect(await failureOf(failing('unauthorized'))).toBeInstanceOf(AuthenticationError)
    expect(await failureOf(failing('error_503'))).toBeInstanceOf(InternalServerError)
  })
})
