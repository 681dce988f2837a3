import { expect, test } from 'bun:test'
import type { BudgetScope } from '../core/budget.ts'
import type { Entry } from '../core/ledger.ts'
import { NO_USAGE } from '../core/usage.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { forecastWindows } from './forecast-windows.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 28)

function entry(id: number, at: number): Entry {
  return {
    id: `e${id}`,
    at,
    dimensions: {
      keyId: 'key_1',
      teamId: 'team_1',
      endUser: 'ada',
      tags: ['nightly'],
      requestedModel: 'm',
      route: 'chat',
      operation: 'chat',
      dialect: 'openai-chat',
      organisation: 'acme',
    },
    provider: 'openai',
    model: 'gpt-5',
    status: 'complete',
    usage: NO_USAGE,
    usageSource: 'reported',
    costNanoUsd: 10n,
    unpriced: false,
    priceVersion: 'v',
  }
}

test('each scope is forecast from the days of its own subjects', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const entries = Array.from({ length: 28 }, (_, ago) => entry(ago, NOW - (ago + 1) * DAY + 5))
  await store.commit({ intents: [], records: [], entries })
  const subjects: readonly (readonly [BudgetScope, string])[] = [
    ['gateway', ''],
    ['organisation', 'acme'],
    ['team', 'team_1'],
    ['key', 'key_1'],
    ['end_user', 'team_1/ada'],
    ['tag', 'nightly'],
    ['route', 'chat'],
    ['provider', 'openai'],
    ['model', 'gpt-5'],
    ['model', 'openai/gpt-5'],
    ['model', 'azure/gpt-5'],
    ['key', 'key_2'],
    ['user', 'user_1'],
  ]
  const windows = subjects.map(([scope, subject]) => ({
    budgetId: 'b',
    scope,
    subject,
    spentNanoUsd: 100n,
    limitNanoUsd: 110n,
    until: NOW + 2 * DAY,
  }))
  const found = await forecastWindows(windows, { store, now: NOW })
  const told = found.map(({ scope, subject, forecast: { expectedNanoUsd, exhaustedAt } }) => [
    `${scope} ${subject}`,
    [expectedNanoUsd, exhaustedAt],
  ])
  const goesOn = [120n, NOW + DAY]
  const nothing = [100n, null]
  expect(Object.fromEntries(told)).toEqual({
    ...Object.fromEntries(subjects.slice(0, 10).map(([scope, subject]) => [`${scope} ${subject}`, goesOn])),
    'model azure/gpt-5': nothing,
    'key key_2': nothing,
  })
  await store.close()
})
