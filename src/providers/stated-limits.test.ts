import { expect, test } from 'bun:test'

import { retryAfterMs, statedLimits } from './stated-limits.ts'
import type { StatedLimits } from './stated-limits.ts'

const NOW = Date.parse('2026-11-20T10:00:00Z')
const WAITS: readonly (readonly [string, Record<string, string>, number | null])[] = [
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['fractions of a second', { 'retry-after': '0.25' }, 250],
  ['milliseconds first', { 'retry-after-ms': '120', 'retry-after': '1' }, 120],
  ['a date', { 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }, 30_000],
  ['a date that has passed', { 'retry-after': 'Fri, 20 Nov 2026 09:00:00 GMT' }, 0],
  ['never more than a day', { 'retry-after': '9999999' }, 86_400_000],
  [
    'OpenAI’s reset of what is used up',
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' },
    360_000,
  ],
  [
    'the latest of two resets',
    {
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '250ms',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1.5s',
    },
    1_500,
  ],
  ['no reset of what is left', { 'x-ratelimit-remaining-tokens': '12', 'x-ratelimit-reset-tokens': '6m0s' }, null],
  [
    'Anthropic’s moment',
    { 'anthropic-ratelimit-requests-remaining': '0', 'anthropic-ratelimit-requests-reset': '2026-11-20T10:00:12Z' },
    12_000,
  ],
  ['OpenRouter’s moment in ms', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW + 5_000) }, 5_000],
  ['a moment in s', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1_000 + 9) }, 9_000],
  ['days and hours', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '0d1h2m' }, 3_720_000],
  ['nothing', {}, null],
  ['nonsense', { 'retry-after': 'soon' }, null],
]
for (const [name, headers, expected] of WAITS)
  test(`the wait of a reply: ${name}`, () => expect(retryAfterMs(new Headers(headers), NOW)).toBe(expected))

const STATED: readonly (readonly [string, Record<string, string>, StatedLimits | null])[] = [
  [
    'OpenAI’s',
    {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6m0s',
    },
    {
      requests: { limit: 60, remaining: 59, resetMs: 1_000 },
      tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
    },
  ],
  [
    'Anthropic’s',
    {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-11-20T10:00:12Z',
      'anthropic-ratelimit-input-tokens-limit': '40000',
      'anthropic-ratelimit-input-tokens-remaining': '39000',
    },
    {
      requests: { limit: 50, remaining: 0, resetMs: 12_000 },
      tokens: { limit: 40_000, remaining: 39_000, resetMs: null },
    },
  ],
  [
    'one limit alone',
    { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': String(NOW + 5_000) },
    { requests: { limit: 20, remaining: 7, resetMs: 5_000 }, tokens: null },
  ],
  ['none', { 'content-type': 'application/json' }, null],
  ['numbers that are none', { 'x-ratelimit-limit-requests': 'many', 'x-ratelimit-remaining-requests': '1' }, null],
  ['a limit without what is left', { 'x-ratelimit-limit-requests': '60' }, null],
]
for (const [name, headers, expected] of STATED)
  test(`the limits that an answer states: ${name}`, () =>
    expect(statedLimits(new Headers(headers), NOW)).toEqual(expected))
