// Spend, summed from the roll-ups.
import { createRoute, z } from '@hono/zod-openapi'
import { reportCsv } from '../ledger/report.ts'
import { sumsJson, totalOf } from '../ledger/spend-sums.ts'
import { malformed } from './errors.ts'
import { renderSpendRow, time } from './render.ts'
import { type AdminApp, GUARDED, REFUSALS, type StoreRoutes } from './route.ts'
import { SpendQuery, SpendReport } from './schemas.ts'

const HOUR_MS = 3_600_000
const DEFAULT_RANGE_MS = 30 * 24 * HOUR_MS

const spend = createRoute({
  tags: ['reports'],
  security: GUARDED,
  method: 'get',
  path: '/admin/reports/spend',
  operationId: 'reportSpend',
  summary: 'Spend by any dimensions, over time or in sum',
  request: { query: SpendQuery },
  responses: {
    200: {
      description: 'The rows, dearest first (by time first with a bucket). As JSON they come with their total.',
      content: { 'application/json': { schema: SpendReport }, 'text/csv': { schema: z.string() } },
    },
    ...REFUSALS,
  },
})

export function addReportRoutes(app: AdminApp, { store, clock }: Pick<StoreRoutes, 'store' | 'clock'>): void {
  app.openapi(spend, async (context) => {
    const { by: asked, bucket = null, format, percentiles, ...range } = context.req.valid('query')
    const by = [...new Set(asked)]
    if (percentiles && by.includes('status')) throw malformed('percentiles', 'Percentiles are not kept by `status`.')
    // Sums are kept by the hour: the range is widened to whole ones, so that the hour that is running is in it.
    const to = Math.ceil((range.to ?? clock.now() + 1) / HOUR_MS) * HOUR_MS
    const from = Math.floor((range.from ?? to - DEFAULT_RANGE_MS) / HOUR_MS) * HOUR_MS
    if (from >= to) throw malformed('from', '`from` must be before `to`.')
    const shape = { by, bucket, percentiles }
    const rows = await store.spend({ ...shape, from, to })
    if (format === 'csv')
      return context.body(reportCsv(rows, shape), 200, { 'content-type': 'text/csv; charset=utf-8' })
    // A request with two tags is in two rows, so the rows do not add up to the total.
    const parts = by.includes('tag') ? await store.spend({ by: [], bucket: null, from, to }) : rows
    return context.json(
      { from: time(from), to: time(to), rows: rows.map(renderSpendRow), total: sumsJson(totalOf(parts)) },
      200,
    )
  })
}
