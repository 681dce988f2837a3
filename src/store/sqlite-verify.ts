// Looks through the books: every roll-up and every period of a budget is computed again from the entries and compared.
//
// Entries in archives cannot be looked at one by one. For the hours that an archive reaches into, the sums of what is in
// the archives and what is still in the store are compared with the sum of the roll-ups of all these hours together.
import type { UsageUnit } from '../core/usage.ts'
import { ENTRY_STATUSES, parseUsage } from './codec.ts'
import type { Connection } from './sqlite-connection.ts'
import { SUMS, UNIT_COLUMNS, wholeUnits } from './sqlite-rollup.ts'
import { verifySales } from './sqlite-sales.ts'
import { createFoldedReader, HOUR_MS, isFolded, KINDS, monthStart, SPANS } from './sqlite-spans.ts'
import { compareCosts, type CostSums, countCost } from './sqlite-verify-costs.ts'
import type { BooksCheck } from './store.ts'

type EntryRow = {
  readonly id: string
  readonly at: bigint
  readonly status: bigint
  readonly usage: string
  readonly cost: bigint
  readonly saved: bigint
  readonly unpriced: bigint
  readonly subject: bigint
}
type PartRow = Pick<EntryRow, 'usage' | 'cost' | 'unpriced' | 'subject'> & { readonly entry: string }
type SubjectRow = {
  readonly no: bigint
  readonly slim: string
  readonly coarse: string
  readonly detail: string | null
}
type SpendRow = Readonly<Record<string, bigint>>

const UNITS = Object.keys(UNIT_COLUMNS) as readonly UsageUnit[]
const MAX_EXAMPLES = 20
const ADJUSTED = BigInt(ENTRY_STATUSES.indexOf('adjusted'))

/** Sums by `span kind at subject status`; subjects by what they say, because numbers differ by detail. */
type Sums = Map<string, bigint[]>

/** Call it inside a transaction: the sums must be of one moment. */
export function verifyBooks(database: Connection): BooksCheck {
  const differences: string[] = []
  let count = 0
  const differ = (sentence: string): void => {
    count++
    if (differences.length < MAX_EXAMPLES) differences.push(sentence)
  }
  const archives = archivesOf(database)
  const subjects = subjectsOf(database)
  const { sums, costs, entries, early } = sumsOfEntries(database, subjects, archives.beforeHour)
  const rows =
    compareRollups(database, subjects, { sums, beforeHour: archives.beforeHour, early, archives }, differ) +
    compareCosts(database, costs, archives.beforeHour, differ)
  const sales = verifySales(database, archives.beforeHour, differ)
  const periods = comparePeriods(database, differ)
  return {
    entries,
    archivedEntries: archives.entries,
    rows: rows + sales,
    periods,
    differences: count,
    examples: differences,
  }
}

type Archives = {
  readonly beforeHour: number
  readonly entries: number
  readonly requests: bigint
  readonly cost: bigint
}

function archivesOf(database: Connection): Archives {
  const row = database
    .query<{ before: bigint | null; entries: bigint | null; requests: bigint | null; cost: bigint | null }, []>(
      `SELECT max(before_at) AS before, sum(entries) AS entries, sum(requests) AS requests, sum(cost_nano_usd) AS cost
       FROM archives`,
    )
    .safeIntegers(true)
    .get()
  return {
    beforeHour: row?.before === null || row === null ? -1 : Number(row.before) / HOUR_MS,
    entries: Number(row?.entries ?? 0n),
    requests: row?.requests ?? 0n,
    cost: row?.cost ?? 0n,
  }
}

/** What each subject counts as in the roll-ups: with and without end user and tags. */
function subjectsOf(database: Connection): ReadonlyMap<bigint, SubjectRow> {
  const rows = database
    .query<SubjectRow & { readonly end_user: string | null; readonly tags: string }, []>(
      `SELECT no, end_user, tags,
         json_array(key_id, team_id, organisation, route, operation, task, purpose, provider, model) AS slim,
         json_array(team_id, organisation, route, purpose, provider, model) AS coarse FROM subjects`,
    )
    .safeIntegers(true)
    .all()
  return new Map(
    rows.map(({ no, slim, coarse, end_user: endUser, tags }) => {
      const named = [...new Set(JSON.parse(tags) as readonly string[])].sort()
      const detail = endUser === null && named.length === 0 ? null : JSON.stringify([slim, endUser, named])
      return [no, { no, slim, coarse, detail }]
    }),
  )
}

function sumsOfEntries(database: Connection, subjects: ReadonlyMap<bigint, SubjectRow>, beforeHour: number) {
  const sums: Sums = new Map()
  const costs: CostSums = new Map()
  const early = { requests: 0n, cost: 0n }
  const parts = partsOf(database)
  let entries = 0
  const addShare = (hour: number, status: bigint, subjectNo: bigint, amounts: readonly bigint[]): void => {
    const subject = subjects.get(subjectNo)
    if (subject === undefined) return
    add(sums, nameOf(subject.detail === null ? 0 : 1, hour, subject.slim, status), amounts)
    if (subject.detail !== null) add(sums, nameOf(2, hour, subject.detail, status), amounts)
  }
  using statement = database.prepare<EntryRow, []>(
    `SELECT id, at, status, usage, cost_nano_usd AS cost, coalesce(saved_nano_usd, 0) AS saved, unpriced, subject
     FROM entries`,
  )
  for (const row of statement.safeIntegers(true).iterate()) {
    entries++
    const hour = Math.floor(Number(row.at) / HOUR_MS)
    const requests = row.status === ADJUSTED ? 0n : 1n
    if (hour < beforeHour) {
      early.requests += requests
      early.cost += row.cost
      continue
    }
    const beside = parts.get(row.id) ?? []
    const own = beside.reduce((left, part) => left - part.cost, row.cost)
    addShare(hour, row.status, row.subject, [requests, own, row.saved, row.unpriced, ...unitsOf(row.usage)])
    for (const { cost, unpriced, usage, subject } of beside)
      addShare(hour, row.status, subject, [0n, cost, 0n, unpriced, ...unitsOf(usage)])
    countCost(costs, { hour, isDetailed: subjects.get(row.subject)?.detail !== null, ...row })
  }
  return { sums, costs, entries, early }
}

function unitsOf(text: string): readonly bigint[] {
  const usage = parseUsage(text)
  return UNITS.map((unit) => BigInt(wholeUnits(unit, usage[unit])))
}

/** Few entries have any. */
function partsOf(database: Connection): ReadonlyMap<string, readonly PartRow[]> {
  const rows = database
    .query<PartRow, []>(
      'SELECT entry, subject, usage, cost_nano_usd AS cost, unpriced FROM entry_parts ORDER BY entry, part',
    )
    .safeIntegers(true)
    .all()
  return Map.groupBy(rows, ({ entry }) => entry)
}

function nameOf(kind: number, hour: number, subject: string, status: bigint): string {
  return `${kind} ${hour} ${status} ${subject}`
}

function add(sums: Sums, name: string, amounts: readonly bigint[]): void {
  const known = sums.get(name)
  if (known === undefined) sums.set(name, [...amounts])
  else for (const [place, amount] of amounts.entries()) known[place] = (known[place] ?? 0n) + amount
}

type Expected = {
  readonly sums: Sums
  readonly beforeHour: number
  readonly early: { readonly requests: bigint; readonly cost: bigint }
  readonly archives: Archives
}

/** Compares hours with the entries, and days and months with their hours; returns how many rows there were. */
function compareRollups(
  database: Connection,
  subjects: ReadonlyMap<bigint, SubjectRow>,
  { sums, beforeHour, early, archives }: Expected,
  differ: (sentence: string) => void,
): number {
  const left = new Map(sums)
  const folded: Record<'day' | 'month', Sums> = { day: new Map(), month: new Map() }
  const moment = createFoldedReader(database)() ?? { until: 0, kind: 0, subject: 0 }
  let archivedRequests = 0n
  let archivedCost = 0n
  let rows = 0
  using statement = database.prepare<SpendRow, []>('SELECT * FROM spend ORDER BY span')
  for (const row of statement.safeIntegers(true).iterate()) {
    rows++
    const at = Number(row['at'])
    const kind = Number(row['kind'])
    const subject = subjects.get(row['subject'] ?? 0n)
    const said = kind === KINDS.detailed ? subject?.detail : kind === KINDS.coarse ? subject?.coarse : subject?.slim
    const amounts = SUMS.map((sum) => row[sum] ?? 0n)
    const name = nameOf(kind, at, said ?? '', row['status'] ?? 0n)
    switch (Number(row['span'])) {
      case SPANS.hour:
        if (isFolded({ hour: at, kind, subject: Number(row['subject']) }, moment))
          for (const [fold, start] of [
            [folded.day, at - (at % 24)],
            [folded.month, monthStart(at)],
          ] as const) {
            add(fold, nameOf(kind, start, said ?? '', row['status'] ?? 0n), amounts)
            if (kind !== KINDS.detailed)
              add(fold, nameOf(KINDS.coarse, start, subject?.coarse ?? '', row['status'] ?? 0n), amounts)
          }
        if (at < beforeHour) {
          if (kind !== 2) {
            archivedRequests += amounts[0] ?? 0n
            archivedCost += amounts[1] ?? 0n
          }
          break
        }
        compareRow('hour', name, left.get(name), amounts, differ)
        left.delete(name)
        break
      case SPANS.day:
        compareRow('day', name, folded.day.get(name), amounts, differ)
        folded.day.delete(name)
        break
      case SPANS.month:
        compareRow('month', name, folded.month.get(name), amounts, differ)
        folded.month.delete(name)
        break
    }
  }
  for (const [span, missing] of [
    ['hour', left],
    ['day', folded.day],
    ['month', folded.month],
  ] as const)
    for (const [name, amounts] of missing)
      if (amounts.some((amount) => amount !== 0n))
        differ(`${span} ${placeOf(name)}: entries say ${amounts[1]} nano-dollars, and there is no roll-up`)
  if (archivedRequests !== early.requests + archives.requests || archivedCost !== early.cost + archives.cost)
    differ(
      `the archived hours: entries say ${early.requests + archives.requests} requests of ${early.cost + archives.cost} nano-dollars, the roll-ups ${archivedRequests} of ${archivedCost}`,
    )
  return rows
}

function compareRow(
  span: string,
  name: string,
  expected: readonly bigint[] | undefined,
  found: readonly bigint[],
  differ: (sentence: string) => void,
): void {
  for (const [place, sum] of SUMS.entries()) {
    const [wanted, is] = [expected?.[place] ?? 0n, found[place] ?? 0n]
    if (wanted !== is) return differ(`${span} ${placeOf(name)}: ${sum} is ${is}, and its parts say ${wanted}`)
  }
}

function placeOf(name: string): string {
  const [, hour, status, ...subject] = name.split(' ')
  return `${new Date(Number(hour) * HOUR_MS).toISOString()} ${ENTRY_STATUSES[Number(status)] ?? status} ${subject.join(' ')}`
}

function comparePeriods(database: Connection, differ: (sentence: string) => void): number {
  const rows = database
    .query<{ budget: string; subject: string; from_at: bigint; spent: bigint; found: bigint | null; lost: bigint }, []>(
      `SELECT p.budget, p.subject, p.from_at, p.spent_nano_usd - p.archived_nano_usd AS spent,
         sum(iif(p.sold = 1, x.charged_nano_usd, coalesce(c.cost_nano_usd, e.cost_nano_usd))) AS found,
         sum(c.entry IS NOT NULL AND e.id IS NULL) AS lost
       FROM budget_periods p LEFT JOIN budget_charges c ON c.period = p.no LEFT JOIN entries e ON e.id = c.entry
       LEFT JOIN sales x ON x.entry = c.entry AND p.sold = 1
       GROUP BY p.no`,
    )
    .safeIntegers(true)
    .all()
  for (const { budget, subject, from_at: from, spent, found, lost } of rows) {
    const where = `budget ${budget} of ${subject === '' ? 'the gateway' : subject} from ${new Date(Number(from)).toISOString()}`
    if (lost !== 0n) differ(`${where}: ${lost} of its entries are gone`)
    if (spent !== (found ?? 0n)) differ(`${where}: ${spent} nano-dollars are spent, and its entries say ${found ?? 0n}`)
  }
  return rows.length
}
