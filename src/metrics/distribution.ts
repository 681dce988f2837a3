// One histogram series: counts per bucket in a typed array, so that an observation costs a few nanoseconds.

/** Counts of observed values between fixed bounds. `unitsPerBound` converts a bound of the catalogue into the observed unit (1000 for ms). */
export class Distribution {
  /** Upper bounds in the unit of the catalogue. */
  readonly bounds: readonly number[]
  /** The same in the observed unit. */
  readonly #bounds: Float64Array
  readonly #unitsPerBound: number
  /** One more than the bounds: the last one counts what is above all of them. */
  readonly #counts: Float64Array
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[], unitsPerBound: number) {
    this.bounds = bounds
    // Rounded, because 0.00015 × 1000 is not 0.15 in floating point and an observation at a bound belongs under it.
    this.#bounds = Float64Array.from(bounds, (bound) => Number((bound * unitsPerBound).toPrecision(12)))
    this.#unitsPerBound = unitsPerBound
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** Counts a value in the observed unit; what is no number, or negative, is no measurement and is left out. */
  observe(value: number): void {
    if (!(value >= 0) || value === Infinity) return
    const bounds = this.#bounds
    let index = 0
    while (index < bounds.length && value > bounds[index]!) index++
    this.#counts[index]!++
    this.#sum += value
    this.#count++
  }

  get count(): number {
    return this.#count
  }

  /** Sum of what was observed, in the unit of the bounds. */
  get sum(): number {
    return this.#sum / this.#unitsPerBound
  }

  /** Values at or below each bound, as Prometheus wants them. */
  cumulative(): number[] {
    let total = 0
    return Array.from(this.#bounds, (_, index) => (total += this.#counts[index]!))
  }

  /** Adds the counts of another series with the same bounds. */
  add(other: Distribution): void {
    for (let index = 0; index < this.#counts.length; index++) this.#counts[index]! += other.#counts[index]!
    this.#sum += other.#sum
    this.#count += other.#count
  }

  /** What came after an earlier state of the same series. */
  without(earlier: Distribution): Distribution {
    const rest = new Distribution(this.bounds, this.#unitsPerBound)
    for (let index = 0; index < this.#counts.length; index++)
      rest.#counts[index] = this.#counts[index]! - earlier.#counts[index]!
    rest.#sum = this.#sum - earlier.#sum
    rest.#count = this.#count - earlier.#count
    return rest
  }

  /**
   * The value below which `share` of the observations lie, in the observed unit; null without any. Interpolated inside
   * its bucket, as Prometheus' `histogram_quantile` does, so it is right to a bucket's width; above the last bound it is that bound.
   */
  quantile(share: number): number | null {
    if (this.#count === 0) return null
    const rank = share * this.#count
    let below = 0
    for (let index = 0; index < this.#bounds.length; index++) {
      const inside = this.#counts[index]!
      if (below + inside >= rank && inside > 0) {
        const lower = index === 0 ? 0 : this.#bounds[index - 1]!
        return lower + ((this.#bounds[index]! - lower) * Math.max(0, rank - below)) / inside
      }
      below += inside
    }
    return this.#bounds.at(-1)!
  }
}

/** The highest of recent values: two half windows, so that a value is forgotten between one half and one whole window after it was seen. */
export class RecentPeak {
  readonly #halfMs: number
  #half = -1
  #current = 0
  #previous = 0

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2
  }

  observe(value: number, now: number): void {
    this.#turn(now)
    if (value > this.#current) this.#current = value
  }

  read(now: number): number {
    this.#turn(now)
    return Math.max(this.#current, this.#previous)
  }

  #turn(now: number): void {
    const half = Math.floor(now / this.#halfMs)
    if (half === this.#half) return
    this.#previous = half === this.#half + 1 ? this.#current : 0
    this.#current = 0
    this.#half = half
  }
}
