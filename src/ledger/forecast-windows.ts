// Forecasts of the running month and of budgets, from what their subjects cost by day lately.
import type { BudgetScope } from '../core/budget.ts'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import type { ReportStore, SpendDimension, SpendRow } from '../store/store.ts'
import { FORECAST_DAYS, forecast, type Forecast } from './forecast.ts'
import { totalOf } from './spend-sums.ts'
import { monthOf } from './statement.ts'

/** A stretch of time in which a subject may spend so much, and what it has. */
type OpenWindow = {
  /** Null: no budget, but the month itself. */
  readonly budgetId: string | null
  readonly scope: BudgetScope
  readonly subject: string
  readonly spentNanoUsd: NanoUsd
  readonly limitNanoUsd: NanoUsd | null
  readonly until: number
}

export type WindowForecast = OpenWindow & { readonly forecast: Forecast }

const DAY_MS = 86_400_000

/** How rows of a scope are asked for, and which subjects a row counts for. Null: what it counts is no cost. */
const SCOPES: Readonly<
  Record<
    BudgetScope,
    { readonly by: readonly SpendDimension[]; readonly of: (row: SpendRow) => readonly string[] } | null
  >
> = {
  gateway: { by: [], of: () => [''] },
  organisation: { by: ['organisation'], of: ({ group }) => named(group.organisation) },
  team: { by: ['team'], of: ({ group }) => named(group.team) },
  // Balances and budgets of users count what requests were sold for.
  user: null,
  key: { by: ['key'], of: ({ group }) => named(group.key) },
  end_user: {
    by: ['team', 'key', 'end_user'],
    of: ({ group }) => named(group.end_user).map((name) => `${group.team ?? group.key}/${name}`),
  },
  tag: { by: ['tag'], of: ({ group }) => named(group.tag) },
  route: { by: ['route'], of: ({ group }) => named(group.route) },
  provider: { by: ['provider'], of: ({ group }) => named(group.provider) },
  model: {
    by: ['provider', 'model'],
    of: ({ group }) => named(group.model).flatMap((model) => [model, `${group.provider}/${model}`]),
  },
}

function named(value: string | null | undefined): readonly string[] {
  return value === null || value === undefined ? [] : [value]
}

/** One question to the store for each scope; windows of users are left out. */
export async function forecastWindows(
  windows: readonly OpenWindow[],
  { store, now }: { readonly store: Pick<ReportStore, 'spend'>; readonly now: number },
): Promise<readonly WindowForecast[]> {
  const found: WindowForecast[] = []
  for (const [scope, own] of Map.groupBy(windows, (window) => window.scope)) {
    const asked = SCOPES[scope]
    if (asked === null) continue
    const today = now - (now % DAY_MS)
    const range = { from: today - FORECAST_DAYS * DAY_MS, to: today + DAY_MS }
    const rows = await store.spend({ by: asked.by, bucket: 'day', ...range })
    const histories = historiesOf(rows, asked.of, new Set(own.map(({ subject }) => subject)))
    for (const window of own) {
      const history = histories.get(window.subject) ?? new Map<number, NanoUsd>()
      found.push({ ...window, forecast: forecast({ now, history, ...window }) })
    }
  }
  return found
}

function historiesOf(
  rows: readonly SpendRow[],
  subjectsOf: (row: SpendRow) => readonly string[],
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlyMap<number, NanoUsd>> {
  const histories = new Map<string, Map<number, NanoUsd>>()
  for (const row of rows)
    for (const subject of subjectsOf(row)) {
      if (!wanted.has(subject)) continue
      const history = histories.get(subject) ?? new Map<number, NanoUsd>()
      histories.set(subject, history)
      history.set(row.at ?? 0, (history.get(row.at ?? 0) ?? 0n) + row.costNanoUsd)
    }
  return histories
}

/** The month of the gateway that runs, which no budget need limit. */
export async function monthWindow(store: Pick<ReportStore, 'spend'>, now: number): Promise<OpenWindow> {
  const { from, until } = monthOf(now)
  const { costNanoUsd } = totalOf(await store.spend({ by: [], bucket: null, from, to: until }))
  return { budgetId: null, scope: 'gateway', subject: '', spentNanoUsd: costNanoUsd, limitNanoUsd: null, until }
}

export function forecastJson({
  budgetId,
  scope,
  subject,
  spentNanoUsd,
  limitNanoUsd,
  until,
  forecast,
}: WindowForecast) {
  return {
    budget: budgetId,
    scope,
    subject,
    spent_usd: formatUsd(spentNanoUsd),
    limit_usd: limitNanoUsd === null ? null : formatUsd(limitNanoUsd),
    until: new Date(until).toISOString(),
    expected_usd: formatUsd(forecast.expectedNanoUsd),
    exhausted_at: forecast.exhaustedAt === null ? null : new Date(forecast.exhaustedAt).toISOString(),
    days: forecast.days,
  }
}
