// The stages of the path for one snapshot of the configuration; each that is more than a call has a file of its own.
import type { RequestRecord } from '../core/ledger.ts'
import { inputTokens, NO_USAGE, outputTokens } from '../core/usage.ts'
import { Exchange } from '../exchange.ts'
import type { ExchangeTools } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import { clientRequestIdOf } from '../http/caller.ts'
import { errorReply } from '../http/error-response.ts'
import { traceOf } from '../http/relay.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { attempt } from '../routing/attempt.ts'
import type { Snapshot } from '../snapshot.ts'
import { admitStage } from './admit.ts'
import { authenticateStage } from './authenticate.ts'
import type { Engine } from './engine.ts'
import { mediaStage } from './media.ts'
import { planStage } from './plan.ts'
import { recallStage } from './recall.ts'
import { readStage } from './read.ts'
import { relayStage } from './relay.ts'
import { reviewIn } from './review.ts'
import { sampleStage } from './sample.ts'

export function createStages(engine: Engine, snapshot: Snapshot): Stages {
  const { clock, journal, metrics, log } = engine
  const { redact } = engine.attemptTools
  const { config, priceOf } = snapshot
  const fetchOf = mediaStage(engine, snapshot)
  const exchangeTools: ExchangeTools = {
    clock,
    journal,
    priceOf,
    baselines: snapshot.baselines,
    tasks: snapshot.tasks,
    observed: engine.observed,
    onClosing: ({ heldBytes }) => {
      engine.load.inFlight--
      engine.bytes.free(heldBytes)
    },
    onClosed: (record, target, task, tier) => {
      metrics.requestFinished(factsOf(record, target))
      // What a provider's batch used counts in limits of its own.
      if (target !== null && record.usage !== null && tier !== 'batch') {
        engine.providerRoom.used(target.provider, inputTokens(record.usage) + outputTokens(record.usage))
        if (record.finishReason !== null) engine.expectedOutput.seen(target.id, task, record.usage)
      }
      if (config.log.requests) log.requestLine(record)
    },
    onLateError: (error) => log.error('settle_failed', { error: String(error) }),
  }

  const plan = planStage(engine, snapshot)
  const sample = sampleStage(engine, snapshot)
  const review = reviewIn(engine)

  return {
    open(request, entrance, id = engine.newId()) {
      const exchange = new Exchange(
        { id, clientRequestId: clientRequestIdOf(request.headers, redact), entrance },
        exchangeTools,
      )
      metrics.requestStarted()
      engine.load.inFlight++
      return exchange
    },

    authenticate: authenticateStage(engine, snapshot),
    read: readStage(engine, snapshot),
    plan(exchange, request, call, caller) {
      const planned = plan(exchange, request, call, caller)
      sample(exchange, request, call, caller)
      return planned
    },
    recall: recallStage(engine, snapshot),
    admit: admitStage(engine, snapshot, plan),

    attempt(exchange, request, call, planned) {
      const deadlineMs = exchange.startedMs + planned.totalMs
      return attempt(
        {
          requestId: exchange.id,
          call,
          dialect: exchange.entrance.dialect,
          plan: planned,
          lossy: config.routing.lossy,
          media: { maxBytes: config.media.maxSizeBytes, fetch: fetchOf(exchange, request, call, deadlineMs) },
          signal: request.signal,
          deadlineMs,
          estimate: exchange.intent?.estimateUsage ?? NO_USAGE,
          attempts: exchange.attempts,
          review: review(call, exchange.entrance.dialect, planned),
        },
        engine.attemptTools,
      )
    },

    relay: relayStage(engine, snapshot),

    async refuse(exchange, error) {
      const reply = errorReply(error, exchange.entrance.dialect, exchange.id, exchange.clientRequestId, redact)
      const trace = traceOf(exchange)
      if (trace !== null) reply.headers['x-weir-trace'] = redact(trace)
      const ending = {
        status: error.status,
        error,
        entryStatus: error.code === 'client_closed' ? 'aborted' : 'failed',
        produced: null,
      } as const
      // Nothing left for a provider, so there is no entry to wait for; while the store is away that could take long.
      if (exchange.intent === null) {
        exchange.closeLate(ending)
        return reply
      }
      try {
        await exchange.close(ending)
      } catch (closeError) {
        // The caller gets its own error; that the ledger is behind is the operator's to know.
        exchangeTools.onLateError(closeError)
      }
      return reply
    },

    onInternal: (error, exchange) => log.error('internal', { request: exchange.id, error: describe(error) }),
  }
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
