// A statement of account: what a team, an organisation, a key or the whole gateway spent in a time, on what, and how that
// compares. It is gathered from the roll-ups; statement-html.ts and statement-text.ts write it down.
import type { NanoUsd } from '../core/money.ts'
import { allOf } from '../core/all-pages.ts'
import type { KeyStore, ReportStore, SpendDimension, SpendRow } from '../store/store.ts'
import { FORECAST_DAYS, forecast, type Forecast } from './forecast.ts'
import { type SpendSums, totalOf } from './spend-sums.ts'

export type StatementSubject =
  | { readonly scope: 'gateway' }
  | { readonly scope: 'organisation'; readonly id: string }
  | { readonly scope: 'team' | 'key'; readonly id: string; readonly name: string }

/** UTC, ms; both at the start of a day. */
export type StatementTime = { readonly from: number; readonly until: number; readonly name: string }

type StatementPart = {
  /** What it is split by: `model`. */
  readonly title: string
  /** Dearest first. */
  readonly rows: readonly (SpendSums & { readonly name: string })[]
  /** Rows beyond the first ones, which are summed in the last row. */
  readonly more: number
}

export type Statement = {
  readonly subject: StatementSubject
  readonly time: StatementTime
  readonly madeAt: number
  readonly total: SpendSums
  /** Of the time before, as long. */
  readonly before: SpendSums
  /** What each day cost. */
  readonly days: readonly { readonly at: number; readonly costNanoUsd: NanoUsd }[]
  readonly parts: readonly StatementPart[]
  /** Of a time that has not ended; null: it has. */
  readonly forecast: Forecast | null
}

type Tools = {
  readonly store: Pick<ReportStore, 'spend'>
  readonly now: number
  /** Names of keys and teams by their ids; those that are gone keep their ids. */
  readonly names: ReadonlyMap<string, string>
}

const DAY_MS = 86_400_000
const MOST_ROWS = 30

const PARTS: readonly { readonly title: string; readonly by: readonly SpendDimension[] }[] = [
  { title: 'team', by: ['team'] },
  { title: 'key', by: ['key'] },
  { title: 'model', by: ['provider', 'model'] },
  { title: 'route', by: ['route'] },
  { title: 'task', by: ['task'] },
  { title: 'tag', by: ['tag'] },
]
/** What a statement of each scope is not split by, because it is all of one. */
const LEFT_OUT: Readonly<Record<StatementSubject['scope'], readonly string[]>> = {
  gateway: [],
  organisation: [],
  team: ['team'],
  key: ['team', 'key'],
}

export async function gatherStatement(
  subject: StatementSubject,
  time: StatementTime,
  { store, now, names }: Tools,
): Promise<Statement> {
  const { from, until } = time
  const where = subject.scope === 'gateway' ? {} : { [subject.scope]: subject.id }
  const sum = (by: readonly SpendDimension[], start: number, end: number, bucket: 'day' | null = null) =>
    store.spend({ by, bucket, from: start, to: end, where })
  const total = totalOf(await sum([], from, until))
  const parts: StatementPart[] = []
  for (const { title, by } of PARTS) {
    if (LEFT_OUT[subject.scope].includes(title)) continue
    const rows = await sum(by, from, until)
    // Nothing is said by a list of one that has no name.
    if (rows.some(({ group }) => by.some((dimension) => (group[dimension] ?? null) !== null)))
      parts.push(partOf(title, rows, by, names))
  }
  const days = await sum([], from, until, 'day')
  return {
    subject,
    time,
    madeAt: now,
    total,
    before: totalOf(await sum([], from - (until - from), from)),
    days: allDays(from, Math.min(until, now), days),
    parts,
    forecast: until <= now || from > now ? null : await forecastOf(now, until, total.costNanoUsd, sum),
  }
}

async function forecastOf(
  now: number,
  until: number,
  spentNanoUsd: NanoUsd,
  sum: (by: [], from: number, to: number, bucket: 'day') => Promise<readonly SpendRow[]>,
): Promise<Forecast> {
  const today = now - (now % DAY_MS)
  const rows = await sum([], today - FORECAST_DAYS * DAY_MS, today + DAY_MS, 'day')
  const history = new Map(rows.map(({ at, costNanoUsd }) => [at ?? 0, costNanoUsd]))
  return forecast({ now, until, spentNanoUsd, limitNanoUsd: null, history })
}

function partOf(
  title: string,
  rows: readonly SpendRow[],
  by: readonly SpendDimension[],
  names: ReadonlyMap<string, string>,
): StatementPart {
  const named = rows.map((row) => ({ ...row, name: nameOf(row, by, names) }))
  if (named.length <= MOST_ROWS) return { title, rows: named, more: 0 }
  const rest = named.slice(MOST_ROWS)
  const others = { ...totalOf(rest), name: `${rest.length} more` }
  return { title, rows: [...named.slice(0, MOST_ROWS), others], more: rest.length }
}

function nameOf({ group }: SpendRow, by: readonly SpendDimension[], names: ReadonlyMap<string, string>): string {
  const words = by.map((dimension) => {
    const value = group[dimension] ?? null
    if (value === null) return null
    return dimension === 'key' || dimension === 'team' ? (names.get(value) ?? value) : value
  })
  return words.every((word) => word === null) ? 'none' : words.map((word) => word ?? '-').join('/')
}

function allDays(from: number, until: number, rows: readonly SpendRow[]): Statement['days'] {
  const costs = new Map(rows.map(({ at, costNanoUsd }) => [at, costNanoUsd]))
  const days: { at: number; costNanoUsd: NanoUsd }[] = []
  for (let at = from; at < until; at += DAY_MS) days.push({ at, costNanoUsd: costs.get(at) ?? 0n })
  return days
}

/** Names of keys and teams by their ids. */
export async function namesOf(store: Pick<KeyStore, 'listKeys' | 'listTeams'>): Promise<ReadonlyMap<string, string>> {
  const keys = await allOf((query) => store.listKeys(query))
  const teams = await allOf((query) => store.listTeams(query))
  return new Map([...keys, ...teams].map(({ id, name }) => [id, name]))
}

/** `2026-11` as a time; null: it is no month. */
export function monthNamed(text: string): StatementTime | null {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text)
  if (match === null) return null
  const [year, month] = [Number(match[1]), Number(match[2]) - 1]
  return { from: Date.UTC(year, month), until: Date.UTC(year, month + 1), name: text }
}

export function monthOf(at: number): StatementTime {
  const date = new Date(at)
  const [from, until] = [0, 1].map((later) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later))
  return { from: from ?? at, until: until ?? at, name: new Date(from ?? at).toISOString().slice(0, 7) }
}

/** What a statement is called, in one line. */
export function statementTitle({ subject, time }: Pick<Statement, 'subject' | 'time'>): string {
  return `Spend of ${subjectWords(subject)} in ${time.name}`
}

function subjectWords(subject: StatementSubject): string {
  switch (subject.scope) {
    case 'gateway':
      return 'the gateway'
    case 'organisation':
      return `the organisation ${subject.id}`
    case 'team':
    case 'key':
      return `the ${subject.scope} ${subject.name}`
  }
}
