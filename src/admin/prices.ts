// Prices: what models cost, where that is known from, what changed, and refreshing it.
import { createRoute, z } from '@hono/zod-openapi'
import { dollars } from '../ledger/price-sanity.ts'
import type { FeedState, PriceStore } from '../store/store.ts'
import { time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS } from './route.ts'
import { Anything, listOf, pageFields } from './schemas.ts'

export type PriceRoutes = {
  readonly store: PriceStore
  /** The price of every model that can be called. */
  readonly prices: () => unknown
  /** Looks at the feeds of the configuration, takes what is new and sound, and puts it in force. */
  readonly refreshPrices: () => Promise<
    readonly (Pick<FeedState, 'form' | 'place' | 'outcome' | 'reason'> & { readonly version: string | null })[]
  >
}

const common = { tags: ['prices'], security: GUARDED }
const outcome = z.enum(['taken', 'unchanged', 'refused', 'unreachable'])
const Feed = z
  .object({
    form: z.string(),
    place: z.string().openapi({ description: 'URL or path.' }),
    version: z.string().nullable().openapi({ description: 'Of what is in force; null: nothing was ever taken.' }),
    taken_at: z.string().nullable(),
    checked_at: z.string().openapi({ description: 'When it was looked at last.' }),
    outcome: outcome.openapi({ description: 'What came of that.' }),
    reason: z.string().nullable().openapi({ description: 'Why it was not taken.' }),
  })
  .openapi('PriceFeed')
const Result = z
  .object({
    form: z.string(),
    place: z.string(),
    version: z.string().nullable(),
    outcome,
    reason: z.string().nullable(),
  })
  .openapi('PriceRefresh')
const Change = z
  .object({
    at: z.string(),
    version: z.string(),
    model: z.string(),
    unit: z.string(),
    before_usd_per_million: z.string().nullable(),
    after_usd_per_million: z.string().nullable(),
  })
  .openapi('PriceChange')
const ChangesQuery = z.strictObject({
  vendor: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
  ...pageFields,
})

const ROUTES = {
  prices: createRoute({
    ...common,
    method: 'get',
    path: '/admin/prices',
    operationId: 'getPrices',
    summary: 'The price of every model that can be called',
    responses: { 200: jsonAnswer(Anything, 'The prices.'), ...REFUSALS },
  }),
  feeds: createRoute({
    ...common,
    method: 'get',
    path: '/admin/prices/feeds',
    operationId: 'listPriceFeeds',
    summary: 'The price files: what is in force of each, and what came of the last look',
    responses: { 200: jsonAnswer(z.object({ data: z.array(Feed) }), 'The feeds.'), ...REFUSALS },
  }),
  changes: createRoute({
    ...common,
    method: 'get',
    path: '/admin/prices/changes',
    operationId: 'listPriceChanges',
    summary: 'Every price that a file has changed, newest first',
    request: { query: ChangesQuery },
    responses: { 200: jsonAnswer(listOf(Change), 'A page of changes.'), ...REFUSALS },
  }),
  refresh: createRoute({
    ...common,
    method: 'post',
    path: '/admin/prices/refresh',
    operationId: 'refreshPrices',
    summary: 'Fetch the price files of the configuration and take what is new and sound',
    responses: { 200: jsonAnswer(z.object({ data: z.array(Result) }), 'What came of each feed.'), ...REFUSALS },
  }),
}

export function addPriceRoutes(app: AdminApp, { store, prices, refreshPrices }: PriceRoutes): void {
  app.openapi(ROUTES.prices, async (context) => context.json(await prices(), 200))

  app.openapi(ROUTES.feeds, async (context) => {
    const states = await store.priceFeeds()
    const data = states.map(({ form, place, taken, checkedAt, outcome: last, reason }) => ({
      form,
      place,
      version: taken?.version ?? null,
      taken_at: taken === null ? null : time(taken.at),
      checked_at: time(checkedAt),
      outcome: last,
      reason,
    }))
    return context.json({ data }, 200)
  })

  app.openapi(ROUTES.changes, async (context) => {
    const { cursor, limit, vendor, model } = context.req.valid('query')
    const page = await store.priceChanges({
      cursor: cursor ?? null,
      limit,
      ...(vendor === undefined ? {} : { vendor }),
      ...(model === undefined ? {} : { model }),
    })
    const data = page.data.map(({ at, version, vendor: maker, model: name, unit, before, after }) => ({
      at: time(at),
      version,
      model: `${maker}/${name}`,
      unit,
      before_usd_per_million: before === null ? null : dollars(before),
      after_usd_per_million: after === null ? null : dollars(after),
    }))
    return context.json({ data, next: page.next }, 200)
  })

  app.openapi(ROUTES.refresh, async (context) => {
    const results = await refreshPrices()
    const data = results.map(({ form, place, version, outcome: came, reason }) => ({
      form,
      place,
      version,
      outcome: came,
      reason,
    }))
    return context.json({ data }, 200)
  })
}
