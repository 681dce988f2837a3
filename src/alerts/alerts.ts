// Alerts of one gateway: raised by whoever knows something, or found by looking, kept, and told to the destinations of the
// configuration.
import type { AlertsConfig } from '../config/schema-alerts.ts'
import type { Alert } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../metrics/log.ts'
import { createPoster } from '../providers/post.ts'
import type { Upstream } from '../providers/upstream.ts'
import type { AlertStore, BudgetStore, KeyStore, PriceStore, ReportStore } from '../store/store.ts'
import { destinationsOf } from './destinations.ts'
import { namedBy } from './named.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createSend } from './send.ts'
import { type Tried, tryDestinations } from './try.ts'
import { createWatch } from './watch.ts'
import { resetWatcher, thresholdWatcher, type WatchedBudgets } from './watch-budgets.ts'
import { priceChangeWatcher, unpricedWatcher } from './watch-prices.ts'
import { providerWatcher, type WatchedTraffic } from './watch-providers.ts'
import { spendWatcher } from './watch-spend.ts'

export type AlertsOptions = {
  readonly store: AlertStore & BudgetStore & PriceStore & ReportStore & Pick<KeyStore, 'getKey' | 'getTeam'>
  readonly clock: Clock
  readonly random: () => number
  readonly config: () => AlertsConfig
  readonly upstream: Upstream
  readonly budgets: WatchedBudgets
  readonly traffic: WatchedTraffic
  readonly log: Logger
}

export type Alerts = Outbox & {
  /** `raise` for callers that cannot wait; what cannot be kept is logged. */
  tell(alert: Alert): void
  /** Names of all destinations of the configuration. */
  destinations(): readonly string[]
  /** Sends a test message at once; `only`: to one destination. */
  try(request: { readonly only: string | null; readonly by: string }): Promise<readonly Tried[]>
}

export function createAlerts(options: AlertsOptions): Alerts {
  const { store, clock, random, config, upstream, budgets, traffic, log } = options
  const now = (): number => clock.now()
  const onError = (error: unknown): void => log.error('alerts_failed', { error: String(error) })
  const send = createSend({ post: createPoster(upstream, { now }), clock })
  const outbox = createOutbox({
    store,
    clock,
    random,
    config,
    named: ({ subject }) => namedBy(store, subject),
    send,
    log: {
      planned: ({ id, alert: { kind, subject } }) =>
        log.warn('alert', { alert: id, kind, scope: subject.scope, subject: subject.id }),
      delivered: ({ id, alert, destination, tries }) =>
        log.info('alert_delivered', { alert: id, kind: alert.kind, destination, tries }),
      failed: ({ id, alert, destination, tries }, problem, isLast) =>
        log[isLast ? 'error' : 'warn'](isLast ? 'alert_given_up' : 'alert_not_delivered', {
          alert: id,
          kind: alert.kind,
          destination,
          tries,
          problem,
        }),
      error: onError,
    },
  })
  const watch = createWatch({
    clock,
    raise: (alert) => outbox.raise(alert),
    onError,
    watchers: [
      thresholdWatcher(budgets),
      resetWatcher(budgets, store),
      providerWatcher(traffic, config),
      spendWatcher(store, config),
      priceChangeWatcher(store),
      unpricedWatcher(store),
    ],
  })
  return {
    ...outbox,
    tell: (alert) => void outbox.raise(alert).catch(onError),
    destinations: () => destinationsOf(config()).map(({ name }) => name),
    try: (request) => tryDestinations(config(), request, { send, now }),
    start() {
      outbox.start()
      watch.start()
    },
    async stop() {
      await watch.stop()
      await outbox.stop()
    },
  }
}
