// A line of a batch as the call that it is: how it goes to a deployment, and what it may cost there.
import type { Call } from '../core/call.ts'
import { scanJson } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import type { Deployment, Provider } from '../core/model.ts'
import type { Pricing } from '../exchange.ts'
import type { Entrance } from '../handle.ts'
import { entranceOf, matchEndpoint } from '../http/endpoints.ts'
import { optionsOf } from '../http/option-headers.ts'
import { ratesIn } from '../ledger/cost.ts'
import { laneTo } from '../routing/lane.ts'
import type { NativeLane, TranslatedLane } from '../routing/lane.ts'
import type { Snapshot } from '../snapshot.ts'
import { sizeOf, worstOf } from '../stages/admit.ts'
import type { Engine } from '../stages/engine.ts'

export type LineCallTools = {
  readonly engine: Engine
  /** Asked each time: a reload may change it. */
  readonly snapshot: () => Snapshot
}

/** What a line is booked on. */
export type BookedOn = Pick<Deployment, 'id' | 'model' | 'facts'> & { readonly provider: Pick<Provider, 'name'> }

/** A line as the call that it is. */
export type LineCall = { readonly call: Call; readonly entrance: Entrance }
type Worst = ReturnType<typeof worstOf>

const NO_HEADERS = new Headers()

/** Throws what reading it as a request would throw. */
export function callOfLine(endpoint: string, body: string, { config }: Snapshot): LineCall {
  const entrance = entranceOf(matchEndpoint('POST', endpoint), endpoint, endpoint)
  if (entrance === null) throw new Error(`${endpoint} is no endpoint that relays`)
  const { dialect } = entrance
  const value = JSON.parse(body) as JsonObject
  const facts = dialect.readFacts(value)
  const { jsonDepth: depth, jsonKeys: keys } = config.server
  const call: Call = {
    dialect: dialect.id,
    operation: dialect.operation,
    facts: { ...facts, options: optionsOf(NO_HEADERS, facts.options) },
    text: body,
    members: scanJson(body, { depth, keys }).members,
    body: value,
    headers: {},
    chat: null,
  }
  return { call, entrance }
}

/** How a line goes to a deployment; null where it cannot go there in a batch. */
export function laneOfLine(
  { call, entrance }: LineCall,
  deployment: Deployment,
  { engine, snapshot }: LineCallTools,
): NativeLane | TranslatedLane | null {
  const { config } = snapshot()
  const lane = laneTo(deployment, engine.attemptTools.wireOf(deployment.provider), {
    call,
    dialect: entrance.dialect,
    lossy: config.routing.lossy,
    media: { maxBytes: config.media.maxSizeBytes, fetch: null },
  })
  const isKnown = lane.type === 'native' || lane.type === 'translated'
  return isKnown && lane.answer === 'whole' && typeof lane.body === 'string' ? lane : null
}

/** The most that a line may use and cost in a batch there; null where the model has no price. */
export function worstOfLine(
  call: Call,
  deployment: BookedOn,
  { engine, snapshot }: LineCallTools,
): (Worst & { readonly pricing: NonNullable<Pricing> }) | null {
  const pricing = snapshot().priceOf(deployment.id, engine.clock.now())
  if (pricing === null) return null
  return { ...worstOf(deployment, ratesIn(pricing.rates, 'batch'), sizeOf(call), engine.observed), pricing }
}
