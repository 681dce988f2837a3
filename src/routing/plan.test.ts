import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { HealthFacts } from './health-facts.ts'
import { createPlanMemory } from './plan-memory.ts'
import type { PlanTools, Preference } from './plan.ts'
import type { Conversation } from './stay.ts'
import { idsOf, testFacts, testPlan, testRoute, testTools } from './testing.ts'
import type { RouteInput } from './testing.ts'

const ABC: RouteInput = { targets: ['a/m', 'b/m', 'c/m'] }

function order(
  input: RouteInput,
  health: Readonly<Record<string, Partial<HealthFacts>>> = {},
  more: Partial<PlanTools> = {},
) {
  return idsOf(testPlan(testRoute(input), {}, testTools(health, more)))
}

function because(input: RouteInput, health: Readonly<Record<string, Partial<HealthFacts>>> = {}) {
  const planned = testPlan(testRoute(input), {}, testTools(health))
  return planned.excluded.map(({ deployment, why }) => `${deployment.id} ${why}`)
}

test('order: targets stand as written, fallbacks behind them, nobody twice', () => {
  const planned = testPlan(testRoute({ ...ABC, fallbacks: ['b/m', 'd/m'] }))
  expect(planned.targets.map(({ deployment, role }) => `${deployment.id} ${role}`)).toEqual([
    'a/m target',
    'b/m target',
    'c/m target',
    'd/m fallback',
  ])
})

test('weighted: a target is drawn by its weight, the others follow by theirs', () => {
  const weighted: RouteInput = {
    strategy: 'weighted',
    targets: ['a/m', { use: 'b/m', weight: 2 }, { use: 'c/m', weight: 7 }],
  }
  expect(order(weighted, {}, { drawOf: () => 0.05 })).toEqual(['a/m', 'c/m', 'b/m'])
  expect(order(weighted, {}, { drawOf: () => 0.2 })).toEqual(['b/m', 'c/m', 'a/m'])
  expect(order(weighted, {}, { drawOf: () => 0.999 })).toEqual(['c/m', 'b/m', 'a/m'])
})

test('weighted: ten thousand requests meet any weights within 1 %, and a hundred nearly so', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 }), (weights) => {
      const memory = createPlanMemory({ monotonicMs: () => 0 })
      const names = ['a', 'b', 'c', 'd', 'e'].slice(0, weights.length)
      const route = testRoute({
        strategy: 'weighted',
        targets: names.map((name, index) => ({ use: `${name}/m`, weight: weights[index]! })),
      })
      const tools = testTools({}, { drawOf: (name) => memory.nextDraw(name) })
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const seen = new Map<string, number>()
      for (let count = 1; count <= 10_000; count++) {
        const first = idsOf(testPlan(route, {}, tools))[0]!
        seen.set(first, (seen.get(first) ?? 0) + 1)
        if (count !== 100 && count !== 10_000) continue
        for (const [index, name] of names.entries()) {
          const off = Math.abs((seen.get(`${name}/m`) ?? 0) / count - weights[index]! / total)
          expect(off).toBeLessThan(count === 100 ? 0.06 : 0.01)
        }
      }
    }),
    { numRuns: 10 },
  )
})

function conversation(more: Partial<Conversation> = {}): Conversation {
  return { hash: 7, isKnown: true, inToolLoop: false, last: null, ...more }
}

test('weighted: a conversation is drawn alike each time; one target less moves only its own conversations', () => {
  const route = testRoute({ strategy: 'weighted', targets: ['a/m', 'b/m', { use: 'c/m', weight: 2 }] })
  const without = testTools({ 'b/m': { coolingUntilMs: 10 } })
  const count = { 'a/m': 0, 'b/m': 0, 'c/m': 0 }
  for (let hash = 0; hash < 20_000; hash++) {
    const known = { conversation: conversation({ hash: Math.imul(hash, 0x9e_37_79_b1) }) }
    const [first] = idsOf(testPlan(route, known)) as ['a/m' | 'b/m' | 'c/m']
    count[first]++
    if (hash % 20 === 0 && first !== 'b/m') expect(idsOf(testPlan(route, known, without))[0]).toBe(first)
  }
  expect(Math.abs(count['a/m'] / 20_000 - 0.25)).toBeLessThan(0.01)
  expect(Math.abs(count['c/m'] / 20_000 - 0.5)).toBeLessThan(0.01)
})

test('cheapest: by the expected cost; ties by latency, then by headroom; without a price last', () => {
  const costs: Record<string, bigint | null> = { 'a/m': null, 'b/m': 9n, 'c/m': 5n, 'd/m': 9n, 'e/m': 9n }
  const health = { 'b/m': { ttftMs: 90 }, 'd/m': { ttftMs: 80, headroom: 0.2 }, 'e/m': { ttftMs: 80, headroom: 0.7 } }
  const input: RouteInput = { strategy: 'cheapest', targets: ['a/m', 'b/m', 'c/m', 'd/m', 'e/m'] }
  expect(order(input, health, { costOf: ({ id }) => costs[id] ?? null })).toEqual(['c/m', 'e/m', 'd/m', 'b/m', 'a/m'])
})

test('fastest: by the time to the first token; for long outputs by the pace', () => {
  const health = {
    'a/m': { ttftMs: 100, msPerToken: 20 },
    'b/m': { ttftMs: 300, msPerToken: 5 },
    'c/m': { ttftMs: 200, msPerToken: 40 },
  }
  expect(order({ ...ABC, strategy: 'fastest' }, health)).toEqual(['a/m', 'c/m', 'b/m'])
  expect(order({ ...ABC, strategy: 'fastest' }, health, { outputTokensOf: () => 2_000 })).toEqual(['b/m', 'a/m', 'c/m'])
})

test('fastest: who was never measured is asked once, who was not for a while now and then', () => {
  const fastest: RouteInput = { ...ABC, strategy: 'fastest' }
  const measured = { 'a/m': { ttftMs: 100 }, 'b/m': { ttftMs: 300 } }
  const idle = (times: Record<string, number>) => (id: string) => times[id] ?? 0
  expect(order(fastest, measured, { idleMsOf: idle({ 'c/m': Infinity }) })[0]).toBe('c/m')
  // Its first answer is on the way.
  expect(order(fastest, measured)[0]).toBe('a/m')
  const stale = { 'a/m': { ttftMs: 100 }, 'b/m': { ttftMs: 300 }, 'c/m': { ttftMs: 500 } }
  const rarely = { idleMsOf: idle({ 'b/m': 9_000, 'c/m': 20_000 }) }
  expect(order(fastest, stale, { ...rarely, random: () => 0.1 })).toEqual(['c/m', 'a/m', 'b/m'])
  expect(order(fastest, stale, { ...rarely, random: () => 0.5 })[0]).toBe('a/m')
})

test('least-busy: equal targets stay equally busy, also when many are planned before one is sent', () => {
  const route = testRoute({ strategy: 'least-busy', targets: ['a/m', 'b/m', 'c/m', 'd/m', 'e/m'] })
  const memory = createPlanMemory({ monotonicMs: () => 0 })
  let seed = 1
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  const tools = testTools({}, { random, plannedOf: (id) => memory.planned(id) })
  const running: { readonly id: string; readonly over: () => void }[] = []
  const begin = (): void => {
    const id = idsOf(testPlan(route, {}, tools))[0]!
    running.push({ id, over: memory.asked(id) })
  }
  let worst = 0
  for (let tick = 0; tick < 3_000; tick++) {
    for (let count = 0; count < 5; count++) begin()
    while (running.length > 250) running.splice(Math.floor(random() * running.length), 1)[0]!.over()
    const counts = ['a/m', 'b/m', 'c/m', 'd/m', 'e/m'].map((id) => memory.planned(id))
    if (tick > 200) worst = Math.max(worst, Math.max(...counts) / Math.min(...counts))
  }
  expect(worst).toBeLessThan(1.3)
  for (const { over } of running) over()
  expect(memory.planned('a/m')).toBe(0)
})

test('least-busy: a target of twice the weight takes twice as many', () => {
  const route = testRoute({ strategy: 'least-busy', targets: ['a/m', { use: 'b/m', weight: 2 }] })
  expect(idsOf(testPlan(route, {}, testTools({ 'a/m': { inFlight: 4 }, 'b/m': { inFlight: 8 } })))[0]).toBe('b/m')
  expect(idsOf(testPlan(route, {}, testTools({ 'a/m': { inFlight: 4 }, 'b/m': { inFlight: 10 } })))[0]).toBe('a/m')
})

test('a nested route orders its own targets and stands where its first one stands', () => {
  const inner: RouteInput = { strategy: 'cheapest', targets: ['a/m', 'b/m'], fallbacks: ['e/m'] }
  const costs: Record<string, bigint> = { 'a/m': 9n, 'b/m': 1n, 'c/m': 5n, 'e/m': 1n }
  const tools = testTools({}, { costOf: ({ id }) => costs[id] ?? null })
  const outer = testRoute({ strategy: 'cheapest', targets: ['c/m', 'inner'] }, { inner })
  expect(idsOf(testPlan(outer, {}, tools))).toEqual(['b/m', 'a/m', 'e/m', 'c/m'])
  expect(idsOf(testPlan(testRoute({ targets: ['c/m', 'inner'] }, { inner }), {}, tools))).toEqual([
    'c/m',
    'b/m',
    'a/m',
    'e/m',
  ])
})

test('a nested route is compared by what the outer one asks for, whatever orders its own', () => {
  const costs: Record<string, bigint> = { 'a/m': 9n, 'b/m': 3n, 'c/m': 5n }
  const tools = testTools({}, { costOf: ({ id }) => costs[id] ?? null })
  const cheapest = testRoute(
    { strategy: 'cheapest', targets: ['c/m', 'inner'] },
    { inner: { targets: ['b/m', 'a/m'] } },
  )
  expect(idsOf(testPlan(cheapest, {}, tools))).toEqual(['b/m', 'a/m', 'c/m'])
  const slow = { 'b/m': { ttftMs: 10, msPerToken: 50 }, 'c/m': { ttftMs: 90, msPerToken: 1 } }
  const fastest = testRoute({ strategy: 'fastest', targets: ['inner', 'c/m'] }, { inner: { targets: ['b/m'] } })
  expect(idsOf(testPlan(fastest, {}, testTools(slow, { outputTokensOf: () => 1_000 })))).toEqual(['c/m', 'b/m'])
})

test('by task: the named target goes first, or the default; the targets follow', () => {
  const route = testRoute({ byTask: { code: 'c/m', default: 'b/m' }, targets: ['a/m'] })
  const code = testPlan(route, { facts: testFacts({ task: () => 'code' }) })
  expect(idsOf(code)).toEqual(['c/m', 'a/m'])
  expect(code.targets[0]?.reason).toBe('task code')
  expect(idsOf(testPlan(route, { facts: testFacts({ task: () => 'chat' }) }))).toEqual(['b/m', 'a/m'])
})

test('a target whose condition does not hold is left out, and so is one that cannot serve the call', () => {
  const input: RouteInput = { targets: [{ use: 'a/m', when: { stream: true } }, 'b/m', 'c/m'] }
  const planned = testPlan(
    testRoute(input),
    {},
    testTools({}, { unable: ({ id }) => (id === 'b/m' ? 'has no tools' : null) }),
  )
  expect(idsOf(planned)).toEqual(['c/m'])
  expect(planned.excluded.map(({ deployment, why }) => `${deployment.id} ${why}`)).toEqual([
    'a/m is for requests where stream is true',
    'b/m has no tools',
  ])
})

test('what cools down is left out; if all do, the one that recovers first is tried', () => {
  expect(because(ABC, { 'a/m': { coolingUntilMs: 2_500 }, 'b/m': { probing: true } })).toEqual([
    'a/m cools down for another 2.5 s',
    'b/m is being tried by one request after its cooldown',
  ])
  const all = { 'a/m': { coolingUntilMs: 900 }, 'b/m': { coolingUntilMs: 200 }, 'c/m': { coolingUntilMs: 500 } }
  expect(order(ABC, all)).toEqual(['b/m'])
  expect(order({ ...ABC, fallbacks: ['d/m'] }, all)).toEqual(['d/m'])
})

test('a target without room in its rate limits goes last', () =>
  expect(order(ABC, { 'a/m': { headroom: 0 } })).toEqual(['b/m', 'c/m', 'a/m']))

const stays = { last: { deploymentId: 'b/m', isWarm: true } }
for (const [title, strategy, how, tools, expected] of [
  ['stays where its prompt is cached', 'order', stays, {}, 'b/m'],
  ['moves when the cache is cold', 'order', { last: { deploymentId: 'b/m', isWarm: false } }, {}, 'a/m'],
  [
    'stays in a tool loop, cold or not',
    'order',
    { last: { deploymentId: 'b/m', isWarm: false }, inToolLoop: true },
    {},
    'b/m',
  ],
  ['moves when its target is gone', 'order', { last: { deploymentId: 'd/m', isWarm: true } }, {}, 'a/m'],
  ['stays when moving saves little', 'cheapest', stays, { costs: { 'a/m': 95n, 'b/m': 100n, 'c/m': 99n } }, 'b/m'],
  [
    'moves when that saves more than the cache does',
    'cheapest',
    stays,
    { costs: { 'a/m': 80n, 'b/m': 100n, 'c/m': 99n } },
    'a/m',
  ],
  [
    'stays with a target that is a little slower',
    'fastest',
    stays,
    { ttft: { 'a/m': 60, 'b/m': 100, 'c/m': 200 } },
    'b/m',
  ],
  ['leaves a target that is far slower', 'fastest', stays, { ttft: { 'a/m': 40, 'b/m': 100, 'c/m': 200 } }, 'a/m'],
] as const)
  test(`a conversation ${title}`, () => {
    const { costs = {}, ttft = {} } = tools as {
      costs?: Record<string, bigint>
      ttft?: Record<string, number>
    }
    const health = Object.fromEntries(Object.entries(ttft).map(([id, ttftMs]) => [id, { ttftMs }]))
    const planned = testPlan(
      testRoute({ ...ABC, strategy }),
      { conversation: conversation(how) },
      testTools(health, { costOf: ({ id }) => costs[id] ?? null }),
    )
    expect(idsOf(planned)[0]).toBe(expected)
    expect(idsOf(planned).toSorted()).toEqual(['a/m', 'b/m', 'c/m'])
  })

const WISH: Preference = { strategy: null, barred: null, floor: null, rankOf: null, fallbacks: null, isAlone: false }

test('the caller’s wishes: another strategy, an order, what it bars, its own fallbacks, none at all', () => {
  const route = testRoute({ ...ABC, fallbacks: ['e/m'] })
  const wish = (preference: Partial<Preference>) => testPlan(route, { preference: { ...WISH, ...preference } })
  expect(idsOf(wish({ rankOf: ({ id }) => (id === 'c/m' ? 0 : Infinity) }))).toEqual(['c/m', 'a/m', 'b/m', 'e/m'])
  expect(idsOf(wish({ barred: ({ id }) => (id === 'a/m' ? 'is not wanted' : null) }))).toEqual(['b/m', 'c/m', 'e/m'])
  expect(idsOf(wish({ fallbacks: testRoute({ targets: ['d/m'] }).targets }))).toEqual(['a/m', 'b/m', 'c/m', 'd/m'])
  const alone = wish({ isAlone: true })
  expect(idsOf(alone)).toEqual(['a/m'])
  expect(alone.excluded.map(({ why }) => why)).toEqual(Array<string>(2).fill('the caller allows no fallback'))
  const cooling = testTools({
    'a/m': { coolingUntilMs: 9 },
    'b/m': { coolingUntilMs: 8 },
    'c/m': { coolingUntilMs: 7 },
  })
  expect(idsOf(testPlan(route, { preference: { ...WISH, isAlone: true } }, cooling))).toEqual(['c/m'])
})

test('what takes over by cause stands apart, in its own order', () => {
  const route = testRoute({
    ...ABC,
    on: {
      contextLength: [
        { use: 'd/m', weight: 1 },
        { use: 'a/m', weight: 1 },
      ],
      contentFilter: [],
      rateLimit: [],
      budget: [],
    },
  })
  const { on } = testPlan(route)
  expect(on.context_length?.map(({ deployment, role }) => `${deployment.id} ${role}`)).toEqual([
    'd/m fallback',
    'a/m fallback',
  ])
  expect(on.budget).toBeUndefined()
})

test('deadlines and policy are the route’s over the provider’s', () => {
  const route = testRoute({ targets: ['a/m', 'b/m'], timeouts: { idleMs: 30 }, retries: 3, hedgeAfterMs: 'p95' })
  const planned = testPlan(route)
  expect(planned.targets[0]?.timeouts).toEqual({ connectMs: 1, firstTokenMs: 2, idleMs: 30, totalMs: 4 })
  expect(planned.policy).toEqual({ retries: 3, hedgeAfterMs: 'p95', midstream: 'error', minTokensPerS: null })
})

test('any route plans each able deployment exactly once', () => {
  const strategy = fc.constantFrom('order', 'weighted', 'cheapest', 'fastest', 'least-busy' as const)
  const uses = fc.uniqueArray(fc.constantFrom('a/m', 'b/m', 'c/m', 'd/m', 'e/m', 'inner'), { minLength: 1 })
  const number = fc.option(fc.integer({ min: 0, max: 9 }), { nil: null })
  fc.assert(
    fc.property(
      strategy,
      strategy,
      uses,
      fc.array(number, { minLength: 5, maxLength: 5 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (outer, inner, targets, numbers, draw) => {
        const route = testRoute({ strategy: outer, targets }, { inner: { strategy: inner, targets: ['a/n', 'b/m'] } })
        const ids = ['a/m', 'b/m', 'c/m', 'd/m', 'e/m']
        const health = Object.fromEntries(
          ids.map((id, index) => [id, { ttftMs: numbers[index] ?? null, inFlight: numbers[index] ?? 0 }]),
        )
        const planned = idsOf(
          testPlan(
            route,
            {},
            testTools(health, {
              drawOf: () => draw,
              random: () => draw,
              costOf: ({ id }) => BigInt(numbers[ids.indexOf(id)] ?? 3),
            }),
          ),
        )
        const wanted = new Set(targets.flatMap((use) => (use === 'inner' ? ['a/n', 'b/m'] : [use])))
        expect(planned.toSorted()).toEqual([...wanted].toSorted())
      },
    ),
    { numRuns: 300 },
  )
})
