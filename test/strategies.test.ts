// The short form of `npm run bench:strategies`.
import { expect, test } from 'bun:test'
import { runFastest, runLeastBusy } from '../bench/strategies.ts'

test('fastest finds the faster of two within 50 requests, and follows when they swap within 30 seconds', async () => {
  const result = await runFastest({ requests: 50, fastMs: 2, slowMs: 25, paceMs: 250, limitMs: 30_000 })
  expect(result.foundAfter).toBeLessThanOrEqual(50)
  expect(result.followedMs).toBeLessThanOrEqual(30_000)
  expect(result.slowShare).toBeLessThan(0.2)
}, 20_000)

test('least-busy keeps equal targets equally busy', async () => {
  expect(await runLeastBusy({ targets: 3, clients: 150, requests: 1_200, delayMs: 250 })).toBeLessThanOrEqual(1.3)
}, 20_000)
