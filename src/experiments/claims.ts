// Conversations that are to be asked about, claimed together: a transaction for each would cost more than the question.
import type { ExperimentStore, UnitClaim } from '../store/store.ts'

/** True: the unit is the caller's to ask about; false: it was asked about before. */
export type Claim = (claim: UnitClaim) => Promise<boolean>

/** Nobody waits for a copy. */
const GATHER_MS = 10

type Waiting = { readonly claim: UnitClaim } & Pick<PromiseWithResolvers<boolean>, 'resolve' | 'reject'>

export function createClaim(store: Pick<ExperimentStore, 'claimUnits'>): Claim {
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const group = waiting
    waiting = []
    try {
      const claimed = await store.claimUnits(group.map(({ claim }) => claim))
      for (const [place, { resolve }] of group.entries()) resolve(claimed[place] === true)
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  return (claim) => {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    if (waiting.push({ claim, resolve, reject }) === 1) setTimeout(() => void flush(), GATHER_MS)
    return promise
  }
}
