// A pass-through call from key to ledger: the stages of every request, but for those that would have to understand it.
//
// What is called stays between client and provider: any method, any path below the provider's base URL, any body, any
// answer. Ours are who may call, how much, where to, whose credential, and what is written down about it. There is one
// target and one attempt: what a strange request means, and whether it may be sent twice, nobody here can know.
import { responseOf } from '../http/response.ts'
import { GatewayError } from '../core/error.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { passDialect } from '../dialects/pass.ts'
import type { AddressOf, Entrance, Stages } from '../handle.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import { createStages } from '../stages/stages.ts'
import { planPass } from './plan.ts'
import { createPassPrices } from './price.ts'
import type { PassPrices } from './price.ts'
import { readPass } from './read.ts'
import { relayPass } from './relay.ts'
import { sendPass } from './send.ts'

export type PassTools = {
  readonly engine: Engine
  readonly snapshot: Snapshot
  readonly prices: PassPrices
  readonly stages: Stages
}

/** What pass-through stands on, for one snapshot of the configuration. */
export function createPassTools(engine: Engine, snapshot: Snapshot): PassTools {
  const prices = createPassPrices(snapshot)
  // The same books, which also know what a request costs that tells nothing of itself.
  const stages = createStages(engine, { ...snapshot, priceOf: prices.priceOf })
  return { engine, snapshot, prices, stages }
}

/** @param spoken the dialect whose errors the client understands */
export async function pass(
  request: Request,
  spoken: Dialect,
  addressOf: AddressOf,
  tools: PassTools,
): Promise<Response> {
  const { stages } = tools
  const entrance: Entrance = { family: 'pass', dialect: passDialect(spoken) }
  const exchange = stages.open(request, entrance)
  try {
    const caller = await stages.authenticate(exchange, request, addressOf)
    const read = await readPass(exchange, request, tools)
    const planned = planPass(exchange, read, caller, tools)
    const plan = await stages.admit(exchange, request, read.call, caller, planned.plan)
    // A budget without room may have put a route in the place of the one target, and there is no other.
    if (plan.targets[0]?.deployment !== planned.deployment) throw new GatewayError('budget_exhausted')
    const answer = await sendPass(exchange, request, read, planned, tools)
    return await relayPass(exchange, request, answer, tools)
  } catch (error) {
    if (!(error instanceof GatewayError)) stages.onInternal(error, exchange)
    const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
    return responseOf(await stages.refuse(exchange, known))
  }
}
