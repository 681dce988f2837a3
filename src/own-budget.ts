// `GET /v1/budget`: what the budgets of a key and of its team have left, for the key itself.
import { writeWindow } from './config/budget-values.ts'
import type { BudgetScope } from './core/budget.ts'
import { formatUsd } from './core/money.ts'
import type { AddressOf } from './handle.ts'
import type { Payer } from './limits/budget-index.ts'
import type { Budgets, BudgetState } from './limits/budgets.ts'
import { callerOf, type OwnAnswerTools } from './own-answers.ts'
import type { KeyWithTeam } from './store/store.ts'

/** What the whole gateway spends is not a caller's to know. */
export const SHOWN_SCOPES: readonly BudgetScope[] = ['organisation', 'team', 'user', 'key']

export async function showBudget(
  request: Request,
  addressOf: AddressOf,
  tools: OwnAnswerTools & { readonly budgets: Budgets },
): Promise<Response> {
  const states = tools.budgets.state(payerOfKey(await callerOf(request, addressOf, tools)))
  const data = states.filter(({ budget }) => SHOWN_SCOPES.includes(budget.scope)).map(budgetBody)
  return Response.json({ object: 'list', data })
}

/** Who pays for requests of a key, whatever they are. */
export function payerOfKey({ key, team, owner }: KeyWithTeam): Payer {
  return {
    key,
    team,
    organisation: team?.organisation ?? null,
    user: owner,
    endUser: null,
    tags: [],
    route: null,
  }
}

function budgetBody({ budget, limitNanoUsd, spentNanoUsd, heldNanoUsd, resetAt }: BudgetState): object {
  const left = limitNanoUsd - spentNanoUsd - heldNanoUsd
  return {
    object: 'weir.budget',
    scope: budget.scope,
    window: writeWindow(budget.window),
    time_zone: budget.window.type === 'calendar' ? budget.window.timeZone : null,
    limit_usd: formatUsd(limitNanoUsd),
    spent_usd: formatUsd(spentNanoUsd),
    held_usd: formatUsd(heldNanoUsd),
    remaining_usd: formatUsd(left > 0n ? left : 0n),
    resets_at: resetAt === null ? null : new Date(resetAt).toISOString(),
    on_exhausted: budget.onExhausted.type,
  }
}
