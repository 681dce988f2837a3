// A plan as people and programs read it: who is asked in which order and why, who is not and why, with the numbers.
// One value for the command line, the admin API, the trace of an answer and the request log.
import { formatUsd } from '../core/money.ts'
import type { Attempt } from '../core/outcome.ts'
import { type ExpectedQuality, intervalOf } from '../core/quality.ts'
import type { Excluded, PlannedDecision } from './by-quality.ts'
import type { Plan, PlannedTarget } from './plan.ts'
import type { AttemptPolicy, FallbackCause, Strategy } from './route.ts'

export type Explanation = {
  readonly route: string
  readonly strategy: Strategy
  /** The kind of work; null where the route does not ask for it. */
  readonly task: string | null
  /** Whether the request goes on with a conversation that is known here. */
  readonly conversation: 'none' | 'new' | 'known' | 'tool_loop'
  readonly total_ms: number
  readonly policy: {
    readonly retries: number
    readonly hedge_after_ms: AttemptPolicy['hedgeAfterMs']
    readonly midstream: AttemptPolicy['midstream']
    readonly min_tokens_per_s: number | null
  }
  readonly targets: readonly ExplainedTarget[]
  readonly on: { readonly [cause in FallbackCause]?: readonly string[] }
  readonly excluded: readonly ExplainedExclusion[]
  /** How the first target was chosen by quality; null: quality was not asked for. */
  readonly decision: ExplainedDecision | null
}

type ExplainedExclusion = {
  readonly target: string
  readonly why: string
  /** Absent where they are not the reason. */
  readonly quality?: ExplainedQuality
  readonly expected_cost_usd?: string
}

/** A choice by quality, as it is told. */
export type ExplainedDecision = {
  readonly reason: PlannedDecision['reason']
  /** What mean − z · sd had to reach. */
  readonly floor: number
  readonly z: number
  readonly baseline: string
  /** The chance that the choice had. */
  readonly propensity: number
  /** Quality that a dollar was worth under budget pressure. */
  readonly pressure_per_usd: number
  readonly tasks: Readonly<Record<string, number>>
}

type ExplainedTarget = {
  readonly target: string
  readonly role: PlannedTarget['role']
  readonly reason: string
  readonly expected_cost_usd: string | null
  readonly expected_cost_nano_usd: string | null
  readonly latency_ms: number | null
  /** What its answer is expected to be worth, with its 90 % interval; `n`: pieces of own evidence. */
  readonly quality: ExplainedQuality | null
}

type ExplainedQuality = { readonly mean: number; readonly low: number; readonly high: number; readonly n: number }

export type ExplainedFacts = {
  readonly strategy: Strategy
  readonly task: string | null
  readonly conversation: Explanation['conversation']
}

export function explanationOf(plan: Plan, facts: ExplainedFacts): Explanation {
  const { policy } = plan
  return {
    route: plan.route,
    ...facts,
    total_ms: plan.totalMs,
    policy: {
      retries: policy.retries,
      hedge_after_ms: policy.hedgeAfterMs,
      midstream: policy.midstream,
      min_tokens_per_s: policy.minTokensPerS,
    },
    targets: plan.targets.map(explainedTarget),
    on: Object.fromEntries(
      Object.entries(plan.on).map(([cause, targets]) => [cause, targets.map(({ deployment }) => deployment.id)]),
    ),
    excluded: plan.excluded.map(explainedExclusion),
    decision: plan.decision === null ? null : explainedDecision(plan.decision),
  }
}

function explainedExclusion({ deployment, why, expected }: Excluded): ExplainedExclusion {
  if (expected === undefined) return { target: deployment.id, why }
  const { quality, costNanoUsd } = expected
  const cost = costNanoUsd === null ? {} : { expected_cost_usd: formatUsd(costNanoUsd) }
  return { target: deployment.id, why, quality: explainedQuality(quality), ...cost }
}

export function explainedDecision(decision: PlannedDecision): ExplainedDecision {
  const { reason, bar, z, baseline, propensity, pressurePerUsd, tasks } = decision
  return {
    reason,
    floor: rounded(bar),
    z,
    baseline,
    propensity: rounded(propensity),
    pressure_per_usd: rounded(pressurePerUsd),
    tasks,
  }
}

function explainedTarget(target: PlannedTarget): ExplainedTarget {
  const { deployment, role, reason, expectedNanoUsd, latencyMs, quality } = target
  return {
    target: deployment.id,
    role,
    reason,
    expected_cost_usd: expectedNanoUsd === null ? null : formatUsd(expectedNanoUsd),
    expected_cost_nano_usd: expectedNanoUsd === null ? null : String(expectedNanoUsd),
    latency_ms: latencyMs === null ? null : Math.round(latencyMs),
    quality: quality === null ? null : explainedQuality(quality),
  }
}

function explainedQuality(quality: ExpectedQuality): ExplainedQuality {
  const { low, high } = intervalOf(quality)
  return {
    mean: rounded(quality.mean),
    low: rounded(low),
    high: rounded(high),
    n: Math.round(quality.observations),
  }
}

/** A choice by quality in a sentence, for people. */
export function decisionText(decision: ExplainedDecision): string {
  const { reason, floor, z, baseline, propensity, pressure_per_usd: pressure, tasks } = decision
  const work = Object.entries(tasks)
    .sort(([, one], [, other]) => other - one)
    .map(([task, share]) => `${task} ${Math.round(share * 100)} %`)
  const told = [
    `Quality: ${reason}`,
    `mean − ${z} · sd ≥ ${floor} is good enough, baseline ${baseline}`,
    `chance of this choice ${Math.round(propensity * 1_000) / 10} %`,
    ...(pressure > 0 ? [`under budget pressure a dollar is worth ${pressure} of quality`] : []),
    ...(work.length > 0 ? [work.join(', ')] : []),
  ]
  return `${told.join('; ')}.\n`
}

/** To a thousandth. */
export function rounded(share: number): number {
  return Math.round(share * 1_000) / 1_000
}

const MAX_TRACE_CHARACTERS = 4_000

/** The trace of an answer as a header: plan and attempts, ASCII, cut to a bound with a word about it. */
export function traceText(plan: Plan, attempts: readonly Attempt[]): string {
  const trace = {
    route: plan.route,
    attempts: attempts.map(({ target, outcome, status, durationMs }) => ({
      target,
      outcome: outcome.type,
      status,
      duration_ms: Math.round(durationMs),
    })),
    targets: plan.targets.map(explainedTarget).map(dropNulls),
    excluded: plan.excluded.map(explainedExclusion),
    ...(plan.decision === null ? {} : { decision: explainedDecision(plan.decision) }),
  }
  for (let kept = Math.max(trace.targets.length, trace.excluded.length, 1); ; kept = Math.floor(kept / 2)) {
    const left =
      trace.targets.length +
      trace.excluded.length -
      Math.min(trace.targets.length, kept) -
      Math.min(trace.excluded.length, kept)
    const text = ascii(
      JSON.stringify({
        ...trace,
        attempts: trace.attempts.slice(-8),
        targets: trace.targets.slice(0, kept),
        excluded: trace.excluded.slice(0, kept).map((one) => ({ ...one, why: one.why.slice(0, 200) })),
        ...(left === 0 ? {} : { left_out: left }),
      }),
    )
    if (text.length <= MAX_TRACE_CHARACTERS || kept === 0) return text.slice(0, MAX_TRACE_CHARACTERS)
  }
}

function dropNulls(target: ExplainedTarget): Partial<ExplainedTarget> {
  return Object.fromEntries(Object.entries(target).filter(([, value]) => value !== null))
}

/** Header values are ASCII; JSON says everything else by its number. */
function ascii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
