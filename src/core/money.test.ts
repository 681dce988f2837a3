import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatUsd, parseUsd } from './money.ts'

for (const [nano, shown] of [
  [0n, '0'],
  [1n, '0.000000001'],
  [10n, '0.00000001'],
  [123_456_789n, '0.123456789'],
  [100_000_000n, '0.1'],
  [999_999_999n, '0.999999999'],
  [1_000_000_000n, '1'],
  [1_500_000n, '0.0015'],
  [12_345_000_000_000n, '12345'],
  [9_007_199_999_999_999n, '9007199.999999999'],
  [-1n, '-0.000000001'],
  [-2_500_000_000n, '-2.5'],
] as const)
  test(`${nano} nano-dollars are shown as ${shown}`, () => expect(formatUsd(nano)).toBe(shown))

test('what is shown is exact, and has no zeros that say nothing', () => {
  const amount = fc.oneof(
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    fc.bigInt({ min: 0n, max: 10n ** 9n }),
    // On both sides of what a double holds, and just below whole dollars.
    fc.bigInt({ min: 2n ** 53n - 100n, max: 2n ** 53n + 100n }),
    fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 7n }), fc.bigInt({ min: 1n, max: 20n }))
      .map(([usd, less]) => usd * 10n ** 9n - less),
    // Amounts that end in zeros.
    fc
      .tuple(fc.bigInt({ min: 0n, max: 999n }), fc.nat({ max: 9 }))
      .map(([digits, zeros]) => digits * 10n ** BigInt(zeros)),
  )
  fc.assert(
    fc.property(amount, (nano) => {
      const shown = formatUsd(nano)
      expect(shown).toMatch(/^-?(?:0|[1-9]\d*)(?:\.\d{0,8}[1-9])?$/)
      expect(parseUsd(shown, 9)).toBe(nano)
    }),
    { numRuns: 2_000 },
  )
})
