// Providers that fail and deployments that are slow, by what the last minutes of their traffic tell.
//
// Told when it begins and when it is over. Several processes see the same outage: they say it under one key for an hour.
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

type Hour = { readonly from: number; readonly until: number }
type Change = { readonly window: Hour; readonly isOver?: true }

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** It is over when it is so far below what it is told at. */
const OVER_SHARE = 0.5

export function providerWatcher(traffic: WatchedTraffic, config: () => AlertsConfig): Watcher {
  /** What goes on, by kind and name: the hour that it began in. */
  const ongoing = new Map<string, Hour>()

  /** The alert of its beginning or its end; null: nothing has changed. */
  function changed(name: string, now: number, { isBad, isOver }: { isBad: boolean; isOver: boolean }): Change | null {
    const begun = ongoing.get(name)
    if (begun === undefined) {
      if (!isBad) return null
      ongoing.set(name, hourOf(now))
      return { window: hourOf(now) }
    }
    if (!isOver) return null
    ongoing.delete(name)
    return { window: begun, isOver: true }
  }

  function failing(now: number): readonly Alert[] {
    const { share: limit, minAttempts, overMs } = config().providerErrors
    const minutes = minutesOf(overMs)
    return traffic.last(minutes).providers.flatMap(({ provider, attempts, failed }): Alert[] => {
      const share = attempts === 0 ? 0 : failed / attempts
      // Nobody asks a provider that is out: silence is no recovery.
      const isEnough = attempts >= minAttempts
      const change = changed(`errors ${provider}`, now, {
        isBad: isEnough && share >= limit,
        isOver: isEnough && share < limit * OVER_SHARE,
      })
      if (change === null) return []
      return [
        {
          kind: 'provider_errors',
          subject: { scope: 'provider', id: provider },
          threshold: '',
          ...change,
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
      if (answers < minAnswers || ttftP95Ms === null) return []
      const isBad = ttftP95Ms > limitMs
      const change = changed(`latency ${deployment}`, now, { isBad, isOver: !isBad })
      if (change === null) return []
      return [
        {
          kind: 'provider_latency',
          subject: { scope: 'deployment', id: deployment },
          threshold: '',
          ...change,
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

function hourOf(at: number): Hour {
  const from = at - (at % HOUR_MS)
  return { from, until: from + HOUR_MS }
}
