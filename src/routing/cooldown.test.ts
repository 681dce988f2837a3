import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Cooldown } from './cooldown.ts'

/** Jitter of this draw is none. */
const EVEN = 0.5

function failTimes(cooldown: Cooldown, count: number, nowMs: number): void {
  for (let index = 0; index < count; index++) cooldown.failed(nowMs, null, EVEN, nowMs)
}

test('two failures in a row are bad luck, three send it out for a second', () => {
  const cooldown = new Cooldown()
  failTimes(cooldown, 2, 0)
  expect(cooldown.gate(0)).toBe('in')
  expect(cooldown.failed(0, null, EVEN, 0)).toBe(true)
  expect([cooldown.gate(0), cooldown.gate(999), cooldown.gate(1_000)]).toEqual(['out', 'out', 'probe'])
})

test('a success between failures starts the count anew', () => {
  const cooldown = new Cooldown()
  for (let round = 0; round < 4; round++) {
    failTimes(cooldown, 2, 0)
    for (let answer = 0; answer < 4; answer++) cooldown.succeeded(0)
  }
  expect(cooldown.gate(0)).toBe('in')
})

test('half of ten or more attempts of the last minute send it out, older ones do not count', () => {
  const cooldown = new Cooldown()
  for (let round = 0; round < 4; round++) {
    cooldown.failed(0, null, EVEN, 0)
    cooldown.succeeded(0)
  }
  expect(cooldown.gate(0)).toBe('in')
  cooldown.succeeded(0)
  cooldown.failed(0, null, EVEN, 0)
  expect(cooldown.gate(0)).toBe('out')

  const later = new Cooldown()
  for (let index = 0; index < 9; index++) {
    later.succeeded(0)
    if (index % 2 === 0) later.failed(0, null, EVEN, 0)
  }
  later.failed(70_000, null, EVEN, 70_000)
  expect(later.gate(70_000)).toBe('in')
})

test('a probe that fails doubles the pause up to five minutes, one that is answered ends it', () => {
  const cooldown = new Cooldown()
  failTimes(cooldown, 3, 0)
  let nowMs = 0
  const pauses: number[] = []
  for (let probe = 0; probe < 11; probe++) {
    nowMs = cooldown.untilMs ?? 0
    cooldown.isProbing = true
    cooldown.failed(nowMs, null, EVEN, nowMs)
    pauses.push((cooldown.untilMs ?? 0) - nowMs)
  }
  expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * 1_000))
  nowMs = cooldown.untilMs ?? 0
  cooldown.isProbing = true
  cooldown.succeeded(nowMs)
  expect(cooldown.gate(nowMs)).toBe('easing')
  expect(cooldown.gate(nowMs + 10_000)).toBe('in')
})

test('while a probe is under way it is out for everybody else', () => {
  const cooldown = new Cooldown()
  failTimes(cooldown, 3, 0)
  expect(cooldown.gate(1_000)).toBe('probe')
  cooldown.isProbing = true
  expect(cooldown.gate(1_000)).toBe('out')
})

test('failures of what was sent before it went out, or before it came back, change nothing', () => {
  const cooldown = new Cooldown()
  failTimes(cooldown, 3, 100)
  const until = cooldown.untilMs
  for (let index = 0; index < 500; index++) cooldown.failed(50, null, EVEN, 5_000)
  expect(cooldown.untilMs).toBe(until)
  cooldown.isProbing = true
  cooldown.succeeded(6_000)
  for (let index = 0; index < 5; index++) cooldown.failed(5_500, null, EVEN, 6_500)
  expect(cooldown.gate(6_500)).toBe('easing')
})

test('a provider that asks for more time gets it, at most five minutes', () => {
  for (const [asked, given] of [
    [30_000, 30_000],
    [10, 1_000],
    [86_400_000, 300_000],
  ] as const) {
    const cooldown = new Cooldown()
    for (let index = 0; index < 3; index++) cooldown.failed(0, asked, EVEN, 0)
    expect(cooldown.untilMs).toBe(given)
  }
})

test('a minute of health makes the next pause short again, less does not', () => {
  for (const [healthyMs, pauseMs] of [
    [5_000, 4_000],
    [60_000, 1_000],
  ] as const) {
    const cooldown = new Cooldown()
    failTimes(cooldown, 3, 0)
    cooldown.isProbing = true
    cooldown.failed(1_000, null, EVEN, 1_000)
    cooldown.isProbing = true
    cooldown.succeeded(3_000)
    const nowMs = 3_000 + healthyMs
    failTimes(cooldown, 3, nowMs)
    expect((cooldown.untilMs ?? 0) - nowMs).toBe(pauseMs)
  }
})

test('it eases in over ten seconds', () => {
  const cooldown = new Cooldown()
  failTimes(cooldown, 3, 0)
  cooldown.isProbing = true
  cooldown.succeeded(1_000)
  expect([0, 5_000, 10_000].map((ms) => cooldown.easeShare(1_000 + ms))).toEqual([0.1, 0.55, 1])
})

test('whatever happens in whatever order: out means a moment in the next 375 s, and a probe is never beside a probe', () => {
  const step = fc.record({
    waitMs: fc.nat({ max: 20_000 }),
    isGood: fc.boolean(),
    draw: fc.double({ min: 0, max: 1, noNaN: true }),
    retryAfterMs: fc.option(fc.nat({ max: 1e9 })),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cooldown = new Cooldown()
      let nowMs = 0
      for (const { waitMs, isGood, draw, retryAfterMs } of steps) {
        nowMs += waitMs
        const gate = cooldown.gate(nowMs)
        if (gate === 'probe') cooldown.isProbing = true
        if (isGood) cooldown.succeeded(nowMs)
        else cooldown.failed(nowMs, retryAfterMs, draw, nowMs)
        if (gate === 'probe') expect(cooldown.gate(nowMs)).toBe(isGood ? 'easing' : 'out')
        if (cooldown.untilMs !== null) expect(cooldown.untilMs - nowMs).toBeLessThanOrEqual(375_000)
        if (cooldown.gate(nowMs) === 'in') expect(cooldown.untilMs).toBeNull()
      }
    }),
  )
})
