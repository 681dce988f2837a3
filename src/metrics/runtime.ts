// What the process itself tells: memory, CPU, and how late its event loop runs.
import { monitorEventLoopDelay } from 'node:perf_hooks'

type EventLoopDelay = { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }

export interface RuntimeSource {
  /** How late timers ran since the window began; the window begins anew with a reading when it is ten seconds old or older. */
  eventLoopDelay(): EventLoopDelay
  residentBytes(): number
  /** User and system together. */
  cpuSeconds(): number
  /** Seconds since the epoch. */
  readonly startedAtSeconds: number
  /** Such as `bun 1.4.5`. */
  readonly name: string
  stop(): void
}

const SAMPLE_EVERY_MS = 20
const NANOSECONDS_PER_MS = 1e6
// Two scrapers, or a scraper and the health page, must not take each other's samples away.
const MIN_WINDOW_MS = 10_000

/** Watches this process until `stop()`. `now` in ms since the epoch. */
export function watchRuntime(now: () => number): RuntimeSource {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_EVERY_MS })
  delay.enable()
  let windowStart = now()
  return {
    eventLoopDelay() {
      // Without a sample the maximum of the native histogram is not a number of ms.
      const sampled = delay.count > 0
      const reading = {
        p50Ms: sampled ? delay.percentile(50) / NANOSECONDS_PER_MS : 0,
        p99Ms: sampled ? delay.percentile(99) / NANOSECONDS_PER_MS : 0,
        maxMs: sampled ? delay.max / NANOSECONDS_PER_MS : 0,
      }
      if (now() - windowStart >= MIN_WINDOW_MS) {
        windowStart = now()
        delay.reset()
      }
      return reading
    },
    residentBytes: () => process.memoryUsage.rss(),
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
    startedAtSeconds: now() / 1000 - process.uptime(),
    name: process.versions.bun === undefined ? `node ${process.versions.node}` : `bun ${process.versions.bun}`,
    stop: () => void delay.disable(),
  }
}
