// How much a budget that is spent ahead of its pace weighs on the choice by quality: a number for each budget, which rises while spending
// runs ahead and falls while it lags. Kept in memory: it begins at nothing with the process.
//
// Its unit: at a pressure of 1, the money that the baseline would cost is worth all of quality. A whole window has a thousand steps,
// so that an hour and a month are led alike.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Budget } from '../core/budget.ts'
import type { Clock } from '../core/clock.ts'
import { adaptPressure } from '../lab/policy.ts'
import type { Payer } from '../limits/budget-index.ts'
import { periodAt } from '../limits/budget-window.ts'
import type { Budgets, BudgetState } from '../limits/budgets.ts'

export interface Pressure {
  /** Of the tightest of the payer's budgets; 0: none is spent ahead of its pace. */
  on(payer: Payer): number
}

type Known = { readonly value: number; readonly atMs: number }

const STEPS = 1_000
const FEWEST_MS_A_STEP = 1_000
/** What a step adds for a whole budget of haste: a tenth ahead for a tenth of the window comes to a half. */
const STEP = 0.05
/** A window that moves, or never ends, has no pace: what is beyond this share of it counts as ahead. */
const UNPACED_SHARE = 0.8
const DAY_MS = 86_400_000
const MAX_KNOWN = 10_000

export function createPressure({ clock, budgets }: { readonly clock: Clock; readonly budgets: Budgets }): Pressure {
  const known = new LRUCache<string, Known>(atMost(MAX_KNOWN))

  function pressureOf(state: BudgetState, now: number): number {
    const { budget, subject } = state
    const name = `${budget.id}\0${subject}`
    const last = known.get(name) ?? { value: 0, atMs: now }
    const { elapsedShare, lengthMs } = paceOf(budget, now)
    const stepMs = Math.max(FEWEST_MS_A_STEP, lengthMs / STEPS)
    const steps = Math.min(STEPS, Math.floor((now - last.atMs) / stepMs))
    if (steps <= 0 && known.has(name)) return last.value
    const spent = Number(state.spentNanoUsd + state.heldNanoUsd) / Math.max(1, Number(state.limitNanoUsd))
    const value = adaptPressure(last.value, spent, elapsedShare, STEP * Math.max(0, steps))
    known.set(name, { value, atMs: steps <= 0 ? now : last.atMs + steps * stepMs })
    return value
  }

  return {
    on(payer) {
      if (!budgets.any) return 0
      const now = clock.now()
      let most = 0
      for (const state of budgets.state(payer))
        if (state.budget.onExhausted.type !== 'alert') most = Math.max(most, pressureOf(state, now))
      return most
    },
  }
}

/** How much of its window is gone, and how long that is. */
function paceOf({ window }: Budget, now: number): { readonly elapsedShare: number; readonly lengthMs: number } {
  switch (window.type) {
    case 'calendar': {
      const { from, until } = periodAt(window, now)
      const lengthMs = (until ?? now) - from
      return { elapsedShare: lengthMs > 0 ? (now - from) / lengthMs : UNPACED_SHARE, lengthMs }
    }
    case 'rolling':
      return { elapsedShare: UNPACED_SHARE, lengthMs: window.lengthMs }
    case 'once':
      return { elapsedShare: UNPACED_SHARE, lengthMs: DAY_MS }
  }
}
