// Training of the heads: from labelled answers to weights. Heavy (seconds): for a worker or a bench, never for the request path.
//
// A label is an answer's quality and cost, known for some deployments of each prompt. What is common to all answers of a prompt
// (how hard it is) is learned apart from what tells the deployments apart: the choice depends only on the second, and the noise of the
// first would drown it. How strongly weights are held back, and how far predictions may be trusted, a held-out fifth decides.
import { calibrate, type Calibration, reliability } from './head-calibration.ts'
import { type HeadInput, type Heads, INPUTS, rowOf } from './heads.ts'
import { BUCKETS } from './ngrams.ts'
import { addProduct, type Design, designOf, solveRidge, type SparseRow } from './ridge.ts'

export type LabelledPrompt = {
  readonly input: HeadInput
  /** In the order of the deployments, 0–1; NaN where no answer was judged. */
  readonly quality: Float32Array
  /** Of each answer, in nano-dollars; NaN where unknown. */
  readonly costNanoUsd: Float32Array
}

/** More prompts make it slower and hardly better: they are thinned evenly. */
const MAX_PROMPTS = 20_000
const HELD_OUT_EVERY = 5
const OWN_PENALTIES = [3, 10, 30] as const
const SHARED_PENALTIES = [1, 3, 10, 30] as const
const COST_PENALTY = 3
/** What the prompt's own average of few answers is worth beside what its words say. */
const SHARED_PRIOR = 2

/** Heads of the deployments, or null when there is nothing to learn from. */
export function trainHeads(labelled: readonly LabelledPrompt[], deployments: readonly string[]): Heads | null {
  const prompts = thinned(labelled)
  const known = deployments.map((_, each) => prompts.filter(({ quality }) => !Number.isNaN(quality[each])).length)
  if (prompts.length < 2 * HELD_OUT_EVERY || known.every((count) => count === 0)) return null
  const rarity = rarityOf(prompts)
  const meanForm = meanFormOf(prompts)
  const rows = prompts.map(({ input }) => rowOf(input, rarity, meanForm))
  const mean = deployments.map((_, each) => meanOf(prompts.map(({ quality }) => quality[each]!)) ?? 0.5)
  const residuals = matrix(prompts, deployments.length, (prompt, each) => prompt.quality[each]! - mean[each]!)
  const held = holdOut({ rows, residuals, columns: deployments.length, mean })
  const design = designOf(rows, INPUTS)
  const shared = solveRidge(design, averages(residuals, deployments.length), [held.sharedPenalty])
  const own = solveOwn({ design, rows, residuals, columns: deployments.length, shared, penalty: held.ownPenalty })
  const cost = trainCosts(prompts, design, rows, deployments.length)
  return {
    deployments,
    labels: known,
    mean,
    calibrations: held.calibrations,
    sd: held.sd,
    meanLnCost: cost.meanLn,
    costScale: cost.scale,
    rarity,
    meanForm,
    weights: interleaved([own, shared, cost.weights]),
  }
}

function thinned(prompts: readonly LabelledPrompt[]): readonly LabelledPrompt[] {
  if (prompts.length <= MAX_PROMPTS) return prompts
  const stride = prompts.length / MAX_PROMPTS
  return Array.from({ length: MAX_PROMPTS }, (_, position) => prompts[Math.floor(position * stride)]!)
}

/**
 * Rare words tell prompts apart. A bucket that no prompt of the training had is the rarest: nothing was learned of it, but it takes its
 * part of a new prompt's length, as its like did in the training. Without it the known words of new prompts would be overrated.
 */
function rarityOf(prompts: readonly LabelledPrompt[]): Float32Array {
  const having = new Float32Array(BUCKETS)
  for (const { input } of prompts) for (const bucket of input.words.buckets) having[bucket]!++
  return having.map((count) => Math.log((prompts.length + 1) / (count + 1)))
}

function meanFormOf(prompts: readonly LabelledPrompt[]): number[] {
  return prompts[0]!.input.form.map((_, position) => meanOf(prompts.map(({ input }) => input.form[position]!)) ?? 0)
}

function matrix(
  prompts: readonly LabelledPrompt[],
  columns: number,
  valueOf: (prompt: LabelledPrompt, column: number) => number,
): Float32Array {
  const values = new Float32Array(prompts.length * columns)
  prompts.forEach((prompt, row) => {
    for (let column = 0; column < columns; column++) values[row * columns + column] = valueOf(prompt, column)
  })
  return values
}

/** Mean of what is known of each row, as a column. */
function averages(residuals: Float32Array, columns: number): Float32Array {
  return Float32Array.from({ length: residuals.length / columns }, (_, row) => {
    return meanOf(residuals.subarray(row * columns, (row + 1) * columns)) ?? Number.NaN
  })
}

type OwnProblem = {
  readonly design: Design
  readonly rows: readonly SparseRow[]
  readonly residuals: Float32Array
  readonly columns: number
  /** Weights of the shared head. */
  readonly shared: Float32Array
  readonly penalty: number
}

/** What remains of each label when the prompt's own ease is taken out. */
function solveOwn(problem: OwnProblem): Float32Array {
  return solveRidge(
    problem.design,
    ownTargets(problem),
    Array.from({ length: problem.columns }, () => problem.penalty),
  )
}

function ownTargets({ rows, residuals, columns, shared }: Omit<OwnProblem, 'design' | 'penalty'>): Float32Array {
  const targets = residuals.slice()
  const one = new Float64Array(1)
  rows.forEach((row, position) => {
    const seen = residuals.subarray(position * columns, (position + 1) * columns)
    one[0] = 0
    addProduct(row, shared, one)
    const count = seen.reduce((sum, value) => (Number.isNaN(value) ? sum : sum + 1), 0)
    const trust = count / (count + SHARED_PRIOR)
    const ease = one[0] + trust * ((meanOf(seen) ?? one[0]) - one[0])
    for (let column = 0; column < columns; column++) targets[position * columns + column]! -= ease
  })
  return targets
}

type HeldOut = {
  readonly sharedPenalty: number
  readonly ownPenalty: number
  readonly calibrations: readonly Calibration[]
  readonly sd: readonly number[]
}

/** Trains on four fifths, and sees on the last one which penalties err least and how far predictions hold. */
function holdOut(whole: {
  readonly rows: readonly SparseRow[]
  readonly residuals: Float32Array
  readonly columns: number
  readonly mean: readonly number[]
}): HeldOut {
  const { columns } = whole
  const part = (isHeld: boolean): { rows: SparseRow[]; residuals: Float32Array } => {
    const chosen = whole.rows.map((_, row) => row).filter((row) => (row % HELD_OUT_EVERY === 0) === isHeld)
    const residuals = new Float32Array(chosen.length * columns)
    chosen.forEach((row, position) =>
      residuals.set(whole.residuals.subarray(row * columns, (row + 1) * columns), position * columns),
    )
    return { rows: chosen.map((row) => whole.rows[row]!), residuals }
  }
  const train = part(false)
  const held = part(true)
  const design = designOf(train.rows, INPUTS)

  const trainAverages = averages(train.residuals, columns)
  const repeated = Float32Array.from(
    { length: trainAverages.length * SHARED_PENALTIES.length },
    (_, at) => trainAverages[Math.floor(at / SHARED_PENALTIES.length)]!,
  )
  const sharedAll = solveRidge(design, repeated, SHARED_PENALTIES)
  const sharedErrors = errors(held.rows, sharedAll, averages(held.residuals, columns), SHARED_PENALTIES.length)
  const bestShared = sharedErrors.indexOf(Math.min(...sharedErrors))
  const shared = column(sharedAll, SHARED_PENALTIES.length, bestShared)

  let best = {
    error: Number.POSITIVE_INFINITY,
    penalty: OWN_PENALTIES[0] as number,
    weights: new Float32Array(0) as Float32Array,
  }
  const heldTargets = ownTargets({ ...held, columns, shared })
  for (const penalty of OWN_PENALTIES) {
    const weights = solveOwn({ design, ...train, columns, shared, penalty })
    const error = ownError(held.rows, weights, heldTargets, columns)
    if (error < best.error) best = { error, penalty, weights }
  }
  const predictions = held.rows.map((row) => {
    const values = new Float64Array(columns)
    const ease = new Float64Array(1)
    addProduct(row, best.weights, values)
    addProduct(row, shared, ease)
    return { own: values, shared: ease[0]! }
  })
  const pairs = whole.mean.map((_, each) =>
    predictions.flatMap(({ own, shared }, row) => {
      const residual = held.residuals[row * columns + each]!
      return Number.isNaN(residual) ? [] : [{ raw: { shared, own: own[each]! }, residual }]
    }),
  )
  const calibrations = calibrate(pairs)
  const sd = pairs.map((own, each) => reliability(own, calibrations[each]!))
  return { sharedPenalty: SHARED_PENALTIES[bestShared]!, ownPenalty: best.penalty, calibrations, sd }
}

/** Squared error of each column of weights against one column of targets. */
function errors(rows: readonly SparseRow[], weights: Float32Array, targets: Float32Array, columns: number): number[] {
  const sums = Array.from({ length: columns }, () => 0)
  const product = new Float64Array(columns)
  rows.forEach((row, position) => {
    const target = targets[position]!
    if (Number.isNaN(target)) return
    product.fill(0)
    addProduct(row, weights, product)
    for (let each = 0; each < columns; each++) sums[each]! += (product[each]! - target) ** 2
  })
  return sums
}

function ownError(rows: readonly SparseRow[], weights: Float32Array, targets: Float32Array, columns: number): number {
  let sum = 0
  const product = new Float64Array(columns)
  rows.forEach((row, position) => {
    product.fill(0)
    addProduct(row, weights, product)
    for (let each = 0; each < columns; each++) {
      const target = targets[position * columns + each]!
      if (!Number.isNaN(target)) sum += (product[each]! - target) ** 2
    }
  })
  return sum
}

/** Logarithms are learned, since costs spread over decades; the scale makes the sum of the training right again. */
function trainCosts(
  prompts: readonly LabelledPrompt[],
  design: Design,
  rows: readonly SparseRow[],
  columns: number,
): { weights: Float32Array; meanLn: number[]; scale: (number | null)[] } {
  const ln = (prompt: LabelledPrompt, each: number): number => {
    const cost = prompt.costNanoUsd[each]!
    return cost > 0 ? Math.log(cost) : Number.NaN
  }
  const meanLn = Array.from({ length: columns }, (_, each) => meanOf(prompts.map((prompt) => ln(prompt, each))) ?? 0)
  const weights = solveRidge(
    design,
    matrix(prompts, columns, (prompt, each) => ln(prompt, each) - meanLn[each]!),
    Array.from({ length: columns }, () => COST_PENALTY),
  )
  const actual = new Float64Array(columns)
  const told = new Float64Array(columns)
  const product = new Float64Array(columns)
  rows.forEach((row, position) => {
    product.fill(0)
    addProduct(row, weights, product)
    for (let each = 0; each < columns; each++) {
      const cost = prompts[position]!.costNanoUsd[each]!
      if (Number.isNaN(cost)) continue
      actual[each]! += cost
      told[each]! += Math.exp(meanLn[each]! + product[each]!)
    }
  })
  return { weights, meanLn, scale: Array.from(actual, (sum, each) => (told[each]! > 0 ? sum / told[each]! : null)) }
}

/** Columns of several weight matrices side by side. */
function interleaved(parts: readonly Float32Array[]): Float32Array {
  const widths = parts.map((part) => part.length / INPUTS)
  const columns = widths.reduce((sum, width) => sum + width, 0)
  const all = new Float32Array(INPUTS * columns)
  let offset = 0
  parts.forEach((part, each) => {
    const width = widths[each]!
    for (let input = 0; input < INPUTS; input++)
      for (let at = 0; at < width; at++) all[input * columns + offset + at] = part[input * width + at]!
    offset += width
  })
  return all
}

function column(weights: Float32Array, columns: number, which: number): Float32Array {
  return Float32Array.from({ length: weights.length / columns }, (_, input) => weights[input * columns + which]!)
}

/** Mean of the known values; null when none is. */
function meanOf(values: Iterable<number>): number | null {
  let sum = 0
  let count = 0
  for (const value of values) {
    if (Number.isNaN(value)) continue
    sum += value
    count++
  }
  return count === 0 ? null : sum / count
}
