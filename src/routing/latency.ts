// How fast a deployment is: a mean that jumps up at once and sinks slowly, and quantiles of what was seen lately.

/** Peak-sensitive moving average: a slow answer counts at once, fast ones talk it down within some ten seconds. */
export class PeakAverage {
  value: number | null = null
  #atMs = 0

  observe(sample: number, nowMs: number): void {
    if (!(sample >= 0)) return
    if (this.value === null || sample > this.value) this.value = sample
    else {
      const weight = Math.exp(-Math.max(0, nowMs - this.#atMs) / DECAY_MS)
      // Samples at one moment count a little, too: under load there are many of them.
      this.value = this.value * Math.min(weight, MOST_WEIGHT) + sample * (1 - Math.min(weight, MOST_WEIGHT))
    }
    this.#atMs = nowMs
  }
}

const DECAY_MS = 10_000
const MOST_WEIGHT = 0.98

const FIRST_BOUND_MS = 1
const RATIO = 1.12
const BUCKETS = 120
const FULL = 2_000

/** Quantiles over the last one to two thousand values, right to 12 %, in constant memory. */
export class RecentQuantiles {
  readonly #counts = new Float64Array(BUCKETS)
  #total = 0

  observe(ms: number): void {
    if (!(ms >= 0)) return
    this.#counts[bucketOf(ms)]!++
    this.#total++
    if (this.#total < FULL) return
    // The past counts half from now on.
    this.#total = 0
    for (let index = 0; index < BUCKETS; index++) {
      this.#counts[index] = Math.floor(this.#counts[index]! / 2)
      this.#total += this.#counts[index]!
    }
  }

  get count(): number {
    return this.#total
  }

  /** Upper bound of the bucket in which that share of the values ends; null without any. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null
    const rank = share * this.#total
    let below = 0
    for (let index = 0; index < BUCKETS; index++) {
      below += this.#counts[index]!
      if (below >= rank) return FIRST_BOUND_MS * RATIO ** index
    }
    return FIRST_BOUND_MS * RATIO ** (BUCKETS - 1)
  }
}

function bucketOf(ms: number): number {
  if (ms <= FIRST_BOUND_MS) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_BOUND_MS) / Math.log(RATIO)))
}
