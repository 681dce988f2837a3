// Sequential tests that may be looked at after every observation: e-processes of Ville's inequality, for pairs and for rates.
//
// An e-process starts at 1 and, while its null hypothesis is true, is expected not to grow; the chance that it ever reaches E is at most
// 1/E, whenever one looks. So evidence of several stages multiplies, and stopping early is no mistake. A mixture over bet sizes is one, too.
import type { PairTest, RateTest, Wealth } from '../core/experiment.ts'

/** Bets: small ones find small effects with many pairs, large ones find large effects with few. */
const BETS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.45] as const

/** An equal candidate is promoted after about 6 · P(pairs disagree) / margin² pairs, in the median. */
export const PAIRS_FACTOR = 6
export const USUAL_DISAGREEMENT = 0.2

const START: Wealth = BETS.map(() => 0)
export const NEW_PAIR_TEST: PairTest = { pairs: 0, sum: 0, promote: START, rollback: START }
export const NEW_RATE_TEST: RateTest = { pairs: 0, candidate: 0, control: 0, wealth: START }

/**
 * One more pair: `difference` = y(candidate) − y(baseline) of one conversation, −1 to 1; `margin` Δ is how much worse still counts as equal.
 * With a judge, Δ is the margin times its J, and the difference is of raw verdicts. Throws a RangeError outside these bounds.
 */
export function addPair(test: PairTest, difference: number, margin: number): PairTest {
  if (!(difference >= -1 && difference <= 1)) throw new RangeError('a difference of qualities is −1 to 1')
  if (!(margin > 0 && margin < 1)) throw new RangeError('a margin is between 0 and 1')
  const gain = difference + margin
  return {
    pairs: test.pairs + 1,
    sum: test.sum + difference,
    promote: test.promote.map((log, each) => log + Math.log(1 + (BETS[each]! / (1 - margin)) * gain)),
    rollback: test.rollback.map((log, each) => log + Math.log(1 - (BETS[each]! / (1 + margin)) * gain)),
  }
}

/** The e-value: mean of the products over the bets. Large enough to overflow is simply infinite. */
export function evidenceOf(wealth: Wealth): number {
  return wealth.reduce((sum, log) => sum + Math.exp(log), 0) / wealth.length
}

/**
 * A guardrail: "the candidate fails no more often than the control, plus `tolerance`". One candidate's failure (1) or not (0) beside one of
 * the concurrent control, 0 or 1 as well; the pair of both is one observation.
 */
export function addOutcome(
  test: RateTest,
  candidateFailed: boolean,
  controlFailed: boolean,
  tolerance: number,
): RateTest {
  const excess = Number(candidateFailed) - Number(controlFailed) - tolerance
  return {
    pairs: test.pairs + 1,
    candidate: test.candidate + Number(candidateFailed),
    control: test.control + Number(controlFailed),
    // Expected to be at most 1 under the null, and positive, since the excess is at least −1 − tolerance.
    wealth: test.wealth.map((log, each) => log + Math.log(1 + (BETS[each]! / (1 + tolerance)) * excess)),
  }
}

/** The fuse: so many hard errors among the first answers need no statistics. */
export function isFuseBlown(hardErrors: number, answers: number): boolean {
  return hardErrors >= FUSE_ERRORS && answers <= FUSE_ANSWERS
}
const FUSE_ERRORS = 5
const FUSE_ANSWERS = 20

/**
 * e-value against "this assignment sends the wanted share to the candidate": a Beta(1, 1)-mixture likelihood ratio, so valid at every look.
 * Large values mean that assignment itself is broken, and nothing that was compared can be trusted.
 */
export function sampleRatioEvidence(candidates: number, controls: number, share: number): number {
  const total = candidates + controls
  const logMixture = logFactorial(candidates) + logFactorial(controls) - logFactorial(total + 1)
  return Math.exp(logMixture - candidates * Math.log(share) - controls * Math.log(1 - share))
}

function logFactorial(n: number): number {
  if (n < 32) {
    let sum = 0
    for (let factor = 2; factor <= n; factor++) sum += Math.log(factor)
    return sum
  }
  // Stirling's series: the error is below 1e-10 here.
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3)
}
