// How far a head's predictions may be trusted: stretched, bent and graded by what held-out prompts showed.

/** A prediction before calibration: how easy the prompt is for all, and how much better this deployment is at it than that. */
export type RawPrediction = { readonly shared: number; readonly own: number }

/** quality − mean = `ease` · shared + `fit` · own + `bend` · (shared² − `spread`): the mean over all prompts stays what it is. */
export type Calibration = {
  readonly ease: number
  readonly fit: number
  readonly bend: number
  /** Mean of shared². */
  readonly spread: number
}

export type HeldOutPair = { readonly raw: RawPrediction; readonly residual: number }

/** Held-out pairs that the calibration of all deployments together is worth beside one's own. */
const PRIOR_PAIRS = 2_000
const RELIABILITY_BINS = 10
const TERMS = 3

export function calibrated({ shared, own }: RawPrediction, { ease, fit, bend, spread }: Calibration): number {
  return ease * shared + fit * own + bend * (shared * shared - spread)
}

/** One calibration for each deployment, by least squares, held near the one that fits all of them together. */
export function calibrate(pairs: readonly (readonly HeldOutPair[])[]): Calibration[] {
  const squares = pairs.flat().map(({ raw }) => raw.shared * raw.shared)
  const spread = squares.reduce((sum, square) => sum + square, 0) / Math.max(1, squares.length)
  const moments = pairs.map((own) => momentsOf(own, spread))
  const all = moments.reduce(added, emptyMoments())
  const common = solve(all, null)
  return moments.map((own) => {
    if (all.count === 0) return calibrationOf(common, spread)
    return calibrationOf(solve(own, { center: common, moments: all, weight: PRIOR_PAIRS / all.count }), spread)
  })
}

/** Root mean square gap between predicted and actual means, over bins of held-out prompts that are alike in prediction. */
export function reliability(pairs: readonly HeldOutPair[], calibration: Calibration): number {
  const seen = pairs
    .map(({ raw, residual }) => ({ predicted: calibrated(raw, calibration), residual }))
    .sort((a, b) => a.predicted - b.predicted)
  if (seen.length === 0) return 0.5
  const size = Math.ceil(seen.length / RELIABILITY_BINS)
  let squares = 0
  for (let start = 0; start < seen.length; start += size) {
    const bin = seen.slice(start, start + size)
    const gap = bin.reduce((sum, { predicted, residual }) => sum + residual - predicted, 0)
    squares += gap ** 2 / bin.length
  }
  return Math.sqrt(squares / seen.length)
}

/** Sums of products of the terms, and of the terms with the residual. */
type Moments = { readonly products: Float64Array; readonly targets: Float64Array; readonly count: number }

function emptyMoments(): Moments {
  return { products: new Float64Array(TERMS * TERMS), targets: new Float64Array(TERMS), count: 0 }
}

function termsOf({ shared, own }: RawPrediction, spread: number): readonly number[] {
  return [shared, own, shared * shared - spread]
}

function momentsOf(pairs: readonly HeldOutPair[], spread: number): Moments {
  const sums = emptyMoments()
  for (const { raw, residual } of pairs) {
    const terms = termsOf(raw, spread)
    for (let a = 0; a < TERMS; a++) {
      sums.targets[a]! += terms[a]! * residual
      for (let b = 0; b < TERMS; b++) sums.products[a * TERMS + b]! += terms[a]! * terms[b]!
    }
  }
  return { ...sums, count: pairs.length }
}

function added(a: Moments, b: Moments): Moments {
  return {
    products: a.products.map((value, at) => value + b.products[at]!),
    targets: a.targets.map((value, at) => value + b.targets[at]!),
    count: a.count + b.count,
  }
}

/** Normal equations by elimination. `toward` holds the solution near a center, as so many of its pairs would. */
function solve(
  { products, targets }: Moments,
  toward: { readonly center: readonly number[]; readonly moments: Moments; readonly weight: number } | null,
): number[] {
  const rows = Array.from({ length: TERMS }, (_, a) => {
    const row = Array.from({ length: TERMS }, (__, b) => products[a * TERMS + b]!)
    let target = targets[a]!
    if (toward !== null)
      for (let b = 0; b < TERMS; b++) {
        const pull = toward.weight * toward.moments.products[a * TERMS + b]!
        row[b]! += pull
        target += pull * toward.center[b]!
      }
    // Keeps a term that never varied at nothing.
    row[a]! += 1e-9
    return [...row, target]
  })
  for (let pivot = 0; pivot < TERMS; pivot++)
    for (let other = 0; other < TERMS; other++) {
      if (other === pivot) continue
      const factor = rows[other]![pivot]! / rows[pivot]![pivot]!
      for (let at = pivot; at <= TERMS; at++) rows[other]![at]! -= factor * rows[pivot]![at]!
    }
  return rows.map((row, term) => row[TERMS]! / row[term]!)
}

function calibrationOf([ease = 0, fit = 0, bend = 0]: readonly number[], spread: number): Calibration {
  return { ease, fit, bend, spread }
}
