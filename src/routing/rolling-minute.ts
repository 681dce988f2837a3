// Good and bad endings of the last minute, in slots of five seconds: constant memory, constant work.

const SLOTS = 12
const SLOT_MS = 5_000

export class RollingMinute {
  readonly #good = new Uint32Array(SLOTS)
  readonly #bad = new Uint32Array(SLOTS)
  #goodTotal = 0
  #badTotal = 0
  /** Number of the newest slot. */
  #newest = 0

  count(isGood: boolean, nowMs: number): void {
    this.#advance(nowMs)
    const index = this.#newest % SLOTS
    if (isGood) {
      this.#good[index]!++
      this.#goodTotal++
    } else {
      this.#bad[index]!++
      this.#badTotal++
    }
  }

  good(nowMs: number): number {
    this.#advance(nowMs)
    return this.#goodTotal
  }

  bad(nowMs: number): number {
    this.#advance(nowMs)
    return this.#badTotal
  }

  clear(): void {
    this.#good.fill(0)
    this.#bad.fill(0)
    this.#goodTotal = 0
    this.#badTotal = 0
  }

  #advance(nowMs: number): void {
    const current = Math.floor(nowMs / SLOT_MS)
    if (current <= this.#newest) return
    if (current - this.#newest >= SLOTS) this.clear()
    else
      for (let slot = this.#newest + 1; slot <= current; slot++) {
        const index = slot % SLOTS
        this.#goodTotal -= this.#good[index]!
        this.#badTotal -= this.#bad[index]!
        this.#good[index] = 0
        this.#bad[index] = 0
      }
    this.#newest = current
  }
}
