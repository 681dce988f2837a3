// What another policy would have made of requests that have been: costs, expected quality, who moved and why, and what the recorded
// outcomes say of it. Nothing is sent; nothing is changed.
//
// Every logged request goes through the planner again, with the targets, terms and prices of the other policy and with what is believed
// of quality now; both policies are measured by the same yardstick. Where the other policy draws, its chances count and not one draw.
import { formatUsd } from '../core/money.ts'
import { intervalOf } from '../core/quality.ts'
import { TASKS, type TaskShares } from '../lab/task.ts'
import { type Log, type LoggedRequest, meanOutputs } from './logged.ts'
import { costChoice, type Outcomes, outcomesOf, qualityChoice } from './outcomes.ts'
import { type Choice, type Row, rowOf } from './rows.ts'
import { unknowns } from './unknowns.ts'
import { createReplayer, type ReplayWorld } from './world.ts'

/** A policy over the replayed requests. */
export type PolicyFigures = {
  readonly cost_usd: string
  /** Mean over the requests, with the 90 % interval: errors of one deployment and task do not cancel, so it is as wide as that of one request. */
  readonly quality: { readonly mean: number; readonly low: number; readonly high: number }
  /** By deployment, the largest first; expected, where the policy draws. */
  readonly targets: readonly { readonly target: string; readonly requests: number; readonly share: number }[]
}

/** Requests that another deployment would have answered. */
type Move = {
  readonly from: string
  readonly to: string
  readonly requests: number
  readonly cost_change_usd: string
  /** Of the mean expectation. */
  readonly quality_change: number
  /** The planner's reason for the new place, and why the old one lost its, where it was left out. */
  readonly why: string
}

export type ReplayReport = {
  readonly from: string
  readonly to: string
  readonly requests: number
  readonly left_out: readonly { readonly requests: number; readonly why: string }[]
  readonly logged: PolicyFigures
  readonly replayed: PolicyFigures
  readonly saved_usd: string
  /** Of what was spent; null: nothing was. */
  readonly saved_share: number | null
  readonly moves: readonly Move[]
  /** Null: nobody said anything of any answer, or no chance is known. */
  readonly quality_outcomes: Outcomes | null
  /** Of the cost of a request, in dollars. */
  readonly cost_outcomes: Outcomes | null
  /** What this cannot know, a sentence each. */
  readonly unknown: readonly string[]
}

/** `world` without what the log itself tells. */
export function replay(
  log: Log,
  range: { readonly from: number; readonly to: number },
  outside: Pick<ReplayWorld, 'snapshot' | 'scoreboard' | 'now'>,
): ReplayReport {
  const world: ReplayWorld = {
    ...outside,
    usualShares: usualShares(log.requests),
    meanOutputs: meanOutputs(log.requests),
  }
  const replayOne = createReplayer(world)
  const leftOut = new Map(log.leftOut)
  const rows: Row[] = []
  for (const request of log.requests) {
    const replayed = replayOne(request)
    const row = replayed.type === 'routed' ? rowOf(request, replayed, world) : replayed.why
    if (typeof row === 'string') leftOut.set(row, (leftOut.get(row) ?? 0) + 1)
    else rows.push(row)
  }
  const logged = figuresOf(rows, ({ request: { target, costNanoUsd }, loggedQuality }) => [
    { target, chance: 1, costNanoUsd, quality: loggedQuality },
  ])
  const replayed = figuresOf(rows, ({ choices }) => choices)
  const spent = sumOf(rows.map(({ request }) => request.costNanoUsd))
  const saved =
    spent - sumOf(rows.flatMap(({ choices }) => choices.map(({ chance, costNanoUsd }) => chance * costNanoUsd)))
  return {
    from: new Date(range.from).toISOString(),
    to: new Date(range.to).toISOString(),
    requests: rows.length,
    left_out: Array.from(leftOut, ([why, requests]) => ({ requests, why })).sort((a, b) => b.requests - a.requests),
    logged,
    replayed,
    saved_usd: usd(saved),
    saved_share: spent > 0 ? rounded(saved / spent) : null,
    moves: movesOf(rows),
    quality_outcomes: outcomesOf(rows, qualityChoice),
    cost_outcomes: outcomesOf(rows, costChoice),
    unknown: unknowns(log, rows, world),
  }
}

function figuresOf(rows: readonly Row[], choicesOf: (row: Row) => readonly Choice[]): PolicyFigures {
  const counts = new Map<string, number>()
  let cost = 0
  let mean = 0
  let sd = 0
  for (const row of rows)
    for (const { target, chance, costNanoUsd, quality } of choicesOf(row)) {
      counts.set(target, (counts.get(target) ?? 0) + chance)
      cost += chance * costNanoUsd
      mean += chance * quality.mean
      sd += chance * quality.sd
    }
  const all = Math.max(1, rows.length)
  const { low, high } = intervalOf({ mean: mean / all, sd: sd / all })
  return {
    cost_usd: usd(cost),
    quality: { mean: rounded(mean / all), low: rounded(low), high: rounded(high) },
    targets: Array.from(counts, ([target, requests]) => ({
      target,
      requests: Math.round(requests * 10) / 10,
      share: rounded(requests / all),
    })).sort((a, b) => b.requests - a.requests),
  }
}

const MOST_MOVES = 50

function movesOf(rows: readonly Row[]): Move[] {
  const moves = new Map<
    string,
    { from: string; to: string; requests: number; cost: number; quality: number; why: string }
  >()
  for (const { request, loggedQuality, choices, why } of rows) {
    const likeliest = choices.reduce((best, each) => (each.chance > best.chance ? each : best))
    if (likeliest.target === request.target) continue
    const name = `${request.target}\0${likeliest.target}\0${why}`
    const move = moves.get(name) ?? {
      from: request.target,
      to: likeliest.target,
      requests: 0,
      cost: 0,
      quality: 0,
      why,
    }
    move.requests++
    move.cost += likeliest.costNanoUsd - request.costNanoUsd
    move.quality += likeliest.quality.mean - loggedQuality.mean
    moves.set(name, move)
  }
  return [...moves.values()]
    .sort((a, b) => b.requests - a.requests)
    .slice(0, MOST_MOVES)
    .map(({ from, to, requests, cost, quality, why }) => ({
      from,
      to,
      requests,
      cost_change_usd: usd(cost),
      quality_change: rounded(quality / requests),
      why,
    }))
}

/** The mean of what is known of all others; all tasks alike where nothing is. */
function usualShares(requests: readonly LoggedRequest[]): TaskShares {
  const known = requests.flatMap(({ shares }) => (shares === null ? [] : [shares]))
  if (known.length === 0) return TASKS.map(() => 1 / TASKS.length)
  return TASKS.map((_, task) => sumOf(known.map((shares) => shares[task]!)) / known.length)
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function usd(nano: number): string {
  return formatUsd(BigInt(Math.round(nano)))
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
