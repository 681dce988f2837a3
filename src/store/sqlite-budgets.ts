// Budgets and what was spent in their periods, in SQLite.
//
// Invariant: for each period, spent_nano_usd = Σ cost of the entries whose charges name it, or of the share that a charge
// tells, or Σ of what they were sold for (`sold`). Both are written in the transaction that inserts the entry.
import type { Budget, BudgetAccount, BudgetCharge, BudgetHold, BudgetScope } from '../core/budget.ts'
import type { Alert } from '../core/alert.ts'
import type { Entry } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import { int64 } from './codec.ts'
import { pageOf, parseTimeCursor, timeCursor } from './page.ts'
import { createAlertWriter } from './sqlite-alerts.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { BudgetStore } from './store.ts'

type BudgetRow = {
  readonly id: string
  readonly scope: string
  readonly subject: string | null
  readonly created_at: number
  readonly body: string
}
type PeriodRow = {
  readonly budget: string
  readonly subject: string
  readonly from_at: bigint
  readonly until_at: bigint | null
  readonly spent_nano_usd: bigint
}
type BudgetBody = Omit<Budget, 'id' | 'scope' | 'subject' | 'createdAt'>

export function createBudgetStore(database: Connection): BudgetStore {
  const columns = 'id, scope, subject, created_at, body'
  const select = database.statement<BudgetRow, [string]>(`SELECT ${columns} FROM budgets WHERE id = ?`)
  const list = database.statement<BudgetRow, (string | number | null)[]>(
    `SELECT ${columns} FROM budgets WHERE (created_at, id) > (?1, ?2) AND (?3 IS NULL OR scope = ?3)
     AND (?4 IS NULL OR subject = ?4) ORDER BY created_at, id LIMIT ?5`,
  )
  const insert = database.statement('INSERT INTO budgets VALUES (?, ?, ?, ?, ?)')
  const change = database.statement('UPDATE budgets SET body = ? WHERE id = ?')
  const drop = database.statement('DELETE FROM budgets WHERE id = ?')
  const accounts = database
    .statement<PeriodRow, [number]>(
      'SELECT budget, subject, from_at, until_at, spent_nano_usd FROM budget_periods WHERE until_at > ? OR until_at IS NULL',
    )
    .safeIntegers(true)

  function get(id: string): Budget | null {
    const row = select.get(id)
    return row === null ? null : readBudget(row)
  }

  return {
    listBudgets: ({ cursor, limit, scope, subject }) =>
      guarded(() => {
        const { at, id } = parseTimeCursor(cursor)
        const rows = list.all(at, id, scope ?? null, subject ?? null, limit + 1)
        return pageOf(rows.map(readBudget), limit, timeCursor)
      }),
    getBudget: (id) => guarded(() => get(id)),
    insertBudget: (budget) =>
      guarded(() => {
        insert.run(budget.id, budget.scope, budget.subject, budget.createdAt, bodyText(budget))
      }),
    updateBudget: (id, patch) =>
      guarded(() =>
        database
          .transaction(() => {
            const current = get(id)
            if (current === null) return null
            const changed = { ...current, ...patch }
            change.run(bodyText(changed), id)
            return changed
          })
          .immediate(),
      ),
    deleteBudget: (id) => guarded(() => drop.run(id).changes > 0),
    budgetAccounts: ({ endsAfter }) =>
      guarded(() =>
        accounts
          .all(endsAfter)
          .map((row): BudgetAccount => ({ ...periodOfRow(row), spentNanoUsd: row.spent_nano_usd })),
      ),
  }
}

function periodOfRow(row: PeriodRow): BudgetCharge {
  return {
    budgetId: row.budget,
    subject: row.subject,
    from: Number(row.from_at),
    until: row.until_at === null ? null : Number(row.until_at),
  }
}

// JSON knows no big integers: amounts are written as text.
function bodyText({ id: _id, scope: _scope, subject: _subject, createdAt: _createdAt, ...body }: Budget): string {
  return JSON.stringify(body satisfies BudgetBody, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value,
  )
}

type BodyText = Omit<BudgetBody, 'limitNanoUsd' | 'borrowNanoUsd' | 'raises'> & {
  readonly limitNanoUsd: string
  readonly borrowNanoUsd: string | null
  readonly raises: readonly { readonly amountNanoUsd: string; readonly until: number }[]
}

function readBudget(row: BudgetRow): Budget {
  const body = JSON.parse(row.body) as BodyText
  return {
    ...body,
    id: row.id,
    scope: row.scope as BudgetScope,
    subject: row.subject,
    createdAt: row.created_at,
    limitNanoUsd: BigInt(body.limitNanoUsd),
    borrowNanoUsd: body.borrowNanoUsd === null ? null : BigInt(body.borrowNanoUsd),
    raises: body.raises.map(({ amountNanoUsd, until }) => ({ amountNanoUsd: BigInt(amountNanoUsd), until })),
  }
}

type HoldRow = readonly [
  scope: BudgetScope,
  budget: string,
  subject: string,
  from: number,
  until: number | null,
  nano: string,
  ...sale: readonly [] | readonly [user: string, group: string, multiplier: string],
]

/** What an intent holds, as JSON rows. */
export function holdsText(holds: readonly BudgetHold[]): string {
  return JSON.stringify(
    holds.map(({ scope, budgetId, subject, from, until, nanoUsd, sale }): HoldRow => [
      scope,
      budgetId,
      subject,
      from,
      until,
      `${nanoUsd}`,
      ...(sale === undefined ? ([] as const) : ([sale.userId, sale.group, `${sale.multiplierMillionths}`] as const)),
    ]),
  )
}

export function parseHolds(text: string): readonly BudgetHold[] {
  return (JSON.parse(text) as readonly HoldRow[]).map(
    ([scope, budgetId, subject, from, until, nano, userId, group, multiplier]) => ({
      scope,
      budgetId,
      subject,
      from,
      until,
      nanoUsd: BigInt(nano),
      ...(userId === undefined || group === undefined || multiplier === undefined
        ? {}
        : { sale: { userId, group, multiplierMillionths: BigInt(multiplier) } }),
    }),
  )
}

type Charged = { readonly entry: string; readonly share: BudgetCharge['share'] }

export type ChargeWriter = {
  /** Call it inside the transaction that inserted the entry. */
  add(entry: Entry, charges: readonly BudgetCharge[]): void
  /** Writes what was added since: one sum for each period, one row for each charge. */
  write(): void
  /** Drops what was added since, after a rollback. */
  forget(): void
}

export function createChargeWriter(database: Connection): ChargeWriter {
  const add = database.statement(
    `INSERT INTO budget_periods (budget, subject, from_at, until_at, spent_nano_usd, sold) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET spent_nano_usd = spent_nano_usd + excluded.spent_nano_usd`,
  )
  const find = database.statement<{ no: number }, [string, string, number]>(
    'SELECT no FROM budget_periods WHERE budget = ? AND subject = ? AND from_at = ?',
  )
  const link = database.statement('INSERT INTO budget_charges VALUES (?, ?, ?, ?)')
  const raise = createAlertWriter(database)
  let sums = new Map<string, { readonly period: BudgetCharge; cost: NanoUsd; readonly of: Charged[] }>()
  let alerts: Alert[] = []

  return {
    add(entry, charges) {
      for (const period of charges) {
        const name = `${period.budgetId}\0${period.subject}\0${period.from}`
        let sum = sums.get(name)
        if (sum === undefined) sums.set(name, (sum = { period, cost: 0n, of: [] }))
        sum.cost += amountOf(entry, period)
        sum.of.push({ entry: entry.id, share: period.share })
        if (period.alerts !== undefined) alerts.push(...period.alerts)
      }
    },
    write() {
      if (sums.size === 0) return
      for (const { period, cost, of } of sums.values()) {
        const sold = period.sold === true ? 1 : 0
        add.run(period.budgetId, period.subject, period.from, period.until, int64(cost), sold)
        const no = find.get(period.budgetId, period.subject, period.from)?.no
        if (no === undefined) throw new Error('a period that was just written is not there')
        for (const { entry, share } of of)
          link.run(no, entry, share === undefined ? null : int64(share.costNanoUsd), share?.isBeside === true ? 1 : 0)
      }
      for (const alert of alerts) raise(alert)
      sums = new Map()
      alerts = []
    },
    forget() {
      sums = new Map()
      alerts = []
    },
  }
}

/** What an entry adds to a period. */
function amountOf({ id, costNanoUsd, sale }: Entry, { sold, share }: BudgetCharge): NanoUsd {
  if (sold !== true) return share?.costNanoUsd ?? costNanoUsd
  if (sale === undefined) throw new Error(`the entry ${id} counts in what was sold, and was not`)
  return sale.chargedNanoUsd
}
