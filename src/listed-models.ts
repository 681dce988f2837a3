// Everything that can be named under a configuration, with what is known of it and what it costs.
import { factsOfAny } from './core/model-facts.ts'
import type { ListedModel } from './models/listed-model.ts'
import { deploymentsOf } from './routing/route.ts'
import type { Snapshot } from './snapshot.ts'

/** @param now when the prices are to hold, ms since the epoch */
export function listedModels(
  { catalogue, priceOf }: Pick<Snapshot, 'catalogue' | 'priceOf'>,
  now: number,
  isWanted: (id: string) => boolean = () => true,
): readonly ListedModel[] {
  return catalogue.list().flatMap(({ id, ownedBy }): readonly ListedModel[] => {
    if (!isWanted(id)) return []
    const route = catalogue.resolve(id)
    const deployments = route === null ? [] : deploymentsOf(route)
    const [first, ...others] = deployments
    return [
      {
        id,
        ownedBy,
        facts: factsOfAny(deployments.map(({ facts }) => facts)),
        rates: first === undefined || others.length > 0 ? null : (priceOf(first.id, now)?.rates ?? null),
      },
    ]
  })
}
