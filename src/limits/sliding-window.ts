// Counts amounts over the last minute in one-second slots.
//
// Statement: the amounts taken within ANY 60 s never sum to more than the limit. A 60 s span touches at most 61 slots of
// one second, and the sum over the last 61 slots is what is held against the limit. The price is caution: an amount may
// be counted for up to one second longer than a minute. (A token bucket of the same rate lets twice the limit through
// when a full bucket meets a full minute.)
//
// Moments are those of a monotonic clock: wall time that is set back would hold what was taken for as long as it was set back.

const SLOTS = 61
const SLOT_MS = 1_000

export type Slot = number

export class SlidingWindow {
  readonly #amounts = new Float64Array(SLOTS)
  #total = 0
  /** Number of the newest slot, counted from the epoch. */
  #newest = 0

  #advance(nowMs: number): void {
    const current = Math.floor(nowMs / SLOT_MS)
    // Whoever still has an earlier moment counts in the newest slot: amounts are then held longer, never forgotten early.
    if (current <= this.#newest) return
    if (current - this.#newest >= SLOTS) {
      this.#amounts.fill(0)
      this.#total = 0
    } else
      for (let slot = this.#newest + 1; slot <= current; slot++) {
        const index = slot % SLOTS
        this.#total -= this.#amounts[index] ?? 0
        this.#amounts[index] = 0
      }
    this.#newest = current
  }

  /** What counts now. */
  used(nowMs: number): number {
    this.#advance(nowMs)
    return this.#total
  }

  /** Adds an amount; the caller has asked `used` first. Returns the slot it was booked in, for a later `adjust`. */
  take(amount: number, nowMs: number): Slot {
    this.#advance(nowMs)
    const index = this.#newest % SLOTS
    this.#amounts[index] = (this.#amounts[index] ?? 0) + amount
    this.#total += amount
    return this.#newest
  }

  /** Corrects what was booked in a slot, e.g. an estimate by the actual; a slot that has left the window is past caring. */
  adjust(slot: Slot, delta: number, nowMs: number): void {
    this.#advance(nowMs)
    if (this.#newest - slot >= SLOTS) return
    const index = slot % SLOTS
    this.#amounts[index] = (this.#amounts[index] ?? 0) + delta
    this.#total += delta
  }

  /** Ms until `amount` fits under `limit` if nothing else is taken; null when it never does. */
  waitMs(amount: number, limit: number, nowMs: number): number | null {
    if (amount > limit) return null
    this.#advance(nowMs)
    let left = this.#total
    if (left + amount <= limit) return 0
    for (let slot = this.#newest - SLOTS + 1; slot <= this.#newest; slot++) {
      left -= this.#amounts[((slot % SLOTS) + SLOTS) % SLOTS] ?? 0
      if (left + amount <= limit) return Math.max(1, Math.ceil((slot + SLOTS) * SLOT_MS - nowMs))
    }
    return SLOTS * SLOT_MS
  }

  /** Ms until nothing counts any more. */
  clearMs(nowMs: number): number {
    this.#advance(nowMs)
    for (let slot = this.#newest; slot > this.#newest - SLOTS; slot--)
      if ((this.#amounts[((slot % SLOTS) + SLOTS) % SLOTS] ?? 0) > 0) return Math.ceil((slot + SLOTS) * SLOT_MS - nowMs)
    return 0
  }
}
