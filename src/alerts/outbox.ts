// From what was raised to what was delivered.
//
// An alert is kept (once for its key) → planned (once: its destinations are chosen) → for each destination: waiting →
// delivered, or given up. All of it is in the store, and any number of processes may work on it:
// - whoever tries a delivery has claimed it until its lease ends, which is later than any try takes;
// - of a destination only the first waiting delivery is tried, so that what arrives is in order; what is held by quiet hours
//   lets others pass;
// - a try that fails is followed by another one, after a growing pause, for hours; then it is given up, and the next one has
//   its turn. A message that the receiver refuses as such is given up after a few tries.
// A crash between a receiver's yes and our note of it leaves a claim behind: when its lease has ended the delivery is tried
// again, with the same id, by which the receiver knows it. So a receiver that looks at ids gets everything exactly once.
import type { Alert } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import type { AlertsConfig } from '../config/schema-alerts.ts'
import type { AlertStore, ClaimedDelivery, KeptAlert } from '../store/store.ts'
import { destinationsFor, destinationsOf, quietUntil } from './destinations.ts'
import { messageOf, severityOf } from './message.ts'
import type { Named } from './named.ts'
import { type Send, SEND_MS } from './send.ts'

export type OutboxOptions = {
  readonly store: AlertStore
  readonly clock: Clock
  readonly random: () => number
  /** Of the configuration that is in force. */
  readonly config: () => AlertsConfig
  readonly named: (alert: Alert) => Promise<Named>
  readonly send: Send
  readonly log: OutboxLog
}

type OutboxLog = {
  readonly planned: (kept: KeptAlert) => void
  readonly delivered: (delivery: ClaimedDelivery) => void
  readonly failed: (delivery: ClaimedDelivery, problem: string, isLast: boolean) => void
  readonly error: (error: unknown) => void
}

type OutboxState = {
  readonly waiting: number
  readonly oldestMs: number
  /** How tries ended here since the start. */
  readonly ended: readonly { readonly destination: string; readonly outcome: TryOutcome; readonly count: number }[]
}

type TryOutcome = 'delivered' | 'failed' | 'given_up'

export interface Outbox {
  /** Resolves when the alert is kept; false: there was one of its key. */
  raise(alert: Alert): Promise<boolean>
  /** From now on what waits is delivered. */
  start(): void
  /** Takes up nothing new; resolves when what is being tried has ended. */
  stop(): Promise<void>
  /** What waits is as of the last count, a few seconds ago at the most. */
  state(): OutboxState
}

const POLL_MS = 1_000
const LEASE_MS = SEND_MS + 15_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5 * 60_000
/** A receiver that asks for more is asked again all the same. */
const LONGEST_WAIT_MS = 60 * 60_000
const REFUSALS = 4
const GROUP = 50
const KEPT_MS = 400 * 86_400_000
const PRUNE_EVERY_MS = 60 * 60_000
const COUNT_EVERY_MS = 5_000

export function createOutbox(options: OutboxOptions): Outbox {
  const { store, clock, random, config, named, send, log } = options
  let backlog = { waiting: 0, oldestMs: 0 }
  const ended = new Map<string, { readonly destination: string; readonly outcome: TryOutcome; count: number }>()
  let cancel = (): void => {}
  let isStopped = true
  let pass: Promise<void> | null = null
  let isWoken = false
  let prunedMs = Number.NEGATIVE_INFINITY
  let countedMs = Number.NEGATIVE_INFINITY
  const trying = new Set<Promise<void>>()

  /** Looks again at once, or when the pass that runs is over. */
  function wake(): void {
    if (isStopped) return
    if (pass !== null) {
      isWoken = true
      return
    }
    cancel()
    pass = look().finally(() => {
      pass = null
      if (isStopped) return
      if (isWoken) wake()
      else cancel = clock.after(POLL_MS, wake)
    })
  }

  async function look(): Promise<void> {
    isWoken = false
    try {
      await planAll()
      const now = clock.now()
      for (const delivery of await store.claimDeliveries({ now, until: now + LEASE_MS })) {
        const attempt = deliver(delivery).catch(log.error)
        trying.add(attempt)
        void attempt.finally(() => {
          trying.delete(attempt)
          wake()
        })
      }
      await tidyUp(now)
    } catch (error) {
      log.error(error)
    }
  }

  /** What is seldom needed, and takes longer the more there is. */
  async function tidyUp(now: number): Promise<void> {
    if (clock.monotonicMs() - countedMs >= COUNT_EVERY_MS) {
      countedMs = clock.monotonicMs()
      const { waiting, oldestAt } = await store.outboxState({ now })
      backlog = { waiting, oldestMs: oldestAt === null ? 0 : Math.max(0, now - oldestAt) }
    }
    if (clock.monotonicMs() - prunedMs < PRUNE_EVERY_MS) return
    const pruned = await store.pruneAlerts({ before: now - KEPT_MS, limit: GROUP })
    if (pruned < GROUP) prunedMs = clock.monotonicMs()
  }

  async function planAll(): Promise<void> {
    for (;;) {
      const alerts = await store.unplannedAlerts({ limit: GROUP })
      for (const alert of alerts) await plan(alert)
      if (alerts.length < GROUP) return
      // There may be as many as there are end users: requests have their turn in between.
      await new Promise((resolve) => void setImmediate(resolve))
    }
  }

  async function plan(kept: KeptAlert): Promise<void> {
    const { no, alert } = kept
    const { quietHours, ...others } = config()
    const now = clock.now()
    const names = await named(alert)
    if (!isTellable(kept, names)) return void (await store.planAlert(no, { at: now, deliveries: [] }))
    const held = severityOf(alert) === 'critical' ? null : quietUntil(quietHours, now)
    const chosen = destinationsFor(alert, names, destinationsOf(others))
    const deliveries = chosen.map(({ name }) => ({ destination: name, heldUntil: held ?? now }))
    if (await store.planAlert(no, { at: now, deliveries })) log.planned(kept)
  }

  /** One that cannot be put into words would hold up all behind it: it is logged, and goes nowhere. */
  function isTellable(kept: KeptAlert, names: Named): boolean {
    try {
      return messageOf(kept, names).title !== ''
    } catch (error) {
      log.error(error)
      return false
    }
  }

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const destination = destinationsOf(config()).find(({ name }) => name === delivery.destination)
    if (destination === undefined) return giveUp(delivery, 'the configuration has no such destination any more')
    const message = messageOf(delivery, await named(delivery.alert))
    const sent = await send(message, destination.channel)
    const now = clock.now()
    if (sent.type === 'delivered') {
      await store.endDelivery(delivery, { type: 'delivered', at: now })
      count(delivery.destination, 'delivered')
      log.delivered(delivery)
      return
    }
    const nextAt = now + Math.min(LONGEST_WAIT_MS, Math.max(sent.retryAfterMs ?? 0, pauseMs(delivery.tries)))
    const isLast = (sent.isRefusal && delivery.tries >= REFUSALS) || nextAt - delivery.since > config().retryForMs
    if (isLast) return giveUp(delivery, sent.problem)
    await store.endDelivery(delivery, { type: 'again', nextAt, problem: sent.problem })
    count(delivery.destination, 'failed')
    log.failed(delivery, sent.problem, false)
  }

  async function giveUp(delivery: ClaimedDelivery, problem: string): Promise<void> {
    await store.endDelivery(delivery, { type: 'given_up', at: clock.now(), problem })
    count(delivery.destination, 'given_up')
    log.failed(delivery, problem, true)
  }

  function count(destination: string, outcome: TryOutcome): void {
    const name = `${destination} ${outcome}`
    const known = ended.get(name)
    if (known === undefined) ended.set(name, { destination, outcome, count: 1 })
    else known.count++
  }

  /** Doubled each time, with a quarter of jitter either way: many gateways do not come back at once. */
  function pauseMs(tries: number): number {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, 20))
    return Math.round(pause * (0.75 + random() / 2))
  }

  return {
    async raise(alert) {
      const isNew = await store.raiseAlert(alert)
      if (isNew) wake()
      return isNew
    },
    start() {
      isStopped = false
      wake()
    },
    async stop() {
      isStopped = true
      cancel()
      await pass
      await Promise.all(trying)
    },
    state: () => ({ ...backlog, ended: [...ended.values()] }),
  }
}
