// `cache:` of the file and of a route: the parsed values as types, then their fields.
import { choice, duration, type Field, flag, list, section, size, text } from './fields.ts'

/** What may differ from route to route. */
export type CacheRuleConfig = {
  readonly mode: 'off' | 'exact'
  readonly ttlMs: number
  readonly scope: 'key' | 'team' | 'gateway'
  readonly replay: 'at_once' | 'rhythm'
  readonly coalesce: boolean
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
          'Whether a request that was asked before gets the answer of then: `exact` compares everything that may change the answer.',
      },
      ['off', 'exact'],
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
  }
}

export const cache: Field<CacheConfig> = section<CacheConfig>(
  { description: 'Answers that are given again instead of asking a provider.' },
  {
    ...ruleFields({ mode: 'off', ttlMs: 3_600 * SECOND, scope: 'key', replay: 'at_once', coalesce: false }),
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
