// What a provider grants one credential on one model: a mirror of the provider's own bucket, so that its 429 is not what
// tells us.
//
// States of each limit (requests, tokens): unknown → stated (by headers) or learned (by a refusal without headers).
// - A request takes its place when it is decided on, also when the place is in the future: those that wait go in order,
//   and none of them is overtaken. `waitMs` is what the next one would wait.
// - Headers tell what was left when their own request came in. What has been taken since is subtracted, what has flowed
//   in since is added: answers that take long, and answers that overtake each other, tell the truth all the same.
// - A refusal blocks until the moment that it names, else for a growing pause. Where no limit is stated, the rate that
//   went through during the last minute becomes the limit; it grows slowly while nothing is refused, and is forgotten
//   after ten minutes without a refusal.
// Invariant: nothing here ever grows; every call is a few additions.
import type { StatedLimit, StatedLimits } from '../providers/stated-limits.ts'
import { RollingMinute } from './rolling-minute.ts'

/** Where a request stands in the count of its allowance. */
export type Place = {
  readonly requests: number
  readonly tokens: number
  /** When it left: later than it was taken, where it had to wait. What headers say is of that moment. */
  sentAtMs: number
}

type Bucket = {
  readonly limit: number
  /** What may gather: the limit, or less where the provider refuses what comes at once though the minute has room. */
  burst: number
  /** What flows in. */
  perMs: number
  /** What is there at `atMs`; below zero while requests wait for places in the future. */
  left: number
  atMs: number
  /** Place of the newest request whose headers were read. */
  heardOf: number
  readonly isStated: boolean
}

const MINUTE_MS = 60_000
/** Resets are rounded to seconds: the rate that follows from a shorter one could be wrong by any factor. */
const SURE_RESET_MS = 5_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5 * MINUTE_MS
const GROW_EVERY_MS = 10_000
const GROWTH = 1.05
const FEWEST_TO_LEARN = 10
const FORGET_MS = 10 * MINUTE_MS
/** What a learned bucket holds, as a share of what went through in a minute. */
const BURST_SHARE = 1 / 12

export class Allowance {
  #requests: Bucket | null = null
  #tokens: Bucket | null = null
  #requestsTaken = 0
  #tokensTaken = 0
  #blockedUntilMs = 0
  /** Refusals in a row that named no time. */
  #refusals = 0
  #refusedAtMs = -Infinity
  #grownAtMs = -Infinity
  readonly #answers = new RollingMinute()

  /** How long the next request of so many input tokens has to wait; 0 where no limit is known. */
  waitMs(tokens: number, nowMs: number): number {
    let waitMs = this.#blockedUntilMs > nowMs ? this.#blockedUntilMs - nowMs : 0
    if (this.#requests !== null) waitMs = Math.max(waitMs, waitFor(this.#requests, 1, nowMs))
    // A request larger than the whole bucket goes when the bucket is full: whether it fits is the provider's to say.
    if (this.#tokens !== null) waitMs = Math.max(waitMs, waitFor(this.#tokens, tokens, nowMs))
    return waitMs
  }

  take(tokens: number, nowMs: number): Place {
    this.#requestsTaken++
    this.#tokensTaken += tokens
    if (this.#requests !== null) draw(this.#requests, 1, nowMs)
    if (this.#tokens !== null) draw(this.#tokens, tokens, nowMs)
    return { requests: this.#requestsTaken, tokens: this.#tokensTaken, sentAtMs: nowMs }
  }

  /** The request of a place never left. */
  giveBack(tokens: number, nowMs: number): void {
    if (this.#requests !== null) draw(this.#requests, -1, nowMs)
    if (this.#tokens !== null) draw(this.#tokens, -tokens, nowMs)
  }

  /** Reads what the headers of an answer say. */
  heard(stated: StatedLimits, place: Place, nowMs: number): void {
    if (stated.requests !== null)
      this.#requests = mirrored(this.#requests, stated.requests, place.requests, this.#requestsTaken, place, nowMs)
    if (stated.tokens !== null)
      this.#tokens = mirrored(this.#tokens, stated.tokens, place.tokens, this.#tokensTaken, place, nowMs)
  }

  answered(nowMs: number): void {
    this.#answers.count(true, nowMs)
    this.#refusals = 0
    const bucket = this.#requests
    if (bucket === null) return
    if (!bucket.isStated && nowMs - this.#refusedAtMs > FORGET_MS) this.#requests = null
    else if (nowMs - Math.max(this.#grownAtMs, this.#refusedAtMs) > GROW_EVERY_MS) {
      if (!bucket.isStated) bucket.perMs *= GROWTH
      bucket.burst = Math.min(bucket.limit, bucket.burst * GROWTH)
      this.#grownAtMs = nowMs
    }
  }

  /** A refusal; `draw`: 0–1, spreads the pauses of gateways that were refused together. */
  refused(retryAfterMs: number | null, place: Place, draw: number, nowMs: number): void {
    this.#refusedAtMs = nowMs
    // What was sent together is refused together: that is one refusal, and only the first of a growing row.
    const isNews = place.sentAtMs >= this.#blockedUntilMs
    const bucket = this.#requests
    if (retryAfterMs !== null) this.#block(retryAfterMs, nowMs)
    else if (isNews) {
      const refusals = this.#refusals++
      // Where the rate is known the next place is, too.
      const pauseMs =
        refusals === 0 && bucket?.isStated === true ? 1 / bucket.perMs : FIRST_PAUSE_MS * 2 ** Math.min(refusals, 20)
      this.#block(pauseMs * (0.5 + draw / 2), nowMs)
    }
    if (bucket !== null && bucket.isStated) {
      // It was full though we thought that there was room: others draw on it, or it takes less at once.
      settle(bucket, nowMs)
      bucket.left = Math.min(bucket.left, 0)
      if (isNews) bucket.burst = Math.max(1, bucket.burst / 4)
      return
    }
    const perMinute = this.#answers.good(nowMs)
    // Too little went through to tell a rate from it.
    if (perMinute < FEWEST_TO_LEARN) return
    const limit = Math.max(1, perMinute * BURST_SHARE)
    this.#requests = {
      limit,
      burst: limit,
      perMs: perMinute / MINUTE_MS,
      left: Math.min(0, bucket?.left ?? 0),
      atMs: nowMs,
      heardOf: 0,
      isStated: false,
    }
  }

  #block(waitMs: number, nowMs: number): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, nowMs + Math.min(waitMs, LONGEST_PAUSE_MS))
  }

  /** Share of the scarcest limit that is left, 0–1; 1 where none is known. */
  headroom(nowMs: number): number {
    if (this.#blockedUntilMs > nowMs) return 0
    let share = 1
    for (const bucket of [this.#requests, this.#tokens]) {
      if (bucket === null) continue
      settle(bucket, nowMs)
      share = Math.min(share, Math.max(0, bucket.left / bucket.limit))
    }
    return share
  }

  /** Requests per minute that are granted as far as is known; null where nothing is. */
  get requestsPerMinute(): number | null {
    return this.#requests === null ? null : this.#requests.perMs * MINUTE_MS
  }

  get blockedUntilMs(): number {
    return this.#blockedUntilMs
  }
}

function settle(bucket: Bucket, nowMs: number): void {
  bucket.left = Math.min(bucket.burst, bucket.left + bucket.perMs * Math.max(0, nowMs - bucket.atMs))
  bucket.atMs = nowMs
}

function draw(bucket: Bucket, units: number, nowMs: number): void {
  settle(bucket, nowMs)
  bucket.left -= units
}

function waitFor(bucket: Bucket, units: number, nowMs: number): number {
  settle(bucket, nowMs)
  const missing = Math.min(units, bucket.burst) - bucket.left
  return missing <= 0 ? 0 : missing / bucket.perMs
}

function mirrored(
  known: Bucket | null,
  { limit, remaining, resetMs }: StatedLimit,
  place: number,
  taken: number,
  { sentAtMs }: Place,
  nowMs: number,
): Bucket {
  const isCurrent = known !== null && known.isStated
  // An answer that was overtaken by a later one tells of an earlier moment.
  if (isCurrent && known.heardOf > place) return known
  const isSure = resetMs !== null && resetMs >= SURE_RESET_MS && remaining < limit
  // Limits are by the minute, or by more: what flows in is never faster than that, whatever a reset means to its provider.
  const perMs = isSure
    ? Math.min((limit - remaining) / resetMs, limit / MINUTE_MS)
    : isCurrent && known.limit === limit
      ? known.perMs
      : limit / MINUTE_MS
  const flowed = perMs * Math.max(0, nowMs - sentAtMs)
  const burst = isCurrent && known.limit === limit ? known.burst : limit
  const left = Math.min(burst, remaining + flowed) - (taken - place)
  return { limit, burst, perMs, left, atMs: nowMs, heardOf: place, isStated: true }
}
