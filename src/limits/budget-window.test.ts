import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { CALENDAR_UNITS, isTimeZone, windowText, type BudgetWindow } from '../core/budget.ts'
import { periodAt } from './budget-window.ts'

const at = (text: string): number => Date.parse(text)
const zoned = (unit: 'hour' | 'day' | 'week' | 'month', timeZone: string): BudgetWindow => ({
  type: 'calendar',
  unit,
  timeZone,
})

describe('a calendar window begins with its unit in its time zone', () => {
  const cases: [what: string, BudgetWindow, moment: string, from: string, until: string][] = [
    ['an hour', zoned('hour', 'UTC'), '2026-11-28T09:41:00Z', '2026-11-28T09:00:00Z', '2026-11-28T10:00:00Z'],
    ['a day', zoned('day', 'UTC'), '2026-11-28T23:59:59.999Z', '2026-11-28T00:00:00Z', '2026-11-29T00:00:00Z'],
    [
      'a day that is tomorrow already',
      zoned('day', 'Asia/Tokyo'),
      '2026-11-28T15:00:00Z',
      '2026-11-28T15:00:00Z',
      '2026-11-29T15:00:00Z',
    ],
    [
      'the day of 23 hours',
      zoned('day', 'Europe/Berlin'),
      '2026-03-29T10:00:00Z',
      '2026-03-28T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    [
      'the day of 25 hours',
      zoned('day', 'Europe/Berlin'),
      '2026-10-25T10:00:00Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
    [
      'a day whose midnight the clocks skip',
      zoned('day', 'America/Santiago'),
      '2026-09-06T12:00:00Z',
      '2026-09-06T04:00:00Z',
      '2026-09-07T03:00:00Z',
    ],
    [
      'a week, from Monday',
      zoned('week', 'UTC'),
      '2026-11-29T12:00:00Z',
      '2026-11-23T00:00:00Z',
      '2026-11-30T00:00:00Z',
    ],
    ['a month', zoned('month', 'UTC'), '2026-02-28T12:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
    [
      'the month of New Year',
      zoned('month', 'America/New_York'),
      '2027-01-01T04:59:00Z',
      '2026-12-01T05:00:00Z',
      '2027-01-01T05:00:00Z',
    ],
  ]
  test.each(cases)('%s', (_, window, moment, from, until) => {
    expect(periodAt(window, at(moment))).toEqual({ from: at(from), until: at(until) })
  })
})

test('a rolling window is kept in steps, and what is spent stays in it for at least its length', () => {
  const window: BudgetWindow = { type: 'rolling', lengthMs: 86_400_000 }
  const { from, until } = periodAt(window, at('2026-11-28T09:41:00Z'))
  expect([from, until]).toEqual([at('2026-11-28T09:30:00Z'), at('2026-11-29T10:00:00Z')])
})

test('once never ends', () => {
  expect(periodAt({ type: 'once' }, 5)).toEqual({ from: 0, until: null })
})

test('every moment lies in its period, and the next period begins where it ends', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'America/Santiago',
    'Asia/Kathmandu',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...CALENDAR_UNITS),
      fc.constantFrom(...zones),
      fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') }),
      (unit, zone, moment) => {
        const { from, until } = periodAt(zoned(unit, zone), moment)
        expect(from).toBeLessThanOrEqual(moment)
        expect(until).toBeGreaterThan(moment)
        expect(periodAt(zoned(unit, zone), from)).toEqual({ from, until })
        expect(periodAt(zoned(unit, zone), until ?? 0).from).toBe(until ?? 0)
      },
    ),
    { numRuns: 300 },
  )
})

test('a window has one text, and time zones are those that the platform knows', () => {
  expect(windowText(zoned('month', 'UTC'))).toBe('month')
  expect(windowText(zoned('month', 'Europe/Berlin'))).toBe('month Europe/Berlin')
  expect(windowText({ type: 'rolling', lengthMs: 3_600_000 })).toBe('rolling 3600000')
  expect([isTimeZone('Europe/Berlin'), isTimeZone('Berlin')]).toEqual([true, false])
})
