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

export type ScopeKind = 'key' | 'user' | 'team' | 'endUser' | 'gateway'
export type LimitKind = 'rpm' | 'tpm' | 'concurrency'

/** Whose limits: one row for each of the request's key, user, team, end user and the gateway. */
export type Scope = { readonly kind: ScopeKind; readonly id: string; readonly limits: LimitSet }

/** Room under the limits of the tightest scope, for OpenAI's `x-ratelimit-*` headers; null where nothing is limited. */
export type Headroom = {
  readonly requests: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null
  readonly tokens: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null
}

export interface Reservation {
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
export function createLimiter(options: {
  readonly clock: Clock
  readonly onChecked?: (scope: ScopeKind, kind: LimitKind, share: number) => void
}): Limiter {
  const states = new Map<string, ScopeState>()
  let created = 0

  function stateOf(scope: Scope, now: number): ScopeState {
    const name = `${scope.kind}:${scope.id}`
    let state = states.get(name)
    if (state === undefined) {
      // End users are as many as callers invent: those that are idle and count nothing are forgotten.
      if (++created % SWEEP_EVERY === 0) sweep(now)
      state = { requests: new SlidingWindow(), tokens: new SlidingWindow(), inFlight: 0, lastUsedMs: now }
      states.set(name, state)
    }
    state.lastUsedMs = now
    return state
  }

  function sweep(now: number): void {
    for (const [name, state] of states)
      if (state.inFlight === 0 && now - state.lastUsedMs > IDLE_AFTER_MS) states.delete(name)
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
      const now = options.clock.now()
      const held: Place[] = []
      for (const scope of scopes) {
        const state = stateOf(scope, now)
        check(scope, state, tokens, now)
        held.push({ scope, state, tokenSlot: 0 })
      }
      for (const place of held) {
        const { scope, state } = place
        state.inFlight++
        state.requests.take(1, now)
        place.tokenSlot = state.tokens.take(tokens, now)
        if (options.onChecked !== undefined) tell(options.onChecked, scope, state, now)
      }
      return new HeldReservation(held, tokens, options.clock)
    },
    inFlight(kind) {
      let sum = 0
      for (const [name, state] of states) if (name.startsWith(`${kind}:`)) sum += state.inFlight
      return sum
    },
  }
}

/** What a reservation holds in one scope. */
type Place = { readonly scope: Scope; readonly state: ScopeState; tokenSlot: Slot }

class HeldReservation implements Reservation {
  readonly #held: readonly Place[]
  readonly #tokens: number
  readonly #clock: Clock
  #isOpen = true

  constructor(held: readonly Place[], tokens: number, clock: Clock) {
    this.#held = held
    this.#tokens = tokens
    this.#clock = clock
  }

  get headroom(): Headroom {
    return headroomOf(this.#held, this.#clock.now())
  }

  settle(actualTokens: number): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const endedAt = this.#clock.now()
    for (const { state, tokenSlot } of this.#held) {
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
  onChecked: (scope: ScopeKind, kind: LimitKind, share: number) => void,
  scope: Scope,
  state: ScopeState,
  now: number,
): void {
  const { rpm, tpm, concurrency } = scope.limits
  if (rpm !== null && rpm > 0) onChecked(scope.kind, 'rpm', state.requests.used(now) / rpm)
  if (tpm !== null && tpm > 0) onChecked(scope.kind, 'tpm', state.tokens.used(now) / tpm)
  if (concurrency !== null && concurrency > 0) onChecked(scope.kind, 'concurrency', state.inFlight / concurrency)
}

function headroomOf(held: readonly Place[], now: number): Headroom {
  let requests: Headroom['requests'] = null
  let tokens: Headroom['tokens'] = null
  for (const { scope, state } of held) {
    requests = tighter(requests, scope.limits.rpm, state.requests, now)
    tokens = tighter(tokens, scope.limits.tpm, state.tokens, now)
  }
  return { requests, tokens }
}

function tighter<T extends NonNullable<Headroom['requests']>>(
  best: T | null,
  limit: number | null,
  window: SlidingWindow,
  now: number,
): T | null {
  if (limit === null) return best
  const remaining = Math.max(0, limit - window.used(now))
  if (best !== null && best.remaining <= remaining) return best
  return { limit, remaining, resetMs: window.clearMs(now) } as T
}
