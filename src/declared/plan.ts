// What has to be done so that the store has what a file declares. Pure: the state of the store comes in as values.
//
// Names say who is who: teams and keys by their names, budgets by whom they are for and their window. What the store has and the
// file has not is left alone, unless `prune` asks for its removal; sections that the file does not have are left alone entirely.
// Keys of users and budgets of the configuration belong to others and are never touched.
import type { Path } from '../config/problem.ts'
import type { BudgetConfig } from '../config/schema-budgets.ts'
import { type Budget, windowText } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import type { KeySecret, Team, VirtualKey } from '../core/key.ts'
import { didYouMean } from '../core/nearest.ts'
import { adoptedSecret } from '../keys/issue-key.ts'
import type { Hasher } from '../keys/secret.ts'
import type { Declared, DeclaredKey, DeclaredTeam } from './schema.ts'
import {
  budgetFields,
  budgetName,
  budgetWords,
  changesOf,
  creationOf,
  type FieldChange,
  keyWords,
  teamWords,
} from './words.ts'

export type StoreState = {
  readonly teams: readonly Team[]
  /** All of them, those of users too. */
  readonly keys: readonly VirtualKey[]
  /** Those of the store. */
  readonly budgets: readonly Budget[]
  /** Login → id. */
  readonly users: ReadonlyMap<string, string>
}

type Shown = { readonly name: string; readonly changes: readonly FieldChange[] }

/** `subject` of a budget is an id, or the name of a team or key that is to be made. */
export type Step = Shown &
  (
    | { readonly kind: 'team'; readonly action: 'create'; readonly team: DeclaredTeam }
    | { readonly kind: 'team'; readonly action: 'change'; readonly id: string; readonly team: DeclaredTeam }
    | { readonly kind: 'key'; readonly action: 'create'; readonly key: DeclaredKey }
    | {
        readonly kind: 'key'
        readonly action: 'change'
        readonly id: string
        readonly key: DeclaredKey
        readonly secret: KeySecret | null
      }
    | { readonly kind: 'budget'; readonly action: 'create'; readonly budget: BudgetConfig }
    | { readonly kind: 'budget'; readonly action: 'change'; readonly id: string; readonly budget: BudgetConfig }
    | { readonly kind: 'team' | 'key' | 'budget'; readonly action: 'remove'; readonly id: string }
  )

type PlanProblem = { readonly path: Path; readonly message: string; readonly hint: string | null }

export type Plan = {
  readonly steps: readonly Step[]
  /** What is not in the file, and stays. */
  readonly others: readonly { readonly kind: 'team' | 'key' | 'budget'; readonly name: string }[]
  readonly problems: readonly PlanProblem[]
}

type Work = {
  readonly declared: Declared
  readonly state: StoreState
  readonly options: PlanOptions
  readonly steps: Step[]
  readonly others: Plan['others'][number][]
  readonly problems: PlanProblem[]
}

export type PlanOptions = { readonly prune: boolean; readonly hash: Hasher; readonly now: number }

export function planDeclared(declared: Declared, state: StoreState, options: PlanOptions): Plan {
  const work: Work = { declared, state, options, steps: [], others: [], problems: [] }
  planTeams(work)
  planKeys(work)
  planBudgets(work)
  return work
}

function refuse({ problems }: Work, path: Path, message: string, hint: string | null = null): void {
  problems.push({ path, message, hint })
}

function planTeams(work: Work): void {
  const { declared, state, steps } = work
  if (declared.teams === undefined) return
  const known = new Map(state.teams.map((team) => [team.name, team]))
  for (const [name, team] of Object.entries(declared.teams)) {
    const current = known.get(name)
    if (current === undefined)
      steps.push({ kind: 'team', action: 'create', name, team, changes: creationOf(teamWords(team)) })
    else {
      const changes = changesOf(teamWords(current), teamWords(team))
      if (changes.length > 0) steps.push({ kind: 'team', action: 'change', name, id: current.id, team, changes })
    }
  }
  for (const { name, id } of state.teams) {
    if (Object.hasOwn(declared.teams, name)) continue
    leave(work, { kind: 'team', name, id })
    const kept = work.options.prune ? keysThatStay(work, id) : []
    if (kept.length > 0)
      refuse(
        work,
        ['teams'],
        `the team \`${name}\` cannot go while it has keys: ${kept.join(', ')}`,
        'Move or remove them first.',
      )
  }
}

/** Keys of a team that this plan neither removes nor moves. */
function keysThatStay({ declared, state }: Work, teamId: string): readonly string[] {
  const own = state.keys.filter((key) => key.teamId === teamId)
  return declared.keys === undefined ? own.map(({ name }) => name) : []
}

function leave(work: Work, { kind, name, id }: { kind: 'team' | 'key' | 'budget'; name: string; id: string }): void {
  if (work.options.prune) work.steps.push({ kind, action: 'remove', name, id, changes: [] })
  else work.others.push({ kind, name })
}

function planKeys(work: Work): void {
  const { declared, state } = work
  if (declared.keys === undefined) return
  const teams = new Map(state.teams.map(({ id, name }) => [id, name]))
  const own = state.keys.filter(({ userId }) => userId === undefined)
  const secrets = new Map<string, string>()
  for (const [name, key] of Object.entries(declared.keys)) {
    const path = ['keys', name]
    const named = own.filter((candidate) => candidate.name === name)
    if (named.length > 1) {
      refuse(
        work,
        path,
        `${named.length} keys of the store have this name: ${named.map(({ id }) => id).join(', ')}`,
        'Rename or revoke all but one.',
      )
      continue
    }
    checkTeam(work, path, key.team)
    const secret = readSecret(work, path, key, named[0] ?? null, secrets)
    planKey(work, name, key, named[0] ?? null, { secret, teams })
  }
  for (const { name, id } of own) if (!Object.hasOwn(declared.keys, name)) leave(work, { kind: 'key', name, id })
}

function planKey(
  work: Work,
  name: string,
  key: DeclaredKey,
  current: VirtualKey | null,
  { secret, teams }: { readonly secret: KeySecret | null; readonly teams: ReadonlyMap<string, string> },
): void {
  const to = keyWords(key, key.team)
  const from =
    current === null ? null : keyWords(current, current.teamId === null ? null : (teams.get(current.teamId) ?? null))
  if (key.expiresAt !== null && key.expiresAt <= work.options.now && from?.['expires_at'] !== to['expires_at'])
    refuse(work, ['keys', name, 'expires_at'], 'this is in the past', 'Write `disabled: true` to end a key.')
  if (current === null || from === null) {
    const shown = { field: 'secret', from: null, to: secret === null ? '"(made)"' : hintText(secret) }
    work.steps.push({ kind: 'key', action: 'create', name, key, changes: [...creationOf(to), shown] })
    return
  }
  const isNew =
    secret !== null && !current.secrets.some(({ hash, expiresAt }) => hash === secret.hash && expiresAt === null)
  const changes = [
    ...changesOf(from, to),
    ...(isNew ? [{ field: 'secret', from: hintText(current.secrets[0]), to: hintText(secret) }] : []),
  ]
  if (changes.length > 0)
    work.steps.push({
      kind: 'key',
      action: 'change',
      name,
      id: current.id,
      key,
      secret: isNew ? secret : null,
      changes,
    })
}

function hintText(secret: KeySecret | undefined): string | null {
  return secret === undefined ? null : `"…${secret.hint}"`
}

function checkTeam(work: Work, path: Path, team: string | null): void {
  if (team === null) return
  const { declared, state, options } = work
  // Where teams are pruned, those that stay are the ones of the file.
  const stays = declared.teams === undefined || !options.prune
  const names = [...Object.keys(declared.teams ?? {}), ...(stays ? state.teams.map(({ name }) => name) : [])]
  if (!names.includes(team))
    refuse(work, [...path, 'team'], `there is no team \`${team}\``, didYouMean(team, names) ?? 'Add it to `teams`.')
}

/** The record of the key's own secret, if one is declared; what cannot be one, or is another key's, is a problem. */
function readSecret(
  work: Work,
  path: Path,
  { secret }: DeclaredKey,
  current: VirtualKey | null,
  seen: Map<string, string>,
): KeySecret | null {
  if (secret === undefined) return null
  const at = [...path, 'secret']
  try {
    const record = adoptedSecret(secret, work.options)
    const other = work.state.keys.find(
      (key) => key.id !== current?.id && key.secrets.some(({ hash }) => hash === record.hash),
    )
    const twin = seen.get(record.hash)
    if (other !== undefined) refuse(work, at, `the key ${other.id} has this secret`)
    else if (twin !== undefined) refuse(work, at, `\`${twin}\` has the same secret`)
    // An old one would end when its grace period does.
    else if (current?.secrets.some(({ hash, expiresAt }) => hash === record.hash && expiresAt !== null) === true)
      refuse(work, at, 'this is a secret that the key had before', 'Choose another one.')
    seen.set(record.hash, String(path[1]))
    return record
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    refuse(work, at, error.message)
    return null
  }
}

function planBudgets(work: Work): void {
  const { declared, state, steps } = work
  if (declared.budgets === undefined) return
  const subjects = subjectNames(state)
  const identity = (scope: string, subject: string | null, window: Budget['window']) =>
    JSON.stringify([scope, subject, windowText(window)])
  const known = new Map(state.budgets.map((budget) => [identity(budget.scope, budget.subject, budget.window), budget]))
  const seen = new Set<string>()
  for (const [index, written] of declared.budgets.entries()) {
    const path = ['budgets', index]
    const subject = subjectOf(work, written, path)
    const budget = { ...written, subject }
    const id = identity(budget.scope, subject, budget.window)
    const name = budgetName(budget.scope, subjects.get(subject ?? '') ?? subject, budget.window)
    if (seen.has(id))
      refuse(work, path, 'a budget before this one is for the same in the same window', 'Keep one of the two.')
    seen.add(id)
    const current = known.get(id)
    const to = budgetWords(budget)
    if (current === undefined) steps.push({ kind: 'budget', action: 'create', name, budget, changes: creationOf(to) })
    else {
      const changes = changesOf(budgetWords(budgetFields(current)), to)
      if (changes.length > 0) steps.push({ kind: 'budget', action: 'change', name, id: current.id, budget, changes })
    }
  }
  for (const budget of state.budgets)
    if (!seen.has(identity(budget.scope, budget.subject, budget.window)))
      leave(work, {
        kind: 'budget',
        name: budgetName(budget.scope, subjects.get(budget.subject ?? '') ?? budget.subject, budget.window),
        id: budget.id,
      })
}

function subjectNames({ teams, keys, users }: StoreState): ReadonlyMap<string, string> {
  return new Map([
    ...[...teams, ...keys].map(({ id, name }): [string, string] => [id, name]),
    ...[...users].map(([login, id]): [string, string] => [id, login]),
  ])
}

/** The id of whom a budget is for; the name of a team or key that is to be made; other subjects as they are. */
function subjectOf(work: Work, { scope, subject }: BudgetConfig, path: Path): string | null {
  const { declared, state } = work
  if (subject === null || !['team', 'key', 'user'].includes(scope)) return subject
  const own = state.keys.filter(({ userId }) => userId === undefined)
  const known =
    scope === 'team' ? state.teams : scope === 'key' ? own : [...state.users].map(([name, id]) => ({ id, name }))
  const byId = known.find(({ id }) => id === subject)
  if (byId !== undefined) return byId.id
  const named = known.filter(({ name }) => name === (scope === 'user' ? subject.toLowerCase() : subject))
  if (named.length === 1) return named[0]!.id
  const made = scope === 'team' ? declared.teams : scope === 'key' ? declared.keys : {}
  if (named.length > 1)
    refuse(work, [...path, 'id'], `${named.length} keys have the name \`${subject}\``, 'Name one by its id.')
  else if (!Object.hasOwn(made ?? {}, subject))
    refuse(
      work,
      [...path, 'id'],
      `there is no ${scope} \`${subject}\``,
      didYouMean(subject, [...known.map(({ name }) => name), ...Object.keys(made ?? {})]),
    )
  return subject
}
