import { expect, test } from 'bun:test'
import type { Provider } from '../core/model.ts'
import { createProviderRoom } from './provider-room.ts'

function setUp(limits: Provider['limits']) {
  const time = { now: 1_000_000 }
  const room = createProviderRoom({
    clock: { now: () => time.now, monotonicMs: () => time.now, after: () => () => {} },
  })
  return { time, room, provider: { name: 'up', limits } as Provider }
}

test('a provider without limits is never full and nothing is kept of it', () => {
  const { room, provider } = setUp({ rpm: null, tpm: null })
  room.requested(provider)
  room.used('up', 1e9)
  expect(room.waitMs(provider)).toBe(0)
})

test('after its requests of the minute a provider is full, and has room a minute later', () => {
  const { time, room, provider } = setUp({ rpm: 2, tpm: null })
  room.requested(provider)
  expect(room.waitMs(provider)).toBe(0)
  room.requested(provider)
  expect(room.waitMs(provider)).toBe(61_000)
  time.now += 61_000
  expect(room.waitMs(provider)).toBe(0)
})

test('tokens count when they were used', () => {
  const { room, provider } = setUp({ rpm: null, tpm: 100 })
  room.requested(provider)
  room.used('up', 99)
  expect(room.waitMs(provider)).toBe(0)
  room.used('up', 1)
  expect(room.waitMs(provider)).toBe(61_000)
})
