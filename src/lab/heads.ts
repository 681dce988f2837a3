// Per-prompt heads: how good each deployment's answer to this very prompt will be, and what it will cost, told from its words.
import { calibrated, type Calibration } from './head-calibration.ts'
import { type Features, featuresOf } from './features.ts'
import { BUCKETS, type Ngrams, ngramsOf } from './ngrams.ts'
import type { Prompt } from './prompt.ts'
import { addProduct, type SparseRow } from './ridge.ts'
import type { TaskShares } from './task.ts'

/** What a head sees of a prompt. It is all that must be kept of a labelled prompt: words cannot be read back from it. */
export type HeadInput = { readonly words: Ngrams; readonly form: readonly number[] }

/**
 * quality(m) = mean(m) + calibrated(shared(x), own(m, x)), cost(m) = `costScale`(m) · exp(lnCost(m, x)). `shared` is how hard the
 * prompt is for all; `own` what this deployment is good at. Both are linear in the inputs; `weights` holds a row for each input:
 * the deployments' own, the shared one, the deployments' costs.
 */
export type Heads = {
  readonly deployments: readonly string[]
  /** Labelled answers that each was trained on. */
  readonly labels: readonly number[]
  readonly mean: readonly number[]
  readonly calibrations: readonly Calibration[]
  /** Standard error of a prediction, as held-out prompts showed it. */
  readonly sd: readonly number[]
  readonly meanLnCost: readonly number[]
  /** Null where no costs were known. */
  readonly costScale: readonly (number | null)[]
  /** Of each bucket: ln of prompts over prompts that have it. */
  readonly rarity: Float32Array
  readonly meanForm: readonly number[]
  readonly weights: Float32Array
}

export type HeadPrediction = {
  /** In the order of `deployments`, 0–1. */
  readonly quality: readonly number[]
  /** Expected cost in nano-dollars, at the prices of the training; null where nothing was known. */
  readonly costNanoUsd: readonly (number | null)[]
}

/** Below this many labelled answers a deployment has no head. */
export const MIN_HEAD_LABELS = 500
/** The form counts about as much as a hundredth of the words: it must not drown them. */
const FORM_SCALE = 0.5
const FORM_INPUTS = 20
export const INPUTS = BUCKETS + FORM_INPUTS

export function headInputOf(prompt: Prompt, shares: TaskShares): HeadInput {
  return headInput(featuresOf(prompt), shares)
}

/** As `headInputOf`, for a caller that has the features at hand. */
export function headInput(features: Features, shares: TaskShares): HeadInput {
  const { prompt } = features
  const form = [
    ...shares,
    features.lengthBucket / 10,
    features.digitShare * 3,
    features.markShare * 3,
    Math.min(features.choices, 10) / 10,
    Number(features.hasLatex),
    Number(features.looksLikeCode || features.hasCodeFence),
    Number(features.asks),
  ]
  // The system message is context of the same words: where it repeats, its words are common and weigh nothing.
  return {
    words: ngramsOf(prompt.system === '' ? prompt.text : `${prompt.text}\n${prompt.system}`, NO_CHARACTERS),
    form,
  }
}

const NO_CHARACTERS = { characters: false } as const

/** Words weighted by rarity and scaled to length 1, and the form beside them. */
export function rowOf({ words, form }: HeadInput, rarity: Float32Array, meanForm: readonly number[]): SparseRow {
  const count = words.buckets.length
  const index = new Int32Array(count + form.length)
  const value = new Float32Array(index.length)
  index.set(words.buckets)
  let squares = 0
  for (let entry = 0; entry < count; entry++) {
    const weight = words.weights[entry]! * rarity[words.buckets[entry]!]!
    value[entry] = weight
    squares += weight * weight
  }
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
  for (let entry = 0; entry < count; entry++) value[entry]! *= scale
  form.forEach((seen, position) => {
    index[count + position] = BUCKETS + position
    value[count + position] = (seen - meanForm[position]!) * FORM_SCALE
  })
  return { index, value }
}

export function predict(heads: Heads, input: HeadInput): HeadPrediction {
  const count = heads.deployments.length
  const columns = new Float64Array(2 * count + 1)
  addProduct(rowOf(input, heads.rarity, heads.meanForm), heads.weights, columns)
  const shared = columns[count]!
  const quality: number[] = []
  const costNanoUsd: (number | null)[] = []
  for (let each = 0; each < count; each++) {
    const raw = { shared, own: columns[each]! }
    quality.push(clampQuality(heads.mean[each]! + calibrated(raw, heads.calibrations[each]!)))
    const scale = heads.costScale[each]!
    costNanoUsd.push(scale === null ? null : scale * Math.exp(heads.meanLnCost[each]! + columns[count + 1 + each]!))
  }
  return { quality, costNanoUsd }
}

/** Nothing is certain of one answer. */
function clampQuality(quality: number): number {
  return Math.min(0.995, Math.max(0.005, quality))
}
