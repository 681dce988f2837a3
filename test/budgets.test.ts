// Budgets through the whole gateway: many clients at once, streams, a kill in the middle, targets, routes and prices.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatUsd } from '../src/core/money.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import {
  completion,
  eventStream,
  providerAt,
  QUESTION,
  startGateway,
  startUpstream,
  type TestGateway,
} from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const OUTPUT_TOKENS = 50
/** Of one request below: 10 input tokens at 1 dollar and 50 output tokens at 2 dollars per million. */
const COST_NANO_USD = 10n * 1_000n + BigInt(OUTPUT_TOKENS) * 2_000n
const ASKED = { ...QUESTION, max_tokens: OUTPUT_TOKENS }
const USAGE = { prompt_tokens: 10, completion_tokens: OUTPUT_TOKENS, total_tokens: 10 + OUTPUT_TOKENS }

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Answers with the usage above after a moment, whole or as a stream, as it is asked. */
function metered(seen: { count: number }) {
  return startUpstream(async (_, __, body) => {
    seen.count++
    await pause(5 + Math.random() * 20)
    return body.includes('"stream":true')
      ? eventStream(
          [
            `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n`,
            `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`,
            `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: USAGE })}\n\n`,
            'data: [DONE]\n\n',
          ].join(''),
        )
      : Response.json(completion('word', USAGE))
  })
}

function budget(fields: string): string {
  return `budgets: [ { ${fields} } ]\n`
}

async function ask(weir: TestGateway, body: object = ASKED, headers: Record<string, string> = {}): Promise<Response> {
  const response = await weir.call('/v1/chat/completions', body, { headers })
  // A stream is paid for at its end.
  return new Response(await response.text(), response)
}

async function spentOf(weir: TestGateway): Promise<bigint> {
  await weir.gateway.journal.flush()
  const [sum] = await weir.store.spend({ by: [], bucket: null, from: 0, to: Date.now() + 3_600_000 })
  return sum?.costNanoUsd ?? 0n
}

for (const stream of [false, true])
  test(`of 200 clients at once on a budget for 100 ${stream ? 'streams' : 'answers'}, 97 to 100 pass and the others learn when it resets`, async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    const limit = formatUsd(100n * COST_NANO_USD)
    await using weir = await startGateway(
      `${budget(`scope: key, window: month, limit_usd: ${limit}`)}${providerAt(upstream.url)}`,
    )
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(weir, { ...ASKED, stream })))
    const passed = answers.filter(({ status }) => status === 200).length
    const refused = answers.filter(({ status }) => status === 402)
    expect(passed).toBeGreaterThanOrEqual(97)
    expect(passed).toBeLessThanOrEqual(100)
    expect(passed + refused.length).toBe(200)
    expect(seen.count).toBe(passed)
    const now = new Date()
    const reset = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString()
    for (const answer of refused) expect(answer.headers.get('x-weir-budget-reset')).toBe(reset)
    expect(await refused[0]?.json()).toMatchObject({
      error: { weir: { code: 'budget_exhausted' }, message: expect.stringContaining(`It resets at ${reset}`) },
    })
    expect(await spentOf(weir)).toBe(BigInt(passed) * COST_NANO_USD)
    expect(weir.gateway.budgets.state()[0]).toMatchObject({
      spentNanoUsd: BigInt(passed) * COST_NANO_USD,
      heldNanoUsd: 0n,
    })
  })

test('a kill -9 in the middle of 200 clients on a budget for 100 requests lets no more than 100 through', async () => {
  const seen = { count: 0 }
  using upstream = metered(seen)
  using folder = temporaryFolder()
  // Input is free here, so that the estimate of a request is what it costs: what the kill cut off is booked at it.
  const cost = BigInt(OUTPUT_TOKENS) * 2_000n
  const config = path.join(folder.path, 'weir.yaml')
  writeFileSync(
    config,
    `${budget(`scope: gateway, window: month, limit_usd: ${formatUsd(100n * cost)}`)}
providers:
  up:
    preset: openai-compatible
    base_url: ${upstream.url}/v1
    keys: [upstream-secret-value]
    models: { m: { price: { input: 0, output: 2 } } }
`,
  )
  const environment = { WEIR_CONFIG: config, WEIR_ADMIN_TOKEN: 'a-token-of-the-operator' }
  let secret = ''
  const statuses: number[] = []
  async function life(clients: number, killAfter: number | null): Promise<void> {
    await using weir = startProcess({ folder: folder.path, environment })
    const { url, adminUrl } = await weir.ready()
    if (secret === '') {
      const made = await fetch(`${adminUrl}/admin/keys`, {
        method: 'POST',
        headers: { authorization: 'Bearer a-token-of-the-operator', 'content-type': 'application/json' },
        body: '{"name":"clients"}',
      })
      secret = ((await made.json()) as { secret: string }).secret
    }
    let answered = 0
    await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        try {
          const response = await fetch(`${url}/v1/chat/completions`, {
            method: 'POST',
            headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
            body: JSON.stringify({ ...ASKED, stream: index % 2 === 0 }),
          })
          await response.text()
          statuses.push(response.status)
          if (response.status === 200 && ++answered === killAfter) weir.kill('SIGKILL')
        } catch {
          // Cut off by the kill.
        }
      }),
    )
  }
  await life(120, 25)
  await life(200, null)
  const passed = statuses.filter((status) => status === 200).length
  expect(passed).toBeLessThanOrEqual(100)
  // What the upstream served is what the clients got, and what the kill cut off on its way to them.
  expect(seen.count).toBeGreaterThanOrEqual(passed)
  expect(seen.count).toBeLessThanOrEqual(100)
  expect(statuses.every((status) => status === 200 || status === 402)).toBe(true)
  const store = openSqliteStore({ path: path.join(folder.path, 'data', 'weir.db'), sync: 'process' })
  const [sum] = await store.spend({ by: [], bucket: null, from: 0, to: Date.now() + 3_600_000 })
  const [account] = await store.budgetAccounts({ endsAfter: 0 })
  await store.close()
  const booked = Number((sum?.costNanoUsd ?? 0n) / cost)
  expect(booked).toBeGreaterThanOrEqual(97)
  expect(booked).toBeLessThanOrEqual(100)
  expect(account?.spentNanoUsd).toBe(sum?.costNanoUsd ?? 0n)
}, 60_000)

describe('a budget', () => {
  test('says in headers and at /v1/budget what it has left', async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    await using weir = await startGateway(
      `${budget('scope: key, window: rolling 24h, limit_usd: 1')}${providerAt(upstream.url)}`,
    )
    const answer = await ask(weir)
    expect(answer.headers.get('x-weir-budget-limit-usd')).toBe('1')
    expect(answer.headers.get('x-weir-budget-remaining-usd')).toBe('0.99989')
    const told = await weir.call('/v1/budget')
    expect(await told.json()).toEqual({
      object: 'list',
      data: [
        {
          object: 'weir.budget',
          scope: 'key',
          window: 'rolling 1d',
          time_zone: null,
          limit_usd: '1',
          spent_usd: '0.00011',
          held_usd: '0',
          remaining_usd: '0.99989',
          resets_at: expect.any(String),
          on_exhausted: 'reject',
        },
      ],
    })
    expect((await weir.call('/v1/budget', undefined, { key: null })).status).toBe(401)
  })

  test('of a provider leaves that target out, and the request goes to the next', async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    const provider = (name: string): string =>
      `  ${name}: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-secret-value], models: { m: { price: { input: 1, output: 2 } } } }\n`
    await using weir = await startGateway(
      `${budget(`scope: provider, id: one, window: day, limit_usd: 0.0003`)}
providers:
${provider('one')}${provider('two')}
routes: { chat: { targets: [one/m, two/m] } }
`,
    )
    const targets: (string | null)[] = []
    for (let index = 0; index < 4; index++)
      targets.push((await ask(weir, { ...ASKED, model: 'chat' })).headers.get('x-weir-target'))
    expect(targets).toEqual(['one/m', 'one/m', 'two/m', 'two/m'])
    expect((await ask(weir, { ...ASKED, model: 'one/m' })).status).toBe(402)
    expect(weir.gateway.budgets.state().map(({ subject, spentNanoUsd }) => [subject, spentNanoUsd])).toEqual([
      ['one', 2n * COST_NANO_USD],
    ])
  })

  test('that degrades sends requests to its cheaper route, and says so', async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    await using weir = await startGateway(
      `${budget('scope: key, window: day, limit_usd: 0.0003, on_exhausted: { degrade: { to: cheap } }')}
providers:
  up: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-secret-value], models: { m: { price: { input: 1, output: 2 } }, tiny: { price: { input: 0.1, output: 0.2 } } } }
routes: { cheap: { targets: [up/tiny] } }
`,
    )
    const answers = [await ask(weir), await ask(weir), await ask(weir)]
    expect(
      answers.map(({ headers }) => [headers.get('x-weir-target'), headers.get('x-weir-budget-degraded-to')]),
    ).toEqual([
      ['up/m', null],
      ['up/m', null],
      ['up/tiny', 'cheap'],
    ])
    expect(JSON.parse(upstream.received.at(-1)?.body ?? '')).toMatchObject({ model: 'tiny' })
    const [entry] = await weir.store.spend({ by: ['route'], bucket: null, from: 0, to: Date.now() + 3_600_000 })
    expect(entry?.group.route).toBe('up/m')
  })

  test('does not take a request whose model has no price, unless the operator says so', async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    const limited = budget('scope: key, window: day, limit_usd: 1')
    const unpriced = { ...ASKED, model: 'up/nobody-knows-it' }
    {
      await using weir = await startGateway(limited + providerAt(upstream.url))
      const refused = await ask(weir, unpriced)
      expect(refused.status).toBe(402)
      expect(await refused.json()).toMatchObject({
        error: { weir: { code: 'unpriced_model', hint: expect.stringContaining('providers.<name>.models') } },
      })
      expect((await ask(weir)).status).toBe(200)
    }
    {
      await using weir = await startGateway(`unpriced: allow\n${limited}${providerAt(upstream.url)}`)
      expect((await ask(weir, unpriced)).status).toBe(200)
    }
    await using weir = await startGateway(`unpriced: estimate\n${limited}${providerAt(upstream.url)}`)
    expect((await ask(weir, unpriced)).status).toBe(402)
    const known = await ask(weir, { ...ASKED, model: 'up/gpt-5-mini' })
    expect(known.status).toBe(200)
    const entry = await weir.store.getEntry(known.headers.get('x-weir-request-id') ?? '')
    expect(entry).toMatchObject({ unpriced: false, priceVersion: expect.stringMatching(/^estimate-genai-prices-/) })
    expect(entry?.costNanoUsd).toBeGreaterThan(0n)
  })

  test('gives back what a request held that reached nobody', async () => {
    using upstream = startUpstream(() => new Response('{"error":{"message":"no"}}', { status: 400 }))
    await using weir = await startGateway(
      `${budget('scope: key, window: day, limit_usd: 0.0003')}${providerAt(upstream.url)}`,
    )
    for (let index = 0; index < 10; index++) expect((await ask(weir)).status).toBe(400)
    expect(weir.gateway.budgets.state()[0]).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: 0n })
  })

  test('costs nothing where there is none', async () => {
    const seen = { count: 0 }
    using upstream = metered(seen)
    await using weir = await startGateway(providerAt(upstream.url))
    const answer = await ask(weir)
    expect([...answer.headers.keys()].filter((name) => name.includes('budget'))).toEqual([])
    const intents = await weir.store.openIntents({ deadlineBefore: Number.MAX_SAFE_INTEGER, limit: 10 })
    expect(intents).toEqual([])
    expect(weir.gateway.budgets.state()).toEqual([])
  })
})

test('a budget that makes no sense in the file is refused with its place', async () => {
  const wrong = (yaml: string): Promise<unknown> => startGateway(`${yaml}\n${providerAt('http://127.0.0.1:1')}`)
  const cases: [yaml: string, message: string][] = [
    [budget('scope: keys, window: day, limit_usd: 1'), 'scope'],
    [budget('scope: key, window: fortnight, limit_usd: 1'), 'rolling 24h'],
    [budget('scope: key, window: day, limit_usd: -1'), 'dollars such as 500'],
    [budget('scope: key, window: day'), 'limit_usd'],
    [budget('scope: key, window: day, time_zone: Berlin, limit_usd: 1'), 'Europe/Berlin'],
    [budget('scope: key, window: day, limit_usd: 1, on_exhausted: { degrade: { to: nowhere } }'), 'no route `nowhere`'],
    ['budgets: [ { scope: key, window: day, limit_usd: 1 }, { scope: key, window: day, limit_usd: 2 } ]', 'same'],
  ]
  for (const [yaml, message] of cases) expect(wrong(yaml)).rejects.toThrow(message)
  await Promise.allSettled(cases.map(([yaml]) => wrong(yaml)))
})
