import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { createMailbox } from './mailbox.ts'

test('property: whatever takes time, everything is handled once and in order, and who was held is let go', async () => {
  const messages = fc.array(
    fc.record({ size: fc.integer({ min: 0, max: 200_000 }), turns: fc.integer({ min: 0, max: 3 }) }),
    { maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(messages, async (given) => {
      const handled: number[] = []
      const held: boolean[] = []
      const mailbox = createMailbox<{ readonly index: number; readonly size: number; readonly turns: number }>({
        handle({ index, turns }) {
          if (turns === 0) return void handled.push(index)
          return (async () => {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve()
            handled.push(index)
          })()
        },
        sizeOf: ({ size }) => size,
        hold: (isFull) => void held.push(isFull),
        onError: (error) => expect.unreachable(String(error)),
      })
      for (const [index, one] of given.entries()) mailbox.push({ index, ...one })
      await new Promise((resolve) => setImmediate(resolve))
      expect(handled).toEqual(given.map((_, index) => index))
      expect(held.filter((isFull, index) => isFull !== (index % 2 === 0))).toEqual([])
      expect(held.length % 2).toBe(0)
    }),
  )
})

test('a sender that is too fast is held until what waits is handled', async () => {
  const gate = Promise.withResolvers<void>()
  const held: boolean[] = []
  const mailbox = createMailbox<string>({
    handle: () => gate.promise,
    sizeOf: (text) => text.length,
    hold: (isFull) => void held.push(isFull),
    onError: () => {},
  })
  for (let index = 0; index < 5; index++) mailbox.push('x'.repeat(100_000))
  expect(held).toEqual([true])
  gate.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(held).toEqual([true, false])
})

test.each([
  [
    'at once',
    () => {
      throw new Error('no')
    },
  ],
  ['later', () => Promise.reject(new Error('no'))],
] as const)('what fails %s is told once, and nothing after it is handled', async (_when, handle) => {
  const errors: unknown[] = []
  let calls = 0
  const mailbox = createMailbox<string>({
    handle() {
      calls++
      return handle()
    },
    sizeOf: () => 1,
    hold: () => {},
    onError: (error) => void errors.push(error),
  })
  for (const text of ['a', 'b', 'c']) mailbox.push(text)
  await new Promise((resolve) => setImmediate(resolve))
  expect([errors.length, calls]).toEqual([1, 1])
})
