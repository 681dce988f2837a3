// How a request is routed, told before and after: the explanation, the trace of an answer, the request log.
import { expect, test } from 'bun:test'
import { completion, QUESTION, startGateway, startUpstream } from './gateway.ts'

const YAML = `
providers:
  sim:
    preset: simulator
    models:
      small: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 }, price: { input: 1, output: 1 } }
      large: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 }, price: { input: 5, output: 5 } }
      embed: {}
routes:
  chat:
    strategy: cheapest
    targets: [sim/large, sim/small, sim/embed, { use: sim/reasoner, when: { tag: slow } }]
`
const BODY = { ...QUESTION, model: 'chat' }

test('an explanation is the plan that the request then gets, and changes nothing', async () => {
  await using weir = await startGateway(YAML)
  const ask = () =>
    weir.gateway.explain({ request: BODY, dialect: 'openai-chat', caller: null, headers: new Headers() })
  const told = ask()
  expect(told.targets.map(({ target }) => target)).toEqual(['sim/small', 'sim/large'])
  expect(told.targets.map(({ reason }) => reason)).toEqual(['cheapest', 'cheapest'])
  expect(Number(told.targets[0]?.expected_cost_usd)).toBeLessThan(Number(told.targets[1]?.expected_cost_usd))
  expect(told.excluded).toEqual([
    { target: 'sim/embed', why: 'is a model for embeddings' },
    { target: 'sim/reasoner', why: 'is for requests where tag is slow' },
  ])
  expect(ask()).toEqual(told)
  const answer = await weir.call('/v1/chat/completions', BODY)
  await answer.arrayBuffer()
  expect(answer.headers.get('x-weir-target')).toBe('sim/small')
  expect(await weir.store.countEntries()).toBe(1)
})

test('an explanation tells the quality that is expected of each target, with its interval and what it rests on', async () => {
  await using weir = await startGateway(`
providers:
  cards: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [k], models: { gpt-4o: {}, no-card: {} } }
routes: { chat: { targets: [cards/gpt-4o, cards/no-card] } }`)
  const ask = (task: string) =>
    weir.gateway.explain({
      request: BODY,
      dialect: 'openai-chat',
      caller: null,
      headers: new Headers({ 'x-weir-task': task }),
    }).targets
  const [known, unknown] = ask('code')
  // The card of gpt-4o says 0.902 of HumanEval; who has none starts at one half.
  expect(known?.quality).toEqual({ mean: 0.902, low: expect.any(Number), high: expect.any(Number), n: 0 })
  expect(known!.quality!.low).toBeLessThan(0.85)
  expect(unknown?.quality).toMatchObject({ mean: 0.5, n: 0 })
  // A word of the caller's own is no task of ours: what kind of work it is, is guessed.
  expect(ask('our-own-word')[0]?.quality?.mean).toBeGreaterThan(0.7)
})

test('an explanation says what the request would be refused with', async () => {
  await using weir = await startGateway(YAML)
  const ask =
    (request: object, dialect = 'openai-chat') =>
    () =>
      weir.gateway.explain({ request: { ...request }, dialect, caller: null, headers: new Headers() })
  expect(ask({ ...QUESTION, model: 'cat' })).toThrow('There is no model "cat" here. Did you mean chat?')
  expect(ask(BODY, 'esperanto')).toThrow('`dialect` is one of')
  expect(ask({ model: 'chat' })).toThrow('`messages` is missing.')
})

for (const [title, body, headers] of [
  ['by a header', {}, { 'x-weir-trace': 'full' }],
  ['in the body', { weir: { trace: 'full' } }, {}],
  ['of a stream', { stream: true }, { 'x-weir-trace': 'full' }],
] as const)
  test(`a trace is asked for ${title}, and told in a header`, async () => {
    await using weir = await startGateway(YAML)
    const answer = await weir.call('/v1/chat/completions', { ...BODY, ...body }, { headers })
    await answer.arrayBuffer()
    const trace = JSON.parse(answer.headers.get('x-weir-trace') ?? 'null')
    expect(trace).toMatchObject({
      route: 'chat',
      attempts: [{ target: 'sim/small', outcome: 'answered' }],
      targets: [{ target: 'sim/small', reason: 'cheapest' }, { target: 'sim/large' }],
    })
    expect(trace.excluded.length).toBe(2)
    const plain = await weir.call('/v1/chat/completions', BODY)
    await plain.arrayBuffer()
    expect(plain.headers.get('x-weir-trace')).toBeNull()
  })

test('a request that failed is traced, too', async () => {
  using broken = startUpstream(() => new Response('no', { status: 500 }))
  using well = startUpstream((_, number) =>
    number > 0 ? new Response('no', { status: 503 }) : Response.json(completion()),
  )
  await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${broken.url}/v1", keys: [secret-of-one], models: { m: {} } }
  two: { preset: openai-compatible, base_url: "${well.url}/v1", keys: [secret-of-two], models: { m: {} } }
routes: { chat: { targets: [one/m, two/m], retries: 0 } }`)
  const answer = await weir.call('/v1/chat/completions', BODY, { headers: { 'x-weir-trace': 'full' } })
  expect(answer.status).toBe(502)
  const { attempts } = JSON.parse(answer.headers.get('x-weir-trace') ?? 'null') as { attempts: { target: string }[] }
  expect(new Set(attempts.map(({ target }) => target))).toEqual(new Set(['one/m', 'two/m']))
})

test('the request log keeps how a request was routed, where there was something to choose', async () => {
  await using weir = await startGateway(YAML)
  for (const model of ['chat', 'sim/small']) {
    const answer = await weir.call('/v1/chat/completions', { ...QUESTION, model })
    await answer.arrayBuffer()
    await weir.gateway.journal.flush()
    const record = await weir.store.getRequest(answer.headers.get('x-weir-request-id') ?? '')
    if (model === 'chat') expect(record?.plan).toContain('["sim/small","cheapest"')
    else expect(record?.plan).toBeUndefined()
  }
})
