// What each deployment is expected to make of a prompt, and at what cost: task, scores and heads brought together, once a request.
import { featuresOf } from './features.ts'
import { headInput, type Heads, MIN_HEAD_LABELS, predict } from './heads.ts'
import type { Prompt } from './prompt.ts'
import { type ExpectedQuality, expectedQuality, type HeadWord } from './quality.ts'
import type { Score } from './score.ts'
import { type TaskGuess, taskOfFeatures } from './task.ts'

export type Appraisal = {
  readonly guess: TaskGuess
  /** In the order in which the deployments were asked for. */
  readonly deployments: readonly Appraised[]
}

export type Appraised = {
  readonly deployment: string
  readonly quality: ExpectedQuality
  /** By the head, at the prices that it was trained with; null: the head knows no costs, or there is none. */
  readonly costNanoUsd: number | null
}

export type Knowledge = {
  /** In the order of `TASKS`. */
  readonly scoresOf: (deployment: string) => readonly Score[]
  /** Null while too few answers are labelled. */
  readonly heads: Heads | null
}

/** `declared` is what the caller says the task is; null: it is guessed. */
export function appraise(
  prompt: Prompt,
  deployments: readonly string[],
  { scoresOf, heads }: Knowledge,
  declared: TaskGuess | null,
): Appraisal {
  const features = featuresOf(prompt)
  const guess = declared ?? taskOfFeatures(features)
  const predicted = heads === null ? null : predict(heads, headInput(features, guess.shares))
  return {
    guess,
    deployments: deployments.map((deployment) => {
      const position = heads === null ? -1 : heads.deployments.indexOf(deployment)
      const labels = position < 0 ? 0 : heads!.labels[position]!
      const word: HeadWord | null =
        predicted === null || labels < MIN_HEAD_LABELS
          ? null
          : { quality: predicted.quality[position]!, sd: heads!.sd[position]!, labels }
      return {
        deployment,
        quality: expectedQuality(guess.shares, scoresOf(deployment), word),
        costNanoUsd: word === null ? null : predicted!.costNanoUsd[position]!,
      }
    }),
  }
}
