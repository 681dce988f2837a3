import { expect, test } from 'bun:test'
import { randomOf } from '../src/providers/simulator/random.ts'
import { coldStart, MADE_UP } from './routing-cold-start.ts'

// `npm run bench:cold-start` runs more seeds, and further.
test.each([1, 2, 3])('from priors alone, quality stays and money is saved by 20 000 requests (seed %i)', (seed) => {
  const reached = coldStart(MADE_UP, [1_000, 2_000, 5_000, 10_000, 20_000], randomOf(seed))
  for (const { qualityShare } of reached) expect(qualityShare).toBeGreaterThanOrEqual(0.97)
  expect(reached[0]!.savedShare).toBeGreaterThan(-0.02)
  expect(reached.at(-1)!.savedShare).toBeGreaterThanOrEqual(0.12)
})
