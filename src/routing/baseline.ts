// What the answers of a route would have come from without it: its baseline, which savings are measured by.
import type { Rates } from '../core/model.ts'
import { deploymentsOf, type Route } from './route.ts'

/** Tokens in and out that targets are compared by: most requests read more than they write. */
const COMPARED = { input: 3n, output: 1n }

/**
 * Route → deployment id: what the operator named, else the dearest target that has a price (by three tokens in and one
 * out). Routes that leave nothing to choose, and those that nobody defined, have none.
 */
export function baselinesOf(
  routes: readonly Route[],
  ratesOf: (deploymentId: string) => Rates | null,
): ReadonlyMap<string, string> {
  const baselines = new Map<string, string>()
  for (const route of routes) {
    const id = route.baseline?.id ?? dearestOf(route, ratesOf)
    if (id !== null) baselines.set(route.name, id)
  }
  return baselines
}

function dearestOf(route: Route, ratesOf: (deploymentId: string) => Rates | null): string | null {
  const deployments = deploymentsOf(route)
  if (deployments.length < 2) return null
  let dearest: { readonly id: string; readonly pico: bigint } | null = null
  for (const { id } of deployments) {
    const rates = ratesOf(id)
    if (rates === null) continue
    const pico = COMPARED.input * (rates.input ?? 0n) + COMPARED.output * (rates.output ?? 0n)
    if (dearest === null || pico > dearest.pico) dearest = { id, pico }
  }
  return dearest?.id ?? null
}
