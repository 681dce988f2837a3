// `weir plan` and `weir apply`: teams, keys and budgets as a file declares them, for people who keep everything in git.
import { existsSync, writeFileSync } from 'node:fs'
import { readBoundedFile, readFailure } from '../config/files.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import { allOf } from '../core/all-pages.ts'
import type { Plan, Step, StoreState } from '../declared/plan.ts'
import { createHasher, type Hasher } from '../keys/secret.ts'
import type { Store } from '../store/store.ts'
import { type Arguments, type CliContext, CliError, type Command, DATA_OPTION, EXIT, type Option } from './command.ts'
import { paint, printable, writeJson } from './format.ts'
import { hasLocal, withLocal } from './local.ts'
import { readDuration, required } from './read.ts'
import { readTextFile } from './text-file.ts'

const FILE_OPTIONS: Record<'file' | 'prune', Option> = {
  file: { type: 'positional', description: 'YAML file with `teams`, `keys` and `budgets`' },
  prune: {
    type: 'boolean',
    description: 'Remove what the store has and the file has not, of the sections that the file has',
  },
}

const ABOUT =
  'Sections that are not in the file are left alone, and so are keys of users and budgets of the configuration.'

const DAY_MS = 86_400_000

const plan: Command = {
  name: 'plan',
  summary: 'Show how the store differs from a file of teams, keys and budgets',
  details: `${ABOUT} Exits with 0 when there is nothing to do, with 3 when there is, with 1 when the file cannot be applied.`,
  options: { ...FILE_OPTIONS, ...DATA_OPTION },
  examples: [
    { command: 'weir plan access.yaml', what: 'what `weir apply` would do' },
    { command: 'weir plan access.yaml --prune --json', what: 'for a pipeline' },
  ],
  run: async (args, context) => {
    const planOf = await readFile(args, context)
    // Looking makes no store: where there is none, everything is to be made, and no hash of a secret is compared with anything.
    const { plan: planned } = hasLocal(args, context)
      ? await withLocal(args, context, { create: false }, async ({ store, hash }) => planOf(await stateOf(store), hash))
      : planOf(EMPTY, createHasher(new Uint8Array(32)))
    context.stdout(args.flag('json') ? writeJson(planJson(planned)) : planText(planned, context.colour))
    return planned.steps.length === 0 ? EXIT.ok : EXIT.differs
  },
}

const apply: Command = {
  name: 'apply',
  summary: 'Make the store as a file of teams, keys and budgets declares it',
  details: `${ABOUT} A running gateway takes each change at once. Done twice, the second time changes nothing; an apply that broke off is done again.`,
  options: {
    ...FILE_OPTIONS,
    secrets: {
      type: 'string',
      valueHint: 'file',
      description: 'Where secrets that are made for new keys are written, as JSON. Needed when there are such',
    },
    grace: {
      type: 'string',
      valueHint: 'duration',
      description: 'How long a secret that the file replaces works on. Default: 1d; 0s ends it now',
    },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir apply access.yaml --secrets secrets.json', what: 'secrets of new keys go to a file' },
    { command: 'weir apply access.yaml --prune', what: 'and what is not in the file goes' },
  ],
  run: async (args, context) => {
    const graceMs = readDuration(args, 'grace') ?? DAY_MS
    const planOf = await readFile(args, context)
    const { applyPlan } = await import('../declared/apply.ts')
    return withLocal(args, context, { create: true }, async ({ store, hash }) => {
      const { plan: planned, state } = planOf(await stateOf(store), hash)
      const teams = new Map(state.teams.map(({ name, id }): [string, string] => [name, id]))
      await applyPlan(planned, teams, {
        store,
        hash,
        clock: context.clock,
        graceMs,
        keepSecrets: (secrets) => keepSecrets(args.text('secrets'), secrets),
      })
      context.stdout(args.flag('json') ? writeJson(planJson(planned)) : appliedText(planned, context.colour))
      return EXIT.ok
    })
  },
}

type Planned = { readonly plan: Plan; readonly state: StoreState }

/** Reads the file, and refuses one that cannot be applied to the store as it is. */
async function readFile(args: Arguments, context: CliContext) {
  const file = required(args, 'file', true)
  // Only these two commands need all of this: it is loaded when one of them runs.
  const { readDeclared } = await import('../declared/read.ts')
  const { planDeclared } = await import('../declared/plan.ts')
  const outside = { environment: context.environment, readFile: readBoundedFile }
  const read = await readDeclared(file, await readTextFile(file), outside)
  if (!read.ok) throw refused(read.problems, file, context)
  return (state: StoreState, hash: Hasher): Planned => {
    const options = { prune: args.flag('prune'), hash, now: context.clock.now() }
    const planned = planDeclared(read.declared, state, options)
    const problems = planned.problems.map(({ path, message, hint }) => read.problemAt(path, message, hint))
    if (problems.length > 0) throw refused(problems, file, context)
    return { plan: planned, state }
  }
}

const EMPTY: StoreState = { teams: [], keys: [], budgets: [], users: new Map() }

function refused(problems: readonly Problem[], file: string, context: CliContext): CliError {
  for (const problem of problems) context.stderr(`${printable(formatProblem(problem))}\n`)
  return new CliError(`${file} cannot be applied; nothing was changed.`)
}

async function stateOf(store: Store): Promise<StoreState> {
  const users = await allOf((query) => store.listUsers(query))
  return {
    teams: await allOf((query) => store.listTeams(query)),
    keys: await allOf((query) => store.listKeys(query)),
    budgets: (await allOf((query) => store.listBudgets(query))).filter(({ source }) => source === 'store'),
    users: new Map(users.map(({ login, id }): [string, string] => [login, id])),
  }
}

/** Before any key has them: what cannot be written is not made. */
function keepSecrets(file: string | null, secrets: Readonly<Record<string, string>>): void {
  const names = Object.keys(secrets).join(', ')
  if (file === null)
    throw new CliError(
      `There would be secrets for ${names}, and nowhere to put them.`,
      'Name a file with --secrets, or declare `secret` for each.',
    )
  if (existsSync(file))
    throw new CliError(`${file} is there already; secrets are not written over it.`, 'Name another file.')
  try {
    writeFileSync(file, writeJson(secrets), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${readFailure(error)}`)
  }
}

const MARKS = {
  create: { mark: '+', shade: 'green' },
  change: { mark: '~', shade: 'yellow' },
  remove: { mark: '-', shade: 'red' },
} as const

function stepText({ action, kind, name, changes }: Step, colour: boolean): string {
  const { mark, shade } = MARKS[action]
  const lines = changes.map(({ field, from, to }) =>
    action === 'create'
      ? `    ${field}: ${printable(to ?? '')}\n`
      : `    ${field}: ${printable(from ?? 'none')} → ${printable(to ?? 'none')}\n`,
  )
  return `${paint(mark, shade, colour)} ${kind} ${printable(name)}\n${lines.join('')}`
}

function countText({ steps }: Plan): string {
  const count = (action: Step['action']) => steps.filter((step) => step.action === action).length
  return `${count('create')} to create, ${count('change')} to change, ${count('remove')} to remove`
}

function othersText({ others }: Plan): string {
  if (others.length === 0) return ''
  const named = others.map(({ kind, name }) => `${kind} ${printable(name)}`).join('; ')
  return `Not in the file, and left alone without --prune: ${named}.\n`
}

function planText(planned: Plan, colour: boolean): string {
  if (planned.steps.length === 0) return `The store is as the file says.\n${othersText(planned)}`
  return `${planned.steps.map((step) => stepText(step, colour)).join('')}${othersText(planned)}${countText(planned)}.\n`
}

function appliedText(planned: Plan, colour: boolean): string {
  if (planned.steps.length === 0) return planText(planned, colour)
  return `${planned.steps.map((step) => stepText(step, colour)).join('')}${othersText(planned)}Done: ${countText(planned)}.\n`
}

function planJson({ steps, others }: Plan): unknown {
  const value = (text: string | null): unknown => (text === null ? null : (JSON.parse(text) as unknown))
  return {
    steps: steps.map(({ action, kind, name, changes }) => ({
      action,
      kind,
      name,
      changes: changes.map(({ field, from, to }) => ({ field, from: value(from), to: value(to) })),
    })),
    not_in_file: others,
  }
}

export const DECLARED_COMMANDS: readonly Command[] = [plan, apply]
