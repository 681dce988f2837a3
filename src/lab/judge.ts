// The arithmetic of a judge that errs: how good it is, what a rate of its verdicts really says, and what it owes to mere length.

/** Verdicts of the judge on answers that people labelled. */
export type JudgeCounts = {
  readonly goodCalledGood: number
  readonly goodCalledBad: number
  readonly badCalledGood: number
  readonly badCalledBad: number
}

export type Calibration = {
  /** P(called good | good). */
  readonly sensitivity: number
  /** P(called bad | bad). */
  readonly specificity: number
  /** Youden's J = sensitivity + specificity − 1: 1 for a perfect judge, 0 for a coin. */
  readonly youden: number
  readonly labelledGood: number
  readonly labelledBad: number
}

/** A judge that tells good from bad hardly better than a coin is refused: correcting it would only amplify noise. */
const MIN_YOUDEN = 0.3

/** With half a count added to each cell, so that a judge that never erred on few labels is not taken to be perfect. */
export function calibrationOf(counts: JudgeCounts): Calibration {
  const labelledGood = counts.goodCalledGood + counts.goodCalledBad
  const labelledBad = counts.badCalledGood + counts.badCalledBad
  const sensitivity = (counts.goodCalledGood + 0.5) / (labelledGood + 1)
  const specificity = (counts.badCalledBad + 0.5) / (labelledBad + 1)
  return { sensitivity, specificity, youden: sensitivity + specificity - 1, labelledGood, labelledBad }
}

export function isInformative({ youden }: Calibration): boolean {
  return youden >= MIN_YOUDEN
}

/** What one verdict counts as evidence: J². A perfect judge counts as a person does, a useless one not at all. */
export function verdictWeight({ youden }: Calibration): number {
  return youden <= 0 ? 0 : youden ** 2
}

/**
 * A verdict (0–1) corrected for the judge's errors: (verdict + specificity − 1) / J. Its mean is the true quality; a single one leaves 0–1.
 * Null for a judge that is not informative.
 */
export function correctedVerdict(verdict: number, calibration: Calibration): number | null {
  return isInformative(calibration) ? (verdict + calibration.specificity - 1) / calibration.youden : null
}

/**
 * The true rate of good answers behind `goodVerdicts` of `verdicts` (Rogan and Gladen 1978), within 0–1, and its variance, which counts the
 * uncertainty of the calibration, too. Null for a judge that is not informative, and without verdicts.
 */
export function correctedRate(
  goodVerdicts: number,
  verdicts: number,
  calibration: Calibration,
): { readonly rate: number; readonly variance: number } | null {
  if (!isInformative(calibration) || verdicts === 0) return null
  const { sensitivity, specificity, youden, labelledGood, labelledBad } = calibration
  const seen = goodVerdicts / verdicts
  const rate = Math.min(1, Math.max(0, (seen + specificity - 1) / youden))
  const variance =
    ((seen * (1 - seen)) / verdicts +
      (rate ** 2 * sensitivity * (1 - sensitivity)) / (labelledGood + 1) +
      ((1 - rate) ** 2 * specificity * (1 - specificity)) / (labelledBad + 1)) /
    youden ** 2
  return { rate, variance }
}

export type PairVerdict = 'candidate' | 'baseline' | 'tie'

/** A pair that was judged in both orders: a judge that changes its mind with the order has said nothing. */
export function pairVerdict(candidateFirst: PairVerdict, baselineFirst: PairVerdict): PairVerdict {
  return candidateFirst === baselineFirst ? candidateFirst : 'tie'
}

export type LengthBias = {
  /** How much a verdict rises for an answer that is e times as long. */
  readonly slope: number
  readonly standardError: number
  readonly meanLnLength: number
}

/** Least squares of the verdicts on ln(length). Null with fewer than three answers, or when all have one length. */
export function lengthBias(
  graded: readonly { readonly verdict: number; readonly characters: number }[],
): LengthBias | null {
  if (graded.length < 3) return null
  const points = graded.map(({ verdict, characters }) => ({ x: Math.log(1 + characters), y: verdict }))
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  let xx = 0
  let xy = 0
  for (const { x, y } of points) {
    xx += (x - meanX) ** 2
    xy += (x - meanX) * (y - meanY)
  }
  if (xx <= 1e-12) return null
  const slope = xy / xx
  const squares = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, standardError: Math.sqrt(squares / (points.length - 2) / xx), meanLnLength: meanX }
}

/** A verdict as if the answer were of the usual length. */
export function withoutLength(verdict: number, characters: number, { slope, meanLnLength }: LengthBias): number {
  return verdict - slope * (Math.log(1 + characters) - meanLnLength)
}
