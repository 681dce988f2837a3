import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  calibrationOf,
  correctedRate,
  correctedVerdict,
  isInformative,
  lengthBias,
  pairVerdict,
  verdictWeight,
  withoutLength,
} from './judge.ts'
import { evaluateOffPolicy, type LoggedChoice } from './off-policy.ts'

const NINETY = calibrationOf({ goodCalledGood: 90, goodCalledBad: 10, badCalledGood: 10, badCalledBad: 90 })
const COIN = calibrationOf({ goodCalledGood: 50, goodCalledBad: 50, badCalledGood: 50, badCalledBad: 50 })

test('sensitivity, specificity and J come from labelled answers', () => {
  expect(NINETY.sensitivity).toBeCloseTo(0.896, 3)
  expect(NINETY.youden).toBeCloseTo(0.792, 3)
  expect(verdictWeight(NINETY)).toBeCloseTo(0.627, 3)
  expect(verdictWeight(COIN)).toBeCloseTo(0)
})

test('a judge that is hardly better than a coin is refused', () => {
  expect(isInformative(COIN)).toBe(false)
  expect(correctedRate(70, 100, COIN)).toBeNull()
  expect(correctedVerdict(1, COIN)).toBeNull()
  expect(correctedRate(0, 0, NINETY)).toBeNull()
})

test('a rate of verdicts is corrected, and its variance counts the calibration', () => {
  const seen = 0.8 * NINETY.sensitivity + 0.2 * (1 - NINETY.specificity)
  const { rate, variance } = correctedRate(seen * 1_000, 1_000, NINETY)!
  expect(rate).toBeCloseTo(0.8)
  expect(variance).toBeGreaterThan((seen * (1 - seen)) / 1_000 / NINETY.youden ** 2)
  expect(correctedRate(1_000, 1_000, NINETY)!.rate).toBe(1)
})

test('corrected verdicts average to the true quality', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (quality) => {
      const calledGood = quality * NINETY.sensitivity + (1 - quality) * (1 - NINETY.specificity)
      const mean = calledGood * correctedVerdict(1, NINETY)! + (1 - calledGood) * correctedVerdict(0, NINETY)!
      expect(mean).toBeCloseTo(quality)
    }),
  )
})

test.each([
  ['candidate', 'candidate', 'candidate'],
  ['candidate', 'baseline', 'tie'],
  ['tie', 'candidate', 'tie'],
  ['baseline', 'baseline', 'baseline'],
] as const)('%s in one order and %s in the other is %s', (first, second, verdict) => {
  expect(pairVerdict(first, second)).toBe(verdict)
})

test('a bias for length is found, and taken out', () => {
  const graded = Array.from({ length: 200 }, (_, each) => {
    const characters = 50 + each * 20
    return { characters, verdict: 0.2 + 0.1 * Math.log(1 + characters) + (each % 2 === 0 ? 0.05 : -0.05) }
  })
  const bias = lengthBias(graded)!
  expect(bias.slope).toBeCloseTo(0.1, 2)
  expect(bias.standardError).toBeLessThan(0.01)
  const corrected = graded.map(({ verdict, characters }) => withoutLength(verdict, characters, bias))
  expect(lengthBias(graded.map((each, at) => ({ ...each, verdict: corrected[at]! })))!.slope).toBeCloseTo(0)
  expect(lengthBias(graded.slice(0, 2))).toBeNull()
  expect(lengthBias(Array.from({ length: 5 }, () => ({ characters: 9, verdict: 1 })))).toBeNull()
})

/** Two arms with rewards 0.9 and 0.5; the log chose the first with chance 0.3, and the other policy would with chance 0.8. */
function log(requests: number, predictions: readonly [number, number]): LoggedChoice[] {
  return Array.from({ length: requests }, (_, each) => {
    const isFirst = each % 10 < 3
    // Of ten answers of each arm, 9 and 5 are good, spread evenly.
    const reward = isFirst ? Number((each * 7) % 10 !== 0 || each % 30 !== 0) : Math.floor(each / 10) % 2
    return {
      propensity: isFirst ? 0.3 : 0.7,
      reward,
      otherChance: isFirst ? 0.8 : 0.2,
      predicted: predictions[isFirst ? 0 : 1],
      otherPredicted: 0.8 * predictions[0] + 0.2 * predictions[1],
    }
  })
}

test.each([
  ['right', [0.9, 0.5]],
  ['wrong', [0.1, 0.1]],
] as const)('another policy is valued from the log with %s predictions', (_, predictions) => {
  const logged = log(3_000, predictions)
  const mean = (isFirst: boolean): number => {
    const own = logged.filter(({ propensity }) => propensity === (isFirst ? 0.3 : 0.7))
    return own.reduce((sum, { reward }) => sum + reward, 0) / own.length
  }
  const truth = 0.8 * mean(true) + 0.2 * mean(false)
  const { ips, snips, doublyRobust, effectiveRequests } = evaluateOffPolicy(logged)!
  for (const { value, low, high } of [ips, snips!, doublyRobust]) {
    expect(value).toBeCloseTo(truth, 1)
    expect(low).toBeLessThan(truth)
    expect(high).toBeGreaterThan(truth)
  }
  expect(effectiveRequests).toBeLessThan(3_000)
  expect(effectiveRequests).toBeGreaterThan(1_000)
})

test('a log that says nothing about the other policy gives no normalised estimate', () => {
  const logged = log(30, [0.5, 0.5]).map((each) => ({ ...each, otherChance: 0 }))
  expect(evaluateOffPolicy(logged)).toMatchObject({ snips: null, effectiveRequests: 0 })
  expect(evaluateOffPolicy([])).toBeNull()
  expect(() => evaluateOffPolicy([{ ...logged[0]!, propensity: 0 }])).toThrow(RangeError)
})
