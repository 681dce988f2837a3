// What each route has spent today, and how much of it on answers that were tried out: the bounds of exploration. Counted at expected costs
// when a request is planned, in memory: a process begins with nothing spent, and counts for itself.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Clock } from '../core/clock.ts'
import type { QualityTerms } from '../routing/route.ts'

export interface Exploration {
  /** What may still be tried out today, nano-dollars. */
  leftNanoUsd(route: string, bounds: QualityTerms['exploration']): number
  spent(route: string, nanoUsd: number, isTried: boolean): void
}

type Day = { readonly day: number; allNanoUsd: number; triedNanoUsd: number }

const DAY_MS = 86_400_000
const MAX_ROUTES = 10_000

export function createExploration(clock: Clock): Exploration {
  const days = new LRUCache<string, Day>(atMost(MAX_ROUTES))

  function today(route: string): Day {
    const day = Math.floor(clock.now() / DAY_MS)
    let known = days.get(route)
    if (known?.day !== day) days.set(route, (known = { day, allNanoUsd: 0, triedNanoUsd: 0 }))
    return known
  }

  return {
    leftNanoUsd(route, { spendShare, maxNanoUsd }) {
      const { allNanoUsd, triedNanoUsd } = today(route)
      const most = Math.min(
        spendShare * allNanoUsd,
        maxNanoUsd === null ? Number.POSITIVE_INFINITY : Number(maxNanoUsd),
      )
      return Math.max(0, most - triedNanoUsd)
    },
    spent(route, nanoUsd, isTried) {
      // What has no price cannot be counted.
      if (!Number.isFinite(nanoUsd)) return
      const known = today(route)
      known.allNanoUsd += nanoUsd
      if (isTried) known.triedNanoUsd += nanoUsd
    },
  }
}
