// Teams, keys and budgets in the words of the file, of the store as of the file, so that the two can be compared.
import { writeWindow } from '../config/budget-values.ts'
import type { BudgetConfig } from '../config/schema-budgets.ts'
import type { Budget, BudgetScope, BudgetWindow, OnExhausted } from '../core/budget.ts'
import type { Team, VirtualKey } from '../core/key.ts'
import { formatUsd } from '../core/money.ts'
import type { DeclaredKey, DeclaredTeam } from './schema.ts'

/** Field of the file → its value, as JSON text. What stands for "nothing said" is null. */
export type Words = Readonly<Record<string, string>>

export type FieldChange = { readonly field: string; readonly from: string | null; readonly to: string | null }

/** Fields that differ. */
export function changesOf(from: Words, to: Words): readonly FieldChange[] {
  return Object.keys(to)
    .filter((field) => from[field] !== to[field])
    .map((field) => ({ field, from: from[field] ?? null, to: to[field] ?? null }))
}

/** Fields that say something. */
export function creationOf(words: Words): readonly FieldChange[] {
  return Object.entries(words)
    .filter(([, value]) => !['null', '[]', '{}', 'false'].includes(value))
    .map(([field, to]) => ({ field, from: null, to }))
}

type TeamFields = Pick<DeclaredTeam, Exclude<keyof DeclaredTeam, 'organisation'>> & Pick<Team, 'organisation'>

export function teamWords({ organisation, models, limits, tags, metadata, disabled }: TeamFields): Words {
  return words({
    organisation: organisation ?? null,
    models: sorted(models),
    ...limitWords(limits),
    tags: sorted(tags),
    metadata: byName(metadata),
    disabled,
  })
}

/** @param team name of its team */
export function keyWords(key: Omit<VirtualKey, 'teamId'> | DeclaredKey, team: string | null): Words {
  const {
    models,
    endpoints,
    addresses,
    limits,
    tags,
    forbids = [],
    requireEndUser,
    metadata,
    disabled,
    expiresAt,
  } = key
  return words({
    team,
    models: sorted(models),
    endpoints: sorted(endpoints),
    addresses: sorted(addresses),
    ...limitWords(limits),
    tags: sorted(tags),
    forbids: sorted(forbids),
    require_end_user: requireEndUser,
    metadata: byName(metadata),
    disabled,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  })
}

/** What of a budget may change; whose it is and its window say which one it is. */
export function budgetWords(budget: Pick<BudgetConfig, 'limitUsd' | 'onExhausted' | 'borrowUsd' | 'alertAt'>): Words {
  return words({
    limit_usd: budget.limitUsd,
    on_exhausted: exhaustedWords(budget.onExhausted),
    borrow_usd: budget.borrowUsd,
    alert_at: budget.alertAt.toSorted((one, two) => one - two),
  })
}

/** A budget of the store, with its amounts as the file has them. */
export function budgetFields({ limitNanoUsd, borrowNanoUsd, onExhausted, alertAt }: Budget) {
  return {
    limitUsd: formatUsd(limitNanoUsd),
    borrowUsd: borrowNanoUsd === null ? null : formatUsd(borrowNanoUsd),
    onExhausted,
    alertAt,
  }
}

/** `team research, month Europe/Berlin`: which budget it is. */
export function budgetName(scope: BudgetScope, subject: string | null, window: BudgetWindow): string {
  const whose = scope === 'gateway' ? 'gateway' : `${scope} ${subject ?? '(each)'}`
  const zone = window.type === 'calendar' && window.timeZone !== 'UTC' ? ` ${window.timeZone}` : ''
  return `${whose}, ${writeWindow(window)}${zone}`
}

function exhaustedWords(onExhausted: OnExhausted): unknown {
  return onExhausted.type === 'degrade' ? { degrade: onExhausted.to } : onExhausted.type
}

function words(fields: Readonly<Record<string, unknown>>): Words {
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, JSON.stringify(value)]))
}

function limitWords(limits: DeclaredKey['limits']): Readonly<Record<string, number | null>> {
  return { 'limits.rpm': limits.rpm, 'limits.tpm': limits.tpm, 'limits.concurrency': limits.concurrency }
}

// The order of globs, tags and the like means nothing.
function sorted(list: readonly string[] | null): readonly string[] | null {
  return list === null ? null : list.toSorted()
}

function byName(mapping: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(mapping).toSorted(([one], [two]) => (one < two ? -1 : 1)))
}
