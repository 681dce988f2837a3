// A clock for tests: time passes only when it is told to.
import type { Clock } from '../../core/clock.ts'

export type DrivenClock = Clock & {
  /** Lets time pass, calling back what falls due on the way, in order. */
  advance(ms: number): void
  /** Timers that wait. */
  pending(): number
  /** Lets time jump from timer to timer until `promise` is settled, and gives its result. */
  run<T>(promise: Promise<T>): Promise<T>
}

const START_MS = Date.UTC(2026, 0, 1)

export function drivenClock(): DrivenClock {
  let nowMs = 0
  let timers: { readonly atMs: number; readonly callback: () => void }[] = []

  const advance = (ms: number) => {
    const untilMs = nowMs + ms
    for (;;) {
      const due = timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      timers = timers.filter((timer) => timer !== due)
      nowMs = Math.max(nowMs, due.atMs)
      due.callback()
    }
    nowMs = untilMs
  }

  return {
    now: () => START_MS + nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    advance,
    pending: () => timers.length,
    run: async (promise) => {
      const state = { settled: false }
      const done = () => {
        state.settled = true
      }
      promise.then(done, done)
      for (let idle = 0; !state.settled && idle < 60;) {
        // A turn of the event loop: everything that can go on without time passing does. A client under test may use
        // real timers of no delay, which take a little longer to come round.
        await new Promise((resolve) => (idle < 20 ? setImmediate(resolve) : setTimeout(resolve, 1)))
        const next = Math.min(...timers.map((timer) => timer.atMs))
        if (state.settled || !Number.isFinite(next)) idle++
        else {
          idle = 0
          advance(next - nowMs)
        }
      }
      if (!state.settled) throw new Error('nothing is left to wait for, and the promise is not settled')
      return promise
    },
  }
}
