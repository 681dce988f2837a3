// Routing through a whole gateway: which upstream answers, for whom.
import { expect, test } from 'bun:test'
import { completion, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { CallOptions, TestGateway } from './gateway.ts'

type Fleet = Disposable & { readonly yaml: string; readonly asked: () => Record<string, number> }

/** Providers `one`, `two`, `three` with a model `m` each; `fields` go into a provider's configuration. */
function startFleet(fields: Readonly<Record<string, string>> = {}): Fleet {
  const upstreams = ['one', 'two', 'three'].map((name) => ({
    name,
    upstream: startUpstream(() => Response.json(completion(name))),
  }))
  const providers = upstreams.map(
    ({ name, upstream }) =>
      `  ${name}: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [secret-of-${name}], ${fields[name] ?? 'models: { m: {} }'} }`,
  )
  return {
    yaml: `providers:\n${providers.join('\n')}\n`,
    asked: () => Object.fromEntries(upstreams.map(({ name, upstream }) => [name, upstream.received.length])),
    [Symbol.dispose]: () => {
      for (const { upstream } of upstreams) upstream[Symbol.dispose]()
    },
  }
}

async function targetOf(weir: TestGateway, body: object = {}, options: CallOptions = {}): Promise<string | null> {
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat', ...body }, options)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  await response.arrayBuffer()
  return response.headers.get('x-weir-target')
}

async function errorOf(weir: TestGateway, body: object, options: CallOptions = {}) {
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat', ...body }, options)
  const { error } = (await response.json()) as { error: { message: string; param: string; weir: { code: string } } }
  return { status: response.status, code: error.weir.code, param: error.param, message: error.message }
}

const ABC = 'routes: { chat: { targets: [one/m, two/m, three/m] } }'
const refusing = {
  one: 'models: { m: {} }, quirks: { refused_fields: [seed] }',
  two: 'models: { m: {} }',
}

test('only who takes every field of the request, where the caller asks for that', async () => {
  using fleet = startFleet(refusing)
  await using weir = await startGateway(`${fleet.yaml}${ABC}`)
  const provider = { require_parameters: true }
  expect(await targetOf(weir, { provider })).toBe('one/m')
  expect(await targetOf(weir, { provider, seed: 7 })).toBe('two/m')
  // In another format all that a translation would leave out counts.
  const question = { model: 'chat', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }], provider }
  const plain = await weir.call('/v1/messages', question)
  const thinking = await weir.call('/v1/messages', { ...question, top_k: 3 })
  expect([plain.status, thinking.status]).toEqual([200, 400])
  expect(await thinking.text()).toContain('would not be told all')
})

test('an order without fallbacks is an order of the only ones', async () => {
  using broken = startUpstream(() => new Response('no', { status: 500 }))
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}
  down: { preset: openai-compatible, base_url: "${broken.url}/v1", keys: [secret-of-down], models: { m: {} } }
routes: { chat: { targets: [one/m, down/m, two/m], retries: 0 } }`)
  expect(await targetOf(weir, { provider: { order: ['down'] } })).toBe('one/m')
  expect(await targetOf(weir, { provider: { order: ['down', 'two'], allow_fallbacks: false } })).toBe('two/m')
  expect((await errorOf(weir, { provider: { order: ['down'], allow_fallbacks: false } })).status).toBe(502)
})

const prices = {
  one: 'models: { m: { price: { input: 3, output: 6 } } }',
  two: 'models: { m: { price: { input: 1, output: 2 }, quantization: fp8 } }, collects_data: false',
  three: 'models: { m: { price: { input: 2, output: 4 } } }, region: eu-west-1',
}

for (const [title, body, expected] of [
  ['nothing', {}, 'one/m'],
  ['an order', { provider: { order: ['three', 'two'] } }, 'three/m'],
  ['only some', { provider: { only: ['two'] } }, 'two/m'],
  ['not some', { provider: { ignore: ['one'] } }, 'two/m'],
  ['the cheapest', { provider: { sort: 'price' } }, 'two/m'],
  ['a highest price', { provider: { max_price: { prompt: 2.5 } } }, 'two/m'],
  ['no data collection', { provider: { data_collection: 'deny' } }, 'two/m'],
  ['a quantization', { provider: { quantizations: ['fp8'] } }, 'two/m'],
  ['a region', { weir: { region: 'eu' } }, 'three/m'],
  ['a highest cost', { max_tokens: 1_000, weir: { max_cost_usd: 0.003 } }, 'two/m'],
  ['models to fall back on', { model: 'two/m', models: ['two/m', 'one/m'] }, 'two/m'],
  ['models alone', { model: undefined, models: ['three/m', 'one/m'] }, 'three/m'],
] as const)
  test(`a caller asks for ${title}`, async () => {
    using fleet = startFleet(prices)
    await using weir = await startGateway(`${fleet.yaml}${ABC}`)
    expect(await targetOf(weir, body)).toBe(expected)
  })

test('what a caller asks of routing is not forwarded', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [secret-of-one], models: { m: {} } }
`)
  const own = { models: ['one/m'], provider: { sort: 'price' }, route: 'fallback', weir: { task: 'code' } }
  expect(await targetOf(weir, { model: 'one/m', ...own })).toBe('one/m')
  expect(JSON.parse(upstream.received[0]!.body)).toEqual({ ...QUESTION, model: 'm' })
})

for (const [title, body, options, expected] of [
  ['nobody is left', { provider: { only: ['nobody'] } }, {}, { status: 400, code: 'unsupported' }],
  ['all are too dear', { weir: { max_cost_usd: 0.000001 } }, {}, { status: 402, code: 'budget_exhausted' }],
  ['a fallback that is not there', { weir: { fallbacks: ['nothing'] } }, {}, { status: 404, code: 'model_unknown' }],
  ['a field that is unknown', { weir: { colour: 1 } }, {}, { status: 400, code: 'request_malformed' }],
  ['a wrong header', {}, { headers: { 'x-weir-task': 'a b' } }, { status: 400, code: 'request_malformed' }],
] as const)
  test(`a wish that cannot be met is refused precisely: ${title}`, async () => {
    using fleet = startFleet(prices)
    await using weir = await startGateway(`${fleet.yaml}${ABC}`)
    expect(await errorOf(weir, body, options)).toMatchObject(expected)
    expect(fleet.asked()).toEqual({ one: 0, two: 0, three: 0 })
  })

test('the caller’s own fallbacks are tried, and none where it wants none', async () => {
  using broken = startUpstream(() => new Response('no', { status: 500 }))
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}
  down: { preset: openai-compatible, base_url: "${broken.url}/v1", keys: [secret-of-down], models: { m: {} } }
routes: { chat: { targets: [down/m], fallbacks: [two/m], retries: 0 } }`)
  expect(await targetOf(weir)).toBe('two/m')
  expect(await targetOf(weir, { weir: { fallbacks: ['three/m'] } })).toBe('three/m')
  expect(await targetOf(weir, { models: ['one/m'] })).toBe('one/m')
  expect((await errorOf(weir, { weir: { fallbacks: false } })).status).toBe(502)
})

test('a key may forbid each option, and use no fallback that it may not use as a model', async () => {
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}${ABC}`)
  const key = await weir.issue({ forbids: ['fallbacks', 'session', 'tags'] })
  expect(await targetOf(weir, { weir: { task: 'code' } }, { key })).toBe('one/m')
  const refused = { status: 403, code: 'option_not_allowed' }
  expect(await errorOf(weir, { weir: { fallbacks: ['two/m'] } }, { key })).toMatchObject({
    ...refused,
    param: 'fallbacks',
  })
  expect(await errorOf(weir, { models: ['two/m'] }, { key })).toMatchObject(refused)
  expect(await errorOf(weir, {}, { key, headers: { 'x-weir-session': 's' } })).toMatchObject(refused)
  expect(await errorOf(weir, {}, { key, headers: { 'x-weir-tags': 't' } })).toMatchObject(refused)
  const narrow = await weir.issue({ models: ['chat'] })
  expect(await errorOf(weir, { weir: { fallbacks: ['two/m'] } }, { key: narrow })).toMatchObject({
    status: 403,
    code: 'model_not_allowed',
  })
})

test('a bare model id goes to those of its providers that the key may use', async () => {
  using fleet = startFleet()
  await using weir = await startGateway(fleet.yaml)
  expect(await targetOf(weir, { model: 'm' })).toBe('one/m')
  expect(await targetOf(weir, { model: 'm' }, { key: await weir.issue({ models: ['two/*'] }) })).toBe('two/m')
  expect(await errorOf(weir, { model: 'm' }, { key: await weir.issue({ models: ['four/*'] }) })).toMatchObject({
    code: 'model_not_allowed',
  })
})

test('conditions, tasks and nested routes choose the target', async () => {
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}
routes:
  chat:
    targets:
      - { use: three/m, when: { header: { x-plan: pro } } }
      - { use: coders, when: { task: code } }
      - { use: one/m, unless: { tag: batch } }
      - two/m
  coders: { by_task: { code: two/m, default: one/m } }
aliases: { gpt-4: chat }`)
  expect(await targetOf(weir)).toBe('one/m')
  expect(await targetOf(weir, { model: 'gpt-4' })).toBe('one/m')
  expect(await targetOf(weir, {}, { headers: { 'x-plan': 'pro' } })).toBe('three/m')
  expect(await targetOf(weir, {}, { headers: { 'x-weir-tags': 'batch' } })).toBe('two/m')
  expect(await targetOf(weir, { weir: { task: 'code' } })).toBe('two/m')
  const code = { messages: [{ role: 'user', content: 'Fix this:\n```python\ndef f(x):\n  return x +\n```' }] }
  expect(await targetOf(weir, code)).toBe('two/m')
  expect(await targetOf(weir, { model: 'coders' })).toBe('one/m')
})

test('`auto` is the cheapest of what the routes name, and an answer says its task where it mattered', async () => {
  using fleet = startFleet(prices)
  await using weir = await startGateway(`${fleet.yaml}
routes: { chat: { by_task: { code: two/m, default: three/m } } }`)
  expect(await targetOf(weir, { model: 'auto' })).toBe('two/m')
  const answer = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat', weir: { task: 'code' } })
  await answer.arrayBuffer()
  expect(answer.headers.get('x-weir-task')).toBe('code')
  const plain = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'one/m' })
  await plain.arrayBuffer()
  expect(plain.headers.get('x-weir-task')).toBeNull()
})

test('weighted: shares are met within 1 %, and a session stays where it is', async () => {
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}
routes: { chat: { strategy: weighted, targets: [{ use: one/m, weight: 7 }, { use: two/m, weight: 2 }, three/m] } }`)
  for (let index = 0; index < 1_000; index++) await targetOf(weir)
  const { one = 0, two = 0, three = 0 } = fleet.asked()
  expect(Math.abs(one / 1_000 - 0.7)).toBeLessThan(0.01)
  expect(Math.abs(two / 1_000 - 0.2)).toBeLessThan(0.01)
  expect(Math.abs(three / 1_000 - 0.1)).toBeLessThan(0.01)
  const seen = new Set<string | null>()
  // So many that none falls to a tenth of the shares by chance once in 40,000 runs.
  for (let session = 0; session < 100; session++) {
    const options = { headers: { 'x-weir-session': `s-${session}` } }
    const first = await targetOf(weir, {}, options)
    seen.add(first)
    expect(await targetOf(weir, {}, options)).toBe(first)
  }
  expect(seen.size).toBe(3)
})

test('a conversation stays where it was answered after its first target is back', async () => {
  let isDown = true
  using flaky = startUpstream(() => (isDown ? new Response('no', { status: 500 }) : Response.json(completion('flaky'))))
  using fleet = startFleet()
  await using weir = await startGateway(`${fleet.yaml}
  flaky: { preset: openai-compatible, base_url: "${flaky.url}/v1", keys: [secret-of-flaky], models: { m: {} } }
routes: { chat: { targets: [flaky/m, two/m], retries: 0 } }`)
  const beginning = [{ role: 'user', content: 'Tell me about weirs.' }]
  expect(await targetOf(weir, { messages: beginning })).toBe('two/m')
  isDown = false
  const more = [...beginning, { role: 'assistant', content: 'They dam.' }, { role: 'user', content: 'And?' }]
  expect(await targetOf(weir, { messages: more })).toBe('two/m')
  expect(await targetOf(weir, { messages: [{ role: 'user', content: 'Something else.' }] })).toBe('flaky/m')
})
