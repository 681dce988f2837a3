// One logged request beside what the other policy would have made of it.
import type { ExpectedQuality } from '../core/quality.ts'
import { expectedQuality } from '../lab/quality.ts'
import { scopeChainOf } from '../lab/scoreboard.ts'
import type { LoggedRequest } from './logged.ts'
import type { Replayed, ReplayWorld } from './world.ts'

/** One choice that the other policy may make. */
export type Choice = {
  readonly target: string
  readonly chance: number
  readonly costNanoUsd: number
  readonly quality: ExpectedQuality
}

export type Row = {
  readonly request: LoggedRequest
  readonly loggedQuality: ExpectedQuality
  /** What who answered would cost by the other policy's prices; null: it has none there. */
  readonly loggedCostNow: number | null
  readonly choices: readonly Choice[]
  readonly why: string
}

/** A sentence where it cannot be compared. */
export function rowOf(
  request: LoggedRequest,
  { chances, plan, costOf, qualityOf }: Extract<Replayed, { type: 'routed' }>,
  { scoreboard, now, usualShares: usual }: ReplayWorld,
): Row | string {
  const choices: Choice[] = []
  for (const [target, chance] of chances) {
    // Who answers as before costs what it did, failed attempts and all.
    const costNanoUsd = target === request.target ? request.costNanoUsd : costOf(target)
    if (costNanoUsd === null) return `would go to ${target}, which has no price in the policy`
    choices.push({ target, chance, costNanoUsd, quality: qualityOf(target) })
  }
  const scores = scoreboard.scores(scopeChainOf(request.key.id, request.key.teamId), request.target, now)
  const lost = plan.excluded.find(({ deployment }) => deployment.id === request.target)?.why
  const reason = plan.targets[0]!.reason
  return {
    request,
    loggedQuality: expectedQuality(request.shares ?? usual, scores, null),
    loggedCostNow: costOf(request.target),
    choices,
    why: lost === undefined ? reason : `${reason}; ${request.target} ${lost}`,
  }
}
