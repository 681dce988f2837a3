// The cache of a route, and equal requests of it that share one run.
import type { Reply } from '../core/reply.ts'
import type { CacheRuleConfig } from '../config/schema-cache.ts'
import { GatewayError } from '../core/error.ts'
import type { CachedAnswer } from '../core/kept-answer.ts'
import type { Near } from '../cache/vectors.ts'
import { fingerprint, isCacheable } from '../cache/fingerprint.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { admitAgain, answerToKeep, askItself, joinRun, lead, streamBounds } from './recalled.ts'
import type { Recalled } from './recalled.ts'
import { replay } from './replay.ts'
import { meantBy } from './semantic.ts'
import type { Meant } from './semantic.ts'
import { startRun } from './shared-run.ts'
import type { Run } from './shared-run.ts'

const COALESCED = { 'x-weir-cache': 'hit; coalesced' }

export function cacheStage(engine: Engine, { config }: Snapshot) {
  const { answers, runs, vectors, clock, log } = engine
  const { noStoreTags, maxSizeBytes } = config.cache
  const bounds = streamBounds(config.cache.maxAnswerBytes)

  /** Looks, joins, or begins a run and keeps what comes of it. */
  return async function cached(recalled: Recalled, rule: CacheRuleConfig): Promise<Reply> {
    const { exchange, request, call } = recalled
    const { cache: option, routing } = call.facts.options
    const isKept = rule.mode !== 'off'
    if (
      option === 'off' ||
      isOff(rule) ||
      !isCacheable(call) ||
      exchange.tags.some((tag) => noStoreTags.includes(tag))
    ) {
      if (option === 'only') throw new GatewayError('cache_miss')
      return withHeader(await askItself(recalled, request), 'bypass')
    }
    const same = {
      ownFields: exchange.entrance.dialect.ownFields,
      routing: routingOptionsOf(request.headers, routing),
      within: `${scopeOf(rule.scope, recalled.caller)} ${exchange.route}${triedBy(exchange)}`,
    }
    const key = fingerprint(call, same)
    const mayBeOld = isKept && option !== 'refresh'
    const kept = mayBeOld ? await found(key) : null
    if (kept !== null) return again(recalled, rule, kept, 'hit')
    const { embedding, threshold } = rule
    const meant =
      rule.mode === 'semantic' && embedding !== undefined ? await meantBy(recalled, embedding, same, engine) : null
    const nearest = meant?.near ?? null
    if (mayBeOld && meant !== null && nearest !== null && nearest.similarity >= threshold) {
      const near = await found(nearest.key)
      if (near !== null) return again(recalled, rule, near, `hit; ${similarityText(nearest)}`)
      vectors.remove(meant.space, nearest.key)
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
    const run = begin(recalled, rule, key, meant)
    if (rule.coalesce) runs.set(key, run)
    return lead(run, request, { 'x-weir-cache': nearest === null ? 'miss' : `miss; ${similarityText(nearest)}` })
  }

  /** Asks a provider, and keeps what comes of it where the route does. */
  function begin(recalled: Recalled, rule: CacheRuleConfig, key: string, meant: Meant | null): Run {
    const { exchange, request } = recalled
    const run = startRun(
      {
        exchange,
        request,
        ask: (own) => askItself(recalled, own),
        whenLeft: 'cancel',
        bounds,
        async onOver(ended) {
          if (runs.get(key) === run) runs.delete(key)
          const answer = rule.mode === 'off' ? null : answerToKeep(recalled, ended, clock.now())
          if (answer === null) return
          await keep({
            ...answer,
            key,
            route: exchange.route,
            expiresAt: answer.createdAt + rule.ttlMs,
            ...(meant === null ? {} : { meant }),
          })
        },
      },
      engine,
    )
    return run
  }

  async function keep(answer: CachedAnswer): Promise<void> {
    try {
      await answers.putAnswer(answer, { maxBytes: maxSizeBytes })
      if (answer.meant !== undefined) vectors.add(answer.meant.space, { key: answer.key, vector: answer.meant.vector })
    } catch (error) {
      log.error('answer_not_cached', { route: answer.route, error: String(error) })
    }
  }

  function again(recalled: Recalled, rule: CacheRuleConfig, kept: CachedAnswer, state: string): Promise<Reply> | Reply {
    admitAgain(engine, config, recalled)
    const { exchange, request } = recalled
    const ageSeconds = Math.max(0, Math.floor((clock.now() - kept.createdAt) / 1_000))
    const headers = { 'x-weir-cache': state, age: String(ageSeconds) }
    return replay(exchange, kept, { signal: request.signal, clock, headers, inRhythm: rule.replay === 'rhythm' })
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

function similarityText({ similarity }: Near): string {
  return `similarity=${similarity.toFixed(2)}`
}

function withHeader(reply: Reply, state: string): Reply {
  return { ...reply, headers: { ...reply.headers, 'x-weir-cache': state } }
}

/** A candidate's answers are its own: after a rollback nobody gets them again. */
function triedBy({ trial }: Recalled['exchange']): string {
  return trial?.arm === 'candidate' ? ` ${trial.experiment}` : ''
}
