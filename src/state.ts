// What the gateway says of itself to its operator: health and prices, as plain JSON.
import type { Gateway } from './app.ts'
import { listedModels } from './listed-models.ts'
import { filterModels, listedModelJson, type ModelFilter, usdPerMillion } from './models/listed-model.ts'
import type { DeploymentState } from './routing/health.ts'
import type { Snapshot } from './snapshot.ts'

/** `GET /admin/health`. */
export function healthOf(gateway: Gateway, storeAnswers: boolean): object {
  const { load, journal, metrics, snapshot, credentials, health } = gateway
  const pending = journal.pending()
  return {
    status: load.draining ? 'draining' : storeAnswers ? 'ok' : 'store_unavailable',
    store: storeAnswers ? 'ok' : 'unavailable',
    in_flight: load.inFlight,
    ledger: { pending: pending.count, oldest_ms: Math.round(pending.oldestMs) },
    providers: snapshot.providers.map(({ name, preset, credentials: keys }) => ({
      name,
      preset,
      credentials: keys.length,
    })),
    deployments: health.states().map((state) => deploymentJson(state, gateway.clock.monotonicMs())),
    credentials: credentials.state(),
    latency: {
      by_provider: metrics.quantiles('provider'),
      by_model: metrics.quantiles('model'),
      by_route: metrics.quantiles('route'),
    },
  }
}

function deploymentJson(state: DeploymentState, nowMs: number): object {
  const { coolingUntilMs } = state
  return {
    deployment: state.deployment,
    provider: state.provider,
    state: state.state,
    back_in_ms: coolingUntilMs === null ? null : Math.max(0, Math.round(coolingUntilMs - nowMs)),
    in_flight: state.inFlight,
    last_minute: { answered: state.answered, failed: state.failed },
    trips: state.trips,
    cooldowns: state.cooldowns,
    ttft_ms: rounded(state.ttftMs),
    ttft_p95_ms: rounded(state.ttftP95Ms),
    ms_per_token: rounded(state.msPerToken),
    headroom: rounded(state.headroom),
    requests_per_minute: rounded(state.requestsPerMinute),
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000
}

/** `GET /admin/prices`: dollars per million units of every model that can be named. */
export function pricesOf(snapshot: Snapshot): object {
  const now = Date.now()
  const data = snapshot.catalogue.list().flatMap(({ id, ownedBy }) => {
    if (ownedBy === 'weir') return []
    const pricing = snapshot.priceOf(id, now)
    if (pricing === null) return [{ model: id, priced: false }]
    const usd = usdPerMillion(pricing.rates)
    return [{ model: id, priced: true, price_version: pricing.version, usd_per_million: usd }]
  })
  return { data }
}

/** `GET /admin/models`: what can be named, with what is known of it. */
export function modelsOf(snapshot: Snapshot, filter: ModelFilter): object {
  return { data: filterModels(listedModels(snapshot, Date.now()), filter).map(listedModelJson), next: null }
}
