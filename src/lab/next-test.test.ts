import { expect, test } from 'bun:test'
import { rankTests, type TestIdea } from './next-test.ts'

const IDEA: TestIdea = {
  route: 'chat',
  baseline: 'a/large',
  candidate: 'a/small',
  requests: 1_000,
  baselineNanoUsd: 1_000,
  candidateNanoUsd: 100,
  baselineQuality: { mean: 0.9, sd: 0.02 },
  candidateQuality: { mean: 0.88, sd: 0.05 },
}

test('what saves most for what the test costs comes first, and what saves nothing is no idea', () => {
  const ranked = rankTests(
    [
      { ...IDEA, candidate: 'a/unsure', candidateQuality: { mean: 0.7, sd: 0.1 } },
      IDEA,
      { ...IDEA, candidate: 'a/dear', candidateNanoUsd: 2_000 },
      { ...IDEA, candidate: 'a/busy', requests: 9_000 },
    ],
    0.05,
  )
  expect(ranked.map(({ candidate }) => candidate)).toEqual(['a/busy', 'a/small', 'a/unsure'])
})

test('its numbers are those of the formula', () => {
  const [only] = rankTests([IDEA], 0.05)
  expect(only).toMatchObject({ savingNanoUsd: 900_000, pairs: 480, testNanoUsd: 48_000 })
  // Φ(0.03 / √(0.02² + 0.05²)) = Φ(0.557)
  expect(only?.chance).toBeCloseTo(0.7113, 3)
  expect(only?.value).toBeCloseTo((900_000 * 0.7113) / 48_000, 1)
  expect(rankTests([{ ...IDEA, candidateNanoUsd: 0 }], 0.05)[0]?.value).toBeFinite()
})
