// The clock of one call: its deadlines, its one timer, and what ended it.
//
//   connecting/waiting ──head──▶ (stream: still waiting to be committed) ──▶ reading ──▶ finished
//
// - total: from the start to the last byte.
// - first token: from the start to the head of a whole answer, or to the event of a stream that its reader commits to
//   (`committed`): a host that sends roles and pings, and no word, is as late as one that sends nothing.
// - idle: while a read waits; the time that a slow client takes between two reads does not count.
// - pace: where a least pace is asked for, a whole answer that stays under it for an idle time has timed out, too.
// - connect: a connection of our own has its own timer. Fetch does not tell when a connection stands: half of the time is
//   waited in silence; then a bare TCP connection is tried for the other half. If that fails the upstream is unreachable, if it
//   hangs it timed out, and if it succeeds the provider is thinking. Nothing is tried where an answer came within the last 30 s.
//
// One timer runs for the nearest of these; it is armed anew when it fires, never for each chunk. Whatever ends a call
// stops its answer, so a connection in an unknown state is closed and not used again.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Clock } from '../core/clock.ts'
import type { Timeouts } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { outcomeOf, UpstreamFailure } from './failure.ts'

/** Whether the host can be connected to: null when it can, else what is wrong. Shared by the calls that ask at once. */
export type Probe = () => Promise<Outcome | null>

export class CallTiming {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #firstAt: number
  readonly #totalAt: number
  readonly #connectAt: number
  #probeAt: number
  readonly #probe: Probe
  readonly #client: ClosingSignal
  #isWaiting = true
  #isFinished = false
  #hasHead = false
  #isStream = false
  readonly #minBytesPerS: number
  /** Bytes since the pace was last looked at, and when that was. */
  #bytes = 0
  #bytesSince: number
  /** When the read that now waits began; Infinity while nobody reads. */
  #idleSince = Infinity
  #failure: Outcome | null = null
  #cancelTimer: (() => void) | null = null
  #cancelConnectTimer: (() => void) | null = null
  /** What the timer is armed for. */
  #dueAt = Infinity
  #reject: ((failure: UpstreamFailure) => void) | null = null
  /** Made only for who listens to it: fetch, and the simulator. */
  #abort: AbortController | null = null
  /** What is stopped when the call ends: a body does not have to listen to the signal. */
  #stopping: { cancel(): void } | null = null

  constructor(
    clock: Clock,
    timeouts: Timeouts,
    client: ClosingSignal,
    probe: Probe | null,
    minBytesPerS: number | null = null,
  ) {
    const now = clock.monotonicMs()
    this.#minBytesPerS = minBytesPerS ?? 0
    this.#bytesSince = now
    this.#clock = clock
    this.#idleMs = timeouts.idleMs
    this.#firstAt = now + timeouts.firstTokenMs
    this.#totalAt = now + timeouts.totalMs
    this.#connectAt = now + timeouts.connectMs
    this.#probeAt = probe === null ? Infinity : now + timeouts.connectMs / 2
    this.#probe = probe ?? neverProbed
    this.#client = client
    if (client.aborted) this.end({ type: 'cancelled' })
    else {
      client.addEventListener('abort', this)
      this.#arm(now)
    }
  }

  /** Aborted when the call is ended. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#failure !== null) this.#abort.abort()
    return this.#abort.signal
  }

  get hasEnded(): boolean {
    return this.#failure !== null
  }

  /** The client has gone away: as a listener of its signal. */
  handleEvent(): void {
    this.end({ type: 'cancelled' })
  }

  /** Throws when the call has been ended. */
  check(): void {
    if (this.#failure !== null) throw new UpstreamFailure(this.#failure)
  }

  /** The promise's value, or the failure of the call if that comes first. */
  interruptible<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) {
        // Nobody waits for it any more; its rejection by the abort is not news.
        promise.catch(() => undefined)
        reject(new UpstreamFailure(this.#failure))
        return
      }
      this.#reject = reject
      promise.then(resolve, reject)
    })
  }

  /** The head is here; of a stream, what it is committed for is still to come. */
  head(isStream: boolean): void {
    this.#hasHead = true
    this.#isStream = isStream
    this.#probeAt = Infinity
    if (!isStream) this.#begun()
  }

  /** From now on this is cancelled when the call ends. */
  stopBy(stopping: { cancel(): void }): void {
    if (this.#failure !== null) stopping.cancel()
    else this.#stopping = stopping
  }

  /** A read begins to wait. */
  reading(): void {
    this.#idleSince = this.#clock.monotonicMs()
  }

  /** So many bytes came. */
  progress(bytes: number): void {
    if (this.#isWaiting && !this.#isStream) this.#begun()
    this.#bytes += bytes
    this.#idleSince = Infinity
  }

  /** A stream has said something: from now on the idle deadline counts. */
  committed(): void {
    if (this.#isWaiting && !this.#isFinished) this.#begun()
  }

  /** The error to throw for whatever fetch or a read threw. */
  failure(error: unknown): UpstreamFailure {
    if (error instanceof UpstreamFailure) return error
    return new UpstreamFailure(this.#failure ?? outcomeOf(error, this.#hasHead), error)
  }

  /** The answer is complete: timers and listeners go. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#reject = null
    this.#cancelTimer?.()
    this.#cancelConnectTimer?.()
    this.#client.removeEventListener('abort', this)
  }

  /** Ends the call: its answer is stopped and its connection closed. Later ends change nothing. */
  end(outcome: Outcome): void {
    if (this.#isFinished) return
    this.#failure = outcome
    const reject = this.#reject
    this.finish()
    this.#abort?.abort()
    reject?.(new UpstreamFailure(outcome))
    this.#stopping?.cancel()
  }

  /** From the wait for the first byte to the idle deadline, which may strike before the timer that runs. */
  #begun(): void {
    this.#isWaiting = false
    const now = this.#clock.monotonicMs()
    this.#bytesSince = now
    if (this.#dueAt <= now + this.#idleMs) return
    this.#cancelTimer?.()
    this.#arm(now)
  }

  #arm(now: number): void {
    const next = this.#isWaiting ? Math.min(this.#firstAt, this.#probeAt) : this.#idleAt(now)
    this.#dueAt = Math.min(this.#totalAt, next)
    this.#cancelTimer = this.#clock.after(Math.max(0, this.#dueAt - now), this.#tick)
  }

  /** While nobody reads, look again in one idle time. */
  #idleAt(now: number): number {
    return (this.#idleSince === Infinity ? now : this.#idleSince) + this.#idleMs
  }

  readonly #tick = (): void => {
    if (this.#isFinished) return
    const now = this.#clock.monotonicMs()
    if (now >= this.#totalAt) this.end({ type: 'timed_out', stage: 'total' })
    else if (this.#isWaiting && now >= this.#firstAt) this.end({ type: 'timed_out', stage: 'first_token' })
    else if (!this.#isWaiting && this.#idleSince !== Infinity && now >= this.#idleSince + this.#idleMs)
      this.end({ type: 'timed_out', stage: 'idle' })
    else if (this.#isTooSlow(now)) this.end({ type: 'timed_out', stage: 'pace' })
    else {
      if (this.#isWaiting && now >= this.#probeAt) this.#tryConnect(now)
      this.#arm(now)
    }
  }

  /** Looks at the pace of a whole answer once in each idle time. */
  #isTooSlow(now: number): boolean {
    if (this.#minBytesPerS === 0 || this.#isWaiting || this.#isStream) return false
    const elapsedMs = now - this.#bytesSince
    if (elapsedMs < this.#idleMs) return false
    const isSlow = this.#bytes < (this.#minBytesPerS * elapsedMs) / 1_000
    this.#bytes = 0
    this.#bytesSince = now
    return isSlow
  }

  #tryConnect(now: number): void {
    this.#probeAt = Infinity
    this.#cancelConnectTimer = this.#clock.after(Math.max(0, this.#connectAt - now), () =>
      this.#notConnected({ type: 'timed_out', stage: 'connect' }),
    )
    void this.#probe().then((problem) => {
      this.#cancelConnectTimer?.()
      if (problem !== null) this.#notConnected(problem)
    })
  }

  #notConnected(outcome: Outcome): void {
    if (!this.#hasHead) this.end(outcome)
  }
}

function neverProbed(): Promise<null> {
  return Promise.resolve(null)
}
