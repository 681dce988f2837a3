// `weir lab …`: experiments of the running gateway.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { OPTIONAL_STAGES } from '../core/experiment.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Arguments, type CliContext, type Command, EXIT, type ExitCode, UsageError } from './command.ts'
import { type Column, fields, orDash, printable, table, writeJson } from './format.ts'
import { readChoice, readInteger, readList, required } from './read.ts'

const ID_OPTION = { experiment: { type: 'positional', description: 'Id of the experiment' } } as const
const WHY_OPTION = { why: { type: 'string', valueHint: 'text', description: 'Why: for the audit' } } as const

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })

const status: Command = {
  name: 'lab status',
  summary: 'Show experiments, their evidence and what they wait for',
  details:
    'The two e-values say how much speaks for the candidate (promote) and against it (rollback); 1 is nothing. With --next: what is worth testing next, by what it may save for what the test costs.',
  options: {
    experiment: { type: 'positional', description: 'Id of one experiment, which is shown whole. Default: all' },
    next: { type: 'boolean', description: 'What is worth testing next instead' },
    ...ADMIN_OPTIONS,
  },
  examples: [
    { command: 'weir lab status', what: 'all experiments' },
    { command: 'weir lab status --next', what: 'what to test next' },
  ],
  run: async (args, context) => {
    const id = args.text('experiment')
    if (id !== null && args.flag('next')) throw new UsageError('--next is about no experiment that there is.')
    const path = args.flag('next') ? '/admin/experiments/next' : pathOf(id)
    const found = await askAdmin(args, context, { method: 'GET', path })
    if (args.flag('json')) context.stdout(writeJson(found))
    else if (id !== null) context.stdout(describe(found))
    else context.stdout(args.flag('next') ? ideas(rowsOf(found), context.colour) : list(rowsOf(found), context.colour))
    return EXIT.ok
  },
}

const start: Command = {
  name: 'lab start',
  summary: 'Start an experiment: a new one, a draft, a paused one, or one that was rolled back a day ago',
  details:
    'A new one asks whether --candidate may take the place of --baseline in --route: first with copies that nobody sees, then for 1, 5 and 25 % of the conversations, then for all. Each step needs evidence, and it goes back by itself when the candidate is worse.',
  options: {
    experiment: { type: 'positional', description: 'Id of one that is there. Default: a new one' },
    route: { type: 'string', valueHint: 'name', description: 'Route of a new one' },
    baseline: { type: 'string', valueHint: 'model', description: 'Its target that is to be replaced' },
    candidate: { type: 'string', valueHint: 'model', description: 'What shall take its place, provider/model' },
    'max-usd': { type: 'string', valueHint: 'dollars', description: 'Most that copies and judging may cost' },
    judge: { type: 'string', valueHint: 'model', description: 'Route or model that grades. Default: none' },
    'judge-mode': { type: 'string', valueHint: 'mode', description: 'pointwise (default) or pairwise' },
    margin: { type: 'string', valueHint: 'share', description: 'How much worse still counts as equal. Default: 0.05' },
    stages: {
      type: 'string',
      valueHint: 'list',
      description: `Which of ${OPTIONAL_STAGES.join(', ')}. Default: all`,
    },
    pairs: { type: 'string', valueHint: 'n', description: 'Fewest pairs of a stage. Default: 30' },
    'shadow-rate': { type: 'string', valueHint: 'share', description: 'Share of the requests to copy. Default: 0.02' },
    'share-of-spend': {
      type: 'string',
      valueHint: 'share',
      description: 'Most of the route’s spend for copies and judging, or any. Default: 0.02',
    },
    draft: { type: 'boolean', description: 'Only make it' },
    ...ADMIN_OPTIONS,
  },
  examples: [
    {
      command:
        'weir lab start --route chat --baseline openai/gpt-5-mini --candidate claude/claude-haiku-4-5 --judge grader --max-usd 5',
      what: 'a new experiment with a judge',
    },
    { command: 'weir lab start exp_01m8g4z9pk0000xyvt6ymk', what: 'go on after a pause' },
  ],
  run: async (args, context) => {
    const id = args.text('experiment')
    const made =
      id === null
        ? await askAdmin(args, context, { method: 'POST', path: '/admin/experiments', body: bodyOf(args) })
        : await askAdmin(args, context, { method: 'POST', path: `${pathOf(id)}/start`, body: {} })
    context.stdout(args.flag('json') ? writeJson(made) : describe(made))
    return EXIT.ok
  },
}

const audit: Command = {
  name: 'lab audit',
  summary: 'Show every transition of an experiment with the numbers that caused it',
  details: null,
  options: { ...ID_OPTION, ...ADMIN_OPTIONS },
  examples: [{ command: 'weir lab audit exp_01m8g4z9pk0000xyvt6ymk', what: 'from its start' }],
  run: async (args, context) => {
    const rows = await allOf(args, context, `${pathOf(required(args, 'experiment', true))}/audit`)
    if (args.flag('json')) context.stdout(writeJson({ data: rows, next: null }))
    else context.stdout(transitions(rows, context.colour))
    return EXIT.ok
  },
}

export const LAB_COMMANDS: readonly Command[] = [
  status,
  start,
  leading('pause', 'Stop all that an experiment does; the baseline answers everybody'),
  leading('promote', 'Move an experiment on to its next stage, whatever the evidence'),
  leading('rollback', 'Send everybody back to the baseline at once, for a day at least'),
  audit,
]

function leading(word: 'pause' | 'promote' | 'rollback', summary: string): Command {
  return {
    name: `lab ${word}`,
    summary,
    details: null,
    options: { ...ID_OPTION, ...WHY_OPTION, ...ADMIN_OPTIONS },
    examples: [{ command: `weir lab ${word} exp_01m8g4z9pk0000xyvt6ymk --why complaints`, what: 'with the reason' }],
    async run(args: Arguments, context: CliContext): Promise<ExitCode> {
      const why = args.text('why')
      const path = `${pathOf(required(args, 'experiment', true))}/${word}`
      const moved = await askAdmin(args, context, { method: 'POST', path, body: why === null ? {} : { why } })
      context.stdout(args.flag('json') ? writeJson(moved) : describe(moved))
      return EXIT.ok
    },
  }
}

function pathOf(id: string | null): string {
  return id === null ? '/admin/experiments' : `/admin/experiments/${encodeURIComponent(id)}`
}

function bodyOf(args: Arguments): JsonObject {
  const body: { [field: string]: JsonObject[string] } = { start: !args.flag('draft') }
  for (const name of ['route', 'baseline', 'candidate'] as const) body[name] = required(args, name)
  body['max_usd'] = required(args, 'max-usd')
  const judge = args.text('judge')
  const mode = readChoice(args, 'judge-mode', ['pointwise', 'pairwise'])
  if (judge !== null) body['judge'] = mode === null ? { model: judge } : { model: judge, mode }
  else if (mode !== null) throw new UsageError('--judge-mode needs --judge.')
  const stages = readList(args, 'stages')
  if (stages !== null) body['stages'] = [...stages]
  const pairs = readInteger(args, 'pairs', 1)
  if (pairs !== null) body['pairs_per_stage'] = pairs
  for (const [option, field] of [
    ['margin', 'margin'],
    ['shadow-rate', 'shadow_rate'],
    ['share-of-spend', 'share_of_spend'],
  ] as const) {
    const text = args.text(option)
    if (text !== null) body[field] = option === 'share-of-spend' && text === 'any' ? null : shareOf(option, text)
  }
  return body
}

function shareOf(option: string, text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share > 0 && share <= 1) return share
  throw new UsageError(`--${option} takes a share above 0 and up to 1, such as 0.02; found ${JSON.stringify(text)}.`)
}

/** Every page. */
async function allOf(args: Arguments, context: CliContext, path: string): Promise<readonly JsonObject[]> {
  const rows: JsonObject[] = []
  let next: string | null = ''
  while (next !== null) {
    const query: string = next === '' ? '' : `?cursor=${encodeURIComponent(next)}`
    const page: JsonObject = await askAdmin(args, context, { method: 'GET', path: `${path}${query}` })
    rows.push(...rowsOf(page))
    next = typeof page['next'] === 'string' ? page['next'] : null
  }
  return rows
}

function rowsOf({ data }: JsonObject): readonly JsonObject[] {
  return Array.isArray(data) ? data.filter((row) => isObject(row)) : []
}

function list(rows: readonly JsonObject[], colour: boolean): string {
  if (rows.length === 0) return 'There is no experiment. `weir lab start` makes one.\n'
  const columns = ['id', 'route', 'candidate', 'stage', 'status'].map(left)
  const numbers = ['pairs', 'mean', 'promote', 'rollback', 'lab'].map(right)
  const cells = rows.map((row) => {
    const { pairs, mean_difference: mean, promote, rollback } = objectAt(row, 'numbers')
    return [
      ...['id', 'route', 'candidate', 'stage', 'status'].map((name) => text(row[name])),
      text(pairs),
      shown(mean),
      shown(promote),
      shown(rollback),
      `$${text(row['lab_usd'])}`,
    ]
  })
  const problems = rows.flatMap((row) => [row['problem'], row['warning'], objectAt(row, 'judge')['why']])
  const said = problems.flatMap((problem) => (typeof problem === 'string' ? [`${printable(problem)}\n`] : []))
  return table([...columns, ...numbers], cells, colour) + [...new Set(said)].join('')
}

function describe(row: JsonObject): string {
  const { pairs, mean_difference: mean, promote, rollback, assigned, guardrails } = objectAt(row, 'numbers')
  const judge = objectAt(row, 'judge')
  const rails = Object.entries(isObject(guardrails) ? guardrails : {}).flatMap(([name, rail]) =>
    isObject(rail)
      ? [
          `${name} ${text(rail['candidate'])}:${text(rail['control'])} of ${text(rail['pairs'])} (${shown(rail['evidence'])})`,
        ]
      : [],
  )
  return fields([
    ['experiment', text(row['id'])],
    ['route', text(row['route'])],
    ['baseline', text(row['baseline'])],
    ['candidate', text(row['candidate'])],
    ['stage', `${text(row['stage'])}, ${text(row['status'])}, since ${text(row['since'])}`],
    ...(typeof row['not_before'] === 'string' ? [['may start again', row['not_before']] as const] : []),
    ['waits for', needsText(row['needs'])],
    ['pairs', `${text(pairs)}, mean difference ${shown(mean)}`],
    ['evidence', `promote ${shown(promote)}, rollback ${shown(rollback)}`],
    [
      'assigned',
      isObject(assigned) ? `${text(assigned['candidate'])} candidate, ${text(assigned['control'])} control` : '-',
    ],
    ['guardrails', rails.length === 0 ? '-' : rails.join('; ')],
    ['judge', judgeText(judge)],
    ['spent', `$${text(row['lab_usd'])} of $${text(row['max_usd'])}; the route $${text(row['route_usd'])}`],
    ['copies', copiesText(objectAt(row, 'copies'))],
    ...[row['problem'], row['warning'], judge['why']].flatMap((said) =>
      typeof said === 'string' ? [['note', said] as const] : [],
    ),
  ])
}

function needsText(needs: unknown): string {
  if (!isObject(needs)) return '-'
  const part = (name: string): string => {
    const { have, need } = objectAt(needs, name)
    return `${shown(have)} of ${shown(need)}`
  }
  return `${text(needs['next'])}: ${part('pairs')} pairs, evidence ${part('evidence')}`
}

function judgeText(judge: JsonObject): string {
  if (judge['model'] === undefined) return 'none: only what is plainly wrong counts'
  const { model, mode, state, j, sensitivity, specificity, labels } = judge
  const worth =
    typeof j === 'number'
      ? `, J ${shown(j)} (finds ${shown(sensitivity)} of the good and ${shown(specificity)} of the bad, ${text(labels)} labels)`
      : ''
  return `${text(model)} ${text(mode)}: ${text(state)}${worth}`
}

function copiesText({ made, dropped }: JsonObject): string {
  const reasons = Object.entries(isObject(dropped) ? dropped : {}).map(([reason, count]) => `${reason} ${text(count)}`)
  return `${text(made)} made${reasons.length === 0 ? '' : `; not made: ${reasons.join(', ')}`}`
}

function transitions(rows: readonly JsonObject[], colour: boolean): string {
  const columns = [
    ...['at', 'from', 'to'].map(left),
    ...['pairs', 'mean', 'promote', 'rollback'].map(right),
    left('why'),
  ]
  const cells = rows.map((row) => {
    const { pairs, mean_difference: mean, promote, rollback } = objectAt(row, 'numbers')
    const start = ['at', 'from', 'to'].map((name) => text(row[name]))
    return [...start, text(pairs), shown(mean), shown(promote), shown(rollback), text(row['why'])]
  })
  return table(columns, cells, colour)
}

function ideas(rows: readonly JsonObject[], colour: boolean): string {
  if (rows.length === 0) return 'Nothing that is named in a route would save anything on another one.\n'
  const columns = [
    ...['route', 'baseline', 'candidate'].map(left),
    ...['saves a month', 'chance', 'pairs', 'test', 'value'].map(right),
  ]
  const cells = rows.map((row) => [
    ...['route', 'baseline', 'candidate'].map((name) => text(row[name])),
    `$${text(row['saving_usd'])}`,
    shown(row['chance']),
    text(row['pairs']),
    `$${text(row['test_usd'])}`,
    shown(row['value']),
  ])
  return table(columns, cells, colour)
}

function objectAt(row: JsonObject, name: string): JsonObject {
  const value = row[name]
  return isObject(value) ? value : {}
}

/** Three digits that count. */
function shown(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : '-'
}

function text(value: unknown): string {
  return orDash(typeof value === 'string' || typeof value === 'number' ? String(value) : null)
}
