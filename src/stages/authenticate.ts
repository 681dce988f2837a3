// authenticate: who is asking, and may this key come in here. Looks at the headers alone.
import { GatewayError } from '../core/error.ts'
import type { Exchange } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import { secretOf } from '../http/caller.ts'
import { endpointAllowed } from '../keys/permit.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'

export function authenticateStage({ load, keyRing }: Engine, { config }: Snapshot): Stages['authenticate'] {
  return (exchange, request, addressOf) => {
    if (load.draining) throw new GatewayError('draining', { retryAfterMs: 1_000, headers: { connection: 'close' } })
    if (load.inFlight > config.server.maxInFlight)
      throw new GatewayError('overloaded', {
        message: `The gateway has ${config.server.maxInFlight} requests in flight and takes no more.`,
        retryAfterMs: 1_000,
      })
    const found = keyRing.authenticate(secretOf(request), addressOf)
    return found instanceof Promise ? identifiedLater(exchange, found) : identified(exchange, found)
  }
}

async function identifiedLater(exchange: Exchange, caller: Promise<KeyWithTeam>): Promise<KeyWithTeam> {
  return identified(exchange, await caller)
}

/** Notes who calls; throws when its key may not come in here. */
export function identified(exchange: Exchange, caller: KeyWithTeam): KeyWithTeam {
  const { key, team } = caller
  exchange.caller = caller
  exchange.tags = team === null || team.tags.length === 0 ? key.tags : [...new Set([...team.tags, ...key.tags])]
  const { family } = exchange.entrance
  if (family !== null && !endpointAllowed(key.endpoints, family))
    throw new GatewayError('endpoint_not_allowed', { message: `The key ${key.id} may not use ${family}.` })
  return caller
}
