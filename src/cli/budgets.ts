// `weir budgets …`: what may be spent, in the store of this machine. A running gateway takes a change within a second.
import { parseAmount, parseWindow, WINDOW_WORDS, writeWindow } from '../config/budget-values.ts'
import { readOnExhausted } from '../config/schema-budgets.ts'
import { renderBudget } from '../admin/schemas-budgets.ts'
import {
  BUDGET_SCOPES,
  DEFAULT_ALERT_AT,
  isTimeZone,
  type Budget,
  type BudgetScope,
  type BudgetWindow,
} from '../core/budget.ts'
import { randomId } from '../core/id.ts'
import type { NanoUsd } from '../core/money.ts'
import { createBudgetDefinitions } from '../limits/budget-definitions.ts'
import { createBudgets, type BudgetState } from '../limits/budgets.ts'
import type { Store } from '../store/store.ts'
import { type Arguments, type CliContext, CliError, type Command, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { orDash, table, writeDollars, writeJson, writeTime } from './format.ts'
import { findUser } from '../users/credits.ts'
import { findKey, findTeam, withLocal } from './local.ts'
import { allOf } from '../core/all-pages.ts'
import { readChoice, readList, readMoment, required } from './read.ts'

const BUDGET_OPTION = { budget: { type: 'positional', description: 'Id of the budget' } } as const

function readAmount(args: Arguments, name: string): NanoUsd | null {
  const text = args.text(name)
  if (text === null) return null
  const nano = parseAmount(text.replace(/^\$/, ''))
  if (nano === null) throw new UsageError(`--${name} takes dollars such as 500 or 0.25; found ${JSON.stringify(text)}.`)
  return nano
}

function readWindow(args: Arguments): BudgetWindow {
  const zone = args.text('zone') ?? 'UTC'
  if (!isTimeZone(zone))
    throw new UsageError(`--zone takes a time zone such as Europe/Berlin; found ${JSON.stringify(zone)}.`)
  const text = required(args, 'window')
  const window = parseWindow(text, zone)
  if (window === null) throw new UsageError(`--window takes ${WINDOW_WORDS}; found ${JSON.stringify(text)}.`)
  return window
}

function readExhausted(args: Arguments): Budget['onExhausted'] {
  const text = args.text('on-exhausted') ?? 'reject'
  const route = /^degrade:(.+)$/.exec(text)?.[1]
  const read = readOnExhausted(route === undefined ? text : { degrade: route })
  if (read === null)
    throw new UsageError(`--on-exhausted takes reject, alert or degrade:<route>; found ${JSON.stringify(text)}.`)
  return read
}

/** `0.8,1`; `none` tells nothing. */
function readAlertAt(args: Arguments): readonly number[] {
  const written = readList(args, 'alert-at')
  if (written === null) return DEFAULT_ALERT_AT
  if (written.length === 1 && written[0] === 'none') return []
  return written.map((text) => {
    const share = Number(text)
    if (share > 0 && share <= 10) return share
    throw new UsageError(`--alert-at takes shares such as 0.5,0.8,1, or none; found ${JSON.stringify(text)}.`)
  })
}

async function subjectOf(store: Store, scope: BudgetScope, args: Arguments): Promise<string | null> {
  const name = args.text('id')
  if (name === null) return null
  if (scope === 'gateway') throw new UsageError('There is one gateway: leave --id out.')
  if (scope === 'key') return (await findKey(store, name)).id
  if (scope === 'user') return (await findUser(name, store)).id
  return scope === 'team' ? (await findTeam(store, name)).id : name
}

/** The store's budgets with what is spent of them; what requests in flight hold is known to the gateway alone. */
export async function spentOf(store: Store, now: number, context: CliContext) {
  const budgets = createBudgets({ clock: context.clock })
  const definitions = createBudgetDefinitions(budgets, store)
  await definitions.load(now)
  return { list: definitions.list(), states: budgets.state() }
}

const set: Command = {
  name: 'budgets set',
  summary: 'Set a budget',
  details: 'Budgets of the configuration file (`budgets:`) are set there. A budget that is new begins empty.',
  options: {
    scope: {
      type: 'string',
      valueHint: 'scope',
      description: `Whose spend it counts: ${BUDGET_SCOPES.join(', ')} (needed)`,
    },
    id: {
      type: 'string',
      valueHint: 'name',
      description: 'Which one, by id or name. Default: each of them has its own',
    },
    window: { type: 'string', valueHint: 'window', description: `${WINDOW_WORDS} (needed)` },
    zone: { type: 'string', valueHint: 'zone', description: 'Time zone of a calendar window. Default: UTC' },
    limit: { type: 'string', valueHint: 'usd', description: 'Dollars that may be spent in the window (needed)' },
    'on-exhausted': {
      type: 'string',
      valueHint: 'what',
      description: 'reject, alert or degrade:<route>. Default: reject',
    },
    'alert-at': {
      type: 'string',
      valueHint: 'shares',
      description: 'Shares of the limit that are told of (docs/alerts.md), or none. Default: 0.5,0.8,1',
    },
    borrow: {
      type: 'string',
      valueHint: 'usd',
      description: 'How far it may go beyond its limit while a wider budget has room',
    },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir budgets set --scope team --window month --limit 500', what: 'each team, each month' },
    {
      command: 'weir budgets set --scope tag --id nightly --window "rolling 24h" --limit 20',
      what: 'one tag, the last day',
    },
  ],
  run: (args, context) => {
    const scope = readChoice(args, 'scope', BUDGET_SCOPES) ?? (required(args, 'scope') as BudgetScope)
    const limitNanoUsd = readAmount(args, 'limit')
    if (limitNanoUsd === null) throw new UsageError('--limit is missing.')
    const fields = {
      window: readWindow(args),
      limitNanoUsd,
      onExhausted: readExhausted(args),
      borrowNanoUsd: readAmount(args, 'borrow'),
      alertAt: readAlertAt(args),
    }
    return withLocal(args, context, { create: true }, async ({ store }) => {
      const budget: Budget = {
        id: randomId('budget'),
        scope,
        subject: await subjectOf(store, scope, args),
        ...fields,
        raises: [],
        source: 'store',
        createdAt: context.clock.now(),
      }
      await store.insertBudget(budget)
      context.stdout(args.flag('json') ? writeJson(renderBudget(budget, [])) : `Budget ${budget.id} is set.\n`)
      return EXIT.ok
    })
  },
}

const list: Command = {
  name: 'budgets list',
  summary: 'List the budgets of the store with what is spent of them',
  details: '`GET /admin/budgets` of a running gateway lists those of the configuration file, too.',
  options: DATA_OPTION,
  examples: [{ command: 'weir budgets list', what: 'one line for each account' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const { list: budgets, states } = await spentOf(store, context.clock.now(), context)
      if (args.flag('json')) {
        context.stdout(writeJson({ data: budgets.map((budget) => renderBudget(budget, states)), next: null }))
        return EXIT.ok
      }
      const names = await namesOf(store)
      const rows = budgets.flatMap((budget) => {
        const own = states.filter((state) => state.budget.id === budget.id)
        return own.length === 0 ? [rowOf(budget, null, names)] : own.map((state) => rowOf(budget, state, names))
      })
      const columns = ['id', 'scope', 'whose', 'window', 'limit', 'spent', 'resets', 'when exhausted']
      context.stdout(
        table(
          columns.map((title) => ({ title, align: title === 'limit' || title === 'spent' ? 'right' : 'left' })),
          rows,
          context.colour,
        ),
      )
      return EXIT.ok
    }),
}

async function namesOf(store: Store): Promise<ReadonlyMap<string, string>> {
  const keys = await allOf((query) => store.listKeys(query))
  const teams = await allOf((query) => store.listTeams(query))
  return new Map([...keys, ...teams].map(({ id, name }) => [id, name]))
}

function rowOf(budget: Budget, state: BudgetState | null, names: ReadonlyMap<string, string>): readonly string[] {
  const { window, onExhausted } = budget
  const subject = state?.subject ?? budget.subject
  const zone = window.type === 'calendar' && window.timeZone !== 'UTC' ? ` ${window.timeZone}` : ''
  return [
    budget.id,
    budget.scope,
    budget.scope === 'gateway' ? '-' : subject === null ? 'each' : (names.get(subject) ?? subject),
    `${writeWindow(window)}${zone}`,
    writeDollars(state?.limitNanoUsd ?? budget.limitNanoUsd),
    writeDollars(state?.spentNanoUsd ?? 0n),
    orDash(state?.resetAt === null || state === null ? null : writeTime(state.resetAt)),
    onExhausted.type === 'degrade' ? `degrade:${onExhausted.to}` : onExhausted.type,
  ]
}

const raise: Command = {
  name: 'budgets raise',
  summary: 'Raise a budget for a while',
  details: 'The raise ends by itself.',
  options: {
    ...BUDGET_OPTION,
    by: { type: 'string', valueHint: 'usd', description: 'Dollars on top of the limit (needed)' },
    until: { type: 'string', valueHint: 'when', description: 'Until when: 3d, or a date (needed)' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir budgets raise budget_example --by 100 --until 3d', what: 'over a long weekend' }],
  run: (args, context) => {
    const id = required(args, 'budget', true)
    const amountNanoUsd = readAmount(args, 'by')
    if (amountNanoUsd === null) throw new UsageError('--by is missing.')
    const now = context.clock.now()
    const until = readMoment(args, 'until', now, 'future')
    if (until === null) throw new UsageError('--until is missing.')
    if (until <= now) throw new UsageError('--until must be in the future.')
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const budget = await store.getBudget(id)
      if (budget === null) throw unknown(id)
      const raises = [...budget.raises.filter((known) => known.until > now), { amountNanoUsd, until }]
      const raised = (await store.updateBudget(id, { raises })) ?? budget
      context.stdout(
        args.flag('json')
          ? writeJson(renderBudget(raised, []))
          : `Budget ${id} is raised by ${writeDollars(amountNanoUsd)} until ${writeTime(until)}.\n`,
      )
      return EXIT.ok
    })
  },
}

const remove: Command = {
  name: 'budgets remove',
  summary: 'Remove a budget',
  details: 'What was spent stays in the books.',
  options: { ...BUDGET_OPTION, ...DATA_OPTION },
  examples: [{ command: 'weir budgets remove budget_example', what: 'requests are no longer held to it' }],
  run: (args, context) => {
    const id = required(args, 'budget', true)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      if (!(await store.deleteBudget(id))) throw unknown(id)
      context.stdout(args.flag('json') ? writeJson({ id, removed: true }) : `Budget ${id} is removed.\n`)
      return EXIT.ok
    })
  },
}

function unknown(id: string): CliError {
  return new CliError(`There is no budget \`${id}\`.`, '`weir budgets list` shows them.')
}

export const BUDGET_COMMANDS: readonly Command[] = [set, list, raise, remove]
