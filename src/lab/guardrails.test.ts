import { expect, test } from 'bun:test'
import { type Course, createUsual } from './guardrails.ts'

const GOOD: Course = { isError: false, isTimeout: false, isCut: false, durationMs: 100, costNanoUsd: 1_000n }

test('errors, timeouts and cuts need nothing to be measured against', () => {
  const usual = createUsual()
  expect(usual.broken({ ...GOOD, isError: true, isTimeout: true, isCut: true })).toEqual([
    'error',
    'timeout',
    'cut_answer',
  ])
})

test('slow and dear is what is beyond the control’s usual by more than a quarter, once enough of it was seen', () => {
  const usual = createUsual()
  for (let seen = 0; seen < 19; seen++) usual.add({ ...GOOD, durationMs: 81 + seen })
  expect(usual.broken({ ...GOOD, durationMs: 1e9, costNanoUsd: 1_000_000n })).toEqual([])
  usual.add(GOOD)
  expect(usual.broken({ ...GOOD, durationMs: 130, costNanoUsd: 1_251n })).toEqual(['slow', 'dear'])
  expect(usual.broken({ ...GOOD, durationMs: 120, costNanoUsd: 1_250n })).toEqual([])
})

test('what is usual follows the control', () => {
  const usual = createUsual()
  for (let seen = 0; seen < 200; seen++) usual.add(GOOD)
  for (let seen = 0; seen < 200; seen++) usual.add({ ...GOOD, durationMs: 1_000 })
  expect(usual.broken({ ...GOOD, durationMs: 1_200 })).toEqual([])
})
