// `routes:` of the file: the parsed value as types, then its fields.
import type { Timeouts } from '../core/model.ts'
import { choice, type Field, flag, integer, leaf, list, map, section, text, withShorthand } from './fields.ts'
import { type CacheRuleConfig, routeCache } from './schema-cache.ts'
import { condition, type ConditionConfig, exception } from './schema-conditions.ts'
import { routeQuality, type RouteQualityConfig } from './schema-quality.ts'
import { someTimeouts } from './schema-shared.ts'
import { parseDuration, parseInteger } from './values.ts'

export type RouteConfig = {
  readonly strategy: 'order' | 'weighted' | 'cheapest' | 'fastest' | 'least-busy' | 'quality'
  readonly targets: readonly TargetConfig[]
  readonly fallbacks: readonly TargetConfig[]
  /** Absent: the dearest target. */
  readonly baseline?: string
  /** Task → what answers; `default`: all others. */
  readonly byTask: Readonly<Record<string, TargetConfig>>
  readonly on: OnConfig
  readonly sticky: boolean
  readonly timeouts?: Partial<Timeouts>
  readonly retries: number
  readonly hedgeAfterMs: number | 'p95' | null
  readonly midstream: 'error' | 'continue'
  readonly minTokensPerS: number | null
  readonly cache?: Partial<CacheRuleConfig>
  /** Absent: as `lab.evidence` says. */
  readonly evidence?: boolean
  readonly quality?: RouteQualityConfig
}

/** `use` is `provider/model`, a route, an alias or a bare model id. */
export type TargetConfig = {
  readonly use: string
  readonly weight: number
  readonly when?: ConditionConfig
  readonly unless?: ConditionConfig
}

type OnConfig = {
  readonly contextLength: readonly TargetConfig[]
  readonly contentFilter: readonly TargetConfig[]
  readonly rateLimit: readonly TargetConfig[]
  readonly budget: readonly TargetConfig[]
}

function weight(description: string): Field<number> {
  return leaf(
    { description, kind: 'number', range: 'above 0 to 1000000' },
    (value) => {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      return typeof number === 'number' && number > 0 && number <= 1_000_000
        ? { value: number }
        : { expected: 'a number above 0, at most 1000000' }
    },
    1,
  )
}

function readTarget(value: string): string | null {
  return /^[^\s/][^\s]*[^\s/]$|^[^\s/]$/.test(value) ? value : null
}

const targetFields = section<TargetConfig>(
  { description: 'One target: `provider/model`, another route, or a mapping with its terms.' },
  {
    use: text(
      {
        description: 'The model as `provider/model`, another route, or a model id that several providers have.',
        kind: '`provider/model` or route',
        expected: 'provider/model such as openai/gpt-5-mini, or the name of a route',
      },
      undefined,
      readTarget,
    ),
    weight: weight('Share of the traffic beside the other targets, with `strategy: weighted` or `least-busy`.'),
    when: condition,
    unless: exception,
  },
  { required: ['use'] },
)

// A bare text is short for `{ use: text }`.
const target: Field<TargetConfig> = withShorthand(targetFields, '`provider/model`, route or mapping', (value) =>
  typeof value === 'string' ? { use: value } : value,
)

const HEDGE = { min: 1, max: 600_000 }

function readHedge(value: unknown): { value: number | 'p95' | null } | { expected: string } {
  if (value === null) return { value: null }
  if (value === 'p95') return { value: 'p95' }
  const ms = parseInteger(value) ?? (typeof value === 'string' ? parseDuration(value) : null)
  return ms !== null && ms >= HEDGE.min && ms <= HEDGE.max
    ? { value: ms }
    : { expected: 'p95, a duration such as 800ms, or a number of milliseconds, up to 10 minutes' }
}

const hedge = leaf<number | 'p95' | null>(
  {
    description:
      'A second attempt starts on the next target when the first has produced nothing for so long; `p95`: of that deployment.',
    kind: 'duration or `p95`',
  },
  readHedge,
  null,
)

function byCause(what: string): Field<readonly TargetConfig[]> {
  return list({ description: `Tried next when ${what}.` }, target, [])
}

export const route: Field<RouteConfig> = section<RouteConfig>(
  { description: 'A public model name and what answers for it.' },
  {
    strategy: choice(
      {
        description:
          'How targets are ordered: as written, by weight, by the expected cost of the request, by measured speed, by requests in flight, or the cheapest that is good enough first (`quality`).',
      },
      ['order', 'weighted', 'cheapest', 'fastest', 'least-busy', 'quality'],
      'order',
    ),
    targets: list(
      {
        description:
          'What may answer. The first in the order of `strategy` is asked, the others step in when it fails.',
        synonyms: ['models', 'providers', 'deployments'],
      },
      target,
      [],
    ),
    fallbacks: list({ description: 'Tried after all targets, as written.' }, target, []),
    baseline: text(
      {
        description:
          'The model whose price savings are measured by, as if it answered everything. Left out, the dearest target that has a price.',
        kind: '`provider/model`',
        expected: 'provider/model such as openai/gpt-5',
      },
      undefined,
      readTarget,
    ),
    byTask: map(
      {
        description:
          'What answers requests of a task; `default` answers all others. Instead of `targets`, or before them.',
      },
      '<task>',
      target,
      {},
    ),
    on: section<OnConfig>(
      { description: 'What takes over by what went wrong, before the other targets.' },
      {
        contextLength: byCause('the request is too long for the model'),
        contentFilter: byCause('the provider’s content policy refuses the request'),
        rateLimit: byCause('the provider limits the rate'),
        budget: byCause('the budget is used up'),
      },
    ),
    sticky: flag(
      { description: 'Conversations stay with their target while its prompt cache is warm, and within a tool loop.' },
      true,
    ),
    timeouts: someTimeouts('this route'),
    retries: integer(
      {
        description: 'Further attempts at the same target when its failure may be a passing one.',
        synonyms: ['max_retries', 'num_retries'],
      },
      { min: 0, max: 5 },
      1,
    ),
    hedgeAfterMs: { ...hedge, unit: { suffix: '_ms', read: hedge.read } },
    midstream: choice(
      {
        description:
          'When a stream breaks off after its first token: an error event at its end, or another target goes on with it.',
      },
      ['error', 'continue'],
      'error',
    ),
    minTokensPerS: leaf<number | null>(
      {
        description: 'A stream that is slower than this before its first token is through counts as timed out.',
        kind: 'number',
        range: 'above 0 to 10000',
      },
      (value) =>
        value === null || (typeof value === 'number' && value > 0 && value <= 10_000)
          ? { value }
          : { expected: 'a number of tokens per second above 0, at most 10000' },
      null,
    ),
    cache: routeCache,
    evidence: flag({
      description:
        'Whether answers of this route are looked at for evidence of quality. Default: as `lab.evidence` says.',
    }),
    quality: routeQuality,
  },
)
