// The stages of the path, each from its own folder, for one snapshot of the configuration.
import type { Call } from './core/call.ts'
import type { Clock } from './core/clock.ts'
import { GatewayError } from './core/error.ts'
import type { LimitSet } from './core/key.ts'
import type { Intent, RequestRecord } from './core/ledger.ts'
import { inputTokens, outputTokens } from './core/usage.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeTools } from './exchange.ts'
import type { Stages } from './handle.ts'
import { readJsonBody } from './http/body.ts'
import type { BodyBounds, ByteBudget } from './http/body.ts'
import { clientRequestIdOf, optionsOf, secretOf } from './http/caller.ts'
import { errorResponse } from './http/error-response.ts'
import { relayStream, relayWhole } from './http/relay.ts'
import { isKept, keptStream, responseToKeep, withHistory } from './kept-responses.ts'
import type { KeyRing } from './keys/key-ring.ts'
import { endpointAllowed, modelAllowed } from './keys/permit.ts'
import { DEFAULT_OUTPUT_TOKENS, estimateTokens, worstCase } from './ledger/estimate.ts'
import type { Journal } from './ledger/journal.ts'
import type { Limiter, Scope } from './limits/limiter.ts'
import type { ProviderRoom } from './limits/provider-room.ts'
import type { Logger } from './metrics/log.ts'
import type { Metrics } from './metrics/metrics.ts'
import { attempt } from './routing/attempt.ts'
import type { AttemptTools } from './routing/attempt.ts'
import { whyUnable } from './routing/lane.ts'
import { plan } from './routing/plan.ts'
import type { Plan } from './routing/plan.ts'
import type { Snapshot } from './snapshot.ts'
import type { KeyWithTeam, ResponseStore } from './store/store.ts'

/** What outlives a configuration: counters, pools, the ledger. */
export type Engine = {
  readonly clock: Clock
  readonly random: () => number
  readonly newId: () => string
  readonly keyRing: KeyRing
  readonly limiter: Limiter
  readonly providerRoom: ProviderRoom
  readonly bytes: ByteBudget
  readonly journal: Journal
  readonly metrics: Metrics
  readonly log: Logger
  readonly attemptTools: AttemptTools
  readonly responses: ResponseStore
  readonly load: Load
}

/** Requests in flight, and whether new ones are still taken. */
export type Load = { inFlight: number; draining: boolean }

/** Why a target is left out of the plan under `unpriced: refuse`. */
const NO_PRICE = 'has no price'
/** How long an answer waits to be kept. */
const KEEP_MS = 2_000
/** Extra time that an intent's owner gets before anybody else may settle it. */
const INTENT_GRACE_MS = 60_000
/** A larger bound (callers send 2^53 to mean none) reserves no more than this: the books would not hold its price. */
const MOST_OUTPUT_TOKENS = 100_000_000

export function createStages(engine: Engine, snapshot: Snapshot): Stages {
  const { clock, journal, keyRing, limiter, metrics, log } = engine
  // What a caller names is written down: a key that was pasted in the wrong place must not be.
  const { redact } = engine.attemptTools
  const { config, catalogue, priceOf } = snapshot
  const bounds: BodyBounds = {
    bytes: config.server.bodyLimitBytes,
    timeoutMs: config.server.bodyTimeoutMs,
    json: { depth: config.server.jsonDepth, keys: config.server.jsonKeys },
  }
  const ownBounds = new Map(
    Object.entries(config.server.bodyLimits).map(([family, bytes]) => [family, { ...bounds, bytes }]),
  )
  const boundsOf = (family: string | null): BodyBounds => (family === null ? bounds : (ownBounds.get(family) ?? bounds))
  const exchangeTools: ExchangeTools = {
    clock,
    journal,
    priceOf,
    onClosed: (record, target) => {
      metrics.requestFinished(factsOf(record, target))
      if (target !== null && record.usage !== null)
        engine.providerRoom.used(target.provider, inputTokens(record.usage) + outputTokens(record.usage))
      if (config.log.requests) log.requestLine(record)
    },
    onLateError: (error) => log.error('settle_failed', { error: String(error) }),
  }

  function readFacts(exchange: Exchange, request: Request, body: Awaited<ReturnType<typeof readJsonBody>>): Call {
    const { dialect } = exchange.entrance
    const facts = dialect.readFacts(body.value)
    return {
      dialect: dialect.id,
      operation: dialect.operation,
      facts: { ...facts, options: optionsOf(request.headers, facts.options) },
      text: body.text,
      members: body.members,
      body: body.value,
      headers: forwardedHeaders(request.headers, dialect.forwardedHeaders),
      chat: null,
    }
  }

  return {
    open(request, entrance) {
      const exchange = new Exchange(
        { id: engine.newId(), clientRequestId: clientRequestIdOf(request.headers, redact), entrance },
        exchangeTools,
      )
      metrics.requestStarted()
      engine.load.inFlight++
      exchange.cleanUps.push(() => {
        engine.load.inFlight--
      })
      return exchange
    },

    authenticate(exchange, request, addressOf) {
      if (engine.load.draining)
        throw new GatewayError('draining', { retryAfterMs: 1_000, headers: { connection: 'close' } })
      if (engine.load.inFlight > config.server.maxInFlight)
        throw new GatewayError('overloaded', {
          message: `The gateway has ${config.server.maxInFlight} requests in flight and takes no more.`,
          retryAfterMs: 1_000,
        })
      const facts = {
        get address() {
          return addressOf()
        },
      }
      const found = keyRing.authenticate(secretOf(request), facts)
      return found instanceof Promise
        ? found.then((caller) => identified(exchange, caller))
        : identified(exchange, found)
    },

    async read(exchange, request) {
      const body = await readJsonBody(request, boundsOf(exchange.entrance.family), engine.bytes, clock)
      exchange.cleanUps.push(() => engine.bytes.free(body.heldBytes))
      const call = readFacts(exchange, request, body)
      const key = exchange.caller?.key
      exchange.call = call
      exchange.requestedModel = redact(call.facts.model)
      const endUser = boundedEndUser(call.facts.endUser ?? request.headers.get('x-weir-end-user'))
      exchange.endUser = endUser === null ? null : redact(endUser)
      if (call.facts.options.tags.length > 0)
        exchange.tags = [...new Set([...exchange.tags, ...call.facts.options.tags.map(redact)])]
      if (key?.requireEndUser === true && exchange.endUser === null)
        throw new GatewayError('end_user_required', { param: 'user' })
      return call.operation === 'responses' && key !== undefined ? goneOn(exchange, call, key.id) : call
    },

    plan(exchange, call, caller) {
      const name = call.facts.model
      const { key, team } = caller
      const allowed = (names: readonly string[]): boolean => modelAllowed(key.models, team?.models ?? null, names)
      const route = catalogue.resolve(name)
      if (route === null) {
        const usable = catalogue.list().flatMap(({ id }) => (allowed([id]) ? [id] : []))
        const nearest = catalogue.nearest(name, usable)
        throw new GatewayError('model_unknown', {
          message: `There is no model ${JSON.stringify(name.slice(0, 200))} here.${nearest.length > 0 ? ` Did you mean ${nearest.join(', ')}?` : ''}`,
          param: 'model',
        })
      }
      const names = route.targets.length === 1 ? [name, route.targets[0]?.deployment.id ?? name] : [name]
      if (!allowed(names))
        throw new GatewayError('model_not_allowed', {
          message: `The key ${key.id} may not use ${JSON.stringify(name.slice(0, 200))}.`,
          param: 'model',
        })
      exchange.route = route.name
      const planned = plan(call, route, {
        totalMs: config.timeouts.totalMs,
        draw: engine.random(),
        unable: (deployment) =>
          whyUnable(deployment, engine.attemptTools.wireOf(deployment.provider), {
            call,
            dialect: exchange.entrance.dialect,
          }) ??
          (config.unpriced === 'refuse' && priceOf(deployment.id, clock.now()) === null ? NO_PRICE : null) ??
          engine.providerRoom.whyFull(deployment.provider),
      })
      const { targets, excluded } = planned
      if (targets.length === 0 && excluded.length > 0 && excluded.every(({ why }) => why === NO_PRICE))
        throw new GatewayError('unpriced_model', {
          message: `${route.name} has no price, and requests without a price are refused here.`,
          param: 'model',
        })
      return planned
    },

    async admit(exchange, call, caller, planned) {
      const inputTokens = estimateTokens(call.text)
      const outputTokens = Math.min(call.facts.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS, MOST_OUTPUT_TOKENS)
      exchange.reservation = limiter.admit(scopesOf(exchange, caller, config.limits), inputTokens + outputTokens)
      const intent = intentOf(exchange, planned, inputTokens, outputTokens)
      if (intent === null) return
      try {
        await journal.intend(intent)
      } catch (error) {
        if (config.limits.onStoreFailure === 'refuse') throw error
        // The operator's explicit choice: answer now, and book it when the store is back.
        exchange.waitsForLedger = false
        log.warn('store_away', { request: exchange.id })
      }
      // Only a written intent is settled: what never left costs nothing.
      exchange.intent = intent
    },

    attempt: (exchange, request, call, planned) =>
      attempt(
        {
          requestId: exchange.id,
          call,
          dialect: exchange.entrance.dialect,
          plan: planned,
          lossy: config.routing.lossy,
          signal: request.signal,
          deadlineMs: exchange.startedMs + planned.totalMs,
          attempts: exchange.attempts,
        },
        engine.attemptTools,
      ),

    relay(exchange, request, answer) {
      const { deployment } = answer
      exchange.target = { id: deployment.id, provider: deployment.provider.name, model: deployment.model }
      const keep = keeperOf(exchange)
      if (answer.type === 'whole')
        return keep === null
          ? relayWhole(exchange, answer)
          : keep(answer.bytes).then(() => relayWhole(exchange, answer))
      exchange.ttftMs = clock.monotonicMs() - exchange.startedMs
      const relayed = keep === null ? answer : { ...answer, stream: keptStream(answer.stream, keep) }
      return relayStream(exchange, relayed, exchange.entrance.dialect, {
        monotonicMs: () => clock.monotonicMs(),
        redact,
        signal: request.signal,
        onStreamOutcome: (outcome) => engine.attemptTools.onOutcome(deployment, null, outcome, null),
      })
    },

    async refuse(exchange, error) {
      const response = errorResponse(error, exchange.entrance.dialect, exchange.id, exchange.clientRequestId, redact)
      const ending = { status: error.status, error, entryStatus: 'failed', produced: null } as const
      // Nothing left for a provider, so there is no entry to wait for; while the store is away that could take long.
      if (exchange.intent === null) {
        exchange.closeLate(ending)
        return response
      }
      try {
        await exchange.close(ending)
      } catch (closeError) {
        // The caller gets its own error; that the ledger is behind is the operator's to know.
        exchangeTools.onLateError(closeError)
      }
      return response
    },

    onInternal: (error, exchange) => log.error('internal', { request: exchange.id, error: describe(error) }),
  }

  async function goneOn(exchange: Exchange, call: Call, keyId: string): Promise<Call> {
    const whole = await withHistory(call, {
      store: engine.responses,
      keyId,
      now: clock.now(),
      limit: config.server.bodyLimitBytes,
    })
    exchange.call = whole
    if (whole.text === call.text) return whole
    engine.bytes.hold(whole.text.length)
    exchange.cleanUps.push(() => engine.bytes.free(whole.text.length))
    return whole
  }

  /** Puts an answer away before its caller sees the end of it, and so can go on from it; null: it is not to be kept. */
  function keeperOf({ id, call, caller }: Exchange): ((bytes: Uint8Array) => Promise<void>) | null {
    const { retentionMs } = config.responses
    if (call === null || caller === null || !isKept(call) || retentionMs === 0) return null
    return async (bytes) => {
      const now = clock.now()
      const stored = responseToKeep(new TextDecoder().decode(bytes), {
        call,
        id,
        keyId: caller.key.id,
        now,
        retentionMs,
      })
      if (stored === null) return
      // The answer is worth more than its copy: it waits a moment for the store, and no longer.
      const late = Promise.withResolvers<void>()
      const cancel = clock.after(KEEP_MS, late.resolve)
      const kept = engine.responses.putResponse(stored).catch((error: unknown) => {
        log.error('response_not_kept', { request: id, error: String(error) })
      })
      await Promise.race([kept, late.promise])
      cancel()
    }
  }

  function intentOf(exchange: Exchange, planned: Plan, inputTokens: number, outputTokens: number): Intent | null {
    const now = clock.now()
    let dearest: Intent | null = null
    for (const { deployment } of planned.targets) {
      const pricing = priceOf(deployment.id, now)
      const { usage, costNanoUsd } = worstCase({
        inputTokens,
        maxOutputTokens: outputTokens,
        rates: pricing?.rates ?? {},
      })
      if (dearest !== null && dearest.estimateNanoUsd >= costNanoUsd) continue
      dearest = {
        id: exchange.id,
        createdAt: exchange.startedAt,
        deadlineAt: exchange.startedAt + planned.totalMs + INTENT_GRACE_MS,
        dimensions: exchange.dimensions,
        provider: deployment.provider.name,
        model: deployment.model,
        estimateNanoUsd: costNanoUsd,
        estimateUsage: usage,
        priceVersion: pricing?.version ?? '',
      }
    }
    return dearest
  }
}

/** Notes who calls; throws when its key may not come in here. */
function identified(exchange: Exchange, caller: KeyWithTeam): KeyWithTeam {
  const { key, team } = caller
  exchange.caller = caller
  exchange.tags = team === null ? key.tags : [...new Set([...team.tags, ...key.tags])]
  const { family } = exchange.entrance
  if (family !== null && !endpointAllowed(key.endpoints, family))
    throw new GatewayError('endpoint_not_allowed', { message: `The key ${key.id} may not use ${family}.` })
  return caller
}

const NO_HEADERS: Call['headers'] = {}

/** The request headers that belong to the dialect. */
function forwardedHeaders(headers: Headers, names: readonly string[] | undefined): Call['headers'] {
  if (names === undefined) return NO_HEADERS
  const forwarded: Record<string, string> = {}
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null) forwarded[name] = value
  }
  return forwarded
}

function scopesOf(
  exchange: Exchange,
  { key, team }: KeyWithTeam,
  limits: Snapshot['config']['limits'],
): readonly Scope[] {
  const scopes: Scope[] = [
    { kind: 'gateway', id: 'all', limits: limits.gateway },
    { kind: 'key', id: key.id, limits: orElse(key.limits, limits.key) },
  ]
  if (team !== null) scopes.push({ kind: 'team', id: team.id, limits: orElse(team.limits, limits.team) })
  if (exchange.endUser !== null)
    scopes.push({ kind: 'endUser', id: `${key.id}/${exchange.endUser}`, limits: limits.endUser })
  return scopes
}

function orElse(own: LimitSet, fallback: LimitSet): LimitSet {
  return {
    rpm: own.rpm ?? fallback.rpm,
    tpm: own.tpm ?? fallback.tpm,
    concurrency: own.concurrency ?? fallback.concurrency,
  }
}

function boundedEndUser(name: string | null): string | null {
  if (name === null || name === '') return null
  if (name.length > 512)
    throw new GatewayError('request_malformed', { message: '`user` is longer than 512 characters.', param: 'user' })
  return name
}

function factsOf(
  record: RequestRecord,
  target: { readonly provider: string; readonly model: string } | null,
): Parameters<Metrics['requestFinished']>[0] {
  return {
    operation: record.dimensions.operation,
    route: record.dimensions.route,
    provider: target?.provider ?? null,
    model: target?.model ?? null,
    status: record.status,
    errorCode: record.errorCode,
    stream: record.stream,
    durationMs: record.durationMs,
    ttftMs: record.ttftMs,
    overheadMs: record.overheadMs,
    costNanoUsd: record.costNanoUsd,
    usage: record.usage,
    attempts: record.attempts,
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
