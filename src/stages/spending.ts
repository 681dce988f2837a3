// The money of admission: who pays, which targets fit into the budgets, what is held of them, and the cheaper route where
// a budget says so. Where there is no budget at all, requests do not come here.
import { GatewayError } from '../core/error.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Exchange } from '../exchange.ts'
import type { Payer } from '../limits/budget-index.ts'
import { BudgetExhausted, type BudgetReservation, type Budgets } from '../limits/budgets.ts'
import type { Plan, PlannedTarget } from '../routing/plan.ts'
import type { KeyWithTeam } from '../store/store.ts'

export type SpendingTools = {
  readonly budgets: Budgets
  /** The most that the request may cost at a target; null where it has no price. */
  readonly estimateOf: (target: PlannedTarget) => NanoUsd | null
  /** What a target without a price means to a request that a refusing budget covers. */
  readonly unpriced: 'refuse' | 'allow'
  /** The plan of another route. */
  readonly replan: (route: string) => Plan
}

/** Budgets may send to a cheaper route whose budget sends further on. */
const MOST_DEGRADES = 4

/**
 * Holds the request's estimate in all its budgets and returns the plan without the targets that they leave no room for; at once
 * where it need not wait for room. Throws or rejects with `budget_exhausted` or `unpriced_model`.
 */
export function reserveBudgets(
  exchange: Exchange,
  caller: KeyWithTeam,
  plan: Plan,
  tools: SpendingTools,
): Promise<Plan> | Plan {
  return reserveWithin({ exchange, caller, tools, degrades: 0 }, plan)
}

type Spender = {
  readonly exchange: Exchange
  readonly caller: KeyWithTeam
  readonly tools: SpendingTools
  /** How many budgets have sent it on. */
  readonly degrades: number
}

function reserveWithin(spender: Spender, plan: Plan): Promise<Plan> | Plan {
  const { exchange, caller, tools } = spender
  const payer = payerOf(exchange, caller)
  const priced = tools.unpriced === 'refuse' ? pricedWhereCovered(plan, payer, tools) : plan
  if (priced.targets.length === 0) return priced
  try {
    const granted = tools.budgets.reserve({
      payer,
      degraded: exchange.degradedTo !== null,
      candidates: reachable(priced).map((target) => ({
        provider: target.deployment.provider.name,
        model: target.deployment.model,
        estimateNanoUsd: tools.estimateOf(target) ?? 0n,
      })),
    })
    return granted instanceof Promise ? reserveLater(spender, plan, priced, granted) : held(exchange, priced, granted)
  } catch (error) {
    return sentOn(spender, plan, error)
  }
}

async function reserveLater(
  spender: Spender,
  plan: Plan,
  priced: Plan,
  granted: Promise<BudgetReservation | null>,
): Promise<Plan> {
  try {
    return held(spender.exchange, priced, await granted)
  } catch (error) {
    return sentOn(spender, plan, error)
  }
}

function held(exchange: Exchange, priced: Plan, reservation: BudgetReservation | null): Plan {
  exchange.budget = reservation
  return reservation === null ? priced : onlyAllowed(priced, reservation.allowed)
}

/** What a request does whose budget is used up. Throws the error where it leaves nothing to do. */
function sentOn(spender: Spender, plan: Plan, error: unknown): Promise<Plan> | Plan {
  const { exchange, tools, degrades } = spender
  if (!(error instanceof BudgetExhausted) || degrades >= MOST_DEGRADES) throw error
  const further = { ...spender, degrades: degrades + 1 }
  const cheaper = plan.on.budget ?? []
  // What the route itself names for this case comes first, and has to fit into the budget.
  if (cheaper.length > 0) return reserveWithin(further, { ...plan, targets: cheaper, on: {} })
  if (error.degradeTo === null) throw error
  const instead = tools.replan(error.degradeTo)
  exchange.degradedTo = error.degradeTo
  return reserveWithin(further, instead)
}

/** Who pays, in the words of the budgets. End users are those of a team, or of a key without one. */
export function payerOf(
  { endUser, tags, route }: Pick<Exchange, 'endUser' | 'tags' | 'route'>,
  { key, team, owner }: KeyWithTeam,
): Payer {
  return {
    key,
    team,
    organisation: team?.organisation ?? null,
    user: owner,
    endUser,
    tags,
    route,
  }
}

/** Every target that a plan may reach, those that take over by cause too. */
export function reachable({ targets, on }: Plan): readonly PlannedTarget[] {
  let all = targets
  for (const why in on) all = [...all, ...(on[why as keyof typeof on] ?? [])]
  return all
}

/** The targets that have a price, where a budget covers the request that refuses: what none has could not be counted. */
function pricedWhereCovered(plan: Plan, payer: Payer, tools: SpendingTools): Plan {
  for (const target of reachable(plan))
    if (tools.estimateOf(target) === null) return tools.budgets.coversHard(payer) ? withPrice(plan, tools) : plan
  return plan
}

function withPrice(plan: Plan, tools: SpendingTools): Plan {
  const priced = without(plan, (target) => (tools.estimateOf(target) === null ? 'has no price' : null))
  if (priced.targets.length > 0 || plan.targets.length === 0) return priced
  const names = plan.targets.map(({ deployment }) => deployment.id).join(', ')
  throw new GatewayError('unpriced_model', {
    message: `There is no price for ${names}, and a budget covers this request: what it costs could not be counted.`,
    param: 'model',
  })
}

function without(plan: Plan, whyNot: (target: PlannedTarget) => string | null): Plan {
  const out = new Map<PlannedTarget, string>()
  for (const target of reachable(plan)) {
    const why = whyNot(target)
    if (why !== null) out.set(target, why)
  }
  if (out.size === 0) return plan
  const left = (targets: readonly PlannedTarget[]): readonly PlannedTarget[] =>
    targets.filter((target) => !out.has(target))
  return {
    ...plan,
    targets: left(plan.targets),
    on: Object.fromEntries(Object.entries(plan.on).map(([cause, targets]) => [cause, left(targets)])),
    excluded: [...plan.excluded, ...[...out].map(([{ deployment }, why]) => ({ deployment, why }))],
  }
}

function onlyAllowed(plan: Plan, allowed: readonly number[]): Plan {
  const targets = reachable(plan)
  if (allowed.length === targets.length) return plan
  const places = new Set(allowed)
  const out = new Set(targets.filter((_, place) => !places.has(place)))
  return out.size === 0 ? plan : without(plan, (target) => (out.has(target) ? 'its budget is used up' : null))
}
