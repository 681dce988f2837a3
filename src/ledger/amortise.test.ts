import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { NO_USAGE } from '../core/usage.ts'
import { amortise } from './amortise.ts'

const DOLLAR = 1_000_000_000n

test.each([
  // $2 for ten hours over ten million tokens: $2 a million, whatever they are.
  ['all alike', 1, 8_000_000, 2_000_000, { input: 2_000_000n, output: 2_000_000n }],
  // As if there were sixteen million: $1.25 a million, and four times that.
  ['an output token four times an input token', 4, 8_000_000, 2_000_000, { input: 1_250_000n, output: 5_000_000n }],
  ['input alone', 4, 10_000_000, 0, { input: 2_000_000n, output: 8_000_000n }],
  ['nothing', 1, 0, 0, null],
] as const)('with %s, tokens share what the hours cost', (_, outputWeight, input, output, expected) => {
  const usage = { ...NO_USAGE, input, output }
  expect(amortise({ hourNanoUsd: 2n * DOLLAR, hours: 10, usage, outputWeight })).toEqual(expected)
})

test('priced so, the tokens of the time cost what its hours did, but for the rounding of a rate', () => {
  const amount = fc.integer({ min: 1, max: 1_000_000_000 })
  fc.assert(
    fc.property(
      amount,
      amount,
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 10 }),
      (input, output, hour, weight) => {
        const hourNanoUsd = BigInt(hour) * DOLLAR
        const rates = amortise({ hourNanoUsd, hours: 24, usage: { ...NO_USAGE, input, output }, outputWeight: weight })
        const cost = BigInt(input) * (rates?.input ?? 0n) + BigInt(output) * (rates?.output ?? 0n)
        const off = cost - hourNanoUsd * 24n * 1_000n
        expect((off < 0n ? -off : off) * 2n).toBeLessThanOrEqual(BigInt(input + output))
      },
    ),
  )
})
