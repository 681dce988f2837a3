// A plan as people and programs read it: who is asked in which order and why, who is not and why, with the numbers.
// One value for the command line, the admin API, the trace of an answer and the request log.
import { formatUsd } from '../core/money.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Attempt } from '../core/outcome.ts'
import { type ExpectedQuality, intervalOf } from '../core/quality.ts'
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
  readonly excluded: readonly { readonly target: string; readonly why: string }[]
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
    excluded: plan.excluded.map(({ deployment, why }) => ({ target: deployment.id, why })),
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

function rounded(share: number): number {
  return Math.round(share * 1_000) / 1_000
}

/** What a log keeps of a plan: [target, reason, expected nano-dollars, latency ms] and [target, why], so many at most. */
type KeptPlan = {
  readonly targets: readonly (readonly [string, string, string | null, number | null])[]
  readonly excluded: readonly (readonly [string, string])[]
}

type KeptPlanFields = {
  targets: { target: string; reason: string; expected_cost_nano_usd: string | null; latency_ms: number | null }[]
  excluded: { target: string; why: string }[]
}

const MAX_KEPT = 12
const MAX_KEPT_CHARACTERS = 160

/** JSON of a plan for the request log, within a bound whatever the route is like. */
export function planText({ targets, excluded }: Plan): string {
  const kept: KeptPlan = {
    targets: targets
      .slice(0, MAX_KEPT)
      .map(({ deployment, reason, expectedNanoUsd, latencyMs }) => [
        deployment.id.slice(0, MAX_KEPT_CHARACTERS),
        reason.slice(0, MAX_KEPT_CHARACTERS),
        nanoText(expectedNanoUsd),
        latencyMs === null ? null : Math.round(latencyMs),
      ]),
    excluded: excluded
      .slice(0, MAX_KEPT)
      .map(({ deployment, why }) => [deployment.id.slice(0, MAX_KEPT_CHARACTERS), why.slice(0, MAX_KEPT_CHARACTERS)]),
  }
  return JSON.stringify(kept)
}

/** What `planText` wrote, with names. */
export function keptPlanOf(text: string): KeptPlanFields {
  const { targets, excluded } = JSON.parse(text) as KeptPlan
  return {
    targets: targets.map(([target, reason, expected_cost_nano_usd, latency_ms]) => ({
      target,
      reason,
      expected_cost_nano_usd,
      latency_ms,
    })),
    excluded: excluded.map(([target, why]) => ({ target, why })),
  }
}

function nanoText(amount: NanoUsd | null): string | null {
  return amount === null ? null : String(amount)
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
    excluded: plan.excluded.map(({ deployment, why }) => ({ target: deployment.id, why })),
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
        excluded: trace.excluded.slice(0, kept).map(({ target, why }) => ({ target, why: why.slice(0, 200) })),
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
