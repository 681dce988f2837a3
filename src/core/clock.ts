// Time as an argument: production passes `systemClock`, tests drive one of their own.

export interface Clock {
  /** Wall time, ms since the epoch. For records and windows. */
  now(): number
  /** Monotonic time, ms with fractions. For durations. */
  monotonicMs(): number
  /** Calls back once after `delayMs`; returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
