// How many extra attempts a provider may get: an outage must not be doubled by retries.
//
// Over the last ten seconds, retries are at most a fifth of the first attempts, and a few are always allowed, so that a
// quiet gateway retries at all. Ten slots of one second: constant memory and work.

const SLOTS = 10
const SLOT_MS = 1_000
const SHARE = 0.2
const ALWAYS = 3

export class RetryBudget {
  readonly #firsts = new Uint32Array(SLOTS)
  readonly #extras = new Uint32Array(SLOTS)
  #firstTotal = 0
  #extraTotal = 0
  #newest = 0

  /** A first attempt of a request at this provider. */
  first(nowMs: number): void {
    this.#advance(nowMs)
    this.#firsts[this.#newest % SLOTS]!++
    this.#firstTotal++
  }

  /** Takes one extra attempt; false when there is none left. */
  extra(nowMs: number): boolean {
    this.#advance(nowMs)
    if (this.#extraTotal >= Math.max(ALWAYS, Math.floor(this.#firstTotal * SHARE))) return false
    this.#extras[this.#newest % SLOTS]!++
    this.#extraTotal++
    return true
  }

  #advance(nowMs: number): void {
    const current = Math.floor(nowMs / SLOT_MS)
    const steps = Math.min(current - this.#newest, SLOTS)
    if (steps <= 0) return
    for (let step = 1; step <= steps; step++) {
      const index = (this.#newest + step) % SLOTS
      this.#firstTotal -= this.#firsts[index]!
      this.#extraTotal -= this.#extras[index]!
      this.#firsts[index] = 0
      this.#extras[index] = 0
    }
    this.#newest = current
  }
}
