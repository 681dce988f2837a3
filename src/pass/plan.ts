// plan: the one target of a pass-through call, if its key may use it and it can be paid for.
import { GatewayError } from '../core/error.ts'
import type { Deployment, Provider } from '../core/model.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import type { Exchange } from '../exchange.ts'
import { modelAllowed, ownerModels } from '../keys/permit.ts'
import type { Plan } from '../routing/plan.ts'
import { DEFAULT_POLICY } from '../routing/route.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { passUrl } from './address.ts'
import type { PassTools } from './pass.ts'
import { ANY_MODEL, LOOKING } from './price.ts'
import type { PassCall } from './read.ts'

export type PassPlan = {
  readonly plan: Plan
  readonly deployment: Deployment
  /** Absolute, below the base URL of the deployment's provider. */
  readonly url: string
}

/** Throws `not_found`, `model_not_allowed`, `unpriced_model`, `all_targets_cooling`. */
export function planPass(exchange: Exchange, read: PassCall, caller: KeyWithTeam, tools: PassTools): PassPlan {
  const { engine, snapshot, prices } = tools
  const { address, model, isLooking } = read
  const provider = providerOf(address.provider, snapshot)
  refuseModel(caller, provider, model)
  const priced = model ?? (isLooking ? LOOKING : ANY_MODEL)
  const deployment: Deployment = { id: `${provider.name}/${priced}`, provider, model: priced, facts: NO_FACTS }
  exchange.route = provider.name
  const { config } = snapshot
  if (config.unpriced === 'refuse' && prices.priceOf(deployment.id, engine.clock.now()) === null)
    throw new GatewayError('unpriced_model', {
      message: `What ${exchange.path ?? ''} costs at ${provider.name} is not known, and requests without a price are refused here. \`providers.${provider.name}.pass.price_per_request\` sets one.`,
    })
  const waitMs = engine.providerRoom.waitMs(provider)
  if (waitMs > 0)
    throw new GatewayError('all_targets_cooling', {
      message: `${provider.name} has had what it grants in a minute.`,
      retryAfterMs: waitMs,
    })
  const totalMs = Math.min(provider.timeouts.totalMs, read.call.facts.options.timeoutMs ?? config.timeouts.totalMs)
  const target: Plan['targets'][number] = {
    deployment,
    reason: 'named by the path',
    role: 'target',
    timeouts: provider.timeouts,
    expectedNanoUsd: null,
    latencyMs: null,
    quality: null,
  }
  const plan: Plan = {
    route: provider.name,
    targets: [target],
    excluded: [],
    decision: null,
    on: {},
    policy: DEFAULT_POLICY,
    totalMs,
  }
  return { plan, deployment, url: passUrl(provider.baseUrl, address) }
}

/** Where pass-through calls of a provider go, made once: connections belong to the object. */
const elsewhere = new WeakMap<Provider, Provider>()

function providerOf(name: string, { providers, config }: Snapshot): Provider {
  const provider = providers.find((one) => one.name === name)
  if (provider === undefined)
    throw new GatewayError('not_found', { message: `There is no provider ${JSON.stringify(name.slice(0, 64))} here.` })
  const baseUrl = config.providers[name]?.pass?.baseUrl
  if (baseUrl === undefined) return provider
  let moved = elsewhere.get(provider)
  if (moved === undefined) elsewhere.set(provider, (moved = { ...provider, baseUrl }))
  return moved
}

/** A key that is restricted to models must name one of them where it can be seen. */
function refuseModel(caller: KeyWithTeam, provider: Provider, model: string | null): void {
  const { key } = caller
  const teamModels = ownerModels(caller)
  if (key.models === null && teamModels === null) return
  if (model === null)
    throw new GatewayError('model_not_allowed', {
      message: `The key ${key.id} is restricted to models, and this request names none where it can be seen.`,
    })
  if (modelAllowed(key.models, teamModels, [`${provider.name}/${model}`, model])) return
  throw new GatewayError('model_not_allowed', {
    message: `The key ${key.id} may not use ${JSON.stringify(model.slice(0, 200))}.`,
  })
}
