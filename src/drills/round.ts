// One round of a drill: requests while something is broken, and what came of them.
import { breakText } from '../core/drill.ts'
import type { Break, DrillRound } from '../core/drill.ts'
import type { RequestFacts } from '../metrics/metrics.ts'

/** What the requests of a round come to. */
export type Tally = {
  requests: number
  errors: number
  readonly errorCodes: Map<string, number>
  readonly targets: Map<string, number>
  readonly durationsMs: number[]
  costNanoUsd: bigint
}

/** Durations that are kept of a round. */
const MOST_DURATIONS = 10_000
const MOST_NAMES = 100

export function newTally(): Tally {
  return { requests: 0, errors: 0, errorCodes: new Map(), targets: new Map(), durationsMs: [], costNanoUsd: 0n }
}

export function count(tally: Tally, facts: RequestFacts): void {
  tally.requests++
  if (tally.durationsMs.length < MOST_DURATIONS) tally.durationsMs.push(facts.durationMs)
  tally.costNanoUsd += facts.costNanoUsd ?? 0n
  if (facts.errorCode !== null) {
    tally.errors++
    countName(tally.errorCodes, facts.errorCode)
  } else if (facts.provider !== null) countName(tally.targets, `${facts.provider}/${facts.model}`)
}

function countName(names: Map<string, number>, name: string): void {
  if (names.size < MOST_NAMES || names.has(name)) names.set(name, (names.get(name) ?? 0) + 1)
}

/** `baseline`: the same requests with nothing broken; null: there are none to compare with. */
export function roundOf(route: string, breaks: readonly Break[], tally: Tally, baseline: Tally | null): DrillRound {
  const { requests, errors } = tally
  const isComparable = baseline !== null && baseline.requests > 0 && baseline.errors === 0
  const meanOf = ({ costNanoUsd, requests: all }: Tally): bigint => costNanoUsd / BigInt(Math.max(1, all))
  return {
    route,
    broken: breaks.map(breakText),
    requests,
    errors,
    errorCodes: Object.fromEntries(tally.errorCodes),
    addedMs: isComparable ? rounded(quantile(tally, 0.5) - quantile(baseline, 0.5)) : null,
    p99Ms: rounded(quantile(tally, 0.99)),
    extraNanoUsd: isComparable ? String(meanOf(tally) - meanOf(baseline)) : null,
    targets: Object.fromEntries(tally.targets),
    survived: requests === 0 || (baseline !== null && !isComparable) ? null : errors === 0,
  }
}

function quantile({ durationsMs }: Tally, share: number): number {
  const sorted = [...durationsMs].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
