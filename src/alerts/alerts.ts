// Alerts of one gateway: raised by whoever knows something, or found by looking, kept, and told to the destinations of the
// configuration.
import type { AlertsConfig } from '../config/schema-alerts.ts'
import type { Alert, AlertSubject } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../metrics/log.ts'
import { createPoster } from '../providers/post.ts'
import type { Upstream } from '../providers/upstream.ts'
import type { AlertStore, BudgetStore, KeyStore, PriceStore, ReportStore } from '../store/store.ts'
import type { Named } from './message.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createSend } from './send.ts'
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
}

export function createAlerts(options: AlertsOptions): Alerts {
  const { store, clock, random, config, upstream, budgets, traffic, log } = options
  const now = (): number => clock.now()
  const onError = (error: unknown): void => log.error('alerts_failed', { error: String(error) })
  const outbox = createOutbox({
    store,
    clock,
    random,
    config,
    named: ({ subject }) => namedBy(store, subject),
    send: createSend({ post: createPoster(upstream, { now }), now }),
    log: {
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
  const raise: Alerts['raise'] = async (alert) => {
    const isNew = await outbox.raise(alert)
    if (isNew) log.warn('alert', { kind: alert.kind, scope: alert.subject.scope, subject: alert.subject.id })
    return isNew
  }
  const watch = createWatch({
    clock,
    raise,
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
    raise,
    tell: (alert) => void raise(alert).catch(onError),
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

/** What a subject is called. A subject that is gone has no name any more. */
async function namedBy(store: AlertsOptions['store'], { scope, id }: AlertSubject): Promise<Named> {
  switch (scope) {
    case 'team':
      return ofTeam(store, id, true)
    case 'key': {
      const key = await store.getKey(id)
      return key === null ? NOBODY : { ...(await ofTeam(store, key.teamId, false)), name: key.name }
    }
    case 'end_user': {
      // Its id begins with that of its team, or of its key where that has none.
      const owner = id.slice(0, id.indexOf('/'))
      const key = await store.getKey(owner)
      return { ...(await ofTeam(store, key === null ? owner : key.teamId, false)), name: id.slice(owner.length + 1) }
    }
    case 'gateway':
    case 'organisation':
    case 'user':
    case 'tag':
    case 'route':
    case 'provider':
    case 'model':
    case 'deployment':
    case 'credential':
    case 'experiment':
      return NOBODY
  }
}

const NOBODY: Named = { name: null, teamId: null, teamName: null }

async function ofTeam(store: AlertsOptions['store'], id: string | null, isSubject: boolean): Promise<Named> {
  const team = id === null ? null : await store.getTeam(id)
  return team === null ? NOBODY : { name: isSubject ? team.name : null, teamId: team.id, teamName: team.name }
}
