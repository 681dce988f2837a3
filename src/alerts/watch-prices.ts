// What there is to tell of prices: those that a file changed, and models that are used without one.
//
// Both are read off the store, so it does not matter which process took the file or booked the request.
import type { Alert } from '../core/alert.ts'
import { formatUsd } from '../core/money.ts'
import type { PriceChange, PriceStore, ReportStore } from '../store/store.ts'
import type { Watcher } from './watch.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const PAGE = 500
const MOST_CHANGES = 20_000
const EXAMPLES = 5
/** Changes that are older were told, or are no news. */
const NEWS_MS = 7 * DAY_MS

export function priceChangeWatcher(store: Pick<PriceStore, 'priceVersions' | 'priceChanges'>): Watcher {
  let versionsSeen: string | null = null
  return {
    everyMs: MINUTE_MS,
    async look(now) {
      const versions = await store.priceVersions()
      if (versions === versionsSeen) return []
      const changes = await newChanges(store, now - NEWS_MS)
      versionsSeen = versions
      const byVersion = [...Map.groupBy(changes, ({ version, at }) => `${version} ${at}`).values()]
      return byVersion.toReversed().flatMap((ofVersion) => priceChange(ofVersion, now))
    },
  }
}

async function newChanges(store: Pick<PriceStore, 'priceChanges'>, since: number): Promise<readonly PriceChange[]> {
  const found: PriceChange[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<PriceStore['priceChanges']>> = await store.priceChanges({ cursor, limit: PAGE })
    found.push(...page.data.filter(({ at }) => at >= since))
    cursor = (page.data.at(-1)?.at ?? 0) >= since && found.length < MOST_CHANGES ? page.next : null
  } while (cursor !== null)
  return found
}

function priceChange(changes: readonly PriceChange[], now: number): readonly Alert[] {
  const [first] = changes
  if (first === undefined) return []
  return [
    {
      kind: 'price_change',
      subject: { scope: 'gateway', id: '' },
      threshold: first.version,
      window: { from: first.at, until: first.at + NEWS_MS },
      at: now,
      facts: {
        version: first.version,
        changes: changes.length,
        examples: changes.slice(0, EXAMPLES).map(({ vendor, model, unit, before, after }) => {
          return `${vendor}/${model} ${unit} ${usdWords(before)} → ${usdWords(after)}`
        }),
      },
    },
  ]
}

/** A price in pico-dollars per unit, per million units: `$0.25`. */
function usdWords(rate: bigint | null): string {
  return rate === null ? 'none' : `$${formatUsd(rate * 1_000n)}`
}

/** The day does not change at midnight exactly: what was booked just before it is still looked at. */
const DAY_LAG_MS = 10 * MINUTE_MS

export function unpricedWatcher(store: ReportStore): Watcher {
  return {
    everyMs: 5 * MINUTE_MS,
    async look(now) {
      const from = now - DAY_LAG_MS - ((now - DAY_LAG_MS) % DAY_MS)
      const rows = await store.spend({ by: ['provider', 'model'], bucket: null, from, to: from + DAY_MS })
      return rows
        .filter(({ unpricedRequests }) => unpricedRequests > 0)
        .map(({ group, unpricedRequests }): Alert => ({
          kind: 'unpriced_usage',
          subject: { scope: 'deployment', id: `${group.provider ?? ''}/${group.model ?? ''}` },
          threshold: '',
          window: { from, until: from + DAY_MS },
          at: now,
          facts: { day: new Date(from).toISOString().slice(0, 10), requests: unpricedRequests },
        }))
    },
  }
}
