// Price files from a server and from disk, through the store and back into force; what is wrong with one keeps it out.
import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FeedConfig } from '../src/config/schema-prices.ts'
import { systemClock } from '../src/core/clock.ts'
import { createPriceLayers } from '../src/price-layers.ts'
import { refreshFeeds, storedLayers, type FeedResult } from '../src/price-feeds.ts'
import { fetchFeed } from '../src/providers/feed-fetch.ts'
import { createGuard } from '../src/providers/guard.ts'
import { createUpstream } from '../src/providers/upstream.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { temporaryFolder } from './process.ts'

const NOW = Date.UTC(2026, 10, 28)
const upstream = createUpstream({
  clock: systemClock,
  simulator: null,
  guard: createGuard({ resolve: async () => ['127.0.0.1'], clock: systemClock }),
})

function file(input: number, more: object = {}): string {
  return JSON.stringify({
    'gpt-5-mini': { litellm_provider: 'openai', input_cost_per_token: input, output_cost_per_token: 2e-6, ...more },
  })
}

function toolsOf(store: Store) {
  return {
    store,
    clock: { ...systemClock, now: () => NOW },
    fetch: (request: Parameters<typeof fetchFeed>[1]) => fetchFeed(upstream, request),
    readFile: (place: string) => Bun.file(place).text(),
  }
}

async function refresh(store: Store, feed: FeedConfig, accept: readonly string[] = []): Promise<FeedResult> {
  const [result] = await refreshFeeds({ feeds: [feed], accept, refreshMs: 0 }, toolsOf(store))
  if (result === undefined) throw new Error('a feed has a result')
  return result
}

async function inputRate(store: Store): Promise<bigint | undefined> {
  const [layer] = await storedLayers([{ from: 'litellm' }], store)
  const price = layer?.look('openai', 'gpt-5-mini')
  return price === null || price === undefined || 'length' in price ? undefined : price.rates.input
}

test('a file is taken once, asked for by its ETag afterwards, and stays when its place is gone', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const asked: (string | null)[] = []
  let text = file(2.5e-7)
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      asked.push(request.headers.get('if-none-match'))
      const etag = `"${Bun.hash(text)}"`
      if (new URL(request.url).pathname === '/moved') return Response.redirect('/prices', 302)
      return request.headers.get('if-none-match') === etag
        ? new Response(null, { status: 304 })
        : new Response(text, { headers: { etag } })
    },
  })
  const feed: FeedConfig = { from: 'litellm', url: `http://127.0.0.1:${server.port}/prices` }
  const first = await refresh(store, feed)
  expect(first).toMatchObject({ outcome: 'taken', reason: null, version: expect.stringMatching(/^litellm-/) })
  expect(await refresh(store, feed)).toMatchObject({ outcome: 'unchanged', version: first.version })
  expect(asked).toEqual([null, expect.stringMatching(/^"\d+"$/)])
  text = file(3e-7)
  expect(await refresh(store, feed)).toMatchObject({ outcome: 'taken' })
  expect((await store.priceChanges({ cursor: null, limit: 1 })).data).toEqual([
    {
      at: NOW,
      version: expect.stringMatching(/^litellm-/) as string,
      vendor: 'openai',
      model: 'gpt-5-mini',
      unit: 'input',
      before: 250_000n,
      after: 300_000n,
    },
  ])
  await server.stop(true)
  expect(await refresh(store, feed)).toMatchObject({ outcome: 'unreachable', reason: expect.any(String) })
  expect(await inputRate(store)).toBe(300_000n)
  expect((await store.priceFeeds())[0]).toMatchObject({ outcome: 'unreachable', taken: { at: NOW } })
  await store.close()
})

test.each([
  ['a hundredfold jump', file(2.5e-5), 'more than tenfold'],
  ['a zero', file(0), 'a price of zero'],
  ['a wrong unit', file(0.25), 'per token where per million'],
  ['a missing price', file(2.5e-7, { output_cost_per_token: undefined }), 'no price of output any more'],
  ['what is no file of that form', '{"gpt-5-mini": 5}', 'cannot be read'],
  ['what is cut in the middle', file(2.5e-7).slice(0, -9), 'it is no JSON'],
])('a file with %s is refused with its reason, and the old prices stay', async (_, text, reason) => {
  using folder = temporaryFolder()
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const feed: FeedConfig = { from: 'litellm', file: path.join(folder.path, 'prices.json') }
  writeFileSync(feed.file ?? '', file(2.5e-7))
  expect(await refresh(store, feed)).toMatchObject({ outcome: 'taken' })
  writeFileSync(feed.file ?? '', text)
  const refused = await refresh(store, feed)
  expect([refused.outcome, refused.reason]).toEqual(['refused', expect.stringContaining(reason)])
  expect(await inputRate(store)).toBe(250_000n)
  expect((await store.priceFeeds())[0]).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(reason) })
  await store.close()
})

test('the first file is judged by the bundled catalogue, and taken after somebody has looked', async () => {
  using folder = temporaryFolder()
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const feed: FeedConfig = { from: 'litellm', file: path.join(folder.path, 'prices.json') }
  writeFileSync(feed.file ?? '', file(2.5e-5))
  expect(await refresh(store, feed)).toMatchObject({ outcome: 'refused', version: null })
  expect(await storedLayers([feed], store)).toEqual([])
  expect(await refresh(store, feed, ['openai/gpt-5-mini'])).toMatchObject({ outcome: 'taken' })
  expect(await inputRate(store)).toBe(25_000_000n)
  await store.close()
})

test('a running gateway refreshes when it is time, and sees what another process has taken', async () => {
  using folder = temporaryFolder()
  const place = path.join(folder.path, 'prices.json')
  const open = () => openSqliteStore({ path: path.join(folder.path, 'weir.db'), sync: 'process' })
  const [store, other] = [open(), open()]
  const feed: FeedConfig = { from: 'litellm', file: place }
  let nowMs = 0
  let tick = (): void => {}
  let changed = 0
  const results: FeedResult[] = []
  const layers = createPriceLayers({
    ...toolsOf(store),
    clock: { now: () => NOW, monotonicMs: () => nowMs, after: (_, run) => ((tick = run), () => {}) },
    config: () => ({ feeds: [feed], refreshMs: 3_600_000, accept: [] }),
    onChanged: () => changed++,
    onResult: (result) => results.push(result),
    onError: (error) => {
      throw error
    },
  })
  await layers.load()
  expect(layers.layers()).toEqual([])
  writeFileSync(place, file(2.5e-7))
  layers.start()
  await layers.refresh()
  expect([changed, results.at(-1)?.outcome]).toEqual([1, 'taken'])
  nowMs = 3_599_999
  tick()
  expect(results).toHaveLength(1)
  nowMs = 3_600_000
  tick()
  await layers.refresh()
  expect(results.map(({ outcome }) => outcome)).toEqual(['taken', 'unchanged'])
  writeFileSync(place, file(3e-7))
  await refresh(other, feed)
  await layers.checkElsewhere()
  await layers.checkElsewhere()
  expect([changed, layers.layers()[0]?.look('openai', 'gpt-5-mini')]).toEqual([
    2,
    expect.objectContaining({ rates: expect.objectContaining({ input: 300_000n }) }),
  ])
  layers.stop()
  await Promise.all([store.close(), other.close()])
})
