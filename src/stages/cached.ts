// The cache of a route, and equal requests of it that share one run.
import type { CacheRuleConfig } from '../config/schema-cache.ts'
import { GatewayError } from '../core/error.ts'
import { fingerprint, isCacheable } from '../cache/fingerprint.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { admitAgain, answerToKeep, askItself, joinRun, lead, streamBounds } from './recalled.ts'
import type { Recalled } from './recalled.ts'
import { replay } from './replay.ts'
import { startRun } from './shared-run.ts'

const COALESCED = { 'x-weir-cache': 'hit; coalesced' }
export function cacheStage(engine: Engine, { config }: Snapshot) {
  const { answers, runs, clock, log } = engine
  const { noStoreTags, maxSizeBytes } = config.cache
  const bounds = streamBounds(config.cache.maxAnswerBytes)

  /** Looks, joins, or begins a run and keeps what comes of it. */
  return async function cached(recalled: Recalled, rule: CacheRuleConfig): Promise<Response> {
    const { exchange, request, call } = recalled
    const { cache: option, routing } = call.facts.options
    const isKept = rule.mode === 'exact'
    if (
      option === 'off' ||
      isOff(rule) ||
      !isCacheable(call) ||
      exchange.tags.some((tag) => noStoreTags.includes(tag))
    ) {
      if (option === 'only') throw new GatewayError('cache_miss')
      return withHeader(await askItself(recalled, request), 'bypass')
    }
    const key = fingerprint(call, {
      ownFields: exchange.entrance.dialect.ownFields,
      routing: routingOptionsOf(request.headers, routing),
      within: `${scopeOf(rule.scope, recalled.caller)} ${exchange.route}`,
    })
    if (isKept && option !== 'refresh') {
      const kept = await found(key)
      if (kept !== null) {
        admitAgain(engine, config, recalled)
        const ageSeconds = Math.max(0, Math.floor((clock.now() - kept.createdAt) / 1_000))
        const headers = { 'x-weir-cache': 'hit', age: String(ageSeconds) }
        return replay(exchange, kept, { signal: request.signal, clock, headers, inRhythm: rule.replay === 'rhythm' })
      }
    }
    if (option === 'only') throw new GatewayError('cache_miss')
    const mayJoin = rule.coalesce && option !== 'refresh'
    // Between looking and beginning there is no pause: of requests that come at once, one begins.
    for (let run = mayJoin ? runs.get(key) : undefined; run !== undefined; run = runs.get(key)) {
      const joined = await joinRun(engine, config, recalled, run, COALESCED)
      if (joined !== null) return joined
      // It runs, and its beginning is gone.
      if (runs.get(key) === run) break
    }
    const run = startRun({
      exchange,
      request,
      ask: (own) => askItself(recalled, own),
      whenLeft: 'cancel',
      clock,
      bounds,
      async onOver(ended) {
        if (runs.get(key) === run) runs.delete(key)
        const answer = isKept ? answerToKeep(recalled, ended, clock.now()) : null
        if (answer === null) return
        const kept = { ...answer, key, route: exchange.route, expiresAt: answer.createdAt + rule.ttlMs }
        await answers
          .putAnswer(kept, { maxBytes: maxSizeBytes })
          .catch((error: unknown) => log.error('answer_not_cached', { request: exchange.id, error: String(error) }))
      },
    })
    if (rule.coalesce) runs.set(key, run)
    return lead(run, request, { 'x-weir-cache': 'miss' })
  }

  /** A store that is away is no reason not to answer. */
  async function found(key: string) {
    try {
      return await answers.getAnswer(key, clock.now())
    } catch (error) {
      log.warn('cache_away', { error: String(error) })
      return null
    }
  }
}

export function isOff({ mode, coalesce }: CacheRuleConfig): boolean {
  return mode === 'off' && !coalesce
}

/** Who gets the same answers, as text. A key without a team is a team of its own. */
function scopeOf(scope: CacheRuleConfig['scope'], { key, team }: KeyWithTeam): string {
  switch (scope) {
    case 'key':
      return `key:${key.id}`
    case 'team':
      return team === null ? `key:${key.id}` : `team:${team.id}`
    case 'gateway':
      return 'gateway'
  }
}

function withHeader(response: Response, state: string): Response {
  response.headers.set('x-weir-cache', state)
  return response
}
