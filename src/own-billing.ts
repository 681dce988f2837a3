// `GET /v1/dashboard/billing/subscription` and `/usage`: what a key has and has spent, in the form of OpenAI's former
// dashboard. Chat clients show it as the balance, and know it of one-api and new-api too.
import type { AddressOf } from './handle.ts'
import type { Budgets, BudgetState } from './limits/budgets.ts'
import { callerOf, type OwnAnswerTools } from './own-answers.ts'
import { payerOfKey, SHOWN_SCOPES } from './own-budget.ts'

/** Dollars of a key without a limit, as one-api tells them: the form has no word for none. */
const NO_LIMIT_USD = 100_000_000

export async function showBilling(
  kind: 'subscription' | 'usage',
  request: Request,
  addressOf: AddressOf,
  tools: OwnAnswerTools & { readonly budgets: Budgets },
): Promise<Response> {
  const caller = await callerOf(request, addressOf, tools)
  const state = tightest(tools.budgets.state(payerOfKey(caller)))
  switch (kind) {
    case 'subscription': {
      const limitUsd = state === null ? NO_LIMIT_USD : Number(state.limitNanoUsd) / 1e9
      return Response.json({
        object: 'billing_subscription',
        has_payment_method: true,
        soft_limit_usd: limitUsd,
        hard_limit_usd: limitUsd,
        system_hard_limit_usd: limitUsd,
        access_until: caller.key.expiresAt === null ? 0 : Math.floor(caller.key.expiresAt / 1_000),
      })
    }
    case 'usage':
      // Cents, as OpenAI had it.
      return Response.json({ object: 'list', total_usage: state === null ? 0 : Number(state.spentNanoUsd) / 1e7 })
  }
}

/** The budget that has the least left, of those that refuse; null: there is none. */
function tightest(states: readonly BudgetState[]): BudgetState | null {
  const left = ({ limitNanoUsd, spentNanoUsd }: BudgetState): bigint => limitNanoUsd - spentNanoUsd
  return states
    .filter(({ budget }) => SHOWN_SCOPES.includes(budget.scope) && budget.onExhausted.type !== 'alert')
    .reduce<BudgetState | null>((least, state) => (least === null || left(state) < left(least) ? state : least), null)
}
