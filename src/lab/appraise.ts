// What each deployment is expected to make of a prompt, and at what cost: task, scores and heads brought together, once a request.
import type { ExpectedQuality } from '../core/quality.ts'
import { featuresOf } from './features.ts'
import { headInput, type Heads, MIN_HEAD_LABELS, predict } from './heads.ts'
import type { Prompt } from './prompt.ts'
import { expectedQuality, type HeadWord } from './quality.ts'
import type { Score } from './score.ts'
import { type TaskGuess, taskOfFeatures } from './task.ts'

export type Appraisal = {
  readonly guess: TaskGuess
  readonly of: (deployment: string) => Appraised
}

export type Appraised = {
  readonly quality: ExpectedQuality
  /** By the head, at the prices that it was trained with; null: the head knows no costs, or there is none. */
  readonly costNanoUsd: number | null
}

export type Knowledge = {
  /** In the order of `TASKS`. */
  readonly scoresOf: (deployment: string) => readonly Score[]
  /** Null while too few answers are labelled. */
  readonly heads: Heads | null
  /** A guess with what is known of who asks; absent: nothing is. */
  readonly refine?: (guess: TaskGuess) => TaskGuess
}

/** `declared` is what the caller says the task is; null: it is guessed. */
export function appraise(
  prompt: Prompt,
  { scoresOf, heads, refine }: Knowledge,
  declared: TaskGuess | null,
): Appraisal {
  const features = declared === null || heads !== null ? featuresOf(prompt) : null
  const own = declared ?? taskOfFeatures(features ?? featuresOf(prompt))
  const guess = declared === null && refine !== undefined ? refine(own) : own
  const predicted = heads === null ? null : predict(heads, headInput(features ?? featuresOf(prompt), guess.shares))
  return {
    guess,
    of(deployment) {
      const position = heads === null ? -1 : heads.deployments.indexOf(deployment)
      const labels = position < 0 ? 0 : heads!.labels[position]!
      const word: HeadWord | null =
        predicted === null || labels < MIN_HEAD_LABELS
          ? null
          : { quality: predicted.quality[position]!, sd: heads!.sd[position]!, labels }
      return {
        quality: expectedQuality(guess.shares, scoresOf(deployment), word),
        costNanoUsd: word === null ? null : predicted!.costNanoUsd[position]!,
      }
    },
  }
}
