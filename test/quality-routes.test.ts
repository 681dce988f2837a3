// Routes that ask for quality, through a whole gateway: what is known at first are published benchmarks alone.
import { expect, test } from 'bun:test'
import { loadConfig } from '../src/config/load.ts'
import { keptPlanOf } from '../src/routing/kept-plan.ts'
import { completion, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { CallOptions, TestGateway, Upstream } from './gateway.ts'

// Of open questions the cards say 0.887 ± 0.088 of gpt-4o and 0.82 ± 0.107 of gpt-4o-mini: lower bounds of 0.774 and 0.684.
const PROVIDERS = (url: string): string => `
log: { requests: false }
providers:
  up:
    preset: openai-compatible
    base_url: ${url}/v1
    keys: [a-key-of-the-test]
    models:
      gpt-4o: { price: { input: 5, output: 15 } }
      gpt-4o-mini: { price: { input: 0.15, output: 0.6 } }
      unheard-of: { price: { input: 0.01, output: 0.01 } }
`
const TARGETS = 'targets: [up/gpt-4o, up/gpt-4o-mini, up/unheard-of]'
const OPEN_QUESTION = { 'x-weir-task': 'open_qa' }

async function withGateway(
  routes: string,
  run: (weir: TestGateway, upstream: Upstream) => Promise<void>,
  answer: Parameters<typeof startUpstream>[0] = () => Response.json(completion()),
): Promise<void> {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(`${PROVIDERS(upstream.url)}${routes}`)
  await run(weir, upstream)
}

async function asked(weir: TestGateway, model: string, options: CallOptions = {}, more: object = {}) {
  const answer = await weir.call('/v1/chat/completions', { ...QUESTION, model, ...more }, options)
  await answer.arrayBuffer()
  return { status: answer.status, target: answer.headers.get('x-weir-target'), headers: answer.headers }
}

const FIRST: readonly (readonly [title: string, route: string, headers: Record<string, string>, target: string])[] = [
  ['the cheapest that is good enough answers', 'strategy: quality, quality: { floor: 0.65 }', {}, 'up/gpt-4o-mini'],
  ['`cheapest` with a floor is the same', 'strategy: cheapest, quality: { floor: 0.65 }', {}, 'up/gpt-4o-mini'],
  ['a higher floor takes a better one', 'strategy: quality, quality: { floor: 0.75 }', {}, 'up/gpt-4o'],
  ['a strict bound asks for more', 'strategy: quality, quality: { floor: 0.65, strict: true }', {}, 'up/gpt-4o'],
  [
    'nobody is known to be good enough: the baseline',
    'strategy: quality, quality: { floor: 0.99, baseline: up/unheard-of }',
    {},
    'up/unheard-of',
  ],
  [
    'without a word of a baseline it is the first target',
    'strategy: quality, quality: { floor: 0.99 }',
    {},
    'up/gpt-4o',
  ],
  [
    'what is published is not enough',
    'strategy: quality, quality: { floor: 0.65, min_observations: 1 }',
    {},
    'up/gpt-4o',
  ],
  [
    'a caller asks for more',
    'strategy: quality, quality: { floor: 0.65 }',
    { 'x-weir-quality-floor': '0.75' },
    'up/gpt-4o',
  ],
  [
    'a caller asks for less',
    'strategy: quality, quality: { floor: 0.75 }',
    { 'x-weir-quality-floor': '0.65' },
    'up/gpt-4o-mini',
  ],
  [
    'a caller asks where the route does not',
    'strategy: cheapest',
    { 'x-weir-quality-floor': '0.65' },
    'up/gpt-4o-mini',
  ],
  ['nobody asks', 'strategy: cheapest', {}, 'up/unheard-of'],
  ['the default floor of 0.8 holds where a route says none', 'strategy: quality', {}, 'up/gpt-4o'],
]

for (const [title, route, headers, target] of FIRST)
  test(`first choice: ${title}`, () =>
    withGateway(`routes: { chat: { ${TARGETS}, ${route} } }`, async (weir) => {
      expect(await asked(weir, 'chat', { headers: { ...OPEN_QUESTION, ...headers } })).toMatchObject({
        status: 200,
        target,
      })
    }))

test('with another strategy the floor only says who may answer', () =>
  withGateway(
    `routes:
  chat: { targets: [up/unheard-of, up/gpt-4o-mini, up/gpt-4o], quality: { floor: 0.65, baseline: up/gpt-4o } }`,
    async (weir) => {
      expect(await asked(weir, 'chat', { headers: OPEN_QUESTION })).toMatchObject({ target: 'up/gpt-4o-mini' })
      const told = weir.gateway.explain({
        request: { ...QUESTION, model: 'chat' },
        dialect: 'openai-chat',
        caller: null,
        headers: new Headers(OPEN_QUESTION),
      })
      expect(told.targets.map(({ target }) => target)).toEqual(['up/gpt-4o-mini', 'up/gpt-4o'])
      expect(told.excluded).toEqual([
        {
          target: 'up/unheard-of',
          why: 'is not known to be good enough',
          quality: { mean: 0.5, low: expect.any(Number), high: expect.any(Number), n: 0 },
          expected_cost_usd: expect.any(String),
        },
      ])
      expect(told.decision).toMatchObject({ reason: 'floor', floor: 0.65, z: 1.28, baseline: 'up/gpt-4o' })
    },
  ))

test('where it is let, a target below the floor is asked when all others have failed, and else it is left out', () =>
  withGateway(
    `routes:
  strict: { ${TARGETS}, strategy: quality, quality: { floor: 0.65 } }
  lenient: { ${TARGETS}, strategy: quality, quality: { floor: 0.65, degrade: true } }`,
    async (weir) => {
      expect(await asked(weir, 'strict', { headers: OPEN_QUESTION })).toMatchObject({ status: 502 })
      expect(await asked(weir, 'lenient', { headers: OPEN_QUESTION })).toMatchObject({
        status: 200,
        target: 'up/unheard-of',
      })
    },
    (_, __, body) =>
      body.includes('unheard-of') ? Response.json(completion()) : new Response('gone', { status: 404 }),
  ))

test('`auto` is the cheapest that is good enough, and the most reputed where nobody is known to be', () =>
  withGateway('routing: { quality: { floor: 0.65 } }', async (weir) => {
    expect(await asked(weir, 'auto', { headers: OPEN_QUESTION })).toMatchObject({ target: 'up/gpt-4o-mini' })
    const headers = { ...OPEN_QUESTION, 'x-weir-quality-floor': '0.99' }
    expect(await asked(weir, 'auto', { headers })).toMatchObject({ target: 'up/gpt-4o' })
  }))

test('`auto` has the baseline that the operator names, and is the cheapest where nothing is known of anybody', async () => {
  await withGateway('routing: { quality: { baseline: up/unheard-of } }', async (weir) => {
    expect(await asked(weir, 'auto')).toMatchObject({ target: 'up/unheard-of' })
  })
  await using simulated = await startGateway()
  const told = simulated.gateway.explain({
    request: { ...QUESTION, model: 'auto' },
    dialect: 'openai-chat',
    caller: null,
    headers: new Headers(),
  })
  expect(told).toMatchObject({ strategy: 'quality', decision: { reason: 'baseline' } })
  const costs = [...told.targets, ...told.excluded].map((each) => Number(each.expected_cost_usd))
  expect(costs[0]).toBe(Math.min(...costs))
})

test('what is no chat has no quality, and goes by cost', async () => {
  await using weir = await startGateway(`
providers: { sim: { preset: simulator, models: { embed: { price: { input: 2 } } } } }
routes: { vectors: { targets: [sim/embed, { use: sim/embed, when: { tag: never } }], strategy: quality } }`)
  const answer = await weir.call('/v1/embeddings', { model: 'vectors', input: 'a dam' })
  expect(answer.status).toBe(200)
})

test('the log keeps the choice with its numbers and the chance that it had, and so does a trace', () =>
  withGateway(`routes: { chat: { ${TARGETS}, strategy: quality, quality: { floor: 0.65 } } }`, async (weir) => {
    const headers = { ...OPEN_QUESTION, 'x-weir-trace': 'full' }
    const { headers: answered } = await asked(weir, 'chat', { headers })
    const trace = JSON.parse(answered.get('x-weir-trace')!) as object
    expect(trace).toMatchObject({
      decision: { reason: 'cheapest_good_enough', propensity: 1, floor: 0.65, tasks: { open_qa: 1 } },
      targets: [
        { target: 'up/gpt-4o-mini', quality: { n: 0 } },
        { target: 'up/gpt-4o', reason: 'baseline' },
      ],
      excluded: [{ target: 'up/unheard-of', quality: { mean: 0.5 } }],
    })
    const record = await weir.store.getRequest(answered.get('x-weir-request-id')!)
    expect(keptPlanOf(record!.plan!)).toMatchObject({
      decision: { reason: 'cheapest_good_enough', propensity: 1, baseline: 'up/gpt-4o' },
      targets: [
        { target: 'up/gpt-4o-mini', expected_cost_nano_usd: expect.any(String), quality: { mean: 0.82, n: 0 } },
        { target: 'up/gpt-4o' },
      ],
      excluded: [{ target: 'up/unheard-of', expected_cost_nano_usd: expect.any(String), quality: { n: 0 } }],
    })
  }))

test('a conversation stays where its prompt is cached, as long as moving does not pay', () =>
  withGateway(
    `routes:
  close: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.75 } }`,
    async (weir) => {
      const headers = { ...OPEN_QUESTION, 'x-weir-session': 'one' }
      expect(await asked(weir, 'close', { headers })).toMatchObject({ target: 'up/gpt-4o' })
      // The caller gives way: now the cheaper one is good enough, and a thirtieth of the price pays for any cache.
      const lower = { ...headers, 'x-weir-quality-floor': '0.65' }
      expect(await asked(weir, 'close', { headers: lower })).toMatchObject({ target: 'up/gpt-4o-mini' })
      // In a tool loop it stays all the same.
      const loop = {
        messages: [
          ...QUESTION.messages,
          { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
          { role: 'tool', tool_call_id: 'c', content: '1' },
        ],
      }
      const again = { ...OPEN_QUESTION, 'x-weir-session': 'two' }
      expect(await asked(weir, 'close', { headers: again })).toMatchObject({ target: 'up/gpt-4o' })
      const { headers: answered } = await asked(
        weir,
        'close',
        { headers: { ...again, 'x-weir-quality-floor': '0.65', 'x-weir-trace': 'full' } },
        loop,
      )
      expect(JSON.parse(answered.get('x-weir-trace')!)).toMatchObject({
        decision: { reason: 'conversation', propensity: 1 },
        targets: [{ target: 'up/gpt-4o', reason: 'the conversation is in a tool loop' }, {}],
      })
    },
  ))

test('what the operator believes of a model counts before its answers do, and a reload may change it', async () => {
  const yaml = (quality: number): string => `
providers:
  own: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [k], models: { mine: { quality: ${quality} }, other: {} } }
routes: { chat: { targets: [own/other, own/mine], strategy: quality, quality: { floor: 0.75 } } }`
  const load = async (quality: number) => {
    const loaded = await loadConfig({
      path: 'weir.yaml',
      readFile: async () => new TextEncoder().encode(yaml(quality)),
      environment: {},
    })
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
    return loaded.config
  }
  await using weir = await startGateway(yaml(0.95))
  const first = (model = 'chat') =>
    weir.gateway.explain({
      request: { ...QUESTION, model },
      dialect: 'openai-chat',
      caller: null,
      headers: new Headers(OPEN_QUESTION),
    }).targets[0]
  expect(first()).toMatchObject({ target: 'own/mine', quality: { mean: 0.95, n: 0 } })
  weir.gateway.configure(await load(0.4))
  expect(first()).toMatchObject({ target: 'own/other' })
  // The best by what is believed is the baseline of `auto`.
  weir.gateway.configure(await load(0.7))
  expect(first('auto')).toMatchObject({ target: 'own/mine', reason: 'baseline: nobody is known to be good enough' })
})

test('what callers say of answers moves the traffic: a model that nobody had heard of becomes good enough, and loses it again', () =>
  withGateway(
    `lab: { evidence: all }
routes: { chat: { targets: [up/gpt-4o, up/unheard-of], strategy: quality, quality: { floor: 0.7 } } }`,
    async (weir) => {
      const said = async (task_success: boolean, times: number): Promise<void> => {
        for (let answer = 0; answer < times; answer++) {
          const { headers } = await asked(weir, 'up/unheard-of', { headers: OPEN_QUESTION })
          await weir.gateway.quality.settled()
          const request_id = headers.get('x-weir-request-id')
          expect((await weir.call('/v1/feedback', { request_id, task_success })).status).toBe(200)
        }
      }
      expect(await asked(weir, 'chat', { headers: OPEN_QUESTION })).toMatchObject({ target: 'up/gpt-4o' })
      await said(true, 12)
      expect(await asked(weir, 'chat', { headers: OPEN_QUESTION })).toMatchObject({ target: 'up/unheard-of' })
      // Of another kind of work nothing was said.
      expect(await asked(weir, 'chat', { headers: { 'x-weir-task': 'code' } })).toMatchObject({ target: 'up/gpt-4o' })
      await said(false, 6)
      expect(await asked(weir, 'chat', { headers: OPEN_QUESTION })).toMatchObject({ target: 'up/gpt-4o' })
    },
  ))

test('a choice within a route that stands first is told, and one within a route that does not is not', () =>
  withGateway(
    `routes:
  inner: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.65 } }
  before: { targets: [inner, up/unheard-of] }
  behind: { targets: [up/unheard-of, inner] }`,
    async (weir) => {
      const told = (model: string) =>
        weir.gateway.explain({
          request: { ...QUESTION, model },
          dialect: 'openai-chat',
          caller: null,
          headers: new Headers(OPEN_QUESTION),
        })
      expect(told('before')).toMatchObject({
        decision: { reason: 'cheapest_good_enough', propensity: 1 },
        targets: [{ target: 'up/gpt-4o-mini' }, { target: 'up/gpt-4o' }, { target: 'up/unheard-of' }],
      })
      expect(told('behind')).toMatchObject({ decision: null, targets: [{ target: 'up/unheard-of' }, {}, {}] })
    },
  ))

test('a caller’s own order stands before the policy’s choice, and is told as what it is', () =>
  withGateway(
    `  two: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [k], models: { gpt-4o-mini: { price: { input: 9 } } } }
routes: { chat: { targets: [up/gpt-4o-mini, two/gpt-4o-mini], strategy: quality, quality: { floor: 0.65 } } }`,
    async (weir) => {
      const told = weir.gateway.explain({
        request: { ...QUESTION, model: 'chat', provider: { order: ['two'] } },
        dialect: 'openai-chat',
        caller: null,
        headers: new Headers(OPEN_QUESTION),
      })
      expect(told.targets[0]).toMatchObject({ target: 'two/gpt-4o-mini', reason: 'asked for' })
      expect(told.decision).toMatchObject({ reason: 'displaced', propensity: 1 })
    },
  ))

for (const [yaml, words] of [
  [`routes: { chat: { ${TARGETS}, quality: { floor: 85 } } }`, 'a number from 0 to 1'],
  [`routes: { chat: { ${TARGETS}, quality: { flor: 0.8 } } }`, 'floor'],
  [`routes: { chat: { ${TARGETS}, strategy: best } }`, 'quality'],
  [`routes: { chat: { ${TARGETS}, quality: { explore: { share: 0.9 } } } }`, 'a number from 0 to 0.5'],
] as const)
  test(`refused: ${yaml.slice(yaml.indexOf('unheard'))}`, async () => {
    const loaded = await loadConfig({
      path: 'weir.yaml',
      readFile: async () => new TextEncoder().encode(`${PROVIDERS('http://127.0.0.1:1')}${yaml}`),
      environment: {},
    })
    expect(loaded.ok ? '' : JSON.stringify(loaded.problems)).toContain(words)
  })

test('a baseline that is no target is refused where it stands', () =>
  expect(
    startGateway(`${PROVIDERS('http://127.0.0.1:1')}routes: { chat: { ${TARGETS}, quality: { baseline: up/other } } }`),
  ).rejects.toThrow('`up/other` is none of the targets of this route: up/gpt-4o, up/gpt-4o-mini, up/unheard-of.'))
