// What the sums of a report say, as exact texts: spend, savings, and what a request costs.
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { NO_USAGE, UNIT_NAMES, USAGE_UNITS, type Usage } from '../core/usage.ts'
import type { SpendRow } from '../store/store.ts'

export type SpendSums = Omit<SpendRow, 'group' | 'at' | 'costPercentiles'>

/** Everything that `SpendSums` tells, with decimal dollars as text beside whole nano-dollars as text. */
export function sumsJson(sums: SpendSums & Pick<SpendRow, 'costPercentiles'>) {
  const { requests, answeredRequests, costNanoUsd, savedNanoUsd, cacheSavedNanoUsd, costPercentiles } = sums
  return {
    requests,
    answered_requests: answeredRequests,
    unpriced_requests: sums.unpricedRequests,
    cost_usd: formatUsd(costNanoUsd),
    cost_nano_usd: String(costNanoUsd),
    saved_usd: formatUsd(savedNanoUsd),
    saved_nano_usd: String(savedNanoUsd),
    cache_saved_usd: formatUsd(cacheSavedNanoUsd),
    cost_per_request_usd: each(costNanoUsd, requests),
    cost_per_answer_usd: each(costNanoUsd, answeredRequests),
    ...(costPercentiles === undefined
      ? {}
      : {
          request_cost_usd:
            costPercentiles === null
              ? null
              : {
                  p50: formatUsd(costPercentiles.p50),
                  p90: formatUsd(costPercentiles.p90),
                  p99: formatUsd(costPercentiles.p99),
                },
        }),
    usage: usageJson(sums.usage),
  }
}

/** Decimal dollars of one of so many, to the nano-dollar; null: there are none. */
export function each(costNanoUsd: NanoUsd, count: number): string | null {
  if (count === 0) return null
  const whole = BigInt(count)
  const sign = costNanoUsd < 0n ? -1n : 1n
  return formatUsd((sign * (2n * sign * costNanoUsd + whole)) / (2n * whole))
}

/** Only the units that were consumed. */
function usageJson(usage: Usage): Record<string, number> {
  return Object.fromEntries(
    USAGE_UNITS.filter((unit) => usage[unit] !== 0).map((unit) => [UNIT_NAMES[unit], usage[unit]]),
  )
}

export function totalOf(rows: readonly SpendSums[]): SpendSums {
  const usage: { -readonly [unit in keyof Usage]: number } = { ...NO_USAGE }
  const total = {
    requests: 0,
    answeredRequests: 0,
    costNanoUsd: 0n,
    savedNanoUsd: 0n,
    cacheSavedNanoUsd: 0n,
    unpricedRequests: 0,
  }
  for (const row of rows) {
    total.requests += row.requests
    total.answeredRequests += row.answeredRequests
    total.costNanoUsd += row.costNanoUsd
    total.savedNanoUsd += row.savedNanoUsd
    total.cacheSavedNanoUsd += row.cacheSavedNanoUsd
    total.unpricedRequests += row.unpricedRequests
    for (const unit of USAGE_UNITS) usage[unit] += row.usage[unit]
  }
  return { ...total, usage }
}
