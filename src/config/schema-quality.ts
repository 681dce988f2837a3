// `quality:` of a route and of `routing`: which answers are good enough, the parsed values as types, then their fields.
import { formatUsd, parseUsd } from '../core/money.ts'
import { type Field, flag, integer, leaf, section, text } from './fields.ts'

/** What may differ from route to route. */
type QualityRuleConfig = {
  /** 0–1. */
  readonly floor: number
  readonly baselineShare: number | null
  readonly strict: boolean
  readonly minObservations: number
  readonly degrade: boolean
  readonly cascade: boolean
  readonly explore: ExploreConfig
}

type ExploreConfig = {
  /** Of the route's requests, 0–0.5; 0: nobody is tried. */
  readonly share: number
  /** Of what the route spends in a day, 0–1. */
  readonly shareOfSpend: number
  /** In a day, dollars as a decimal; null: no other bound. */
  readonly maxUsd: string | null
}

export type RouteQualityConfig = Partial<QualityRuleConfig> & {
  /** Deployment; absent: the route's `baseline` where that is a target, else that of the first target. */
  readonly baseline?: string
}

export type DefaultQualityConfig = QualityRuleConfig & {
  /** Of `auto`; absent: the best by what is published. */
  readonly baseline?: string
}

function share(description: string, { min, max }: { min: number; max: number }, fallback?: number): Field<number> {
  return leaf<number>(
    { description, kind: 'number', range: `${min} to ${max}` },
    (value) =>
      typeof value === 'number' && value >= min && value <= max
        ? { value }
        : { expected: `a number from ${min} to ${max}` },
    fallback,
  )
}

const maxUsd = leaf<string | null>(
  { description: 'Most that is spent on it in a day, in dollars.', kind: 'amount of dollars' },
  (value) => {
    if (value === null) return { value }
    const amount = typeof value === 'number' || typeof value === 'string' ? parseUsd(value, 9) : null
    return amount === null || amount < 0n
      ? { expected: 'an amount of dollars such as 5 or 0.50' }
      : { value: formatUsd(amount) }
  },
  null,
)

function explore(options: { readonly optional: boolean }): Field<ExploreConfig> {
  return section<ExploreConfig>(
    {
      description:
        'Requests that are answered by a target that is not known to be good enough but may well be, and that costs no more than who would answer: to find out.',
    },
    {
      share: share('Share of the requests; 0 tries nobody.', { min: 0, max: 0.5 }, 0),
      shareOfSpend: share('Most of what the route spends in a day.', { min: 0, max: 1 }, 0.02),
      maxUsd,
    },
    options,
  )
}

function ruleFields(fallbacks: Partial<QualityRuleConfig>, options: { readonly optional: boolean }) {
  return {
    floor: share(
      'The share of answers that must be acceptable. A target is good enough when the lower bound of what is expected of it (mean − 1.28 standard deviations) reaches this.',
      { min: 0, max: 1 },
      fallbacks.floor,
    ),
    baselineShare: leaf<number | null>(
      {
        description:
          'Also this share of what is expected of the baseline, where that is more; it asks for 30 own observations of a target.',
        kind: 'number',
        range: '0 to 1',
      },
      (value) =>
        value === null || (typeof value === 'number' && value >= 0 && value <= 1)
          ? { value }
          : { expected: 'a number from 0 to 1' },
      fallbacks.baselineShare,
    ),
    strict: flag({ description: 'The lower bound is mean − 1.64 standard deviations.' }, fallbacks.strict),
    minObservations: integer(
      {
        description:
          'Own observations that a target other than the baseline needs; 0: what is published of its model may be enough.',
      },
      { min: 0, max: 100_000 },
      fallbacks.minObservations,
    ),
    degrade: flag(
      {
        description:
          'Targets below the floor may answer: when a budget is spent ahead of its pace, and when all others have failed.',
      },
      fallbacks.degrade,
    ),
    cascade: flag(
      {
        description:
          'A whole answer that is empty, not the JSON or not of the schema that was asked for, or calls a tool with wrong arguments is set aside, and the next target asked; both are paid for. The caller sees the first that fits, or the last.',
      },
      fallbacks.cascade,
    ),
    explore: explore(options),
  }
}

function baseline(description: string): Field<string> {
  return text({ description, kind: '`provider/model`' })
}

export const routeQuality: Field<RouteQualityConfig> = section<RouteQualityConfig>(
  {
    description:
      'Which answers are good enough. With `strategy: quality` or `cheapest`, the cheapest target that is good enough answers; with any other, only those that are good enough are ordered. What is left out is as in `routing.quality`.',
    synonyms: ['quality_floor'],
  },
  {
    ...ruleFields({}, { optional: true }),
    baseline: baseline(
      'Who answers when nobody is known to be good enough, and whom others and the savings are compared with. Default: `baseline` of the route where that is a target, else the first target.',
    ),
  },
  { optional: true },
)

export const defaultQuality: Field<DefaultQualityConfig> = section<DefaultQualityConfig>(
  { description: 'What routes ask of quality that say nothing themselves, and what `auto` asks.' },
  {
    ...ruleFields(
      { floor: 0.8, baselineShare: null, strict: false, minObservations: 0, degrade: false, cascade: false },
      { optional: false },
    ),
    baseline: baseline(
      'Who answers for `auto` when nobody is known to be good enough. Default: the best by published benchmarks; where none is known, the cheapest.',
    ),
  },
)
