// What a model name stands for: targets, how they are ordered, and what is done when they fail. Made once a configuration.
import type { Deployment, Timeouts } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { QualityPolicy } from '../core/quality.ts'
import type { Condition } from './conditions.ts'
import type { PlannedTarget } from './plan.ts'

/** How the targets of a route are ordered. */
export type Strategy = 'order' | 'weighted' | 'cheapest' | 'fastest' | 'least-busy' | 'quality'

type TargetTerms = {
  /** Share of the traffic beside the other targets, where shares count. */
  readonly weight: number
  /** Which requests it serves; null: all. */
  readonly when: Condition | null
}

export type DeploymentTarget = TargetTerms & {
  readonly type: 'deployment'
  readonly deployment: Deployment
  /** Of one attempt here: the provider's, overridden by the route's. */
  readonly timeouts: Timeouts
}

/** A route's reference to what answers: a deployment, or another route, which orders its own targets. */
export type Target = DeploymentTarget | (TargetTerms & { readonly type: 'route'; readonly route: Route })

/** What went wrong, where a route knows better targets for just that. */
export type FallbackCause = 'context_length' | 'content_filter' | 'rate_limit' | 'budget'

/** How the targets of a plan are tried. */
export type AttemptPolicy = {
  /** Further attempts at the same target, where its failure may be a passing one. */
  readonly retries: number
  /** A second attempt starts on the next target when the first has produced nothing for so long; null: never. */
  readonly hedgeAfterMs: number | 'p95' | null
  /** What happens to an answer that breaks off after its caller has seen a part of it. */
  readonly midstream: 'error' | 'continue'
  /** A stream that is slower than this before it is committed counts as timed out; null: none is. */
  readonly minTokensPerS: number | null
  /** A whole answer without the form that was asked for moves on to the next target. Absent: it does not. */
  readonly cascade?: true
}

/** What a route asks of quality. */
export type QualityTerms = QualityPolicy & {
  /** Who answers when nobody is known to be good enough; null: the cheapest, or the first as written where costs do not decide. */
  readonly baseline: string | null
  /** Bounds of what is spent on trying in a day. */
  readonly exploration: { readonly spendShare: number; readonly maxNanoUsd: NanoUsd | null }
}

/** A public model name. */
export type Route = {
  readonly name: string
  /** Whether the operator wrote it, so that whoever may use its name may use all of it. */
  readonly isConfigured: boolean
  readonly strategy: Strategy
  readonly targets: readonly Target[]
  /** Tried after the targets, as written. */
  readonly fallbacks: readonly Target[]
  /** What answers requests of a task, before the targets; `default`: all other tasks. */
  readonly byTask: ReadonlyMap<string, readonly Target[]>
  /** What takes over by what went wrong, before the other targets. */
  readonly on: { readonly [cause in FallbackCause]?: readonly Target[] }
  /** Conversations stay where their prompt is cached. */
  readonly isSticky: boolean
  /** Null: it asks for none. */
  readonly quality: QualityTerms | null
  /** Of the whole request, all attempts together; null: the gateway's. */
  readonly totalMs: number | null
  readonly policy: AttemptPolicy
  /** What its savings are measured by, as the operator says, or whom its quality is compared with; null: see baseline.ts. */
  readonly baseline: Deployment | null
  /** Its one target, where it leaves nothing to choose; null: there is something to plan. */
  readonly only: PlannedTarget | null
}

/** Every deployment that may answer for a route without a fallback, each once. */
export function deploymentsOf(route: Pick<Route, 'targets' | 'byTask'>): readonly Deployment[] {
  return [...new Set([...[...route.byTask.values()].flat(), ...route.targets].flatMap(deploymentsAt))]
}

/** Those of one target. */
export function deploymentsAt(target: Target): readonly Deployment[] {
  switch (target.type) {
    case 'deployment':
      return [target.deployment]
    case 'route':
      return deploymentsOf(target.route)
  }
}

export const DEFAULT_POLICY: AttemptPolicy = { retries: 1, hedgeAfterMs: null, midstream: 'error', minTokensPerS: null }
