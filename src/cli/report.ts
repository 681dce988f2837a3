// `weir report`, `weir ledger count`: what was spent.
import {
  SPEND_DIMENSIONS,
  type SpendBucket,
  type SpendDimension,
  type SpendQuery,
  type SpendRow,
  type Store,
} from '../store/store.ts'
import { reportCsv, reportJson, reportTable } from '../ledger/report.ts'
import { type Arguments, type Command, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { fields, printable, writeCount, writeJson, writeTime } from './format.ts'
import { findKey, findTeam, withLocal } from './local.ts'
import { allOf } from '../core/all-pages.ts'
import { readChoice, readList, readMoment } from './read.ts'
import { didYouMean } from '../core/nearest.ts'

const BUCKETS: readonly SpendBucket[] = ['hour', 'day', 'month']
const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS

/** What is told can be narrowed to one value of each dimension. */
const WHERE_OPTIONS = {
  key: { type: 'string', valueHint: 'key', description: 'Only of this key, by id or name' },
  team: { type: 'string', valueHint: 'team', description: 'Only of this team, by id or name' },
  organisation: { type: 'string', valueHint: 'name', description: 'Only of this organisation' },
  'end-user': { type: 'string', valueHint: 'name', description: 'Only of this end user' },
  tag: { type: 'string', valueHint: 'tag', description: 'Only with this tag' },
  route: { type: 'string', valueHint: 'name', description: 'Only by this route' },
  task: { type: 'string', valueHint: 'task', description: 'Only of this task' },
  model: { type: 'string', valueHint: 'id', description: 'Only of this model' },
  provider: { type: 'string', valueHint: 'name', description: 'Only of this provider' },
} as const satisfies Command['options']

async function readWhere(args: Arguments, store: Store): Promise<NonNullable<SpendQuery['where']>> {
  const where: { -readonly [dimension in keyof NonNullable<SpendQuery['where']>]: string } = {}
  const [key, team] = [args.text('key'), args.text('team')]
  if (key !== null) where.key = (await findKey(store, key)).id
  if (team !== null) where.team = (await findTeam(store, team)).id
  for (const dimension of ['organisation', 'end_user', 'tag', 'route', 'task', 'model', 'provider'] as const) {
    const value = args.text(dimension.replace('_', '-'))
    if (value !== null) where[dimension] = value
  }
  return where
}

const report: Command = {
  name: 'report',
  summary: 'Report what was spent',
  details:
    'Sums are kept by the hour in UTC: the range is widened to whole hours. Without a range it is the last seven days.',
  options: {
    by: {
      type: 'string',
      valueHint: 'list',
      description: `What to sum by: ${SPEND_DIMENSIONS.join(', ')}, and hour, day or month. Default: model`,
    },
    bucket: { type: 'string', valueHint: 'span', description: 'Split the range by hour, day or month' },
    since: { type: 'string', valueHint: 'when', description: 'From then until now: 7d, or a date' },
    from: { type: 'string', valueHint: 'when', description: 'Start of the range: a date or time' },
    to: { type: 'string', valueHint: 'when', description: 'End of the range, not in it. Default: now' },
    ...WHERE_OPTIONS,
    percentiles: {
      type: 'boolean',
      description: 'Also tell what half, 90 % and 99 % of the requests cost at most, and what an answer costs',
    },
    csv: { type: 'boolean', description: 'Print CSV' },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir report --by key --since 30d', what: 'the dearest keys of a month' },
    {
      command: 'weir report --team research --by model --percentiles',
      what: 'what a team uses, and what a request costs',
    },
    {
      command: 'weir report --by team,day --from 2026-11-01 --to 2026-12-01 --csv',
      what: 'each team by day, for a spreadsheet',
    },
  ],
  run: (args, context) => {
    const asked = readBy(readList(args, 'by') ?? ['model'])
    const given = readChoice(args, 'bucket', BUCKETS)
    if (given !== null && asked.bucket !== null && given !== asked.bucket)
      throw new UsageError(`--by ${asked.bucket} and --bucket ${given} contradict each other.`)
    const now = context.clock.now()
    const since = readMoment(args, 'since', now, 'past')
    const start = readMoment(args, 'from', now, 'past')
    if (since !== null && start !== null)
      throw new UsageError('--since and --from are both the start of the range; give one.')
    if (args.flag('json') && args.flag('csv')) throw new UsageError('--json and --csv are two formats; give one.')
    // The hour that is running is in it.
    const to = Math.ceil((readMoment(args, 'to', now, 'past') ?? now + 1) / HOUR_MS) * HOUR_MS
    const from = Math.floor((since ?? start ?? to - WEEK_MS) / HOUR_MS) * HOUR_MS
    if (from >= to) throw new UsageError('The range is empty: its start is not before its end.')
    const shape = { by: asked.by, bucket: given ?? asked.bucket, percentiles: args.flag('percentiles') }
    if (shape.percentiles && shape.by.includes('status'))
      throw new UsageError('--percentiles are not kept by status; leave one of them out.')
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const rows = await store.spend({ ...shape, from, to, where: await readWhere(args, store) })
      if (args.flag('json')) context.stdout(reportJson(rows, shape))
      else if (args.flag('csv')) context.stdout(reportCsv(rows, shape))
      else if (rows.length === 0) context.stdout(`Nothing was spent from ${writeTime(from)} to ${writeTime(to)}.\n`)
      else context.stdout(reportTable(await named(store, rows), shape))
      return EXIT.ok
    })
  },
}

function readBy(words: readonly string[]): { by: SpendDimension[]; bucket: SpendBucket | null } {
  const by = new Set<SpendDimension>()
  let bucket: SpendBucket | null = null
  for (const word of words) {
    const dimension = SPEND_DIMENSIONS.find((known) => known === word)
    const span = BUCKETS.find((known) => known === word)
    if (dimension !== undefined) by.add(dimension)
    else if (span !== undefined && bucket === null) bucket = span
    else if (span !== undefined)
      throw new UsageError(`--by takes one of hour, day and month, not both ${bucket} and ${span}.`)
    else
      throw new UsageError(
        `--by does not know ${JSON.stringify(word)}.`,
        didYouMean(word, [...SPEND_DIMENSIONS, ...BUCKETS]) ??
          `It takes ${[...SPEND_DIMENSIONS, ...BUCKETS].join(', ')}.`,
      )
  }
  return { by: [...by], bucket }
}

// People know keys and teams by name; what is gone keeps its id.
async function named(store: Store, rows: readonly SpendRow[]): Promise<SpendRow[]> {
  const names = new Map<string, string>()
  if (rows.some((row) => 'key' in row.group))
    for (const key of await allOf((query) => store.listKeys(query))) names.set(key.id, key.name)
  if (rows.some((row) => 'team' in row.group))
    for (const team of await allOf((query) => store.listTeams(query))) names.set(team.id, team.name)
  return rows.map((row) => ({
    ...row,
    group: Object.fromEntries(
      Object.entries(row.group).map(([dimension, value]) => {
        const name = dimension === 'key' || dimension === 'team' ? names.get(value ?? '') : undefined
        return [dimension, value === null ? null : printable(name ?? value)]
      }),
    ),
  }))
}

const OPEN_LIMIT = 10_000

const count: Command = {
  name: 'ledger count',
  summary: 'Count the entries of the ledger and the requests that are not settled yet',
  details:
    'One entry for each request that reached a provider. Requests that run now, or ran when the gateway was killed, are open.',
  options: DATA_OPTION,
  examples: [{ command: 'weir ledger count --json', what: 'for a script' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const entries = await store.countEntries()
      const open = (await store.openIntents({ deadlineBefore: Number.MAX_SAFE_INTEGER, limit: OPEN_LIMIT })).length
      if (args.flag('json')) context.stdout(writeJson({ entries, open_intents: open }))
      else
        context.stdout(
          fields([
            ['entries', writeCount(entries)],
            ['open', `${writeCount(open)}${open === OPEN_LIMIT ? ' or more' : ''}`],
          ]),
        )
      return EXIT.ok
    }),
}

export const LEDGER_COMMANDS: readonly Command[] = [report, count]
