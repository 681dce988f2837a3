// What users were charged, beside what it cost, and what is left in between.
import { createRoute } from '@hono/zod-openapi'
import type { SalesRow } from '../store/store.ts'
import { named } from './change.ts'
import { malformed } from './errors.ts'
import { time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'
import { renderSales, renderSalesRow, SalesQuery, SalesReport } from './schemas-users.ts'

const DAY_MS = 86_400_000
const DEFAULT_RANGE_MS = 30 * DAY_MS

const report = createRoute({
  tags: ['reports'],
  security: GUARDED,
  method: 'get',
  path: '/admin/reports/sales',
  operationId: 'reportSales',
  summary: 'What users were charged and what it cost, by any dimensions, over time or in sum',
  request: { query: SalesQuery },
  responses: {
    200: jsonAnswer(SalesReport, 'The rows, those with the most charged first (by time first with a bucket).'),
    ...REFUSALS,
  },
})

export function addSalesRoute(app: AdminApp, { store, clock }: Pick<StoreRoutes, 'store' | 'clock'>): void {
  app.openapi(report, async (context) => {
    const { by: asked, bucket = null, user, ...range } = context.req.valid('query')
    const by = [...new Set(asked)]
    const to = Math.ceil((range.to ?? clock.now() + 1) / DAY_MS) * DAY_MS
    const from = Math.floor((range.from ?? to - DEFAULT_RANGE_MS) / DAY_MS) * DAY_MS
    if (from >= to) throw malformed('from', '`from` must be before `to`.')
    const rows = await store.sales({ by, bucket, from, to, ...named({ userId: user }) })
    return context.json(
      { from: time(from), to: time(to), rows: rows.map(renderSalesRow), total: renderSales(sumOf(rows)) },
      200,
    )
  })
}

function sumOf(rows: readonly SalesRow[]): Omit<SalesRow, 'group' | 'at'> {
  const sum = { requests: 0, costNanoUsd: 0n, chargedNanoUsd: 0n, inputTokens: 0, outputTokens: 0 }
  for (const row of rows) {
    sum.requests += row.requests
    sum.costNanoUsd += row.costNanoUsd
    sum.chargedNanoUsd += row.chargedNanoUsd
    sum.inputTokens += row.inputTokens
    sum.outputTokens += row.outputTokens
  }
  return sum
}
