// What requests are booked as, seen in reports: what each target cost, what was saved, by whom and for what.
import { describe, expect, test } from 'bun:test'
import type { SpendDimension } from '../src/store/store.ts'
import { chunks, completion, eventStream, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'
import { teamOf } from '../src/core/testing.ts'

const CHAT = '/v1/chat/completions'
const EVERYTHING = { bucket: null, from: 0, to: Date.UTC(2100, 0, 1) } as const

/** `dear` costs ten times `cheap`; `more` belongs to the route `chat` over both, cheap first. */
function config(cheap: Upstream, dear: Upstream, more = ''): string {
  const provider = (name: string, { url }: Upstream, price: number) =>
    `  ${name}: { preset: openai-compatible, base_url: "${url}/v1", keys: [a-secret-of-${name}], models: { m: { price: { input: ${price}, output: ${price} } } } }`
  return `
providers:
${provider('cheap', cheap, 100)}
${provider('dear', dear, 1000)}
routes:
  chat: { targets: [cheap/m, dear/m], retries: 0, ${more} }
  one: { targets: [cheap/m] }
budgets:
  - { scope: provider, window: month, limit_usd: 1000 }
log: { level: error }
`
}

const answered = (_request: Request, _number: number, body: string) =>
  body.includes('"stream":true') ? eventStream(chunks(['ok']).join('')) : Response.json(completion('ok'))
const busy = () => Response.json({ error: { message: 'busy', type: 'x', code: null } }, { status: 503 })

async function ask(weir: TestGateway, body: object, options: Parameters<TestGateway['call']>[2] = {}) {
  const answer = await weir.call(CHAT, { ...QUESTION, ...body }, options)
  await answer.text()
  await weir.gateway.journal.flush()
  return weir.store.getEntry(answer.headers.get('x-weir-request-id') ?? '')
}

async function spendBy(weir: TestGateway, by: SpendDimension) {
  const rows = await weir.store.spend({ ...EVERYTHING, by: [by] })
  return new Map(rows.map((row) => [row.group[by], row]))
}

/** What `completion` costs at this many dollars a million tokens, and what `chunks` do. */
const COST = (perMillion: bigint) => 15n * perMillion * 1_000n
const STREAM_COST = (perMillion: bigint) => 11n * perMillion * 1_000n

describe('saved', () => {
  test('is what the dearest target would have cost more', async () => {
    using cheap = startUpstream(answered)
    using dear = startUpstream(answered)
    await using weir = await startGateway(config(cheap, dear))
    expect(await ask(weir, { model: 'chat' })).toMatchObject({
      provider: 'cheap',
      costNanoUsd: COST(100n),
      savedNanoUsd: COST(900n),
    })
    expect((await spendBy(weir, 'route')).get('chat')).toMatchObject({ savedNanoUsd: COST(900n), answeredRequests: 1 })
  })

  test('is nothing where the baseline itself answered, and below nothing where what answered cost more', async () => {
    using cheap = startUpstream(busy)
    using dear = startUpstream(answered)
    await using dearest = await startGateway(config(cheap, dear))
    expect((await ask(dearest, { model: 'chat' }))?.savedNanoUsd).toBe(0n)
    await using named = await startGateway(config(cheap, dear, 'baseline: cheap/m'))
    expect((await ask(named, { model: 'chat' }))?.savedNanoUsd).toBe(-COST(900n))
  })

  test('is not told where there was nothing to choose', async () => {
    using cheap = startUpstream(answered)
    using dear = startUpstream(answered)
    await using weir = await startGateway(config(cheap, dear))
    expect((await ask(weir, { model: 'one' }))?.savedNanoUsd).toBeUndefined()
    expect((await ask(weir, { model: 'cheap/m' }))?.savedNanoUsd).toBeUndefined()
  })

  test('by a cache stands beside it', async () => {
    using cheap = startUpstream(answered)
    using dear = startUpstream(answered)
    await using weir = await startGateway(config(cheap, dear, 'cache: { mode: exact }'))
    for (let count = 0; count < 3; count++) await ask(weir, { model: 'chat', temperature: 0 })
    expect((await spendBy(weir, 'route')).get('chat')).toMatchObject({
      requests: 3,
      answeredRequests: 3,
      costNanoUsd: COST(100n),
      savedNanoUsd: COST(900n),
      cacheSavedNanoUsd: 2n * COST(100n),
    })
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
  })
})

test('what an attempt elsewhere cost stands at its own provider, in reports, budgets and the books', async () => {
  const slow = () =>
    eventStream(
      new ReadableStream({
        async start(controller) {
          for (const chunk of chunks(Array.from({ length: 40 }, () => 'a'))) {
            controller.enqueue(new TextEncoder().encode(chunk))
            await Bun.sleep(100)
          }
        },
      }),
    )
  using cheap = startUpstream(slow)
  using dear = startUpstream(answered)
  await using weir = await startGateway(config(cheap, dear, 'min_tokens_per_s: 20'))
  const entry = await ask(weir, { model: 'chat', stream: true })
  const [part] = entry?.parts ?? []
  expect(entry).toMatchObject({ provider: 'dear', status: 'complete' })
  expect(part).toMatchObject({ provider: 'cheap', model: 'm', unpriced: false })
  expect(part?.costNanoUsd).toBeGreaterThan(0n)
  expect(entry?.costNanoUsd).toBe(STREAM_COST(1000n) + (part?.costNanoUsd ?? 0n))
  // The attempt that came to nothing is not saved.
  expect(entry?.savedNanoUsd).toBe(-(part?.costNanoUsd ?? 0n))

  const providers = await spendBy(weir, 'provider')
  expect(providers.get('dear')).toMatchObject({ requests: 1, costNanoUsd: STREAM_COST(1000n) })
  expect(providers.get('cheap')).toMatchObject({ requests: 0, costNanoUsd: part?.costNanoUsd ?? 0n })
  expect((await spendBy(weir, 'route')).get('chat')?.costNanoUsd).toBe(entry?.costNanoUsd ?? 0n)
  const spent = { cheap: part?.costNanoUsd ?? 0n, dear: STREAM_COST(1000n) }
  const amounts = (accounts: readonly { readonly subject: string; readonly spentNanoUsd: bigint }[]) =>
    Object.fromEntries(accounts.map(({ subject, spentNanoUsd }) => [subject, spentNanoUsd]))
  expect(amounts(await weir.store.budgetAccounts({ endsAfter: 0 }))).toEqual(spent)
  expect(amounts(weir.gateway.budgets.state())).toEqual(spent)
  expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
})

test('organisations and tasks are told apart, and tasks that a caller makes up are not', async () => {
  using cheap = startUpstream(answered)
  using dear = startUpstream(answered)
  await using weir = await startGateway(config(cheap, dear, 'by_task: { poems: dear/m }'))
  await weir.store.insertTeam(teamOf({ organisation: 'acme' }))
  const key = await weir.issue({ teamId: 'team_1' })
  for (const task of ['poems', 'code', 'something-of-mine'])
    await ask(weir, { model: 'chat' }, { key, headers: { 'x-weir-task': task } })
  await ask(weir, { model: 'one' })
  const requests = async (by: SpendDimension) =>
    Object.fromEntries([...(await spendBy(weir, by))].map(([value, row]) => [value ?? '-', row.requests]))
  expect(await requests('organisation')).toEqual({ '-': 1, acme: 3 })
  expect(await requests('task')).toEqual({ '-': 2, code: 1, poems: 1 })
  expect((await spendBy(weir, 'task')).get('poems')).toMatchObject({ costNanoUsd: COST(1000n), savedNanoUsd: 0n })
})
