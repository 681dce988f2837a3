// Which budgets cover a request, found by what it belongs to and not by walking all of them.
import { BALANCE, type Budget, type BudgetScope } from '../core/budget.ts'
import type { SaleTerms } from '../core/user.ts'

/** Who pays for a request. Keys and teams have an id and a name: a budget may be for either. */
export type Payer = {
  readonly key: { readonly id: string; readonly name: string }
  readonly team: { readonly id: string; readonly name: string } | null
  readonly organisation: string | null
  /** The user whose key it is; absent: it is no user's. */
  readonly user?: SaleTerms | undefined
  readonly endUser: string | null
  readonly tags: readonly string[]
  /** Null: none is meant. */
  readonly route: string | null
}

/** A budget and the subject whose account of it is meant. */
type Cover = { readonly budget: Budget; readonly subject: string }

export interface BudgetIndex {
  readonly any: boolean
  readonly byId: ReadonlyMap<string, Budget>
  /** Those of all scopes but provider and model. */
  covering(payer: Payer): readonly Cover[]
  ofTarget(provider: string, model: string): readonly Cover[]
}

/** Budgets of one scope: for each subject, and by subject. */
type OfScope = { readonly each: Budget[]; readonly named: Map<string, Budget[]> }

const NONE: readonly never[] = []

/** `hasUsers`: requests may come whose user pays from a balance, which covers them whatever other budgets there are. */
export function createBudgetIndex(budgets: readonly Budget[], hasUsers = false): BudgetIndex {
  const scopes = new Map<BudgetScope, OfScope>()
  for (const budget of budgets) {
    let known = scopes.get(budget.scope)
    if (known === undefined) scopes.set(budget.scope, (known = { each: [], named: new Map() }))
    if (budget.subject === null) known.each.push(budget)
    else known.named.set(budget.subject, [...(known.named.get(budget.subject) ?? []), budget])
  }

  /** `name`: what a budget may call the subject, too; its account goes by `subject`. */
  function add(covers: Cover[], scope: BudgetScope, subject: string, name = subject): void {
    const known = scopes.get(scope)
    if (known === undefined) return
    for (const budget of known.each) covers.push({ budget, subject })
    if (known.named.size === 0) return
    for (const budget of known.named.get(subject) ?? NONE) covers.push({ budget, subject })
    if (name !== subject) for (const budget of known.named.get(name) ?? NONE) covers.push({ budget, subject })
  }

  const hasTargets = scopes.has('provider') || scopes.has('model')

  return {
    any: hasUsers || budgets.length > 0,
    // What users have is kept while they are switched off.
    byId: new Map([BALANCE, ...budgets].map((budget) => [budget.id, budget])),
    covering({ key, team, organisation, user, endUser, tags, route }) {
      const covers: Cover[] = []
      add(covers, 'gateway', '')
      if (organisation !== null) add(covers, 'organisation', organisation)
      if (team !== null) add(covers, 'team', team.id, team.name)
      if (user !== undefined) {
        covers.push({ budget: BALANCE, subject: user.userId })
        add(covers, 'user', user.userId)
      }
      add(covers, 'key', key.id, key.name)
      // The same name may mean somebody else in another team.
      if (endUser !== null) add(covers, 'end_user', `${team?.id ?? key.id}/${endUser}`, endUser)
      for (const tag of tags) add(covers, 'tag', tag)
      if (route !== null) add(covers, 'route', route)
      return covers
    },
    ofTarget(provider, model) {
      if (!hasTargets) return NONE
      const covers: Cover[] = []
      add(covers, 'provider', provider)
      const known = scopes.get('model')
      if (known === undefined) return covers
      const deployment = `${provider}/${model}`
      for (const budget of known.each) covers.push({ budget, subject: deployment })
      // One for the bare model counts it wherever it runs.
      for (const name of [deployment, model])
        for (const budget of known.named.get(name) ?? []) covers.push({ budget, subject: name })
      return covers
    },
  }
}
