// The choice by quality as planning is handed it: the lab's policy, with the budget's pressure and what may be spent on trying.
import { decide } from '../lab/policy.ts'
import type { PlanTools } from '../routing/plan.ts'
import { termsOf } from '../routing/quality-terms.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'

type QualityEngine = Pick<Engine, 'random' | 'exploration'>

const NANO_PER_USD = 1e9

/** `isDry`: nothing is counted as spent. */
export function qualityIn(
  { random, exploration }: QualityEngine,
  { config }: Snapshot,
  { isDry }: { readonly isDry: boolean },
): Pick<PlanTools, 'quality' | 'decide'> {
  return {
    quality: termsOf(config.routing.quality, null),
    decide(candidates, { route, terms, baseline, isFree }, facts) {
      const pressure = isFree && terms.degrade ? facts.pressure() : 0
      const costOf = (id: string): number =>
        candidates.find(({ deployment }) => deployment === id)?.expectedCostNanoUsd ?? Number.POSITIVE_INFINITY
      const baselineUsd = costOf(baseline) / NANO_PER_USD
      const pressurePerUsd = pressure > 0 && baselineUsd > 0 ? pressure / baselineUsd : 0
      const mayExplore = isFree && terms.explorationShare > 0
      const decision = decide(candidates, mayExplore ? terms : { ...terms, explorationShare: 0 }, {
        baseline,
        pressurePerUsd,
        explorationLeftNanoUsd: mayExplore ? exploration.leftNanoUsd(route, terms.exploration) : 0,
        draw: mayExplore ? random() : 1,
      })
      if (terms.explorationShare > 0 && !isDry)
        exploration.spent(route, costOf(decision.order[0]!), decision.reason === 'exploration')
      return { ...decision, pressurePerUsd, tasks: facts.tasks() }
    },
  }
}
