// Providers that fail and deployments that are slow, by what the last minutes of their traffic tell.
//
// Told when it begins; told again only after it was over for a while. Several processes see the same outage: they say it under
// one key for an hour.
import type { AlertsConfig } from '../config/schema-alerts.ts'
import type { Alert } from '../core/alert.ts'
import type { Watcher } from './watch.ts'

export type WatchedTraffic = {
  /** Takes a reading. */
  take(): void
  /** What happened since the reading so many readings ago. */
  last(readings: number): {
    readonly providers: readonly { readonly provider: string; readonly attempts: number; readonly failed: number }[]
    readonly deployments: readonly {
      readonly deployment: string
      readonly answers: number
      readonly ttftP95Ms: number | null
    }[]
  }
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** It is over when it is so far below what it is told at. */
const OVER_SHARE = 0.5

export function providerWatcher(traffic: WatchedTraffic, config: () => AlertsConfig): Watcher {
  /** What goes on, by kind and name. */
  const ongoing = new Set<string>()

  /** Whether it begins now. */
  function begins(name: string, isBad: boolean, isOver: boolean): boolean {
    if (isOver) ongoing.delete(name)
    if (!isBad || ongoing.has(name)) return false
    ongoing.add(name)
    return true
  }

  function failing(now: number): readonly Alert[] {
    const { share: limit, minAttempts, overMs } = config().providerErrors
    const minutes = minutesOf(overMs)
    return traffic.last(minutes).providers.flatMap(({ provider, attempts, failed }): Alert[] => {
      const share = attempts === 0 ? 0 : failed / attempts
      const isBad = attempts >= minAttempts && share >= limit
      // Nobody asks a provider that is out: silence is no recovery.
      const isOver = attempts >= minAttempts && share < limit * OVER_SHARE
      if (!begins(`errors ${provider}`, isBad, isOver)) return []
      return [
        {
          kind: 'provider_errors',
          subject: { scope: 'provider', id: provider },
          threshold: '',
          window: hourOf(now),
          at: now,
          facts: { failed, attempts, share: Math.round(share * 1_000) / 1_000, minutes },
        },
      ]
    })
  }

  function slow(now: number): readonly Alert[] {
    const { firstTokenMs: limitMs, minAnswers, overMs } = config().providerLatency
    const minutes = minutesOf(overMs)
    return traffic.last(minutes).deployments.flatMap(({ deployment, answers, ttftP95Ms }): Alert[] => {
      const isEnough = answers >= minAnswers && ttftP95Ms !== null
      const isBad = isEnough && ttftP95Ms > limitMs
      if (!begins(`latency ${deployment}`, isBad, isEnough && !isBad) || ttftP95Ms === null) return []
      return [
        {
          kind: 'provider_latency',
          subject: { scope: 'deployment', id: deployment },
          threshold: '',
          window: hourOf(now),
          at: now,
          facts: { ttftP95Ms: Math.round(ttftP95Ms), limitMs, minutes },
        },
      ]
    })
  }

  return {
    everyMs: MINUTE_MS,
    async look(now) {
      traffic.take()
      return [...failing(now), ...slow(now)]
    },
  }
}

function minutesOf(ms: number): number {
  return Math.max(1, Math.round(ms / MINUTE_MS))
}

function hourOf(at: number): { readonly from: number; readonly until: number } {
  const from = at - (at % HOUR_MS)
  return { from, until: from + HOUR_MS }
}
