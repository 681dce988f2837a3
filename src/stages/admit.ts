// admit: all limits of the key, its team, its end user and the gateway at once, then the intent, durable before a byte leaves.
import type { Call } from '../core/call.ts'
import type { LimitSet } from '../core/key.ts'
import type { Intent } from '../core/ledger.ts'
import type { Deployment, Rates } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Exchange, Pricing } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import { DEFAULT_OUTPUT_TOKENS, worstCase } from '../ledger/estimate.ts'
import { estimateInput } from '../ledger/input-estimate.ts'
import type { Scope } from '../limits/limiter.ts'
import { boundingRates } from '../ledger/billed-tier.ts'
import type { ObservedAnswers } from '../ledger/observed.ts'
import type { Plan, PlannedTarget } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'
import type { PlanStage } from './plan.ts'
import { reachable, reserveBudgets, type SpendingTools } from './spending.ts'

/** Extra time that an intent's owner gets before anybody else may settle it. */
const INTENT_GRACE_MS = 60_000
/** A larger bound (callers send 2^53 to mean none) reserves no more than this: the books would not hold its price. */
const MOST_OUTPUT_TOKENS = 100_000_000

export function admitStage(
  { budgets, clock, journal, limiter, log, observed }: Engine,
  { config, priceOf }: Snapshot,
  planStage: PlanStage,
): Stages['admit'] {
  const worstAt = ({ deployment }: PlannedTarget, pricing: Pricing, sized: Sized): Worst =>
    worstOf(
      deployment,
      pricing === null ? {} : boundingRates(pricing.rates, sized.call.body['service_tier']),
      sized,
      observed,
    )

  function intentOf(exchange: Exchange, planned: Plan, sized: Sized): Intent | null {
    let dearest: Intent | null = null
    for (const target of reachable(planned)) {
      const { deployment } = target
      const pricing = priceOf(deployment.id, exchange.startedAt)
      const { usage, costNanoUsd } = worstAt(target, pricing, sized)
      if (dearest !== null && dearest.estimateNanoUsd >= costNanoUsd) continue
      dearest = {
        id: exchange.id,
        createdAt: exchange.startedAt,
        deadlineAt: exchange.startedAt + planned.totalMs + INTENT_GRACE_MS,
        dimensions: exchange.dimensions,
        provider: deployment.provider.name,
        model: deployment.model,
        estimateNanoUsd: costNanoUsd,
        estimateUsage: usage,
        priceVersion: pricing?.version ?? '',
        holds: exchange.budget?.holds,
      }
    }
    return dearest
  }

  function spendingTools(sized: Sized): Omit<SpendingTools, 'replan'> {
    const now = clock.now()
    // Asked for twice: whether there is a price, and how much it is.
    const known = new Map<PlannedTarget, NanoUsd | null>()
    return {
      budgets,
      unpriced: config.unpriced === 'allow' ? 'allow' : 'refuse',
      estimateOf(target) {
        let estimate = known.get(target)
        if (estimate === undefined) {
          const pricing = priceOf(target.deployment.id, now)
          estimate = pricing === null ? null : worstAt(target, pricing, sized).costNanoUsd
          known.set(target, estimate)
        }
        return estimate
      },
    }
  }

  function intend(exchange: Exchange, intent: Intent, plan: Plan): Promise<Plan> {
    return journal.intend(intent).then(
      () => {
        // Only a written intent is settled: what never left costs nothing.
        exchange.intent = intent
        return plan
      },
      (error: unknown) => {
        if (config.limits.onStoreFailure === 'refuse') throw error
        // The operator's explicit choice: answer now, and book it when the store is back.
        exchange.waitsForLedger = false
        exchange.intent = intent
        log.warn('store_away', { request: exchange.id })
        return plan
      },
    )
  }

  function written(exchange: Exchange, plan: Plan, sized: Sized): Plan | Promise<Plan> {
    const intent = intentOf(exchange, plan, sized)
    return intent === null ? plan : intend(exchange, intent, plan)
  }

  // Apart: a function that closes over something makes an object for it at every call.
  function withinBudgets([exchange, request, call, caller, planned]: Admission, sized: Sized): Plan | Promise<Plan> {
    const replan = (route: string): Plan => planStage(exchange, request, call, caller, route)
    const reserved = reserveBudgets(exchange, caller, planned, { ...spendingTools(sized), replan })
    if (!(reserved instanceof Promise)) return written(exchange, reserved, sized)
    return reserved.then((plan) => written(exchange, plan, sized))
  }

  return (exchange, request, call, caller, planned) => {
    const sized = sizeOf(call)
    const { inputTokens } = sized
    const outputTokens = Math.min(call.facts.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS, MOST_OUTPUT_TOKENS)
    exchange.reservation = limiter.admit(scopesOf(exchange, caller, config.limits), inputTokens + outputTokens)
    return budgets.any
      ? withinBudgets([exchange, request, call, caller, planned], sized)
      : written(exchange, planned, sized)
  }
}

type Admission = Parameters<Stages['admit']>

/** A request, and what is known of its size. */
type Sized = { readonly call: Call; readonly inputTokens: number; readonly writesCache: boolean }
type Worst = ReturnType<typeof worstCase>

export function sizeOf(call: Call): Sized {
  return { call, inputTokens: estimateInput(call.text), writesCache: call.text.includes(CACHE_MARKER) }
}

/** The most that a request may use and cost at a deployment with these rates. */
export function worstOf(
  deployment: Pick<Deployment, 'id' | 'facts'>,
  rates: Rates,
  { call, inputTokens, writesCache }: Sized,
  observed: ObservedAnswers,
): Worst {
  return worstCase({
    inputTokens,
    maxOutputTokens: outputBound(deployment, call.facts.maxOutputTokens, observed),
    rates,
    expected: call.facts.expected,
    writesCache,
  })
}

/** Anthropic's mark of what is to be kept in its cache, for an hour at most. */
const CACHE_MARKER = '"cache_control"'

/** Output tokens that the answer of a deployment has at most: as far as the caller, the model, or what was seen of it bounds them. */
function outputBound(
  { id, facts }: Pick<Deployment, 'id' | 'facts'>,
  asked: number | null,
  observed: ObservedAnswers,
): number {
  const usual = asked ?? observed.outputP95(id) ?? DEFAULT_OUTPUT_TOKENS
  return Math.min(usual, facts.maxOutputTokens ?? MOST_OUTPUT_TOKENS, MOST_OUTPUT_TOKENS)
}

/** Whose limits count a request. */
export function scopesOf(exchange: Exchange, caller: KeyWithTeam, limits: ConfiguredLimits): readonly Scope[] {
  const scopes = callerScopes(caller, limits)
  if (exchange.endUser === null) return scopes
  return [...scopes, { kind: 'endUser', id: `${caller.key.id}/${exchange.endUser}`, limits: limits.endUser }]
}

type ConfiguredLimits = Snapshot['config']['limits']

// The look-up of a key gives the same object for as long as it is believed, and a configuration is never changed in place:
// same input, same output.
const scopesOfCallers = new WeakMap<
  KeyWithTeam,
  { readonly limits: ConfiguredLimits; readonly scopes: readonly Scope[] }
>()

function callerScopes(caller: KeyWithTeam, limits: ConfiguredLimits): readonly Scope[] {
  const known = scopesOfCallers.get(caller)
  if (known?.limits === limits) return known.scopes
  const { key, team, owner } = caller
  const scopes: Scope[] = [
    { kind: 'gateway', id: 'all', limits: limits.gateway },
    { kind: 'key', id: key.id, limits: orElse(key.limits, limits.key) },
  ]
  if (team !== null) scopes.push({ kind: 'team', id: team.id, limits: orElse(team.limits, limits.team) })
  if (owner !== undefined) scopes.push({ kind: 'user', id: owner.userId, limits: limits.user })
  scopesOfCallers.set(caller, { limits, scopes })
  return scopes
}

function orElse(own: LimitSet, fallback: LimitSet): LimitSet {
  return {
    rpm: own.rpm ?? fallback.rpm,
    tpm: own.tpm ?? fallback.tpm,
    concurrency: own.concurrency ?? fallback.concurrency,
  }
}
