import { expect, test } from 'bun:test'
import { heapStats } from 'bun:jsc'
import fc from 'fast-check'
import { LRUCache } from 'lru-cache'
import { atMost } from './bound.ts'

test('a cache with that bound keeps and forgets what one with `max` does', () => {
  const operation = fc.record({
    name: fc.constantFrom('get', 'peek', 'set', 'delete'),
    key: fc.nat(12),
    value: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(operation, { maxLength: 80 }), (entries, operations) => {
      const [laidOut, growing] = [
        new LRUCache<number, number>({ max: entries }),
        new LRUCache<number, number>(atMost(entries)),
      ]
      for (const { name, key, value } of operations) {
        const answers = [laidOut, growing].map((cache) => {
          if (name === 'set') return cache.set(key, value) === cache
          return name === 'get' ? cache.get(key) : name === 'peek' ? cache.peek(key) : cache.delete(key)
        })
        expect(answers[1]).toEqual(answers[0])
        expect([...growing.entries()]).toEqual([...laidOut.entries()])
        expect(growing.size).toBeLessThanOrEqual(entries)
      }
    }),
  )
})

test('an empty cache takes no room for what it may hold one day', () => {
  Bun.gc(true)
  const before = heapStats().heapSize
  const caches = Array.from({ length: 20 }, () => new LRUCache<string, object>(atMost(10_000)))
  Bun.gc(true)
  expect(heapStats().heapSize - before).toBeLessThan(20 * 50_000)
  expect(caches.length).toBe(20)
})
