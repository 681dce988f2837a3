// What the request log keeps of a plan, within a bound whatever the route is like: who stood where and why, who was left out, and the numbers.
import type { NanoUsd } from '../core/money.ts'
import type { ExpectedQuality } from '../core/quality.ts'
import { type ExplainedDecision, explainedDecision, rounded } from './explain.ts'
import type { Plan } from './plan.ts'

/** [mean, sd, observations] */
type KeptQuality = readonly [number, number, number]

/**
 * [target, reason, expected nano-dollars, latency ms, quality] and [target, why, expected nano-dollars, quality], so many at most; where quality
 * was not asked for, none.
 */
type KeptPlan = {
  readonly targets: readonly (readonly [string, string, string | null, number | null, KeptQuality?])[]
  readonly excluded: readonly (readonly [string, string] | readonly [string, string, string | null, KeptQuality])[]
  /** Absent: quality was not asked for. */
  readonly decision?: ExplainedDecision
}

/** What was expected of a candidate when the plan was made. */
type KeptExpectation = {
  readonly expected_cost_nano_usd: string | null
  /** Absent: quality was not asked for. `n`: pieces of own evidence. */
  readonly quality?: { readonly mean: number; readonly sd: number; readonly n: number }
}

export type KeptPlanFields = {
  targets: ({ target: string; reason: string; latency_ms: number | null } & KeptExpectation)[]
  excluded: ({ target: string; why: string } & Partial<KeptExpectation>)[]
  decision: ExplainedDecision | null
}

const MAX_KEPT = 12
const MAX_KEPT_CHARACTERS = 160

/** JSON of a plan for the request log. */
export function planText({ targets, excluded, decision }: Plan): string {
  const kept: KeptPlan = {
    targets: targets.slice(0, MAX_KEPT).map(({ deployment, reason, expectedNanoUsd, latencyMs, quality }) => {
      const id = deployment.id.slice(0, MAX_KEPT_CHARACTERS)
      const words = reason.slice(0, MAX_KEPT_CHARACTERS)
      const latency = latencyMs === null ? null : Math.round(latencyMs)
      const cost = nanoText(expectedNanoUsd)
      return quality === null ? [id, words, cost, latency] : [id, words, cost, latency, keptQuality(quality)]
    }),
    excluded: excluded.slice(0, MAX_KEPT).map(({ deployment, why, expected }) => {
      const id = deployment.id.slice(0, MAX_KEPT_CHARACTERS)
      const words = why.slice(0, MAX_KEPT_CHARACTERS)
      return expected === undefined
        ? [id, words]
        : [id, words, nanoText(expected.costNanoUsd), keptQuality(expected.quality)]
    }),
    ...(decision === null ? {} : { decision: explainedDecision(decision) }),
  }
  return JSON.stringify(kept)
}

function keptQuality({ mean, sd, observations }: ExpectedQuality): KeptQuality {
  return [rounded(mean), rounded(sd), Math.round(observations)]
}

/** What `planText` wrote, with names. */
export function keptPlanOf(text: string): KeptPlanFields {
  const { targets, excluded, decision = null } = JSON.parse(text) as KeptPlan
  return {
    targets: targets.map(([target, reason, expected_cost_nano_usd, latency_ms, quality]) => ({
      target,
      reason,
      expected_cost_nano_usd,
      latency_ms,
      ...namedQuality(quality),
    })),
    excluded: excluded.map(([target, why, cost, quality]) => ({
      target,
      why,
      ...(cost === undefined ? {} : { expected_cost_nano_usd: cost }),
      ...namedQuality(quality),
    })),
    decision,
  }
}

function namedQuality(quality: KeptQuality | undefined): Pick<KeptExpectation, 'quality'> {
  if (quality === undefined) return {}
  const [mean, sd, n] = quality
  return { quality: { mean, sd, n } }
}

function nanoText(amount: NanoUsd | null): string | null {
  return amount === null ? null : String(amount)
}
