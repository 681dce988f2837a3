// What recorded outcomes say of another policy: requests that it would have answered alike stand for all, by their chances.
import { evaluateOffPolicy, type LoggedChoice } from '../lab/off-policy.ts'
import type { Row } from './rows.ts'

type Estimate = { readonly value: number; readonly low: number; readonly high: number }

/** What recorded outcomes say of the other policy, 95 % intervals. */
export type Outcomes = {
  /** Requests with an outcome and a known chance, and how many of them the estimate really rests on. */
  readonly requests: number
  readonly effective_requests: number
  readonly logged_mean: number
  readonly ips: Estimate
  readonly snips: Estimate | null
  readonly doubly_robust: Estimate
}

const NANO = 1e9

/** What was said of the answer; null: nothing was, or its chance is not known. */
export function qualityChoice({ request, loggedQuality, choices }: Row): LoggedChoice | null {
  const { propensity, verdict, target } = request
  if (propensity === null || verdict === null) return null
  return {
    propensity,
    reward: verdict,
    otherChance: choices.find((choice) => choice.target === target)?.chance ?? 0,
    predicted: loggedQuality.mean,
    otherPredicted: sumOf(choices.map(({ chance, quality }) => chance * quality.mean)),
  }
}

/** What the request cost, in dollars. */
export function costChoice({ request, loggedCostNow, choices }: Row): LoggedChoice | null {
  const { propensity, costNanoUsd, target } = request
  if (propensity === null || loggedCostNow === null) return null
  return {
    propensity,
    reward: costNanoUsd / NANO,
    otherChance: choices.find((choice) => choice.target === target)?.chance ?? 0,
    predicted: loggedCostNow / NANO,
    otherPredicted: sumOf(choices.map(({ chance, costNanoUsd: cost }) => chance * cost)) / NANO,
  }
}

/** Null without outcomes. */
export function outcomesOf(rows: readonly Row[], choiceOf: (row: Row) => LoggedChoice | null): Outcomes | null {
  const logged = rows.flatMap((row) => choiceOf(row) ?? [])
  const estimates = evaluateOffPolicy(logged)
  if (estimates === null) return null
  const { ips, snips, doublyRobust, effectiveRequests } = estimates
  return {
    requests: logged.length,
    effective_requests: Math.round(effectiveRequests * 10) / 10,
    logged_mean: told(sumOf(logged.map(({ reward }) => reward)) / logged.length),
    ips: toldEstimate(ips),
    snips: snips === null ? null : toldEstimate(snips),
    doubly_robust: toldEstimate(doublyRobust),
  }
}

/** More digits would be noise. */
function told(value: number): number {
  return Number(value.toPrecision(6))
}

function toldEstimate({ value, low, high }: Estimate): Estimate {
  return { value: told(value), low: told(low), high: told(high) }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
