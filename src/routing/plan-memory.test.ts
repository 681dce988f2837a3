import { expect, test } from 'bun:test'
import { createPlanMemory } from './plan-memory.ts'

function memoryAt(time: { ms: number }) {
  return createPlanMemory({ monotonicMs: () => time.ms })
}

test('draws of a route are spread evenly, and a look takes none', () => {
  const memory = memoryAt({ ms: 0 })
  expect(memory.peekDraw('r')).toBe(memory.peekDraw('r'))
  const draws = Array.from({ length: 1_000 }, () => {
    const next = memory.peekDraw('r')
    expect(memory.nextDraw('r')).toBe(next)
    return next
  })
  const sorted = draws.toSorted((one, other) => one - other)
  const gaps = sorted.slice(1).map((draw, index) => draw - sorted[index]!)
  expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...draws)).toBeLessThan(1)
  expect(Math.max(...gaps)).toBeLessThan(3 / 1_000)
  expect(memory.nextDraw('other')).toBe(draws[0]!)
})

test('a deployment is idle until it is asked, and busy until its requests are over', () => {
  const time = { ms: 100 }
  const memory = memoryAt(time)
  expect(memory.idleMs('a/m')).toBe(Infinity)
  const over = [memory.asked('a/m'), memory.asked('a/m')]
  time.ms += 50
  expect([memory.idleMs('a/m'), memory.planned('a/m')]).toEqual([50, 2])
  for (const end of over) end()
  expect(memory.planned('a/m')).toBe(0)
})

test('a conversation is warm for five minutes, and forgotten when there are many newer ones', () => {
  const time = { ms: 0 }
  const memory = memoryAt(time)
  memory.answered(7, 'a/m')
  time.ms = 300_000
  expect(memory.lastOf(7)).toEqual({ deploymentId: 'a/m', isWarm: true })
  time.ms = 300_001
  expect(memory.lastOf(7)).toEqual({ deploymentId: 'a/m', isWarm: false })
  for (let conversation = 1_000; conversation < 30_000; conversation++) memory.answered(conversation, 'b/m')
  expect(memory.lastOf(7)).toBeNull()
})
