import { expect, test } from 'bun:test'
import { Asking } from './waiting.ts'

test('what comes while it is asked for is followed by the next, however many there are', () => {
  let left = 1_000_000
  let depth = 0
  let deepest = 0
  const asking = new Asking(() => {
    deepest = Math.max(deepest, ++depth)
    if (left-- > 0) asking.next()
    depth--
  })
  asking.next()
  expect([left, deepest]).toEqual([-1, 1])
})

test('what comes later is asked for again when it has come', () => {
  let asked = 0
  const asking = new Asking(() => void asked++)
  asking.next()
  expect(asked).toBe(1)
  asking.next()
  expect(asked).toBe(2)
})
