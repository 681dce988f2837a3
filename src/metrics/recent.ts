// What providers did in the last minutes, read off the counters and histograms that Prometheus gets: the difference of two
// readings. The path of a request pays nothing for it.
import type { OutcomeType } from '../core/outcome.ts'
import { CATALOGUE } from './catalogue.ts'
import { Distribution } from './distribution.ts'
import { OUTCOME_TYPES, type Recorded } from './recorded.ts'

type ProviderMinutes = { readonly provider: string; readonly attempts: number; readonly failed: number }
type DeploymentMinutes = {
  /** `provider/model`. */
  readonly deployment: string
  /** Answers whose first token was seen. */
  readonly answers: number
  /** Null without any. */
  readonly ttftP95Ms: number | null
}
type RecentMinutes = {
  readonly providers: readonly ProviderMinutes[]
  readonly deployments: readonly DeploymentMinutes[]
}

export interface Recent {
  /** Takes a reading: call it once a minute. */
  take(): void
  /** What happened from the reading so many readings ago, or the first one, to the last one. */
  last(readings: number): RecentMinutes
}

type Counts = { readonly attempts: number; readonly failed: number }
type Reading = {
  readonly providers: ReadonlyMap<string, Counts>
  readonly ttft: ReadonlyMap<string, Distribution>
}

/** The provider's doing: what a request was at fault for, or was asked to wait for, is no error. */
const FAILURES: ReadonlySet<OutcomeType> = new Set([
  'overloaded',
  'unreachable',
  'timed_out',
  'broken',
  'credential_bad',
])
const MOST_READINGS = 61

export function createRecent({ attempts, table }: Pick<Recorded, 'attempts' | 'table'>): Recent {
  /** Oldest first. */
  const readings: Reading[] = []

  function reading(): Reading {
    const providers = new Map<string, Counts>()
    for (const { provider, outcomes } of attempts.values()) {
      const sum = { attempts: 0, failed: 0, ...providers.get(provider) }
      OUTCOME_TYPES.forEach((type, index) => {
        const count = outcomes[index] ?? 0
        if (type !== 'cancelled') sum.attempts += count
        if (FAILURES.has(type)) sum.failed += count
      })
      providers.set(provider, sum)
    }
    const ttft = new Map<string, Distribution>()
    for (const { labels, ttft: seen } of table.all()) {
      if (seen.count === 0) continue
      const deployment = `${labels.provider}/${labels.model}`
      const sum = ttft.get(deployment) ?? emptyTtft()
      sum.add(seen)
      ttft.set(deployment, sum)
    }
    return { providers, ttft }
  }

  return {
    take() {
      readings.push(reading())
      if (readings.length > MOST_READINGS) readings.shift()
    },
    last(count) {
      const now = readings.at(-1)
      if (now === undefined) return { providers: [], deployments: [] }
      const before = readings.at(-1 - count) ?? readings[0] ?? now
      return {
        providers: Array.from(now.providers, ([provider, counts]) => ({
          provider,
          attempts: counts.attempts - (before.providers.get(provider)?.attempts ?? 0),
          failed: counts.failed - (before.providers.get(provider)?.failed ?? 0),
        })),
        deployments: Array.from(now.ttft, ([deployment, total]) => {
          const since = total.without(before.ttft.get(deployment) ?? emptyTtft())
          return { deployment, answers: since.count, ttftP95Ms: since.quantile(0.95) }
        }),
      }
    },
  }
}

function emptyTtft(): Distribution {
  return new Distribution(CATALOGUE.ttft.buckets, 1_000)
}
