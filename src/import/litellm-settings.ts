// `litellm_settings`, `router_settings` and `general_settings` of LiteLLM's file → sections of ours.
import { expectedBy, fieldAt } from '../config/check.ts'
import { readWhole } from '../config/fields.ts'
import type { Path } from '../config/problem.ts'
import { parseAmount } from '../config/budget-values.ts'
import { formatUsd } from '../core/money.ts'
import { budgetWindow, durationOfSeconds } from './amounts.ts'
import type { FileNotes } from './finding.ts'
import type { Providers } from './litellm-providers.ts'
import { LITELLM_SECTIONS, LITELLM_SETTINGS, type Said } from './litellm-setting-rows.ts'
import { isOn, mappingOf } from './litellm-values.ts'
import { rowOf } from './table.ts'

/** Sections that settings are written to; budgets are a list. */
type Sections = { readonly values: Record<string, unknown>; readonly budgets: Record<string, unknown>[] }

/** What the configuration would not take for a field, in its own words; null: it takes it. Variables are looked at by `weir check`. */
function refusal(path: Path, value: unknown): string | null {
  if (typeof value === 'string' && value.startsWith('${')) return null
  const field = fieldAt(path)
  if (field === null) return null
  const read = readWhole(field, value)
  return read.ok ? null : `expected ${expectedBy(read.issues[0]!, field)}`
}

/** Writes what a row says, all or nothing, and notes it. */
function put(sections: Sections, path: Path, { outcome, message, sets = {} }: Said, notes: FileNotes): void {
  for (const [section, fields] of Object.entries(sets))
    for (const [field, value] of Object.entries(fields)) {
      const problem = refusal([section, field], value)
      if (problem !== null) return notes.dropped(path, `${section}.${field}: ${problem}`)
    }
  for (const [section, fields] of Object.entries(sets))
    sections.values[section] = { ...mappingOf(sections.values[section]), ...fields }
  notes[outcome](path, message)
}

/** Reads every setting that has a row; those of routes are read with the routes. */
export function litellmSettings(root: Readonly<Record<string, unknown>>, notes: FileNotes): Sections {
  const sections: Sections = { values: {}, budgets: [] }
  for (const [section, rows] of Object.entries(LITELLM_SETTINGS))
    for (const [name, value] of Object.entries(mappingOf(root[section]))) {
      const row = rowOf(rows, name)
      if (row === undefined) continue
      const said = typeof row === 'string' ? ({ outcome: 'dropped', message: row } as const) : row(value)
      put(sections, [section, name], said, notes)
    }
  for (const [section, reason] of Object.entries(LITELLM_SECTIONS))
    if (root[section] !== undefined) notes.dropped([section], reason)
  readCacheTime(root, sections, notes)
  return sections
}

function readCacheTime(root: Readonly<Record<string, unknown>>, sections: Sections, notes: FileNotes): void {
  const settings = mappingOf(root['litellm_settings'])
  const params = mappingOf(settings['cache_params'])
  const path = ['litellm_settings', 'cache_params']
  const ttl = durationOfSeconds(params['ttl'])
  for (const name of Object.keys(params)) {
    if (name === 'ttl' && ttl !== null && isOn(settings['cache']))
      put(sections, [...path, name], { outcome: 'carried', message: 'cache.ttl', sets: { cache: { ttl } } }, notes)
    else if (/similarity|semantic/.test(name))
      notes.dropped([...path, name], 'see `cache.mode: semantic` (docs/caching.md)')
    else notes.dropped([...path, name], 'answers are kept in the data folder')
  }
}

/** Budgets: of the gateway, of end users, of providers, and of deployments. */
export function litellmBudgets(
  root: Readonly<Record<string, unknown>>,
  providers: Providers,
  sections: Sections,
  notes: FileNotes,
): void {
  const litellm = mappingOf(root['litellm_settings'])
  const add = (path: Path, scope: string, id: string | null, limit: unknown, duration: unknown): void => {
    const nano = parseAmount(limit)
    const time = budgetWindow(duration)
    if (nano === null || time === null) {
      notes.dropped(
        path,
        nano === null ? 'no amount of dollars' : `no time that a budget can be for: ${JSON.stringify(duration)}`,
      )
      return
    }
    const budget = { scope, ...(id === null ? {} : { id }), window: time.window, limit_usd: formatUsd(nano) }
    const problem = refusal(['budgets', 0], budget)
    if (problem !== null) return notes.dropped(path, problem)
    sections.budgets.push(budget)
    const words = `budgets: ${formatUsd(nano)} dollars, window ${time.window}`
    if (time.isCalendar) notes.carried(path, words)
    else notes.changed(path, `${words}: the last so long, not from one day of renewal to the next`)
  }
  const duration = litellm['budget_duration']
  const general = ['litellm_settings', 'max_budget']
  if (litellm['max_budget'] !== undefined) add(general, 'gateway', null, litellm['max_budget'], duration)
  if (duration !== undefined) notes.carried(['litellm_settings', 'budget_duration'], 'window of the budget')
  if (litellm['max_end_user_budget'] !== undefined)
    add(['litellm_settings', 'max_end_user_budget'], 'end_user', null, litellm['max_end_user_budget'], undefined)
  const byHost = mappingOf(mappingOf(root['router_settings'])['provider_budget_config'])
  for (const [host, terms] of Object.entries(byHost)) {
    const { budget_limit: limit, time_period: period } = mappingOf(terms) as {
      budget_limit?: unknown
      time_period?: unknown
    }
    const path = ['router_settings', 'provider_budget_config', host]
    const names = new Set(
      [...providers.deployments, ...providers.wildcards]
        .filter(({ named }) => named.name === host)
        .map(({ provider }) => provider),
    )
    if (names.size === 0) notes.dropped(path, 'no entry of `model_list` calls it')
    else if (names.size > 1)
      notes.dropped(path, `it is several providers here (${[...names].join(', ')}), each with a budget of its own`)
    else add(path, 'provider', [...names][0]!, limit, period)
  }
  for (const { path, target, budget } of providers.deployments)
    if (budget !== null) {
      add([...path, 'litellm_params', 'max_budget'], 'model', target, budget.limit, budget.duration)
      if (budget.duration !== undefined && budget.duration !== null)
        notes.carried([...path, 'litellm_params', 'budget_duration'], 'window of the budget')
    }
}
