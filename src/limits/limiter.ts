// May they, now? All limits of a request's scopes at once, all or nothing.
//
// `admit` looks at every limit first and takes only when all of them have room, so that a refusal leaves no trace. What
// it returns is a reservation: one request and the estimated tokens are counted, and one place in flight is held, until
// `settle` (by the actual tokens) or `release`. Both may be called any number of times; the first call counts.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { LimitSet } from '../core/key.ts'
import { SlidingWindow } from './sliding-window.ts'
import type { Slot } from './sliding-window.ts'

type ScopeKind = 'key' | 'user' | 'team' | 'endUser' | 'gateway'
type LimitKind = 'rpm' | 'tpm' | 'concurrency'

/** Whose limits: one row for each of the request's key, user, team, end user and the gateway. */
export type Scope = { readonly kind: ScopeKind; readonly id: string; readonly limits: LimitSet }

type Room = { readonly limit: number; readonly remaining: number; readonly resetMs: number }

/** Room under the limits of the tightest scope, for OpenAI's `x-ratelimit-*` headers; null where nothing is limited. */
export type Headroom = { readonly requests: Room | null; readonly tokens: Room | null }

export interface Reservation {
  /** Now; of a request that has ended, as it was then. */
  readonly headroom: Headroom
  /** Ends the request: its place in flight is free again and the token estimate becomes the actual. */
  settle(actualTokens: number): void
  /** Ends a request of which nothing reached a provider: its tokens do not count. The request itself does. */
  release(): void
}

export interface Limiter {
  /** Throws `rate_limited`, `concurrency_limited`, or `request_too_large` for what no waiting would let through. */
  admit(scopes: readonly Scope[], tokens: number): Reservation
  /** Places in flight now, summed over scopes of a kind: for tests and the health page. */
  inFlight(kind: ScopeKind): number
}

type ScopeState = {
  readonly requests: SlidingWindow
  readonly tokens: SlidingWindow
  inFlight: number
  lastUsedMs: number
}

const IDLE_AFTER_MS = 120_000
const SWEEP_EVERY = 4_096

const SCOPE_NAMES: Record<ScopeKind, string> = {
  key: 'key',
  user: 'user',
  team: 'team',
  endUser: 'end user',
  gateway: 'gateway',
}

/**
 * Limits kept in this process.
 * @param onChecked told each scope's utilisation, 0–1, at admission; for metrics.
 */
export function createLimiter(options: { readonly clock: Clock; readonly onChecked?: OnChecked }): Limiter {
  // A map for each kind, so that a look-up needs no name put together of kind and id.
  const states: Record<ScopeKind, Map<string, ScopeState>> = {
    key: new Map(),
    user: new Map(),
    team: new Map(),
    endUser: new Map(),
    gateway: new Map(),
  }
  let created = 0

  function stateOf(scope: Scope, now: number): ScopeState {
    const ofKind = states[scope.kind]
    let state = ofKind.get(scope.id)
    if (state === undefined) {
      // End users are as many as callers invent: those that are idle and count nothing are forgotten.
      if (++created % SWEEP_EVERY === 0) sweep(now)
      state = { requests: new SlidingWindow(), tokens: new SlidingWindow(), inFlight: 0, lastUsedMs: now }
      ofKind.set(scope.id, state)
    }
    state.lastUsedMs = now
    return state
  }

  function sweep(now: number): void {
    for (const ofKind of Object.values(states))
      for (const [id, state] of ofKind)
        if (state.inFlight === 0 && now - state.lastUsedMs > IDLE_AFTER_MS) ofKind.delete(id)
  }

  function check(scope: Scope, state: ScopeState, tokens: number, now: number): void {
    const { rpm, tpm, concurrency } = scope.limits
    if (concurrency !== null && state.inFlight >= concurrency) {
      options.onChecked?.(scope.kind, 'concurrency', 1)
      throw new GatewayError('concurrency_limited', {
        message: `${who(scope)} has ${state.inFlight} requests in flight and may have ${concurrency} at once.`,
        retryAfterMs: 1_000,
      })
    }
    if (rpm !== null) refuseIfFull(scope, 'rpm', state.requests, 1, rpm, now)
    if (tpm !== null) refuseIfFull(scope, 'tpm', state.tokens, tokens, tpm, now)
  }

  function refuseIfFull(
    scope: Scope,
    kind: 'rpm' | 'tpm',
    window: SlidingWindow,
    amount: number,
    limit: number,
    now: number,
  ): void {
    const used = window.used(now)
    if (used + amount <= limit) return
    options.onChecked?.(scope.kind, kind, Math.min(1, limit === 0 ? 1 : used / limit))
    const unit = kind === 'rpm' ? 'requests' : 'tokens'
    const waitMs = window.waitMs(amount, limit, now)
    if (waitMs === null && kind === 'tpm')
      throw new GatewayError('request_too_large', {
        message: `This request may need ${amount} tokens; ${who(scope)} may use ${limit} in a minute, so waiting would not help. Send less, or lower max_tokens.`,
      })
    throw new GatewayError('rate_limited', {
      message: `${who(scope)} has used ${Math.max(0, used)} of ${limit} ${unit} in the last minute${kind === 'tpm' ? `, and this request may need ${amount}` : ''}.`,
      retryAfterMs: waitMs ?? 60_000,
    })
  }

  return {
    admit(scopes, tokens) {
      const now = options.clock.monotonicMs()
      let first: Place | null = null
      let last: Place | null = null
      for (const scope of scopes) {
        const state = stateOf(scope, now)
        check(scope, state, tokens, now)
        const place: Place = { scope, state, tokenSlot: 0, next: null }
        if (last === null) first = place
        else last.next = place
        last = place
      }
      for (let place = first; place !== null; place = place.next) {
        const { scope, state } = place
        state.inFlight++
        state.requests.take(1, now)
        place.tokenSlot = state.tokens.take(tokens, now)
        if (options.onChecked !== undefined) tell(options.onChecked, scope, state, now)
      }
      return new HeldReservation(first, tokens, options.clock)
    },
    inFlight(kind) {
      let sum = 0
      for (const state of states[kind].values()) sum += state.inFlight
      return sum
    },
  }
}

type OnChecked = (scope: ScopeKind, kind: LimitKind, share: number) => void

/** What a reservation holds in one scope, and in the `next` one: a chain is all that is ever made of a reservation. */
type Place = { readonly scope: Scope; readonly state: ScopeState; tokenSlot: Slot; next: Place | null }

class HeldReservation implements Reservation {
  /** Null: nobody limits anything. */
  readonly #first: Place | null
  readonly #tokens: number
  readonly #clock: Clock
  /** Null while it is open. */
  #endedAt: number | null = null

  constructor(first: Place | null, tokens: number, clock: Clock) {
    this.#first = first
    this.#tokens = tokens
    this.#clock = clock
  }

  get headroom(): Headroom {
    const now = this.#endedAt ?? this.#clock.monotonicMs()
    return { requests: roomOf(this.#first, 'requests', now), tokens: roomOf(this.#first, 'tokens', now) }
  }

  settle(actualTokens: number): void {
    if (this.#endedAt !== null) return
    const endedAt = this.#clock.monotonicMs()
    this.#endedAt = endedAt
    for (let place = this.#first; place !== null; place = place.next) {
      const { state, tokenSlot } = place
      state.inFlight--
      state.lastUsedMs = endedAt
      if (actualTokens !== this.#tokens) state.tokens.adjust(tokenSlot, actualTokens - this.#tokens, endedAt)
    }
  }

  release(): void {
    this.settle(0)
  }
}

function who(scope: Scope): string {
  return scope.kind === 'gateway' ? 'This gateway' : `The ${SCOPE_NAMES[scope.kind]} ${scope.id}`
}

function tell(
  onChecked: OnChecked,
  { kind, limits: { rpm, tpm, concurrency } }: Scope,
  state: ScopeState,
  now: number,
): void {
  if (rpm !== null && rpm > 0) onChecked(kind, 'rpm', state.requests.used(now) / rpm)
  if (tpm !== null && tpm > 0) onChecked(kind, 'tpm', state.tokens.used(now) / tpm)
  if (concurrency !== null && concurrency > 0) onChecked(kind, 'concurrency', state.inFlight / concurrency)
}

/** Of the scope that has least left; the first one of equals. */
function roomOf(first: Place | null, of: 'requests' | 'tokens', now: number): Room | null {
  let tightest: SlidingWindow | null = null
  let ofTightest = 0
  let least = Infinity
  for (let place = first; place !== null; place = place.next) {
    const limit = of === 'requests' ? place.scope.limits.rpm : place.scope.limits.tpm
    if (limit === null) continue
    const window = place.state[of]
    const remaining = Math.max(0, limit - window.used(now))
    if (remaining >= least) continue
    tightest = window
    ofTightest = limit
    least = remaining
  }
  return tightest === null ? null : { limit: ofTightest, remaining: least, resetMs: tightest.clearMs(now) }
}
