// What the gateway says of itself to its operator: health and prices, as plain JSON.
import type { Gateway } from './app.ts'
import { USAGE_UNITS } from './core/usage.ts'
import type { Snapshot } from './snapshot.ts'

/** `GET /admin/health`. */
export function healthOf(gateway: Gateway, storeAnswers: boolean): object {
  const { load, journal, metrics, snapshot, credentials } = gateway
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
    credentials: credentials.state(),
    latency: {
      by_provider: metrics.quantiles('provider'),
      by_model: metrics.quantiles('model'),
      by_route: metrics.quantiles('route'),
    },
  }
}

const PICO_PER_USD_OF_A_MILLION = 1_000_000n

/** `GET /admin/prices`: dollars per million units of every model that can be named. */
export function pricesOf(snapshot: Snapshot): object {
  const now = Date.now()
  const data = snapshot.catalogue.list().flatMap(({ id, ownedBy }) => {
    if (ownedBy === 'weir') return []
    const pricing = snapshot.priceOf(id, now)
    if (pricing === null) return [{ model: id, priced: false }]
    const rates = USAGE_UNITS.flatMap((unit) => {
      const rate = pricing.rates[unit]
      return rate === undefined ? [] : [[unit, decimal(rate)] as const]
    })
    return [{ model: id, priced: true, price_version: pricing.version, usd_per_million: Object.fromEntries(rates) }]
  })
  return { data }
}

function decimal(picoPerUnit: bigint): string {
  const whole = picoPerUnit / PICO_PER_USD_OF_A_MILLION
  const fraction = (picoPerUnit % PICO_PER_USD_OF_A_MILLION).toString().padStart(6, '0').replace(/0+$/, '')
  return fraction === '' ? whole.toString() : `${whole}.${fraction}`
}
