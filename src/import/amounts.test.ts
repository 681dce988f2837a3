import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { budgetWindow, durationOfSeconds, perMillion } from './amounts.ts'

test.each([
  [2.5e-6, '2.5'],
  [0.00001, '10'],
  ['3e-07', '0.3'],
  [0, '0'],
  [1, '1000000'],
  ['0.000000075', '0.075'],
  ['.5e-6', '0.5'],
  [-1, null],
  ['free', null],
  ['', null],
  [null, null],
])('%p dollars a token are %p a million', (written, expected) => expect(perMillion(written)).toBe(expected))

test('a price a token is moved by six places and never rounded', () =>
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 9n }), fc.integer({ min: 0, max: 18 }), (digits, places) => {
      const text = perMillion(`${digits}e-${places}`)!
      const [whole = '', fraction = ''] = text.split('.')
      const back = BigInt(whole + fraction) * 10n ** BigInt(30 - fraction.length)
      expect(back).toBe(digits * 10n ** BigInt(30 + 6 - places))
    }),
  ))

test.each([
  ['1d', { window: 'day', isCalendar: true }],
  ['1mo', { window: 'month', isCalendar: true }],
  ['30d', { window: 'rolling 30d', isCalendar: false }],
  ['2w', { window: 'rolling 14d', isCalendar: false }],
  [undefined, { window: 'once', isCalendar: true }],
  ['0d', null],
  ['soon', null],
])('a budget for %p is one for %j', (written, expected) => expect(budgetWindow(written)).toEqual(expected))

test.each([
  [30, '30s'],
  ['0.5', '500ms'],
  [0, null],
  [100_000, null],
  ['never', null],
])('%p seconds are %p', (written, expected) => expect(durationOfSeconds(written)).toBe(expected))
