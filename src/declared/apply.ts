// Carries a plan out. Each step is a transaction of its own, and a plan that broke off is made and carried out again: what is done
// already is no step any more. Order: teams, then budgets, then keys, so that a new key never spends without the budget that it
// is to have; removals last, the other way round. Secrets that are made are handed to `keepSecrets` before any key has them.
import type { Clock } from '../core/clock.ts'
import type { BudgetConfig } from '../config/schema-budgets.ts'
import { parseAmount } from '../config/budget-values.ts'
import type { Budget } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import type { Team, VirtualKey } from '../core/key.ts'
import { adoptKey, issueKey, type NewKey } from '../keys/issue-key.ts'
import type { Hasher } from '../keys/secret.ts'
import type { BudgetStore, KeyStore } from '../store/store.ts'
import type { Plan, Step } from './plan.ts'
import type { DeclaredKey } from './schema.ts'

export type ApplyTools = {
  readonly store: Pick<
    KeyStore,
    'insertTeam' | 'updateTeam' | 'deleteTeam' | 'insertKey' | 'updateKey' | 'rotateKey' | 'deleteKey'
  > &
    Pick<BudgetStore, 'insertBudget' | 'updateBudget' | 'deleteBudget'>
  readonly hash: Hasher
  readonly clock: Clock
  /** How long a secret that another one replaces works on. */
  readonly graceMs: number
  /** Name → secret of the keys that are about to be made. Throws: nothing is done. */
  readonly keepSecrets: (secrets: Readonly<Record<string, string>>) => void
}

type StepOf<Kind extends Step['kind'], Action extends Step['action']> = Extract<Step, { kind: Kind; action: Action }>

/** @param teams name → id, of the teams that there are */
export async function applyPlan(
  { steps }: Pick<Plan, 'steps'>,
  teams: ReadonlyMap<string, string>,
  tools: ApplyTools,
): Promise<void> {
  const made = steps.flatMap((step) => (step.kind === 'team' && step.action === 'create' ? [newTeam(step, tools)] : []))
  const teamIds = new Map([...teams, ...made.map(({ name, id }): [string, string] => [name, id])])
  const keys = steps.flatMap((step) =>
    step.kind === 'key' && step.action === 'create' ? [newKey(step, teamIds, tools)] : [],
  )
  const secrets = keys.flatMap(({ key, secret }): [string, string][] => (secret === null ? [] : [[key.name, secret]]))
  if (secrets.length > 0) tools.keepSecrets(Object.fromEntries(secrets))
  const keyIds = new Map(keys.map(({ key }) => [key.name, key.id]))
  for (const team of made) await tools.store.insertTeam(team)
  for (const step of steps) await change(step, { teamIds, keyIds }, tools)
  for (const { key } of keys) await tools.store.insertKey(key)
  for (const step of steps.toReversed()) if (step.action === 'remove') await remove(step, tools)
}

type Ids = { readonly teamIds: ReadonlyMap<string, string>; readonly keyIds: ReadonlyMap<string, string> }

/** Everything but new teams and keys, and removals. */
async function change(step: Step, { teamIds, keyIds }: Ids, { store, graceMs, clock }: ApplyTools): Promise<void> {
  if (step.action === 'remove') return
  switch (step.kind) {
    case 'team':
      if (step.action === 'change') there(step, await store.updateTeam(step.id, step.team))
      return
    case 'key': {
      if (step.action !== 'change') return
      const { secret: _secret, team, ...fields } = step.key
      there(step, await store.updateKey(step.id, { ...fields, teamId: idOf(team, teamIds) }))
      if (step.secret !== null) there(step, await store.rotateKey(step.id, step.secret, clock.now() + graceMs))
      return
    }
    case 'budget': {
      const { scope, subject } = step.budget
      const ids = scope === 'team' ? teamIds : scope === 'key' ? keyIds : new Map<string, string>()
      if (step.action === 'change') there(step, await store.updateBudget(step.id, budgetTerms(step.budget)))
      else
        await store.insertBudget(
          newBudget(step.budget, subject === null ? null : (ids.get(subject) ?? subject), clock.now()),
        )
    }
  }
}

async function remove({ kind, id }: StepOf<Step['kind'], 'remove'>, { store }: ApplyTools): Promise<void> {
  switch (kind) {
    case 'team':
      return void (await store.deleteTeam(id))
    case 'key':
      return void (await store.deleteKey(id))
    case 'budget':
      return void (await store.deleteBudget(id))
  }
}

// Somebody else removed it since the plan was made.
function there(step: Step, found: unknown): void {
  if (found === null)
    throw new GatewayError('not_found', { message: `The ${step.kind} ${step.name} has gone meanwhile: plan again.` })
}

function idOf(team: string | null, teamIds: ReadonlyMap<string, string>): string | null {
  if (team === null) return null
  const id = teamIds.get(team)
  if (id === undefined) throw new GatewayError('not_found', { message: `There is no team ${JSON.stringify(team)}.` })
  return id
}

function newTeam({ name, team }: StepOf<'team', 'create'>, { clock }: ApplyTools): Team {
  return { id: randomId('team'), name, ...team, createdAt: clock.now() }
}

function newKey(
  { name, key }: StepOf<'key', 'create'>,
  teamIds: ReadonlyMap<string, string>,
  tools: ApplyTools,
): { readonly key: VirtualKey; readonly secret: string | null } {
  const input = inputOf(name, key, idOf(key.team, teamIds))
  return key.secret === undefined ? issueKey(input, tools) : { key: adoptKey(input, [key.secret], tools), secret: null }
}

function inputOf(
  name: string,
  { team: _team, secret: _secret, ...fields }: DeclaredKey,
  teamId: string | null,
): NewKey {
  return { name, teamId, ...fields }
}

/** What may change of a budget. The amounts were read by the file's schema: they are such. */
function budgetTerms({ limitUsd, borrowUsd, onExhausted, alertAt }: BudgetConfig) {
  return {
    limitNanoUsd: parseAmount(limitUsd) ?? 0n,
    borrowNanoUsd: borrowUsd === null ? null : parseAmount(borrowUsd),
    onExhausted,
    alertAt,
  }
}

function newBudget(budget: BudgetConfig, subject: string | null, createdAt: number): Budget {
  const { scope, window } = budget
  return {
    id: randomId('budget'),
    scope,
    subject,
    window,
    ...budgetTerms(budget),
    raises: [],
    source: 'store',
    createdAt,
  }
}
