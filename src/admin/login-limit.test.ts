import { describe, expect, test } from 'bun:test'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { createLoginLimit } from './login-limit.ts'

function limitOf(failures: number) {
  const time = { now: 0 }
  const clock: Clock = { now: () => 0, monotonicMs: () => time.now, after: () => () => {} }
  const limit = createLoginLimit({ clock, failures })
  const refusal = (address: string | null): GatewayError | null => {
    try {
      limit.check(address)
      return null
    } catch (error) {
      if (error instanceof GatewayError) return error
      throw error
    }
  }
  return { time, limit, refusal }
}

test('the address waits until its oldest failure is a minute old', () => {
  const { time, limit, refusal } = limitOf(2)
  limit.failed('192.0.2.1')
  time.now = 20_000
  expect(refusal('192.0.2.1')).toBeNull()
  limit.failed('192.0.2.1')
  expect(refusal('192.0.2.1')).toMatchObject({ code: 'rate_limited', detail: { retryAfterMs: 40_000 } })
  time.now = 60_000
  expect(refusal('192.0.2.1')).toBeNull()
  limit.failed('192.0.2.1')
  expect(refusal('192.0.2.1')).toMatchObject({ detail: { retryAfterMs: 20_000 } })
})

describe('who is counted together', () => {
  test.each<[string | null, string | null, boolean]>([
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['2001:db8::1', '2001:db8::ffff', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    [null, null, true],
    [null, 'unreadable', true],
    [null, '192.0.2.1', false],
  ])('%p and %p: %p', (first, second, together) => {
    const { limit, refusal } = limitOf(1)
    limit.failed(first)
    expect(refusal(second) !== null).toBe(together)
  })
})
