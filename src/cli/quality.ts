// `weir quality …`: what the running gateway believes of each deployment, with what it rests on.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Arguments, type CliContext, type Command, EXIT, type Option } from './command.ts'
import { type Column, printable, table, writeJson } from './format.ts'

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })
const COLUMNS = [
  left('task'),
  left('deployment'),
  right('score'),
  right('90 % interval'),
  right('n'),
  right('prior'),
  left('from'),
]

const SCOPE_OPTION: Record<'scope', Option> = {
  scope: {
    type: 'string',
    valueHint: 'scope',
    description: 'Whose evidence: gateway, team:<id> or key:<id>. Default: gateway',
  },
}

const list: Command = {
  name: 'quality list',
  summary: 'Show the quality scores of the running gateway',
  details:
    '`score` is the believed share of acceptable answers, `n` the pieces of evidence behind it, `prior` how much of it rests on a wider scope or on published benchmarks, `from` where the evidence came from.',
  options: {
    ...SCOPE_OPTION,
    deployment: { type: 'string', valueHint: 'provider/model', description: 'Only this deployment' },
    task: { type: 'string', valueHint: 'task', description: 'Only this task' },
    all: { type: 'boolean', description: 'Also what rests on priors alone, of the targets of all routes' },
    ...ADMIN_OPTIONS,
  },
  examples: [{ command: 'weir quality list --task code', what: 'who is good at code' }],
  run: async (args, context) => {
    const quality = await scoresOf(args, context)
    context.stdout(args.flag('json') ? writeJson(quality) : describe(quality, context.colour))
    return EXIT.ok
  },
}

const exportAll: Command = {
  name: 'quality export',
  summary: 'Write quality scores and the evidence of each day as JSON lines',
  details: 'Each line has a `type`: `score`, or `day` for the evidence of one day, deployment, task and kind.',
  options: {
    ...SCOPE_OPTION,
    from: { type: 'string', valueHint: 'time', description: 'Days from this time on, RFC 3339. Default: 30 days ago' },
    ...ADMIN_OPTIONS,
  },
  examples: [{ command: 'weir quality export --from 2026-11-01T00:00:00Z', what: 'for a notebook' }],
  run: async (args, context) => {
    const from = args.text('from')
    const days = await askAdmin(args, context, {
      method: 'GET',
      path: `/admin/quality/days${queryOf({ from })}`,
    })
    const scores = await askAdmin(args, context, {
      method: 'GET',
      path: `/admin/quality${queryOf({ scope: args.text('scope'), all: 'true' })}`,
    })
    const lines = [
      ...rowsOf(scores).map((row) => ({ type: 'score', scope: scores['scope'], ...row })),
      ...rowsOf(days).map((row) => ({ type: 'day', ...row })),
    ]
    for (const line of lines) context.stdout(`${JSON.stringify(line)}\n`)
    return EXIT.ok
  },
}

const drift: Command = {
  name: 'quality drift',
  summary: 'Show whether deployments still answer as usual, and how golden prompts were answered',
  details:
    '`usual` is a share, of `length` the mean of ln(characters), of `judge` the mean verdict. It is learned from 500 answers, and watched from then on; at an `alarm` of 100 % an alert is raised, and it is learned anew.',
  options: ADMIN_OPTIONS,
  examples: [{ command: 'weir quality drift', what: 'after an alert' }],
  run: async (args, context) => {
    const body = await askAdmin(args, context, { method: 'GET', path: '/admin/quality/drift' })
    context.stdout(args.flag('json') ? writeJson(body) : describeDrift(body, context.colour))
    return EXIT.ok
  },
}

export const QUALITY_COMMANDS: readonly Command[] = [list, exportAll, drift]

const SIGNAL_COLUMNS = [
  left('deployment'),
  left('task'),
  left('signal'),
  right('usual'),
  right('learned'),
  right('watched'),
  right('alarm'),
]
const GOLDEN_COLUMNS = [left('deployment'), left('task'), left('last run'), right('right'), right('usually')]

function describeDrift(body: JsonObject, colour: boolean): string {
  const signals = listOf(body['signals']).map((row) => [
    printable(text(row['deployment'])),
    printable(text(row['task'])),
    text(row['signal']),
    typeof row['usual'] === 'number' ? row['usual'].toFixed(3) : '-',
    text(row['learned']),
    text(row['watched']),
    percent(row['alarm']),
  ])
  const golden = listOf(body['golden']).map((row) => [
    printable(text(row['deployment'])),
    printable(text(row['task'])),
    text(row['at']),
    tallyOf(row['last']),
    tallyOf(row['usual']),
  ])
  const watched = signals.length === 0 ? 'Nothing is watched yet.\n' : table(SIGNAL_COLUMNS, signals, colour)
  return golden.length === 0 ? watched : `${watched}\n${table(GOLDEN_COLUMNS, golden, colour)}`
}

function tallyOf(value: unknown): string {
  if (!isObject(value)) return '-'
  const { passed, asked } = value
  return typeof passed === 'number' && typeof asked === 'number' && asked > 0 ? percent(passed / asked) : '-'
}

function scoresOf(args: Arguments, context: CliContext): Promise<JsonObject> {
  const query = queryOf({
    scope: args.text('scope'),
    deployment: args.text('deployment'),
    task: args.text('task'),
    all: args.flag('all') ? 'true' : null,
  })
  return askAdmin(args, context, { method: 'GET', path: `/admin/quality${query}` })
}

function queryOf(fields: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== null) query.set(name, value)
  return query.size === 0 ? '' : `?${query.toString()}`
}

function describe(quality: JsonObject, colour: boolean): string {
  const rows = rowsOf(quality).map((row) => [
    printable(text(row['task'])),
    printable(text(row['deployment'])),
    percent(row['mean']),
    `${percent(row['low'])} to ${percent(row['high'])}`,
    text(row['observations']),
    percent(row['prior_share']),
    sourcesOf(row['sources']),
  ])
  const looked = isObject(quality['looked_at']) ? quality['looked_at'] : {}
  const dropped = isObject(looked['dropped']) ? Object.values(looked['dropped']) : []
  const missed = dropped.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
  const foot = `${text(looked['seen'])} answers looked at since the start, ${missed} not.\n`
  const prompts = isObject(quality['prompts']) ? quality['prompts'] : {}
  const cannot = Array.isArray(prompts['cannot']) ? prompts['cannot'] : []
  const privacy = `Kept of prompts: ${printable(text(prompts['keeps']))}.${cannot.length === 0 ? '' : ` So nobody can ${printable(cannot.map(text).join('; '))}.`}\n`
  return (rows.length === 0 ? 'No evidence yet. ' : table(COLUMNS, rows, colour)) + foot + privacy
}

function rowsOf(body: JsonObject): readonly JsonObject[] {
  return listOf(body['data'])
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((row) => isObject(row)) : []
}

function percent(value: unknown): string {
  return typeof value === 'number' ? `${(value * 100).toFixed(1)} %` : '-'
}

function sourcesOf(value: unknown): string {
  if (!isObject(value)) return '-'
  const kinds = Object.entries(value).map(([kind, part]) => `${kind} ${percent(part)}`)
  return kinds.length === 0 ? '-' : printable(kinds.join(', '))
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}
