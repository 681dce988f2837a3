// What pass-through calls cost: what their answers tell, at the model's price; else a price for each request, where the
// operator has set one. Calls that only look (GET, HEAD, DELETE) cost nothing.
import { parseUsd } from '../core/money.ts'
import type { Snapshot } from '../snapshot.ts'

/** Stands in the books where no model is known: of calls that may cost something, and of those that only look. */
export const ANY_MODEL = '(pass)'
export const LOOKING = '(pass: look)'

export type PassPrices = {
  readonly priceOf: Snapshot['priceOf']
  /** Whether requests to a provider have a price of their own. */
  readonly hasOwnPrice: (provider: string) => boolean
}

const PICO_DIGITS = 12
const FREE = { rates: {}, version: 'free' } as const

export function createPassPrices({ config, priceOf }: Snapshot): PassPrices {
  const own = new Map(
    Object.entries(config.providers).flatMap(([name, { pass }]) => {
      const pico = pass?.pricePerRequest === undefined ? null : parseUsd(pass.pricePerRequest, PICO_DIGITS)
      return pico === null ? [] : [[name, { rates: { requests: pico }, version: 'config' }] as const]
    }),
  )
  return {
    priceOf(deploymentId, at) {
      const slash = deploymentId.indexOf('/')
      const model = deploymentId.slice(slash + 1)
      if (model === LOOKING) return FREE
      const price = own.get(deploymentId.slice(0, slash)) ?? null
      return model === ANY_MODEL ? price : (priceOf(deploymentId, at) ?? price)
    },
    hasOwnPrice: (provider) => own.has(provider),
  }
}

/** What a method does by its definition: nothing that could be billed. */
export function isLooking(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'DELETE'
}
