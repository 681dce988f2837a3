// `cache:` of the file and of a route: the parsed values as types, then their fields.
import { choice, duration, type Field, flag, leaf, list, section, size, text } from './fields.ts'

/** What may differ from route to route. */
export type CacheRuleConfig = {
  readonly mode: 'off' | 'exact' | 'semantic'
  readonly ttlMs: number
  readonly scope: 'key' | 'team' | 'gateway'
  readonly replay: 'at_once' | 'rhythm'
  readonly coalesce: boolean
  /** Model that makes vectors of questions, for `semantic`; absent: none. */
  readonly embedding?: string
  /** The least similarity, 0–1, at which a question counts as asked before. */
  readonly threshold: number
}

export type CacheConfig = CacheRuleConfig & {
  /** All answers together. */
  readonly maxSizeBytes: number
  readonly maxAnswerBytes: number
  readonly noStoreTags: readonly string[]
}

const SECOND = 1_000
const DAY = 86_400 * SECOND
const MIB = 1024 ** 2

function ruleFields(fallbacks: Partial<CacheRuleConfig>) {
  return {
    mode: choice(
      {
        description:
          'Whether a request that was asked before gets the answer of then: `exact` compares everything that may change the answer; `semantic` also takes a last question in other words, near enough in meaning.',
      },
      ['off', 'exact', 'semantic'],
      fallbacks.mode,
    ),
    ttlMs: duration(
      { description: 'How long an answer is given again.' },
      { min: SECOND, max: 366 * DAY },
      fallbacks.ttlMs,
    ),
    scope: choice(
      { description: 'Who gets whose answers: those of the same key, of the same team, or everybody.' },
      ['key', 'team', 'gateway'],
      fallbacks.scope,
    ),
    replay: choice(
      { description: 'A kept stream comes all at once, or with the pauses that it had.' },
      ['at_once', 'rhythm'],
      fallbacks.replay,
    ),
    coalesce: flag(
      { description: 'Equal requests of one scope that run at the same time share one call of a provider.' },
      fallbacks.coalesce,
    ),
    embedding: text({
      description: 'Model or route that makes vectors of questions, with `mode: semantic`.',
      kind: '`provider/model` or route',
    }),
    threshold: leaf<number>(
      {
        description: 'The least similarity (cosine) at which a question counts as asked before, with `mode: semantic`.',
        kind: 'number',
        range: '0.5 to 1',
      },
      (value) =>
        typeof value === 'number' && value >= 0.5 && value <= 1
          ? { value }
          : { expected: 'a number from 0.5 to 1, such as 0.95' },
      fallbacks.threshold,
    ),
  }
}

export const cache: Field<CacheConfig> = section<CacheConfig>(
  { description: 'Answers that are given again instead of asking a provider.' },
  {
    ...ruleFields({
      mode: 'off',
      ttlMs: 3_600 * SECOND,
      scope: 'key',
      replay: 'at_once',
      coalesce: false,
      threshold: 0.95,
    }),
    maxSizeBytes: size(
      { description: 'All answers together. Those that were used longest ago make room.' },
      { min: MIB, max: 1024 * 1024 * MIB },
      256 * MIB,
    ),
    maxAnswerBytes: size(
      { description: 'Largest answer that is kept; also of a request with an `Idempotency-Key`.' },
      { min: 1024, max: 64 * MIB },
      MIB,
    ),
    noStoreTags: list(
      { description: 'Requests with one of these tags, their own or their key’s, neither use the cache nor fill it.' },
      text({ description: '', kind: 'tag' }),
      [],
    ),
  },
)

export const routeCache: Field<Partial<CacheRuleConfig>> = section<Partial<CacheRuleConfig>>(
  { description: 'The cache of this route; what is left out is as in `cache`.' },
  ruleFields({}),
  { optional: true },
)
