// What one deployment is expected to make of one prompt: its scores by task and, where enough answers were labelled, its head.
import type { ExpectedQuality } from '../core/quality.ts'
import type { Score } from './score.ts'
import type { TaskShares } from './task.ts'

/** A head's word on one prompt: its prediction, its standard error, and the labelled answers that it learned from. */
export type HeadWord = { readonly quality: number; readonly sd: number; readonly labels: number }

/** At that many labels head and scores count the same; with more, the head counts more, since it sees more of the prompt. */
const HEAD_HALF_LABELS = 500
/** Tasks that hardly apply are left out of the sum. */
const NEGLIGIBLE_SHARE = 0.01

/**
 * (1 − v) · Σ p(task) · score(task) + v · head, v = labels / (labels + 500). `scores` is in the order of `TASKS`. Standard deviations are
 * added as if they erred together: tasks share a model, so their errors do not cancel.
 */
export function expectedQuality(shares: TaskShares, scores: readonly Score[], head: HeadWord | null): ExpectedQuality {
  let mean = 0
  let sd = 0
  let observations = 0
  let covered = 0
  for (let task = 0; task < shares.length; task++) {
    const share = shares[task]!
    if (share < NEGLIGIBLE_SHARE) continue
    const score = scores[task]!
    mean += share * score.mean
    sd += share * score.sd
    observations += share * score.observations
    covered += share
  }
  mean /= covered
  sd /= covered
  observations /= covered
  if (head === null) return { mean, sd, observations }
  const weight = head.labels / (head.labels + HEAD_HALF_LABELS)
  return {
    mean: (1 - weight) * mean + weight * head.quality,
    sd: (1 - weight) * sd + weight * head.sd,
    observations,
  }
}
