// The short form of `npm run soak:chaos`.
import { expect, test } from 'bun:test'
import { FAILURES } from './failures.ts'
import { casesOf, faultsOf, runCase } from './matrix.ts'

const AT_ONCE = 8

test('whatever the first target does wrong, in whole answers and streams, in both lanes, the callers get their answer', async () => {
  const cases = casesOf(FAILURES.filter(({ isCostly }) => isCostly !== true))
  expect(cases.length).toBeGreaterThan(100)
  const faults: string[] = []
  const left = [...cases]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift())
        faults.push(...faultsOf(one, await runCase(one, 3, 3)))
    }),
  )
  expect(faults).toEqual([])
}, 60_000)
