import { expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import { NO_LIMITS } from '../core/key.ts'
import type { LimitSet } from '../core/key.ts'
import { createLimiter } from './limiter.ts'
import type { Reservation, Scope } from './limiter.ts'
import { formatReset, setRateHeaders } from './rate-headers.ts'

function setUp() {
  const time = { now: 1_000_000 }
  const clock = { now: () => time.now, monotonicMs: () => time.now, after: () => () => {} }
  return { time, limiter: createLimiter({ clock }) }
}

function scope(kind: Scope['kind'], id: string, limits: Partial<LimitSet>): Scope {
  return { kind, id, limits: { ...NO_LIMITS, ...limits } }
}

function refusal(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was admitted')
}

test('the request after the last one of the minute is refused with a true retry-after', () => {
  const { time, limiter } = setUp()
  const key = scope('key', 'k1', { rpm: 2 })
  limiter.admit([key], 10)
  time.now += 500
  limiter.admit([key], 10)
  const error = refusal(() => limiter.admit([key], 10))
  expect(error.code).toBe('rate_limited')
  expect(error.message).toContain('The key k1 has used 2 of 2 requests')
  time.now += (error.detail.retryAfterMs ?? 0) - 1
  expect(refusal(() => limiter.admit([key], 10)).code).toBe('rate_limited')
  time.now += 1
  limiter.admit([key], 10)
})

test('wall time that is set back or ahead neither holds nor forgets what was taken', () => {
  const time = { wall: 1_700_000_000_000, monotonicMs: 5_000.25 }
  const limiter = createLimiter({
    clock: { now: () => time.wall, monotonicMs: () => time.monotonicMs, after: () => () => {} },
  })
  const key = scope('key', 'k1', { rpm: 1 })
  for (const step of [3_600_000, -7_200_000, 0]) {
    expect(limiter.admit([key], 10).headroom.requests).toEqual({ limit: 1, remaining: 0, resetMs: 61_000 })
    time.wall += step
    time.monotonicMs += 100
    expect(refusal(() => limiter.admit([key], 10)).detail.retryAfterMs).toBe(60_900)
    time.monotonicMs += 60_900
  }
})

test('a refusal by one scope takes nothing from the others', () => {
  const { limiter } = setUp()
  const key = scope('key', 'k1', { rpm: 5, tpm: 1_000, concurrency: 5 })
  const team = scope('team', 't1', { concurrency: 0 })
  for (let index = 0; index < 20; index++)
    expect(refusal(() => limiter.admit([key, team], 400)).code).toBe('concurrency_limited')
  expect(limiter.inFlight('key')).toBe(0)
  const reservation = limiter.admit([key], 1_000)
  expect(reservation.headroom.requests?.remaining).toBe(4)
})

test('tokens are held at the estimate and corrected by the actual', () => {
  const { limiter } = setUp()
  const key = scope('key', 'k1', { tpm: 1_000 })
  const first = limiter.admit([key], 900)
  expect(refusal(() => limiter.admit([key], 200)).code).toBe('rate_limited')
  first.settle(100)
  first.settle(900)
  first.release()
  expect(limiter.admit([key], 900).headroom.tokens?.remaining).toBe(0)
})

test('what was released counts as a request but not as tokens', () => {
  const { limiter } = setUp()
  const key = scope('key', 'k1', { rpm: 10, tpm: 1_000 })
  limiter.admit([key], 900).release()
  const headroom = limiter.admit([key], 1_000).headroom
  expect(headroom.requests?.remaining).toBe(8)
  expect(headroom.tokens?.remaining).toBe(0)
})

test('a request that could never fit is told so instead of being sent to wait', () => {
  const { limiter } = setUp()
  const error = refusal(() => limiter.admit([scope('key', 'k1', { tpm: 100 })], 101))
  expect(error.code).toBe('request_too_large')
})

test('the headers show the tightest scope in OpenAI’s form', () => {
  const { limiter } = setUp()
  const reservation = limiter.admit(
    [scope('key', 'k1', { rpm: 100, tpm: 5_000 }), scope('team', 't1', { rpm: 10 }), scope('gateway', 'all', {})],
    1_000,
  )
  const headers: Record<string, string> = { 'x-other': 'stays' }
  setRateHeaders(headers, reservation.headroom)
  expect(headers).toEqual({
    'x-other': 'stays',
    'x-ratelimit-limit-requests': '10',
    'x-ratelimit-remaining-requests': '9',
    'x-ratelimit-reset-requests': '1m1s',
    'x-ratelimit-limit-tokens': '5000',
    'x-ratelimit-remaining-tokens': '4000',
    'x-ratelimit-reset-tokens': '1m1s',
  })
})

test('reset times are written like OpenAI writes them', () => {
  expect([0, 0.2, 350, 1_000, 6_001, 60_000, 361_000].map(formatReset)).toEqual([
    '0ms',
    '1ms',
    '350ms',
    '1s',
    '7s',
    '1m0s',
    '6m1s',
  ])
})

test('utilisation is told for each limit that exists, also at refusal', () => {
  const told: string[] = []
  const limiter = createLimiter({
    clock: { now: () => 0, monotonicMs: () => 0, after: () => () => {} },
    onChecked: (scope, kind, share) => told.push(`${scope} ${kind} ${share}`),
  })
  const key = scope('key', 'k', { rpm: 2, tpm: 100, concurrency: 4 })
  limiter.admit([key], 25)
  expect(told).toEqual(['key rpm 0.5', 'key tpm 0.25', 'key concurrency 0.25'])
  refusal(() => limiter.admit([key], 90))
  expect(told.at(-1)).toBe('key tpm 0.25')
})

test('idle end users are forgotten, busy ones are not', () => {
  const { time, limiter } = setUp()
  const busy = limiter.admit([scope('endUser', 'busy', { concurrency: 1 })], 1)
  for (let index = 0; index < 5_000; index++) {
    time.now += 1_000
    limiter.admit([scope('endUser', `user-${index}`, { rpm: 1 })], 1).settle(1)
  }
  expect(limiter.inFlight('endUser')).toBe(1)
  busy.release()
  expect(limiter.inFlight('endUser')).toBe(0)
})

test('100 000 random interleavings leak nothing and never pass a limit', () => {
  const { time, limiter } = setUp()
  let seed = 42
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
  const keys = ['a', 'b', 'c'].map((id) => scope('key', id, { rpm: 300, tpm: 20_000, concurrency: 7 }))
  const team = scope('team', 't', { concurrency: 15, rpm: 700 })
  const gateway = scope('gateway', 'all', { concurrency: 18 })
  const open: { key: Scope; reservation: Reservation }[] = []
  const admittedAt: number[] = []
  for (let step = 0; step < 100_000; step++) {
    time.now += Math.floor(random() * 60)
    const choice = random()
    if (choice < 0.55) {
      const key = keys[Math.floor(random() * keys.length)] ?? keys[0]!
      try {
        open.push({ key, reservation: limiter.admit([key, team, gateway], Math.floor(random() * 400)) })
        admittedAt.push(time.now)
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error
      }
    } else if (open.length > 0) {
      const [ended] = open.splice(Math.floor(random() * open.length), 1)
      if (choice < 0.8) ended!.reservation.settle(Math.floor(random() * 500))
      else ended!.reservation.release()
      if (choice > 0.9) ended!.reservation.settle(1)
    }
    for (const key of keys)
      if (open.filter((one) => one.key === key).length > 7) throw new Error('a key has more in flight than it may')
    if (open.length > 15) throw new Error('the team has more in flight than it may')
  }
  let from = 0
  for (const [index, at] of admittedAt.entries()) {
    while (admittedAt[from]! <= at - 60_000) from++
    expect(index - from + 1).toBeLessThanOrEqual(700)
  }
  for (const { reservation } of open) reservation.release()
  for (const kind of ['key', 'team', 'gateway'] as const) expect(limiter.inFlight(kind)).toBe(0)
})
