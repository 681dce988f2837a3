// The short form of the outages of `npm run soak:chaos`.
import { expect, test } from 'bun:test'
import { deathUnderLoad, hedging, rateLimits } from './scenarios.ts'

test('a provider that dies under load: all are answered, nobody asks it twice, one probe a cooldown, and its traffic comes back', async () => {
  const seen = await deathUnderLoad({ requests: 150, deadMs: 1_200 })
  expect(seen.answered).toBe(seen.requests)
  expect(seen.extraShare).toBeLessThanOrEqual(0.2)
  expect(seen.probes).toBeLessThanOrEqual(seen.cooldowns)
  expect(seen.backMs).toBeLessThan(10_000)
}, 40_000)

test('providers with rate limits: requests go where there is room or wait for it, and next to none is refused', async () => {
  // Ten times the rate of the long form, so that some seconds say as much.
  const seen = await rateLimits({ perMinute: 600, offeredPerMinute: 1_700, seconds: 6, burst: 10 })
  expect(seen.answered / seen.offered).toBeGreaterThanOrEqual(0.995)
  expect(seen.upstreamRefusedShare).toBeLessThanOrEqual(0.05)
}, 40_000)

test('hedging cuts off slow starts for few extra requests', async () => {
  const seen = await hedging({ requests: 600, together: 12 })
  // The long form asks for 40 %: a machine that is busy with other tests is slow by itself.
  expect(seen.cutShare).toBeGreaterThan(0.25)
  expect(seen.extraShare).toBeLessThanOrEqual(0.05)
}, 40_000)
