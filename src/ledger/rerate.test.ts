import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { entryOf } from '../core/testing.ts'
import { NO_USAGE } from '../core/usage.ts'
import { saleOf } from '../core/user.ts'
import { rerate } from './rerate.ts'

test('however often its price is corrected, a sale is the cost times the multiplier that was booked', () =>
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 5_000_000n }),
      fc.array(fc.bigInt({ min: 0n, max: 10_000_000n }), { minLength: 1, maxLength: 6 }),
      (multiplierMillionths, prices) => {
        const sale = saleOf({ userId: 'user_1', group: 'retail', multiplierMillionths }, 1_000n)
        const entry = entryOf({ usage: { ...NO_USAGE, input: 7 }, costNanoUsd: 1_000n, priceVersion: 'v0', sale })
        let adjustedNanoUsd = 0n
        let chargedNanoUsd = sale.chargedNanoUsd
        for (const [place, input] of prices.entries()) {
          const done = rerate(
            { entry, adjustedNanoUsd, besideNanoUsd: 0n },
            () => ({ rates: { input }, version: `v${place + 1}` }),
            place,
          )
          if (done.type !== 'changed') continue
          adjustedNanoUsd += done.adjustment.entry.costNanoUsd
          chargedNanoUsd += done.adjustment.entry.sale?.chargedNanoUsd ?? 0n
          expect(chargedNanoUsd).toBe(saleOf(sale, 1_000n + adjustedNanoUsd).chargedNanoUsd)
        }
      },
    ),
  ))
