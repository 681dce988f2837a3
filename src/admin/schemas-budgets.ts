// The JSON of budgets in the admin API: what is taken, checked strictly, and what is given.
import { z } from '@hono/zod-openapi'
import { writeWindow } from '../config/budget-values.ts'
import { BUDGET_SCOPES, type Budget as CoreBudget } from '../core/budget.ts'
import { formatUsd } from '../core/money.ts'
import type { BudgetState } from '../limits/budgets.ts'
import { time } from './render.ts'
import { moment, pageFields } from './schemas.ts'
import { amount, limitFields, window } from './schemas-budget-limits.ts'

export const BudgetInput = z
  .strictObject({
    scope: z.enum(BUDGET_SCOPES),
    id: z.string().min(1).max(512).optional().openapi({
      description: 'Id or name of the one it is for. Left out, each subject of the scope has such a budget of its own.',
    }),
    ...limitFields,
  })
  .openapi('BudgetInput')
export const BudgetChange = z
  .strictObject({ ...limitFields, window: window.optional(), limit_usd: amount.optional() })
  .openapi('BudgetChange', { description: 'Only what is named changes. With another window it begins empty.' })
export const RaiseInput = z
  .strictObject({ amount_usd: amount, until: moment.openapi({ type: 'string', format: 'date-time' }) })
  .openapi('RaiseInput')
export const BudgetsQuery = z.strictObject({
  scope: z.enum(BUDGET_SCOPES).optional(),
  id: z.string().min(1).optional(),
  ...pageFields,
})

const text = z.string()
const Account = z
  .object({
    subject: text.openapi({ description: 'Whose account it is, where each subject has one.' }),
    limit_usd: text,
    spent_usd: text,
    held_usd: text.openapi({ description: 'What requests in flight may cost at most.' }),
    remaining_usd: text,
    resets_at: text.nullable(),
  })
  .openapi('BudgetAccount')
export const Budget = z
  .object({
    id: text,
    scope: z.enum(BUDGET_SCOPES),
    subject: text.nullable(),
    window: text,
    time_zone: text.nullable(),
    limit_usd: text,
    on_exhausted: z.unknown().openapi({ description: 'As it is taken.' }),
    borrow_usd: text.nullable(),
    alert_at: z.array(z.number()),
    raises: z.array(z.object({ amount_usd: text, until: text })),
    source: z.enum(['config', 'store']).openapi({ description: 'A budget of the file is changed in the file.' }),
    accounts: z.array(Account).openapi({ description: 'Up to a hundred, those with the most spent first.' }),
  })
  .openapi('Budget')

const ACCOUNTS_SHOWN = 100

export function renderBudget(budget: CoreBudget, states: readonly BudgetState[]): z.output<typeof Budget> {
  const { onExhausted: exhausted } = budget
  const own = states
    .filter((state) => state.budget.id === budget.id)
    .toSorted((one, other) => (one.spentNanoUsd > other.spentNanoUsd ? -1 : 1))
  return {
    id: budget.id,
    scope: budget.scope,
    subject: budget.subject,
    window: writeWindow(budget.window),
    time_zone: budget.window.type === 'calendar' ? budget.window.timeZone : null,
    limit_usd: formatUsd(budget.limitNanoUsd),
    on_exhausted: exhausted.type === 'degrade' ? { degrade: { to: exhausted.to } } : exhausted.type,
    borrow_usd: budget.borrowNanoUsd === null ? null : formatUsd(budget.borrowNanoUsd),
    alert_at: [...budget.alertAt],
    raises: budget.raises.map(({ amountNanoUsd, until }) => ({
      amount_usd: formatUsd(amountNanoUsd),
      until: time(until),
    })),
    source: budget.source,
    accounts: own.slice(0, ACCOUNTS_SHOWN).map(renderAccount),
  }
}

function renderAccount(state: BudgetState): z.output<typeof Account> {
  const left = state.limitNanoUsd - state.spentNanoUsd - state.heldNanoUsd
  return {
    subject: state.subject,
    limit_usd: formatUsd(state.limitNanoUsd),
    spent_usd: formatUsd(state.spentNanoUsd),
    held_usd: formatUsd(state.heldNanoUsd),
    remaining_usd: formatUsd(left > 0n ? left : 0n),
    resets_at: state.resetAt === null ? null : time(state.resetAt),
  }
}
