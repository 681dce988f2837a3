// The order of candidates by a route's strategy. Pure: chance, time and measurements are handed in.
import type { NanoUsd } from '../core/money.ts'
import type { ExpectedQuality } from '../core/quality.ts'
import type { HealthFacts } from './health-facts.ts'
import type { DeploymentTarget, Strategy } from './route.ts'

/** A target that may serve the request. */
export type Candidate = {
  readonly target: DeploymentTarget
  /** Of its route's reference to it, which for a nested route is that of the route. */
  readonly weight: number
  readonly health: HealthFacts
  /** Expected cost of the request here; null where nobody asks for it, or it has no price. */
  readonly costNanoUsd: NanoUsd | null
  /** What the answer here is expected to be worth; null where nobody asks for it, or the request is no chat. */
  readonly quality: ExpectedQuality | null
  /** Expected time until the answer is there, as far as it counts; null where nothing was measured. */
  readonly latencyMs: number | null
  readonly reason: string
  /** Requests that it has, or is about to have. */
  readonly load: number
  /** What of a nested route stands behind its first target. */
  readonly rest: readonly Candidate[]
}

export type OrderFacts = {
  /** Hash of the conversation, so that it is drawn alike each time; null: not a part of one. */
  readonly conversation: number | null
  /** 0–1, evenly spread over the requests of a route. */
  readonly draw: () => number
  /** 0–1, by chance. */
  readonly random: () => number
  /** Time since a deployment was last asked, ms. */
  readonly idleMs: (deploymentId: string) => number
}

/** The candidates in the order in which they shall be tried, each with the reason for its place. */
export function orderBy(strategy: Strategy, candidates: readonly Candidate[], facts: OrderFacts): readonly Candidate[] {
  if (candidates.length < 2) return candidates
  switch (strategy) {
    case 'order':
      return candidates
    case 'weighted':
      return facts.conversation === null ? byDraw(candidates, facts.draw()) : byHash(candidates, facts.conversation)
    // Where quality is known the lab has ordered them already (`by-quality.ts`): what is left is the money.
    case 'quality':
    case 'cheapest':
      return because('cheapest', candidates.toSorted(byCost))
    case 'fastest':
      return byLatency(candidates, facts)
    case 'least-busy':
      return byLoad(candidates, facts.random)
  }
}

function because(reason: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.map((candidate) => ({ ...candidate, reason }))
}

/** The drawn candidate first, the others after it by falling weight. */
function byDraw(candidates: readonly Candidate[], draw: number): readonly Candidate[] {
  let total = 0
  for (const { weight } of candidates) total += weight
  let left = draw * total
  let chosen = candidates.length - 1
  for (const [index, { weight }] of candidates.entries())
    if ((left -= weight) < 0) {
      chosen = index
      break
    }
  const others = candidates.filter((_, index) => index !== chosen).toSorted((one, other) => other.weight - one.weight)
  return because('weight', [candidates[chosen]!, ...others])
}

/**
 * Weighted rendezvous: each candidate draws a number of its own for the conversation, so that one that goes or comes moves
 * only the conversations that it has or gets.
 */
function byHash(candidates: readonly Candidate[], conversation: number): readonly Candidate[] {
  const scored = candidates.map((candidate) => ({
    candidate,
    score:
      Math.log((mix(conversation ^ hashText(candidate.target.deployment.id)) + 1) / 4_294_967_297) / candidate.weight,
  }))
  scored.sort((one, other) => other.score - one.score)
  return scored.map(({ candidate }) => ({ ...candidate, reason: 'weight, by conversation' }))
}

/** FNV-1a, 32 bits. */
export function hashText(text: string, seed = 0x81_1c_9d_c5): number {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01_00_01_93)
  return hash >>> 0
}

/** Spreads neighbouring numbers over all 32 bits (the finaliser of MurmurHash3). */
function mix(hash: number): number {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85_eb_ca_6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2_b2_ae_35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Of equal ones the first. */
export function cheapestOf(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((best, each) => (byCost(each, best) < 0 ? each : best))
}

/** Cheapest first; what has no price comes last. Ties by latency, then by headroom. */
function byCost(one: Candidate, other: Candidate): number {
  if (one.costNanoUsd !== other.costNanoUsd) {
    if (one.costNanoUsd === null) return 1
    if (other.costNanoUsd === null) return -1
    return one.costNanoUsd < other.costNanoUsd ? -1 : 1
  }
  return bySpeed(one, other)
}

function bySpeed(one: Candidate, other: Candidate): number {
  if (one.latencyMs !== other.latencyMs) {
    if (one.latencyMs === null) return 1
    if (other.latencyMs === null) return -1
    return one.latencyMs - other.latencyMs
  }
  return other.health.headroom - one.health.headroom
}

/** A target that was not asked for so long may have changed: one request finds out. */
const STALE_MS = 8_000
/** Of requests that could find out, the share that does: at a low pace not every request may be an expedition. */
const EXPLORE_SHARE = 0.15

/** Fastest first. One that nobody has measured, or not for a while, is asked by one request now and then. */
function byLatency(candidates: readonly Candidate[], facts: OrderFacts): readonly Candidate[] {
  const ordered = because('fastest', candidates.toSorted(bySpeed))
  const explored = worthAsking(ordered, facts)
  if (explored === null) return ordered
  const reason = explored.latencyMs === null ? 'not measured yet' : 'not measured lately'
  return [{ ...explored, reason }, ...ordered.filter((candidate) => candidate !== explored)]
}

function worthAsking(ordered: readonly Candidate[], { idleMs, random }: OrderFacts): Candidate | null {
  let stalest: Candidate | null = null
  let stalestMs = STALE_MS
  for (const candidate of ordered) {
    if (candidate.health.inFlight > 0) continue
    const idle = idleMs(candidate.target.deployment.id)
    // Asked a moment ago and not measured yet: its answer is on the way, or it failed.
    if (candidate.latencyMs === null && idle > STALE_MS) return candidate
    if (idle <= stalestMs || candidate === ordered[0]) continue
    stalest = candidate
    stalestMs = idle
  }
  return stalest !== null && random() < EXPLORE_SHARE ? stalest : null
}

/**
 * The least busy first. All are compared and not two that are drawn: the counts are exact at any moment, since a request
 * counts from the moment it is planned. Equals take turns by chance.
 */
function byLoad(candidates: readonly Candidate[], random: () => number): readonly Candidate[] {
  const start = Math.floor(random() * candidates.length)
  const turned = [...candidates.slice(start), ...candidates.slice(0, start)]
  return because(
    'least busy',
    turned.sort((left, right) => loadOf(left) - loadOf(right)),
  )
}

function loadOf({ load, weight }: Candidate): number {
  return (load + 1) / weight
}
