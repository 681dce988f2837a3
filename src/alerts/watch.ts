// Looks from time to time for what nobody comes to tell: each watcher says what there is, and it is raised.
//
// What a watcher says again is raised again, which changes nothing: an alert is kept once for its key. So watchers that read
// the store need no memory, and a crash between a fact and its alert loses nothing.
import { LRUCache } from 'lru-cache'
import { alertKey, type Alert } from '../core/alert.ts'
import { atMost } from '../core/bound.ts'
import type { Clock } from '../core/clock.ts'

export type Watcher = {
  readonly everyMs: number
  /** What is to be told at this moment (ms since the epoch). */
  readonly look: (now: number) => Promise<readonly Alert[]>
}

export type WatchOptions = {
  readonly clock: Clock
  readonly watchers: readonly Watcher[]
  readonly raise: (alert: Alert) => Promise<boolean>
  readonly onError: (error: unknown) => void
}

export interface Watch {
  start(): void
  /** Resolves when the look that runs is over. */
  stop(): Promise<void>
}

const TICK_MS = 10_000
/** Keys that were raised here, and need not be tried again. */
const MOST_REMEMBERED = 10_000
/** What could not be kept while the store was away. */
const MOST_WAITING = 10_000

export function createWatch({ clock, watchers, raise, onError }: WatchOptions): Watch {
  const told = new LRUCache<string, true>(atMost(MOST_REMEMBERED))
  const dueMs = new Map<Watcher, number>()
  let waiting: readonly Alert[] = []
  let cancel = (): void => {}
  let isStopped = true
  let running: Promise<void> = Promise.resolve()

  function tick(): void {
    running = look().then(() => {
      if (!isStopped) cancel = clock.after(TICK_MS, tick)
    })
  }

  async function look(): Promise<void> {
    const found: Alert[] = [...waiting]
    for (const watcher of watchers) {
      if (clock.monotonicMs() < (dueMs.get(watcher) ?? Number.NEGATIVE_INFINITY)) continue
      dueMs.set(watcher, clock.monotonicMs() + watcher.everyMs)
      try {
        found.push(...(await watcher.look(clock.now())))
      } catch (error) {
        onError(error)
      }
    }
    waiting = await unkept(found)
  }

  /** Those that could not be kept. */
  async function unkept(alerts: readonly Alert[]): Promise<readonly Alert[]> {
    for (const [index, alert] of alerts.entries()) {
      const key = alertKey(alert)
      if (told.has(key)) continue
      try {
        await raise(alert)
        told.set(key, true)
      } catch (error) {
        onError(error)
        return alerts.slice(index, index + MOST_WAITING)
      }
    }
    return []
  }

  return {
    start() {
      isStopped = false
      tick()
    },
    async stop() {
      isStopped = true
      cancel()
      await running
    },
  }
}
