// What a caller asks of routing, as planning takes it: who is barred and why, who goes first, by what the others are ordered.
import type { GatewayOptions, MaxPrice, ProviderWishes, RoutingOptions } from '../core/call.ts'
import type { Deployment, Provider, Rates } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import { formatUsd } from '../core/money.ts'
import type { Preference } from './plan.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Strategy, Target } from './route.ts'

export type WishTools = {
  /** Prices of a deployment's units now; null where it has none. */
  readonly ratesOf: (deployment: Deployment, facts: RequestFacts) => Rates | null
  /** The most that the request may cost there; null where it has no price. */
  readonly worstCostOf: (deployment: Deployment, facts: RequestFacts) => NanoUsd | null
  /** Which fields of the request a deployment would not be told of; null: none. */
  readonly lacks: (deployment: Deployment, facts: RequestFacts) => string | null
}

type Bar = (deployment: Deployment, facts: RequestFacts) => string | null

const NO_WISHES: ProviderWishes = {
  order: null,
  only: null,
  ignore: [],
  allowsFallbacks: true,
  sort: null,
  maxPrice: null,
  requiresParameters: false,
  deniesDataCollection: false,
  quantizations: null,
}

const STRATEGIES: Readonly<Record<NonNullable<ProviderWishes['sort']>, Strategy>> = {
  price: 'cheapest',
  latency: 'fastest',
  throughput: 'fastest',
}

/** Why every target that is over it is left out. */
export const TOO_DEAR = 'may cost more than the request may'

/**
 * Null: the caller asks for nothing that planning knows of.
 * @param fallbacks the caller's own, resolved; null: the route's
 * @param barred what else stands against a deployment
 */
export function preferenceOf(
  options: GatewayOptions,
  routing: RoutingOptions | null,
  fallbacks: readonly Target[] | null,
  barred: Bar | null,
  tools: WishTools,
): Preference | null {
  const bars = [...(barred === null ? [] : [barred]), ...barsOf(options, routing, tools)]
  const wishes = routing?.providers ?? NO_WISHES
  const strategy = wishes.sort === null ? null : STRATEGIES[wishes.sort]
  const isAlone = routing?.isAlone === true
  const floor = routing?.qualityFloor ?? null
  if (
    bars.length === 0 &&
    strategy === null &&
    wishes.order === null &&
    fallbacks === null &&
    !isAlone &&
    floor === null
  )
    return null
  return {
    strategy,
    barred: bars.length === 0 ? null : (deployment, facts) => firstOf(bars, deployment, facts),
    floor,
    rankOf: wishes.order === null ? null : rankBy(wishes.order),
    fallbacks,
    isAlone,
  }
}

function firstOf(bars: readonly Bar[], deployment: Deployment, facts: RequestFacts): string | null {
  for (const bar of bars) {
    const why = bar(deployment, facts)
    if (why !== null) return why
  }
  return null
}

function barsOf({ maxCostNanoUsd }: GatewayOptions, routing: RoutingOptions | null, tools: WishTools): readonly Bar[] {
  const { order, only, ignore, allowsFallbacks, ...wishes } = routing?.providers ?? NO_WISHES
  const region = routing?.region ?? null
  const { maxPrice, quantizations } = wishes
  const bars: (Bar | null)[] = [
    only === null ? null : ({ provider }) => (isNamed(provider, only) ? null : 'is not in `provider.only`'),
    ignore.length === 0 ? null : ({ provider }) => (isNamed(provider, ignore) ? 'is in `provider.ignore`' : null),
    order === null || allowsFallbacks
      ? null
      : ({ provider }) => (isNamed(provider, order) ? null : 'is not in `provider.order`, and there is no fallback'),
    region === null ? null : ({ provider }) => whyElsewhere(provider, region),
    wishes.deniesDataCollection
      ? ({ provider }) => (provider.collectsData === false ? null : 'may keep what it is sent')
      : null,
    quantizations === null
      ? null
      : ({ facts: { quantization } }) =>
          quantizations.includes(quantization ?? 'unknown')
            ? null
            : `has the quantization ${quantization ?? 'unknown'}, which is not asked for`,
    maxPrice === null ? null : (deployment, facts) => whyDear(tools.ratesOf(deployment, facts), maxPrice),
    maxCostNanoUsd === null
      ? null
      : (deployment, facts) => {
          const cost = tools.worstCostOf(deployment, facts)
          if (cost === null) return `${TOO_DEAR}: it has no price`
          return cost <= maxCostNanoUsd
            ? null
            : `${TOO_DEAR}: up to $${formatUsd(cost)} of $${formatUsd(maxCostNanoUsd)}`
        },
    wishes.requiresParameters ? tools.lacks : null,
  ]
  return bars.filter((bar) => bar !== null)
}

function plain(name: string): string {
  const slash = name.indexOf('/')
  return (slash < 0 ? name : name.slice(0, slash)).toLowerCase()
}

function isNamed({ name, preset }: Provider, names: readonly string[]): boolean {
  return names.some((one) => plain(one) === name.toLowerCase() || plain(one) === preset)
}

function rankBy(order: readonly string[]): (deployment: Deployment) => number {
  return ({ provider }) => {
    const place = order.findIndex((name) => isNamed(provider, [name]))
    return place < 0 ? Number.POSITIVE_INFINITY : place
  }
}

/** `eu` is `eu` and every `eu-…`. */
function whyElsewhere({ settings }: Provider, asked: string): string | null {
  const region = settings['region'] ?? null
  if (region === null) return `is in no known region, and ${asked} is asked for`
  return region === asked || region.startsWith(`${asked}-`) ? null : `is in ${region}, and ${asked} is asked for`
}

function whyDear(rates: Rates | null, { input, output, request }: MaxPrice): string | null {
  if (rates === null) return 'has no price, and a highest price is asked for'
  if (input !== null && (rates.input ?? 0n) > input) return 'is dearer than `provider.max_price.prompt`'
  if (output !== null && (rates.output ?? 0n) > output) return 'is dearer than `provider.max_price.completion`'
  if (request !== null && (rates.requests ?? 0n) > request) return 'is dearer than `provider.max_price.request`'
  return null
}
