// Spend, summed from the roll-ups.
import { createRoute, z } from '@hono/zod-openapi'
import { GatewayError } from '../core/error.ts'
import { forecastJson, forecastWindows, monthWindow } from '../ledger/forecast-windows.ts'
import { reportCsv } from '../ledger/report.ts'
import type { DisplayCurrency } from '../ledger/shown-money.ts'
import { sumsJson, totalOf } from '../ledger/spend-sums.ts'
import { gatherStatement, monthNamed, monthOf, namesOf, type StatementSubject } from '../ledger/statement.ts'
import { statementJson } from '../ledger/statement-text.ts'
import { openWindowsOf } from '../limits/open-windows.ts'
import type { BudgetRoutes } from './set-budget.ts'
import type { SpendQuery as StoreSpendQuery } from '../store/store.ts'
import { malformed } from './errors.ts'
import { renderSpendRow, time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'
import { ForecastReport, SpendQuery, SpendReport, StatementQuery, StatementReport } from './schemas.ts'

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

const statement = createRoute({
  tags: ['reports'],
  security: GUARDED,
  method: 'get',
  path: '/admin/reports/statement',
  operationId: 'reportStatement',
  summary: 'What a team, a key, an organisation or the gateway spent in a month',
  request: { query: StatementQuery },
  responses: {
    200: {
      description: 'As JSON, or as one page to print, without scripts.',
      content: { 'application/json': { schema: StatementReport }, 'text/html': { schema: z.string() } },
    },
    ...REFUSALS,
  },
})

const forecasts = createRoute({
  tags: ['reports'],
  security: GUARDED,
  method: 'get',
  path: '/admin/reports/forecast',
  operationId: 'reportForecast',
  summary: 'What will have been spent by the end of the month, and of the windows of budgets',
  responses: { 200: jsonAnswer(ForecastReport, 'The month first, then budgets, the most used up first.'), ...REFUSALS },
})

/** What routes of reports need beside the store. */
export type ReportTools = {
  /** What amounts are shown in on pages; null: dollars. */
  readonly currency: () => DisplayCurrency | null
}

type ReportRoutes = Pick<StoreRoutes, 'store' | 'clock'> & ReportTools & Pick<BudgetRoutes, 'budgets'>

export function addReportRoutes(app: AdminApp, tools: ReportRoutes): void {
  const { store, clock } = tools
  app.openapi(forecasts, async (context) => {
    const now = clock.now()
    const windows = [await monthWindow(store, now), ...openWindowsOf(tools.budgets.state())]
    const found = await forecastWindows(windows, { store, now })
    return context.json({ data: found.map(forecastJson) }, 200)
  })
  app.openapi(statement, async (context) => {
    const { month, format, team, key, organisation } = context.req.valid('query')
    const now = clock.now()
    const subject = await subjectNamed(store, { team, key, organisation })
    const time = month === undefined ? monthOf(now) : (monthNamed(month) ?? monthOf(now))
    const told = await gatherStatement(subject, time, { store, now, names: await namesOf(store) })
    if (format === 'json') return context.json(statementJson(told) as z.output<typeof StatementReport>, 200)
    const { statementHtml, STATEMENT_POLICY } = await import('../ledger/statement-html.ts')
    return context.body(await statementHtml(told, tools.currency()), 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': STATEMENT_POLICY,
    })
  })

  app.openapi(spend, async (context) => {
    const { by: asked, bucket = null, format, percentiles, from: start, to: end, ...where } = context.req.valid('query')
    const by = [...new Set(asked)]
    if (percentiles && by.includes('status')) throw malformed('percentiles', 'Percentiles are not kept by `status`.')
    // Sums are kept by the hour: the range is widened to whole ones, so that the hour that is running is in it.
    const to = Math.ceil((end ?? clock.now() + 1) / HOUR_MS) * HOUR_MS
    const from = Math.floor((start ?? to - DEFAULT_RANGE_MS) / HOUR_MS) * HOUR_MS
    if (from >= to) throw malformed('from', '`from` must be before `to`.')
    const shape = { by, bucket, percentiles }
    const rows = await store.spend({ ...shape, from, to, where: given(where) })
    if (format === 'csv')
      return context.body(reportCsv(rows, shape), 200, { 'content-type': 'text/csv; charset=utf-8' })
    // A request with two tags is in two rows, so the rows do not add up to the total.
    const parts = by.includes('tag') ? await store.spend({ by: [], bucket: null, from, to, where: given(where) }) : rows
    return context.json(
      { from: time(from), to: time(to), rows: rows.map(renderSpendRow), total: sumsJson(totalOf(parts)) },
      200,
    )
  })
}

type Where = NonNullable<StoreSpendQuery['where']>

/** Without what was not asked for. */
function given(where: { readonly [dimension in keyof Where]: string | undefined }): Where {
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined))
}

type Whose = {
  readonly team?: string | undefined
  readonly key?: string | undefined
  readonly organisation?: string | undefined
}

async function subjectNamed(
  store: StoreRoutes['store'],
  { team, key, organisation }: Whose,
): Promise<StatementSubject> {
  if (team !== undefined) {
    const found = await store.getTeam(team)
    if (found === null) throw new GatewayError('not_found', { message: `There is no team \`${team}\`.` })
    return { scope: 'team', id: found.id, name: found.name }
  }
  if (key !== undefined) {
    const found = await store.getKey(key)
    if (found === null) throw new GatewayError('not_found', { message: `There is no key \`${key}\`.` })
    return { scope: 'key', id: found.id, name: found.name }
  }
  return organisation === undefined ? { scope: 'gateway' } : { scope: 'organisation', id: organisation }
}
