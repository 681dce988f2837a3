// Rehearsed outages: what a drill says of the shipped example agrees with what happens when a provider really dies.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createAdmin } from '../src/admin/admin.ts'
import type { DrillReport, DrillSpec } from '../src/core/drill.ts'
import { breakText, parseBreaks, parseScope, scopeText } from '../src/core/drill.ts'
import type { AdminRequest } from '../src/cli/admin-call.ts'
import { runWords } from '../src/cli/testing.ts'
import {
  chunks,
  completion,
  eventStream,
  FAST_SIMULATOR,
  providerAt,
  QUESTION,
  startGateway,
  startUpstream,
} from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const LOSE_EACH: DrillSpec = { routes: [], breaks: [], on: { type: 'synthetic' }, forMs: 1_000 }
const answer = (_request: Request, _number: number, body: string) =>
  body.includes('"stream":true') ? eventStream(chunks(['ready']).join('')) : Response.json(completion('ready'))

async function drilled(weir: TestGateway, spec: DrillSpec): Promise<DrillReport> {
  const { id } = await weir.gateway.drills.start(spec, null)
  await weir.gateway.drills.settled()
  const report = await weir.store.getDrill(id)
  if (report === null) throw new Error('the report is not kept')
  return report
}

/** The shipped example with its providers on loopback. */
function example(mocks: Readonly<Record<'openai' | 'groq' | 'local', Upstream>>): string {
  return readFileSync('weir.example.yaml', 'utf8')
    .replace(/^ {2}openai:$/m, `  openai: { base_url: "${mocks.openai.url}/v1", keys: [a-secret-of-openai] }`)
    .replace(/^ {2}groq:$/m, `  groq:\n    base_url: ${mocks.groq.url}/v1`)
    .replace(/base_url: http:\/\/127\.0\.0\.1:8000\/v1/, `base_url: ${mocks.local.url}/v1`)
}

test('the drill of the shipped example says what a real death of each provider shows', async () => {
  const names = ['openai', 'groq', 'local'] as const
  const start = () => ({ openai: startUpstream(answer), groq: startUpstream(answer), local: startUpstream(answer) })
  const mocks = start()
  try {
    await using weir = await startGateway(example(mocks))
    const report = await drilled(weir, LOSE_EACH)
    expect(report.state).toBe('done')
    const said = report.rounds.map(({ route, broken, survived }) => `${route} ${broken.join()} ${survived}`)
    expect(said).toContain('chat openai=down true')
    expect(said.length).toBeGreaterThan(4)
    for (const name of names) {
      const others = start()
      try {
        others[name][Symbol.dispose]()
        await using bereft = await startGateway(example(others))
        for (const round of report.rounds.filter(({ broken }) => broken.join() === `${name}=down`)) {
          const statuses = await Promise.all(
            [false, true].map(async (stream) => {
              const response = await bereft.call('/v1/chat/completions', { ...QUESTION, model: round.route, stream })
              await response.text()
              return response.status
            }),
          )
          expect([round.route, statuses.every((status) => status === 200)]).toEqual([
            round.route,
            round.survived ?? false,
          ])
        }
      } finally {
        for (const mock of Object.values(others)) mock[Symbol.dispose]()
      }
    }
  } finally {
    for (const mock of Object.values(mocks)) mock[Symbol.dispose]()
  }
}, 30_000)

function twoProviders(one: Upstream, two: Upstream): string {
  return `
providers:
  one: { preset: openai-compatible, base_url: "${one.url}/v1", keys: [a-first-secret], models: { m: { price: { input: 1, output: 1 } } } }
  two: { preset: openai-compatible, base_url: "${two.url}/v1", keys: [a-second-secret], models: { m: { price: { input: 1, output: 1 } } } }
routes:
  chat: { targets: [one/m, two/m], retries: 0 }
  lonely: { targets: [one/m], retries: 0 }
`
}

test('a drill breaks only its own requests: the real ones, and what is known of the real providers, stay as they are', async () => {
  using one = startUpstream(answer)
  using two = startUpstream(answer)
  await using weir = await startGateway(twoProviders(one, two))
  const { id } = await weir.gateway.drills.start(
    { ...LOSE_EACH, breaks: parseBreaks('one=500') ?? [], forMs: 1_200 },
    'weekly',
  )
  for (let count = 0; count < 10; count++) {
    const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })
    expect(response.headers.get('x-weir-target')).toBe('one/m')
  }
  await weir.gateway.drills.settled()
  const report = await weir.store.getDrill(id)
  expect(report).toMatchObject({ state: 'done', name: 'weekly', on: 'synthetic' })
  expect(report?.rounds.map(({ route, survived }) => [route, survived])).toEqual([
    ['chat', true],
    ['lonely', false],
  ])
  expect(report?.rounds[0]?.targets).toEqual({ 'two/m': report?.rounds[0]?.requests ?? 0 })
  expect(report?.rounds[1]?.errorCodes).toHaveProperty('all_targets_failed')
  expect(weir.gateway.health.states().every(({ failed }) => failed === 0)).toBe(true)
  // What the drill cost is booked, on a key of its own.
  await weir.gateway.journal.flush()
  const spent = await weir.store.spend({ by: ['key'], bucket: null, from: 0, to: Date.now() + 3_600_000 })
  expect(spent.find(({ group }) => group.key === 'key_drill')?.requests).toBeGreaterThan(6)
})

test('every fault is met where it would come from', async () => {
  using one = startUpstream(answer)
  using two = startUpstream(answer)
  await using weir = await startGateway(
    twoProviders(one, two).replace('retries: 0', 'retries: 0, timeouts: { first_token: 300ms, idle: 300ms }'),
  )
  for (const fault of ['down', 'stall', 'cut', '429', '503', '401', 'slow:500ms']) {
    const report = await drilled(weir, {
      ...LOSE_EACH,
      routes: ['chat'],
      breaks: parseBreaks(`one=${fault}`) ?? [],
      forMs: 250,
    })
    expect([fault, report.rounds[0]?.survived, Object.keys(report.rounds[0]?.targets ?? {})]).toEqual([
      fault,
      true,
      ['two/m'],
    ])
  }
}, 20_000)

test('a drill on real requests meets its share of them, and ends when it is stopped', async () => {
  using one = startUpstream(answer)
  using two = startUpstream(answer)
  await using weir = await startGateway(twoProviders(one, two))
  await weir.gateway.drills.start(
    { routes: [], breaks: parseBreaks('one=down') ?? [], on: { type: 'all' }, forMs: 60_000 },
    null,
  )
  for (let count = 0; count < 4; count++)
    expect((await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })).headers.get('x-weir-target')).toBe(
      'two/m',
    )
  expect(await weir.gateway.drills.start(LOSE_EACH, null).catch((error: Error) => error.message)).toContain(
    'still running',
  )
  expect(weir.gateway.drills.stop()).toBe(true)
  await weir.gateway.drills.settled()
  expect((await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })).headers.get('x-weir-target')).toBe(
    'one/m',
  )
  const [report] = await weir.store.listDrills({ limit: 1 })
  expect(report).toMatchObject({
    state: 'stopped',
    rounds: [{ route: '*', requests: 4, errors: 0, targets: { 'two/m': 4 } }],
  })
})

test('a drill on copies leaves the real requests alone', async () => {
  using one = startUpstream(answer)
  using two = startUpstream(answer)
  await using weir = await startGateway(twoProviders(one, two))
  await weir.gateway.drills.start(
    { routes: [], breaks: parseBreaks('one=down') ?? [], on: { type: 'shadow', share: 1 }, forMs: 60_000 },
    null,
  )
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'lonely' })
  expect([response.status, response.headers.get('x-weir-target')]).toEqual([200, 'one/m'])
  const until = performance.now() + 2_000
  while (two.received.length === 0 && weir.gateway.load.inFlight > 0 && performance.now() < until) await Bun.sleep(5)
  weir.gateway.drills.stop()
  await weir.gateway.drills.settled()
  expect((await weir.store.listDrills({ limit: 1 }))[0]?.rounds[0]).toMatchObject({ requests: 1, errors: 1 })
})

test('what is not there, and what would break real requests unnamed, is refused', async () => {
  await using weir = await startGateway(FAST_SIMULATOR)
  for (const [spec, words] of [
    [{ ...LOSE_EACH, routes: ['nowhere'] }, 'no route nowhere'],
    [{ ...LOSE_EACH, breaks: parseBreaks('nobody=500') ?? [] }, 'no provider nobody'],
    [{ ...LOSE_EACH, on: { type: 'all' } as const }, 'has to be named'],
  ] as const)
    expect(await weir.gateway.drills.start(spec, null).catch((error: Error) => error.message)).toContain(words)
})

test('a drill that a crash has cut is over at the next start', async () => {
  await using weir = await startGateway(FAST_SIMULATOR)
  await weir.store.putDrill({
    id: 'drill_old',
    startedAt: 1,
    endedAt: null,
    state: 'running',
    name: null,
    on: 'synthetic',
    rounds: [],
  })
  await weir.gateway.drills.recover()
  expect(await weir.store.getDrill('drill_old')).toMatchObject({ state: 'failed' })
  expect(await weir.store.getDrill('drill_none')).toBeNull()
})

test('breaks and scopes are read as they are written', () => {
  for (const text of ['openai=429:30%', 'a=slow:5000ms', 'a=down', 'a=stall:0.5%', 'a=cut'])
    expect(parseBreaks(text)?.map(breakText)).toEqual([text])
  expect(parseBreaks('openai=429:30%,slow:5s')?.length).toBe(2)
  for (const text of ['', 'openai', '=429', 'a=200', 'a=slow', 'a=429:0%', 'a=429:101%', 'a=down,'])
    expect([text, parseBreaks(text)]).toEqual([text, null])
  for (const text of ['synthetic', 'all', 'canary:1%', 'shadow:12.5%']) expect(scopeText(parseScope(text)!)).toBe(text)
  for (const text of ['', 'canary:0%', 'everything', 'all:5%']) expect(parseScope(text)).toBeNull()
})

test('the command starts a drill, follows it and exits by what it found', async () => {
  using one = startUpstream(answer)
  await using weir = await startGateway(providerAt(one.url, 'routes: { chat: { targets: [up/m] } }\n'))
  const admin = createAdmin({
    store: weir.store,
    hash: weir.hash,
    keys: weir.gateway.keyRing,
    clock: weir.gateway.clock,
    operatorTokenHash: weir.hash('an-admin-token'),
    startDrill: (spec: DrillSpec) => weir.gateway.drills.start(spec, null),
    stopDrill: () => weir.gateway.drills.stop(),
    onInternalError: () => {},
  } as never)
  const run = async (words: readonly string[]) => {
    return runWords(words, {
      environment: { WEIR_ADMIN_TOKEN: 'an-admin-token' },
      clock: { ...weir.gateway.clock, after: (_ms, callback) => weir.gateway.clock.after(10, callback) },
      outside: {
        askAdmin: async ({ method, url, token, body }: AdminRequest) => {
          const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
          const request = new Request(url, {
            method,
            headers,
            ...(body === null ? {} : { body: JSON.stringify(body) }),
          })
          const response = await admin.fetch(request, { address: null })
          return { status: response.status, body: await response.json() }
        },
      },
    })
  }
  const lost = await run(['drill'])
  expect(lost).toMatchObject({ code: 1, err: expect.stringContaining('chat: up=down … FAILED') })
  expect(lost.out).toMatch(/^drill \S+: done, on synthetic\nroute +broken +verdict/i)
  const fine = await run(['drill', '--break', 'up=slow:1ms:50%', '--for', '300ms', '--json'])
  expect(fine.code).toBe(0)
  expect(JSON.parse(fine.out)).toMatchObject({ state: 'done', rounds: [{ route: 'chat', survived: true }] })
  expect(await run(['drill', '--break', 'nonsense'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('A break is written like'),
  })
  expect(await run(['drill', '--route', 'nowhere'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('no route nowhere'),
  })
})
