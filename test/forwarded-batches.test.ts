// Batches that their provider executes: what is handed in, what comes back, what it costs, and everything that can go wrong
// in between.
import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import OpenAI, { toFile } from 'openai'
import { lineRequestId } from '../src/core/batch.ts'
import type { Batch } from '../src/core/batch.ts'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import type { DrivenClock } from '../src/providers/simulator/driven-clock.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { startAnthropicHost, startOpenaiHost } from './batch-hosts.ts'
import type { BatchHost } from './batch-hosts.ts'
import { startGateway } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const CHAT = '/v1/chat/completions'
const WINDOW_MS = 24 * 3_600_000
const NAMES = ['a', 'b', 'c', 'd', 'e']
/** 10 × $1 + 5 × $2 a million, of which a batch costs half. */
const COST = 10_000n

function openaiConfig(url: string, more = ''): string {
  return `
providers:
  up:
    preset: openai-compatible
    base_url: ${url}/v1
    keys: [upstream-secret-value]
    quirks: { batches: true }
    models: { m: { price: { input: 1, output: 2 } }, n: { price: { input: 1, output: 2 } } }
${more}`
}

function mistralConfig(url: string, more = ''): string {
  return openaiConfig(url, more)
    .replace('preset: openai-compatible', 'preset: mistral')
    .replace('    quirks: { batches: true }\n', '')
}

function anthropicConfig(url: string, more = ''): string {
  return `
providers:
  up:
    preset: anthropic
    base_url: ${url}
    keys: [upstream-secret-value]
    models: { m: { price: { input: 1, output: 2 } } }
${more}`
}

const WIRES = [
  ['openai', () => startOpenaiHost(), openaiConfig],
  ['mistral', () => startOpenaiHost(true), mistralConfig],
  ['anthropic', startAnthropicHost, anthropicConfig],
] as const

function line(name: string, change: object = {}): object {
  const body = { model: 'up/m', max_tokens: 20, messages: [{ role: 'user', content: name }], ...change }
  return { custom_id: `line ${name}`, method: 'POST', url: CHAT, body }
}

function clientOf(weir: TestGateway): OpenAI {
  return new OpenAI({
    apiKey: weir.key,
    baseURL: 'http://gateway/v1',
    maxRetries: 0,
    fetch: (url, init) => weir.gateway.fetch(new Request(url as string, init)),
  })
}

function create(weir: TestGateway, lines: readonly object[], completion_window = '24h'): Promise<string> {
  return createBy(clientOf(weir), lines, completion_window)
}

async function createBy(client: OpenAI, lines: readonly object[], completion_window = '24h'): Promise<string> {
  const text = lines.map((one) => JSON.stringify(one)).join('\n')
  const file = await client.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' })
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: CHAT,
    completion_window: completion_window as '24h',
  })
  return batch.id
}

async function contentOf(weir: TestGateway, id: string | null): Promise<readonly Record<string, never>[]> {
  if (id === null) return []
  const text = await (await clientOf(weir).files.content(id)).text()
  return text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one) as Record<string, never>)
}

/** Lets time pass until something is found: a step at a time, with real turns in between for loopback. */
async function until<T>(clock: DrivenClock, look: () => Promise<T | null>, stepMs = 1_000): Promise<T> {
  for (let turn = 0; turn < 5_000; turn++) {
    const found = await look()
    if (found !== null) return found
    await Bun.sleep(1)
    clock.advance(stepMs)
  }
  return expect.unreachable('it never came to be')
}

const OVER: ReadonlySet<string> = new Set(['failed', 'completed', 'expired', 'cancelled'])

function over(weir: TestGateway, clock: DrivenClock, id: string, stepMs?: number): Promise<Batch> {
  const look = async (): Promise<Batch | null> => {
    const batch = await weir.store.getBatch(id, null)
    return batch !== null && OVER.has(batch.status) ? batch : null
  }
  return until(clock, look, stepMs)
}

function handedIn(weir: TestGateway, clock: DrivenClock, id: string): Promise<Batch> {
  return until(clock, async () => {
    const batch = await weir.store.getBatch(id, null)
    return batch?.forwarding?.type === 'handed_in' ? batch : null
  })
}

test('a user pays for what was executed also when the key is gone meanwhile', async () => {
  using host = startOpenaiHost()
  const clock = drivenClock()
  await using weir = await startGateway(openaiConfig(host.url, 'users: { enabled: true }\n'), { clock })
  const { store, gateway } = weir
  const user = { id: 'user_ada', login: 'ada', group: 'default', disabled: false, createdAt: 0, invitedBy: null }
  const credit = {
    id: 'c',
    userId: user.id,
    at: 0,
    kind: 'topup',
    amountNanoUsd: 1_000_000n,
    reference: 'p',
    note: '',
  } as const
  await store.insertUser({ user, passwordHash: null, credits: [credit], invitation: null })
  await gateway.balances.refresh()
  const key = await weir.issue({ userId: user.id })
  const id = await create({ ...weir, key }, [line('a'), line('b')])
  await handedIn(weir, clock, id)
  expect(gateway.budgets.balance(user.id).heldNanoUsd).toBeGreaterThanOrEqual(COST * 2n)
  const [made] = (await store.listKeys({ userId: user.id, cursor: null, limit: 1 })).data
  await store.deleteKey(made?.id ?? '')
  for (const batch of host.batches) batch.isOver = true
  await over(weir, clock, id)
  expect(gateway.budgets.balance(user.id)).toMatchObject({ spentNanoUsd: COST * 2n, heldNanoUsd: 0n })
  expect(await store.sales({ by: ['user'], bucket: null, from: 0, to: clock.now() + 86_400_000 })).toMatchObject([
    { group: { user: user.id }, requests: 2, chargedNanoUsd: COST * 2n },
  ])
  expect(await store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
})

async function entriesOf(store: Store, batchId: string, count: number) {
  const ids = Array.from({ length: count }, (_, index) => lineRequestId(batchId, { position: index + 1, tries: 0 }))
  return Promise.all(ids.map((id) => store.getEntry(id)))
}

const held = (weir: TestGateway): bigint =>
  weir.gateway.budgets.state().reduce((sum, { heldNanoUsd }) => sum + heldNanoUsd, 0n)

describe.each(WIRES)('%s', (wire, startHost, configOf) => {
  test('a batch for one model is handed in once, and each result is an answer, an entry and half of the price', async () => {
    using host = startHost()
    const clock = drivenClock()
    await using weir = await startGateway(
      configOf(
        host.url,
        'budgets: [{ scope: gateway, window: month, limit_usd: 1 }]\nroutes: { chat: { targets: [up/m] } }\n',
      ),
      { clock },
    )
    await weir.gateway.budgetDefinitions.load(clock.now())
    const id = await create(
      weir,
      NAMES.map((name) => line(name, { model: 'chat' })),
    )
    await handedIn(weir, clock, id)
    expect(host.batches[0]?.lines.map(({ body }) => body['model'])).toEqual(NAMES.map(() => 'm'))
    if (wire === 'mistral')
      expect(host.batches[0]?.asked).toMatchObject({ model: 'm', endpoint: CHAT, timeout_hours: 24 })
    const before = held(weir)
    expect(before).toBeGreaterThan(COST * 5n)
    for (const batch of host.batches) batch.isOver = true
    const batch = await over(weir, clock, id)
    expect(batch).toMatchObject({ status: 'completed', total: 5, completed: 5, failed: 0, errorFileId: null })
    const output = await contentOf(weir, batch.outputFileId)
    expect(output).toMatchObject(
      NAMES.map((name) => ({
        custom_id: `line ${name}`,
        response: {
          status_code: 200,
          body: {
            object: 'chat.completion',
            choices: [{ message: { content: `of ${name}` }, finish_reason: 'stop' }],
            usage: { prompt_tokens: 10, completion_tokens: 5 },
          },
        },
        error: null,
      })),
    )
    expect([host.batches.length, host.alone.length, held(weir)]).toEqual([1, 0, 0n])
    const entries = await entriesOf(weir.store, id, 5)
    expect(entries).toMatchObject(
      NAMES.map(() => ({
        status: 'complete',
        costNanoUsd: COST,
        usageSource: 'reported',
        priceVersion: expect.stringMatching(/ batch$/) as string,
        dimensions: { route: 'chat', tags: [`batch:${id}`] },
      })),
    )
    expect(weir.gateway.budgets.state()[0]?.spentNanoUsd).toBe(COST * 5n)
    expect(await weir.store.countEntries()).toBe(5)
    expect([weir.gateway.load.inFlight, weir.log().includes('upstream-secret-value')]).toEqual([0, false])
  })

  test('a provider that refuses batches has its lines executed here', async () => {
    using host = startHost()
    host.refuses = 404
    const clock = drivenClock()
    await using weir = await startGateway(configOf(host.url), { clock })
    const batch = await over(
      weir,
      clock,
      await create(
        weir,
        NAMES.map((name) => line(name)),
      ),
    )
    expect(batch).toMatchObject({ status: 'completed', completed: 5, forwarding: { type: 'own' } })
    expect([host.batches.length, host.alone.length]).toEqual([0, 5])
  })

  test('a cancelled batch is cancelled there, and what was executed by then is paid for', async () => {
    using host = startHost()
    const clock = drivenClock()
    await using weir = await startGateway(configOf(host.url), { clock })
    const results = host.resultOf
    host.resultOf = (one) => (host.batches[0]?.lines.indexOf(one) === 0 ? results(one) : null)
    const id = await create(
      weir,
      NAMES.map((name) => line(name)),
    )
    await handedIn(weir, clock, id)
    expect(await clientOf(weir).batches.cancel(id)).toMatchObject({ status: 'cancelling' })
    const batch = await over(weir, clock, id)
    expect(batch).toMatchObject({ status: 'cancelled', completed: 1, failed: 4 })
    expect(host.batches[0]).toMatchObject({ isCancelled: true })
    expect(await contentOf(weir, batch.errorFileId)).toMatchObject(
      NAMES.slice(1).map((name) => ({ custom_id: `line ${name}`, error: { code: 'batch_cancelled' } })),
    )
    expect([await weir.store.countEntries(), host.alone.length]).toEqual([1, 0])
  })

  test('what is not done when its time is over is cancelled there, and expires', async () => {
    using host = startHost()
    const clock = drivenClock()
    await using weir = await startGateway(configOf(host.url), { clock })
    host.resultOf = () => null
    const id = await create(weir, [line('a')])
    await handedIn(weir, clock, id)
    clock.advance(WINDOW_MS)
    expect(await over(weir, clock, id)).toMatchObject({ status: 'expired', completed: 0, failed: 1 })
    expect(host.batches).toMatchObject([{ isCancelled: true }])
  })

  test('a start goes on with a batch that was handed in before, and holds its money again', async () => {
    using host = startHost()
    const clock = drivenClock()
    const store = openSqliteStore({ path: ':memory:', sync: 'process' })
    const yaml = configOf(host.url, 'budgets: [{ scope: gateway, window: month, limit_usd: 1 }]\n')
    const first = await startGateway(yaml, { clock, store })
    const id = await create(
      first,
      NAMES.map((name) => line(name)),
    )
    await handedIn(first, clock, id)
    const before = held(first)
    await first.gateway.batches.cut()
    await using second = await startGateway(yaml, { clock, store })
    await second.gateway.batches.start()
    await until(clock, async () => (held(second) === before ? true : null))
    for (const batch of host.batches) batch.isOver = true
    expect(await over(second, clock, id)).toMatchObject({ status: 'completed', completed: 5 })
    expect([host.batches.length, await store.countEntries(), held(second)]).toEqual([1, 5, 0n])
  })
})

describe('an answer that did not come', () => {
  test('of OpenAI is looked for by the note on the batch: nothing is handed in twice', async () => {
    using host = startOpenaiHost()
    host.lostAnswers = 1
    const clock = drivenClock()
    await using weir = await startGateway(openaiConfig(host.url), { clock })
    const id = await create(
      weir,
      NAMES.map((name) => line(name)),
    )
    await handedIn(weir, clock, id)
    for (const batch of host.batches) batch.isOver = true
    expect(await over(weir, clock, id)).toMatchObject({ status: 'completed', completed: 5 })
    expect([host.batches.length, host.alone.length, await weir.store.countEntries()]).toEqual([1, 0, 5])
  })

  test('of Anthropic cannot be looked for: the lines are booked at their estimate, and executed by nobody else', async () => {
    using host = startAnthropicHost()
    host.lostAnswers = 1
    const clock = drivenClock()
    await using weir = await startGateway(anthropicConfig(host.url), { clock })
    const id = await create(
      weir,
      NAMES.map((name) => line(name)),
    )
    const batch = await over(weir, clock, id)
    expect(batch).toMatchObject({
      status: 'completed',
      completed: 0,
      failed: 5,
      forwarding: { type: 'ended', id: null },
    })
    expect(await contentOf(weir, batch.errorFileId)).toMatchObject(
      NAMES.map(() => ({ error: { code: 'interrupted' } })),
    )
    const entries = await entriesOf(weir.store, id, 5)
    expect(entries.every((entry) => entry?.usageSource === 'estimated' && entry.costNanoUsd > 0n)).toBe(true)
    expect([host.batches.length, host.alone.length]).toEqual([1, 0])
  })

  test('of Anthropic, where there is no batch that could be it: it is handed in again', async () => {
    using host = startAnthropicHost()
    const clock = drivenClock()
    await using weir = await startGateway(anthropicConfig(host.url), { clock })
    host.refuses = 529
    const id = await create(
      weir,
      NAMES.map((name) => line(name)),
    )
    await until(clock, async () => (host.received.length >= 2 ? true : null))
    host.refuses = null
    await handedIn(weir, clock, id)
    for (const batch of host.batches) batch.isOver = true
    expect(await over(weir, clock, id)).toMatchObject({ status: 'completed', completed: 5 })
    expect(host.batches).toHaveLength(1)
  })
})

test('a provider that is out of order for an hour has its lines executed here, and is not asked all the time', async () => {
  using host = startOpenaiHost()
  host.refuses = 503
  const clock = drivenClock()
  await using weir = await startGateway(openaiConfig(host.url), { clock })
  const id = await create(
    weir,
    NAMES.map((name) => line(name)),
  )
  const startedMs = clock.monotonicMs()
  const batch = await over(weir, clock, id, 10_000)
  expect(batch).toMatchObject({ status: 'completed', completed: 5, forwarding: { type: 'own' } })
  const uploads = host.received.filter(({ path: asked }) => asked === '/v1/files').length
  expect(clock.monotonicMs() - startedMs).toBeGreaterThan(3_600_000)
  expect(uploads).toBeGreaterThan(10)
  expect(uploads).toBeLessThanOrEqual(62)
  expect(host.alone).toHaveLength(5)
})

test('results that are booked and were not written down are not booked again', async () => {
  using host = startOpenaiHost()
  const clock = drivenClock()
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  let isAway = false
  const failing: Store = {
    ...store,
    finishLines: (batchId, results) =>
      isAway ? Promise.reject(new Error('the disk is full')) : store.finishLines(batchId, results),
  }
  await using weir = await startGateway(openaiConfig(host.url), { clock, store: failing })
  const id = await create(
    weir,
    NAMES.map((name) => line(name)),
  )
  await handedIn(weir, clock, id)
  isAway = true
  for (const batch of host.batches) batch.isOver = true
  await until(clock, async () => ((await store.countEntries()) === 5 ? true : null))
  isAway = false
  const batch = await over(weir, clock, id)
  expect(batch).toMatchObject({ status: 'completed', completed: 5 })
  expect(await contentOf(weir, batch.outputFileId)).toMatchObject(
    NAMES.map((name) => ({ response: { body: { choices: [{ message: { content: `of ${name}` } }] } } })),
  )
  expect(await store.countEntries()).toBe(5)
})

test('what the provider could not execute is executed here; what it refuses is the answer', async () => {
  using host = startOpenaiHost()
  const clock = drivenClock()
  await using weir = await startGateway(openaiConfig(host.url), { clock })
  const results = host.resultOf
  host.resultOf = (one) => {
    const status = { b: 500, c: 400, d: 429 }[JSON.stringify(one.body['messages']).at(-4) ?? '']
    if (JSON.stringify(one.body).includes('"e"'))
      return { custom_id: one.customId, response: null, error: { code: 'batch_expired' } }
    if (status === undefined) return results(one)
    return { custom_id: one.customId, response: { status_code: status, body: { error: { message: `no ${status}` } } } }
  }
  const id = await create(
    weir,
    NAMES.map((name) => line(name)),
  )
  await handedIn(weir, clock, id)
  for (const batch of host.batches) batch.isOver = true
  const batch = await over(weir, clock, id)
  expect(batch).toMatchObject({ status: 'completed', completed: 4, failed: 1 })
  expect(host.alone.map((body) => JSON.stringify(body['messages']).at(-4))).toEqual(['b', 'd', 'e'])
  expect(await contentOf(weir, batch.errorFileId)).toMatchObject([
    { custom_id: 'line c', response: { status_code: 400, body: { error: { message: 'no 400' } } } },
  ])
  const entries = await entriesOf(weir.store, id, 5)
  expect(entries.map((entry) => [entry?.status, entry?.costNanoUsd])).toEqual([
    ['complete', COST],
    ['complete', COST * 2n],
    ['failed', 0n],
    ['complete', COST * 2n],
    ['complete', COST * 2n],
  ])
})

describe('a batch stays here', () => {
  const stays: readonly (readonly [string, string, readonly object[], string])[] = [
    ['where the operator wants it to', 'batches: { forward: never }\n', [line('a')], '24h'],
    ['with lines for two models', '', [line('a'), line('b', { model: 'up/n' })], '24h'],
    ['that is to be done sooner than a provider promises', '', [line('a')], '2h'],
    ['with a line that is refused', '', [line('a'), line('b', { model: 'nobody' })], '24h'],
    [
      'that does not fit into the budget as a whole',
      'budgets: [{ scope: gateway, window: month, limit_usd: 0.00009 }]\n',
      [line('a'), line('b'), line('c')],
      '24h',
    ],
    [
      'whose lines the route spreads',
      'routes: { chat: { strategy: weighted, targets: [up/m, up/n] } }\n',
      NAMES.map((name) => line(name, { model: 'chat' })),
      '24h',
    ],
  ]
  test.each(stays)('%s', async (_why, more, lines, window) => {
    using host = startOpenaiHost()
    const clock = drivenClock()
    await using weir = await startGateway(openaiConfig(host.url, more), { clock })
    const batch = await over(weir, clock, await create(weir, lines, window))
    expect(batch.status).toBe('completed')
    expect(host.batches).toEqual([])
    expect(host.alone.length).toBeGreaterThan(0)
  })
})

test('a provider that never ends a batch is waited for an hour after its time; then its lines are booked at their estimate', async () => {
  using host: BatchHost = startOpenaiHost()
  const clock = drivenClock()
  await using weir = await startGateway(openaiConfig(host.url), { clock })
  const id = await create(weir, [line('a')])
  await handedIn(weir, clock, id)
  // It does not know the batch as cancelled, whatever it is told.
  Object.defineProperty(host.batches[0], 'isOver', { get: () => false, set: () => {} })
  Object.defineProperty(host.batches[0], 'isCancelled', { get: () => false, set: () => {} })
  clock.advance(WINDOW_MS + 3_600_000)
  const batch = await over(weir, clock, id)
  expect(batch).toMatchObject({ failed: 1, forwarding: { type: 'ended' } })
  expect(await contentOf(weir, batch.errorFileId)).toMatchObject([{ error: { code: 'interrupted' } }])
  expect((await entriesOf(weir.store, id, 1))[0]?.costNanoUsd).toBeGreaterThan(0n)
})

test('property: whatever a provider says of its lines, each has one result, and is paid for once', async () => {
  const kinds = fc.constantFrom(
    'answer',
    'answer',
    'twice',
    'refused',
    'failed',
    'expired',
    'silent',
    'broken',
    'alien',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(kinds, { minLength: 1, maxLength: 40 }), fc.boolean(), async (said, isAnthropic) => {
      using host = isAnthropic ? startAnthropicHost() : startOpenaiHost()
      const clock = drivenClock()
      await using weir = await startGateway(
        (isAnthropic ? anthropicConfig : openaiConfig)(
          host.url,
          'budgets: [{ scope: gateway, window: month, limit_usd: 1 }]\n',
        ),
        { clock },
      )
      const results = host.resultOf
      host.resultsOf = (lines) =>
        lines.flatMap((one, index) => {
          const good = JSON.stringify(results(one))
          const told = (status: number, type: string): string =>
            JSON.stringify(
              isAnthropic
                ? {
                    custom_id: one.customId,
                    result: { type: 'errored', error: { type: 'error', error: { type, message: 'no' } } },
                  }
                : { custom_id: one.customId, response: { status_code: status, body: { error: { message: 'no' } } } },
            )
          const lines: Readonly<Record<(typeof said)[number], readonly string[]>> = {
            answer: [good],
            twice: [good, good],
            refused: [told(400, 'invalid_request_error')],
            failed: [told(500, 'api_error')],
            expired: [JSON.stringify({ custom_id: one.customId, response: null, result: { type: 'expired' } })],
            silent: [],
            broken: ['{', '[]', '"x"', ''],
            alien: [good.replace(one.customId, `${one.customId}9`), good.replace(one.customId, 'req_other_1')],
          }
          return lines[said[index] ?? 'silent']
        })
      const id = await create(
        weir,
        said.map((_, index) => line(String(index))),
      )
      await handedIn(weir, clock, id)
      for (const batch of host.batches) batch.isOver = true
      const batch = await over(weir, clock, id)
      const [refused, thereDone] = [
        said.filter((kind) => kind === 'refused').length,
        said.filter((kind) => kind === 'answer' || kind === 'twice').length,
      ]
      const alone = said.length - refused - thereDone
      expect(batch).toMatchObject({
        status: 'completed',
        total: said.length,
        completed: said.length - refused,
        failed: refused,
      })
      expect([host.batches.length, host.alone.length, await weir.store.countEntries()]).toEqual([1, alone, said.length])
      const spent = COST * BigInt(thereDone) + COST * 2n * BigInt(alone)
      expect(weir.gateway.budgets.state()).toMatchObject([{ spentNanoUsd: spent, heldNanoUsd: 0n }])
      const output = [...(await contentOf(weir, batch.outputFileId)), ...(await contentOf(weir, batch.errorFileId))]
      expect(output.map((one) => String(one['custom_id'])).toSorted()).toEqual(
        said.map((_, index) => `line ${index}`).toSorted(),
      )
    }),
    { numRuns: 8 },
  )
})

/** `moment`: when the process dies. */
test.each(['while the provider makes the batch', 'when the provider has the batch'])(
  'after kill -9, %s, nothing is handed in twice, and each line is paid for once',
  async (moment) => {
    using host = startOpenaiHost()
    using folder = temporaryFolder()
    writeFileSync(path.join(folder.path, 'weir.yaml'), openaiConfig(host.url))
    const isHeld = moment.startsWith('while')
    if (isHeld) host.held = new Promise(() => {})
    const sdkOf = (url: string, apiKey: string): OpenAI => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 })
    let key = ''
    let id = ''
    {
      await using first = startProcess({ folder: folder.path })
      const { url } = await first.ready()
      key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
      id = await createBy(
        sdkOf(url, key),
        NAMES.map((name) => line(name)),
      )
      while (host.batches.length === 0) await Bun.sleep(5)
      if (!isHeld) await Bun.sleep(50)
      first.kill('SIGKILL')
      await first.ended
    }
    host.held = null
    for (const batch of host.batches) batch.isOver = true
    await using second = startProcess({ folder: folder.path })
    const client = sdkOf((await second.ready()).url, key)
    let batch = await client.batches.retrieve(id)
    while (!OVER.has(batch.status)) {
      await Bun.sleep(10)
      batch = await client.batches.retrieve(id)
    }
    expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 5, completed: 5, failed: 0 } })
    expect([host.batches.length, host.alone.length]).toEqual([1, 0])
    const store = openSqliteStore({ path: path.join(folder.path, 'data', 'weir.db'), sync: 'process' })
    expect(await store.countEntries()).toBe(5)
    await store.close()
  },
  30_000,
)
