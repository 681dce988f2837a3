// How many second attempts may be started before the first has ended: a small share of the requests, so that a slow
// provider does not get its slowness doubled.

const SHARE = 0.05
/** Hedges that may be saved up: a burst of slow starts is what hedging is for. */
const MOST_SAVED = 20

export interface HedgeBudget {
  /** A request that may be hedged. */
  requested(): void
  /** Takes one hedge; false: there is none left. */
  take(): boolean
}

export function createHedgeBudget(): HedgeBudget {
  // The first slow request after a start may be hedged.
  let saved = 1
  return {
    requested() {
      saved = Math.min(MOST_SAVED, saved + SHARE)
    },
    take() {
      if (saved < 1) return false
      saved--
      return true
    },
  }
}
