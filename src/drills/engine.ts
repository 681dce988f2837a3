// The gateway as a drill sees it: the same path, with faults between it and the sockets, and with a memory of its own, so that
// what a rehearsed outage teaches is not believed of the real providers.
import type { Break, Fault } from '../core/drill.ts'
import type { RequestFacts } from '../metrics/metrics.ts'
import { createCredentialPool } from '../providers/credential-pool.ts'
import { createHealth } from '../routing/health.ts'
import { createHedgeBudget } from '../routing/hedge-budget.ts'
import { createPlanMemory } from '../routing/plan-memory.ts'
import type { Engine } from '../stages/engine.ts'

/** Told each request that ended. */
export type Witness = (facts: RequestFacts) => void

/** `isReal`: callers wait for these requests, so they are counted as such. */
export function drillEngine(
  engine: Engine,
  breaks: readonly Break[],
  { witness, isReal }: { readonly witness: Witness; readonly isReal: boolean },
): Engine {
  const { clock, random, metrics, attemptTools } = engine
  const health = createHealth({ clock, random })
  return {
    ...engine,
    metrics: {
      ...metrics,
      requestStarted: () => (isReal ? metrics.requestStarted() : undefined),
      requestFinished(facts) {
        witness(facts)
        if (isReal) metrics.requestFinished(facts)
      },
    },
    healthOf: (deploymentId) => health.factsOf(deploymentId),
    // What comes of a rehearsed outage tells nothing about the models.
    sampler: { ...engine.sampler, wants: () => false },
    // … and nothing about a candidate that is on trial: who answers stays as it is, and is not counted.
    trials: {
      get standIns() {
        return engine.trials.standIns
      },
      onAssigned: () => undefined,
      onClosed: () => undefined,
    },
    planMemory: createPlanMemory({ monotonicMs: () => clock.monotonicMs() }),
    attemptTools: {
      ...attemptTools,
      upstream: attemptTools.upstream.withFaults((provider) => faultOf(breaks, provider, random())),
      health,
      hedges: createHedgeBudget(),
      credentials: createCredentialPool({ clock }),
    },
  }
}

/** The shares of one provider's faults lie beside each other. */
function faultOf(breaks: readonly Break[], provider: string, draw: number): Fault | null {
  let from = 0
  for (const { provider: broken, fault, share } of breaks) {
    if (broken !== provider) continue
    if (draw < (from += share)) return fault
  }
  return null
}
