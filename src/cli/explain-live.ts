// `weir explain --live`: how the running gateway would route a request now, with the state of each target and the budgets
// that the request would draw on.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { listOf, objectsOf, stringOf } from '../core/json-read.ts'
import { askAdmin } from './admin-call.ts'
import { type Arguments, type CliContext, CliError } from './command.ts'
import type { Explanation } from '../routing/explain.ts'

export type LiveQuestion = {
  readonly request: JsonObject
  readonly dialect: string
  readonly headers: Headers
  /** Id or name of a key; null: somebody who may do everything. */
  readonly key: string | null
}

/** `health`: of each deployment that has been asked, by its name, as the admin API tells it. */
export type LiveExplanation = {
  readonly plan: Explanation
  readonly health: ReadonlyMap<string, JsonObject>
  readonly budgets: readonly LiveBudget[]
}

/** One account of a budget, as text. */
type LiveBudget = {
  readonly id: string
  readonly scope: string
  readonly limit: string
  readonly spent: string
  readonly held: string
  readonly left: string
}

/** Throws CliError with the gateway's own words where it refuses the question. */
export async function explainLive(
  { request, dialect, headers, key: reference }: LiveQuestion,
  args: Arguments,
  context: CliContext,
): Promise<LiveExplanation> {
  const key = reference === null ? null : await runningKey(reference, args, context)
  const plan = await askAdmin(args, context, {
    method: 'POST',
    path: '/admin/explain',
    body: {
      request,
      dialect,
      headers: Object.fromEntries(headers),
      ...(key === null ? {} : { key: stringOf(key, 'id') ?? '' }),
    },
  })
  if (!isExplanation(plan))
    throw new CliError('What answers there explains nothing that is understood here.', 'Is it of the same version?')
  const state = await askAdmin(args, context, { method: 'GET', path: '/admin/health' })
  const health = new Map(objectsOf(state, 'deployments').map((one) => [stringOf(one, 'deployment') ?? '', one]))
  const budgets = await everyPage('/admin/budgets', args, context)
  return { plan, health, budgets: budgets.flatMap((budget) => accountsOf(budget, key)) }
}

function isExplanation(plan: object): plan is Explanation {
  return (
    'targets' in plan &&
    Array.isArray(plan.targets) &&
    'excluded' in plan &&
    Array.isArray(plan.excluded) &&
    'policy' in plan &&
    isObject(plan.policy) &&
    'on' in plan &&
    isObject(plan.on)
  )
}

/** The accounts that every request of this key draws on: those of its end user and its tags are the request's own. */
function accountsOf(budget: JsonObject, key: JsonObject | null): readonly LiveBudget[] {
  const scope = stringOf(budget, 'scope') ?? ''
  const subject = subjectOf(scope, key)
  if (subject === null) return []
  return objectsOf(budget, 'accounts')
    .filter((account) => scope === 'gateway' || stringOf(account, 'subject') === subject)
    .map((account) => ({
      id: stringOf(budget, 'id') ?? '',
      scope: scope === 'gateway' ? scope : `${scope} ${subject}`,
      limit: stringOf(account, 'limit_usd') ?? '',
      spent: stringOf(account, 'spent_usd') ?? '',
      held: stringOf(account, 'held_usd') ?? '',
      left: stringOf(account, 'remaining_usd') ?? '',
    }))
}

/** Whose account of a budget counts; null: none is known without the request itself. */
function subjectOf(scope: string, key: JsonObject | null): string | null {
  switch (scope) {
    case 'gateway':
      return ''
    case 'key':
      return key === null ? null : stringOf(key, 'id')
    case 'team':
      return key === null ? null : stringOf(key, 'team')
    default:
      return null
  }
}

/** A key of the running gateway by its id, or by its name where only one has it. */
async function runningKey(reference: string, args: Arguments, context: CliContext): Promise<JsonObject> {
  const keys = await everyPage('/admin/keys', args, context)
  const byId = keys.find((key) => key['id'] === reference)
  if (byId !== undefined) return byId
  const named = keys.filter((key) => key['name'] === reference)
  const [only] = named
  if (only === undefined) throw new CliError(`There is no key \`${reference}\` at the running gateway.`)
  if (named.length === 1) return only
  const ids = named.map((key) => stringOf(key, 'id') ?? '').join(', ')
  throw new CliError(`${named.length} keys have the name \`${reference}\`.`, `Name one by its id: ${ids}.`)
}

async function everyPage(path: string, args: Arguments, context: CliContext): Promise<readonly JsonObject[]> {
  const rows: JsonObject[] = []
  let cursor: string | null = null
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const page = await askAdmin(args, context, { method: 'GET', path: `${path}${query}` })
    rows.push(...listOf(page, 'data').filter((row) => isObject(row)))
    cursor = stringOf(page, 'next')
  } while (cursor !== null)
  return rows
}
