// Whether a deployment is in or out, by how its attempts end.
//
// States: in → cooling → (its time is up) half-open → in, or cooling again for longer.
// - It cools down after three failures in a row, or when half or more of at least ten attempts of the last minute failed.
// - The pause begins at 1 s and doubles up to 5 min, with a quarter of jitter either way, so that many gateways do not come
//   back at once. A minute of health makes the next pause short again. A provider that names a longer time gets it.
// - When its time is up one request, and no other, is its probe. A probe that is answered brings it in; one that fails sends
//   it out for twice as long; one that is cancelled (its client left) frees the place for the next.
// - What was sent before it went out, and fails later, says nothing new: it lengthens no pause.
// - Coming back is gradual: for ten seconds a growing share of the requests that could go elsewhere is let in.
// A crash leaves nothing behind: a new process knows no cooldowns, and learns them from three requests.
import { RollingMinute } from './rolling-minute.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000
const FAILURES_IN_A_ROW = 3
const FEWEST_ATTEMPTS = 10
const FAILED_SHARE = 0.5
const HEALTHY_MS = 60_000
const EASE_IN_MS = 10_000
const FIRST_EASE_SHARE = 0.1

export type Gate =
  | 'in'
  /** Back since a moment: it should get a part of the traffic only. */
  | 'easing'
  /** Its time is up and nobody probes it yet. */
  | 'probe'
  | 'out'

export class Cooldown {
  /** Endings of the last minute. */
  readonly endings = new RollingMinute()
  /** Null: it is in. */
  untilMs: number | null = null
  isProbing = false
  /** How often it has gone out after having been in. */
  trips = 0
  /** Cooldowns it has had, those after failed probes too. */
  cooldowns = 0
  #failuresInARow = 0
  #pauses = 0
  #backSinceMs = -Infinity
  #outSinceMs = -Infinity

  gate(nowMs: number): Gate {
    if (this.untilMs !== null) return this.untilMs > nowMs || this.isProbing ? 'out' : 'probe'
    return nowMs - this.#backSinceMs < EASE_IN_MS ? 'easing' : 'in'
  }

  /** Share of the traffic that it may have while it eases in, 0–1. */
  easeShare(nowMs: number): number {
    return Math.min(1, FIRST_EASE_SHARE + (1 - FIRST_EASE_SHARE) * ((nowMs - this.#backSinceMs) / EASE_IN_MS))
  }

  succeeded(nowMs: number): void {
    this.endings.count(true, nowMs)
    this.#failuresInARow = 0
    if (this.untilMs !== null) this.#comeBack(nowMs)
  }

  /** `retryAfterMs`: how long the provider itself asks to be left alone; `draw`: 0–1. True: it has just gone out. */
  failed(begunMs: number, retryAfterMs: number | null, draw: number, nowMs: number): boolean {
    this.endings.count(false, nowMs)
    if (this.untilMs !== null) {
      // Sent after it went out: a probe, or a last resort when everything was out.
      if (begunMs <= this.#outSinceMs) return false
      // Several last resorts that fail together are one failed probe.
      if (this.untilMs <= nowMs || this.isProbing) this.#goOut(retryAfterMs, draw, nowMs)
      return false
    }
    // Sent before it came back: it failed in the outage that is over.
    if (begunMs < this.#backSinceMs) return false
    this.#failuresInARow++
    const bad = this.endings.bad(nowMs)
    const all = bad + this.endings.good(nowMs)
    const isMostlyBad = all >= FEWEST_ATTEMPTS && bad >= all * FAILED_SHARE
    if (this.#failuresInARow < FAILURES_IN_A_ROW && !isMostlyBad) return false
    if (nowMs - this.#backSinceMs >= HEALTHY_MS) this.#pauses = 0
    this.trips++
    this.#goOut(retryAfterMs, draw, nowMs)
    return true
  }

  #goOut(retryAfterMs: number | null, draw: number, nowMs: number): void {
    this.cooldowns++
    const pauseMs = FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses++, 20) * (0.75 + draw / 2)
    this.untilMs = nowMs + Math.min(Math.max(pauseMs, retryAfterMs ?? 0), LONGEST_PAUSE_MS)
    this.#outSinceMs = nowMs
    this.isProbing = false
  }

  #comeBack(nowMs: number): void {
    this.untilMs = null
    this.isProbing = false
    this.#backSinceMs = nowMs
    // What failed before is over: the share of failures starts anew.
    this.endings.clear()
  }
}
