import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { StatedLimits } from '../providers/stated-limits.ts'
import { Allowance } from './allowance.ts'
import type { Place } from './allowance.ts'

const stated = (limit: number, remaining: number, resetMs: number | null = null): StatedLimits => ({
  requests: { limit, remaining, resetMs },
  tokens: null,
})

test('nothing is known of a new one, and nobody waits', () => {
  const allowance = new Allowance()
  expect([allowance.waitMs(1e9, 0), allowance.headroom(0), allowance.requestsPerMinute]).toEqual([0, 1, null])
})

test('what a provider states is mirrored: requests sent since count, and so does what flowed in since', () => {
  const allowance = new Allowance()
  const first = allowance.take(10, 0)
  allowance.take(10, 100)
  // 60 a minute: one a second. Two were left when the first came in; one has gone since, two seconds have passed.
  allowance.heard(stated(60, 2), first, 2_000)
  expect(allowance.headroom(2_000)).toBeCloseTo(3 / 60)
  for (let index = 0; index < 3; index++) {
    expect(allowance.waitMs(10, 2_000)).toBe(0)
    allowance.take(10, 2_000)
  }
  expect(allowance.waitMs(10, 2_000)).toBeCloseTo(1_000)
  expect(allowance.waitMs(10, 2_600)).toBeCloseTo(400)
})

test('an answer that was overtaken does not set the count back', () => {
  const allowance = new Allowance()
  const early = allowance.take(1, 0)
  const late = allowance.take(1, 0)
  allowance.heard(stated(60, 10), late, 0)
  allowance.heard(stated(60, 11), early, 0)
  expect(allowance.headroom(0)).toBeCloseTo(10 / 60)
})

test('those that wait go in the order in which they came', () => {
  const allowance = new Allowance()
  allowance.heard(stated(60, 0), allowance.take(1, 0), 0)
  const waits = [0, 0, 0].map(() => {
    const waitMs = allowance.waitMs(1, 0)
    allowance.take(1, 0)
    return Math.round(waitMs)
  })
  expect(waits).toEqual([1_000, 2_000, 3_000])
  allowance.giveBack(1, 0)
  expect(Math.round(allowance.waitMs(1, 0))).toBe(3_000)
})

test('what a place that was waited for tells is of the moment when it left', () => {
  const allowance = new Allowance()
  allowance.heard(stated(60, 0), allowance.take(1, 0), 0)
  const waiting = allowance.take(1, 0)
  allowance.take(1, 0)
  waiting.sentAtMs = 1_000
  allowance.heard(stated(60, 0), waiting, 1_000)
  // One more is on its way, for the next second; whoever comes now goes in the one after it.
  expect(Math.round(allowance.waitMs(1, 1_000))).toBe(2_000)
})

test('a daily limit flows in by its own reset, not by the minute', () => {
  const allowance = new Allowance()
  allowance.heard(stated(14_400, 14_370, 180_000), allowance.take(1, 0), 0)
  expect(allowance.requestsPerMinute).toBeCloseTo(10)
})

test('tokens are waited for, too, and a request larger than the bucket waits for a full one', () => {
  const allowance = new Allowance()
  const limits: StatedLimits = { requests: null, tokens: { limit: 60_000, remaining: 1_000, resetMs: null } }
  allowance.heard(limits, allowance.take(10, 0), 0)
  expect(allowance.waitMs(500, 0)).toBe(0)
  expect(allowance.waitMs(3_000, 0)).toBeCloseTo(2_000)
  expect(allowance.waitMs(1e6, 0)).toBeCloseTo(59_000)
})

test('a refusal is waited out for as long as it says, else for a growing pause', () => {
  const told = new Allowance()
  told.refused(7_000, told.take(1, 0), 0.5, 0)
  expect([told.headroom(0), told.blockedUntilMs]).toEqual([0, 7_000])

  const silent = new Allowance()
  let nowMs = 0
  const pauses = Array.from({ length: 12 }, () => {
    silent.refused(null, silent.take(1, nowMs), 1, nowMs)
    const pauseMs = silent.blockedUntilMs - nowMs
    nowMs = silent.blockedUntilMs
    return pauseMs / 1_000
  })
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
})

test('what was sent together and is refused together makes one pause', () => {
  const allowance = new Allowance()
  const places = Array.from({ length: 100 }, () => allowance.take(1, 0))
  for (const [index, place] of places.entries()) allowance.refused(null, place, 1, index)
  expect(allowance.blockedUntilMs).toBe(1_000)
})

test('without headers the rate that went through becomes the limit, grows, and is forgotten', () => {
  const allowance = new Allowance()
  for (let index = 0; index < 60; index++) {
    allowance.take(1, index * 1_000)
    allowance.answered(index * 1_000)
  }
  allowance.refused(1_000, allowance.take(1, 60_000), 0.5, 60_000)
  const learned = allowance.requestsPerMinute ?? 0
  expect(learned).toBeGreaterThan(50)
  expect(learned).toBeLessThanOrEqual(60)
  allowance.answered(75_000)
  expect(allowance.requestsPerMinute).toBeCloseTo(learned * 1.05)
  allowance.answered(76_000)
  expect(allowance.requestsPerMinute).toBeCloseTo(learned * 1.05)
  allowance.answered(60_000 + 601_000)
  expect(allowance.requestsPerMinute).toBeNull()
})

/** The provider's own side: a bucket that refuses what does not fit. */
function realBucket(perMinute: number, burst: number) {
  let left = burst
  let atMs = 0
  return (nowMs: number) => {
    left = Math.min(burst, left + ((nowMs - atMs) * perMinute) / 60_000)
    atMs = nowMs
    if (left < 1) return { isRefused: true, remaining: 0 } as const
    left -= 1
    return { isRefused: false, remaining: Math.floor(left) } as const
  }
}

test('property: whoever keeps to the waits is refused next to never, and loses next to nothing of the rate', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 600 }),
      fc.integer({ min: 5, max: 60 }),
      fc.integer({ min: 0, max: 20_000 }),
      (perMinute, burst, latencyMs) => {
        const allowance = new Allowance()
        const bucket = realBucket(perMinute, burst)
        const onTheWay: {
          readonly place: Place
          readonly answerAtMs: number
          readonly said: ReturnType<typeof bucket>
        }[] = []
        let refused = 0
        let answered = 0
        const periodMs = 240_000
        // Far more is asked for than is granted; whoever would wait longer than 5 s goes elsewhere.
        for (let nowMs = 0; nowMs < periodMs; nowMs += 20) {
          while ((onTheWay[0]?.answerAtMs ?? Infinity) <= nowMs) {
            const { place, said } = onTheWay.shift()!
            allowance.heard(stated(perMinute, said.remaining), place, nowMs)
            if (said.isRefused) allowance.refused(null, place, 0.5, nowMs)
            else allowance.answered(nowMs)
          }
          if (allowance.waitMs(1, nowMs) > 0) continue
          const place = allowance.take(1, nowMs)
          const said = bucket(nowMs)
          if (said.isRefused) refused++
          else answered++
          onTheWay.push({ place, answerAtMs: nowMs + (said.isRefused ? 20 : latencyMs), said })
          onTheWay.sort((a, b) => a.answerAtMs - b.answerAtMs)
        }
        // Until the first answer nobody can know: what is sent in that time may be refused.
        const blind = Math.ceil(latencyMs / 20) + 5
        expect(refused).toBeLessThanOrEqual(blind + 5 + answered * 0.05)
        const granted = (perMinute * (periodMs - 3 * latencyMs - 20_000)) / 60_000
        expect(answered).toBeGreaterThan(granted * 0.75)
      },
    ),
    { numRuns: 25 },
  )
})
