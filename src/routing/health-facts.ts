// What planning needs to know of a deployment's health; kept by whoever watches its attempts.

export type HealthFacts = {
  /** Monotonic ms until which it is benched; null when it is not. */
  readonly coolingUntilMs: number | null
  /** Its cooldown is over and one attempt is finding out whether it is well: no second one beside it. */
  readonly probing: boolean
  readonly inFlight: number
  /** Peak-sensitive moving average of the time to the first token, ms; null while nothing was measured. */
  readonly ttftMs: number | null
  /** Moving average of the time per output token, ms; null while nothing was measured. */
  readonly msPerToken: number | null
  /** Share that is left of its own rate limits, configured or learned, 0–1; 1 where none is known. */
  readonly headroom: number
}

export type HealthOf = (deploymentId: string) => HealthFacts

/** Of a deployment that nothing is known of. */
export const UNKNOWN_HEALTH: HealthFacts = {
  coolingUntilMs: null,
  probing: false,
  inFlight: 0,
  ttftMs: null,
  msPerToken: null,
  headroom: 1,
}
