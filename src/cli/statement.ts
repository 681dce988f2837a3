// `weir statement`: what somebody spent in a month, as a page to print.
import { statementJson, statementText } from '../ledger/statement-text.ts'
import {
  gatherStatement,
  monthNamed,
  monthOf,
  namesOf,
  type StatementSubject,
  type StatementTime,
} from '../ledger/statement.ts'
import type { Store } from '../store/store.ts'
import { type Arguments, type Command, CONFIG_OPTION, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { checkConfig } from './check.ts'
import { printable, writeJson } from './format.ts'
import { findKey, findTeam, withLocal } from './local.ts'

export const statementCommand: Command = {
  name: 'statement',
  summary: 'What a team, a key, an organisation or the whole gateway spent in a month',
  details:
    'In words, or with --html as one page without scripts, to print or to send. Days and months are those of UTC. A month that runs is told with what is expected by its end.',
  options: {
    team: { type: 'string', valueHint: 'team', description: 'Of this team, by id or name' },
    key: { type: 'string', valueHint: 'key', description: 'Of this key, by id or name' },
    organisation: { type: 'string', valueHint: 'name', description: 'Of this organisation' },
    month: { type: 'string', valueHint: 'month', description: 'Which: 2026-11. Default: the one that runs' },
    html: { type: 'boolean', description: 'Print the page' },
    ...CONFIG_OPTION,
    ...DATA_OPTION,
  },
  examples: [
    {
      command: 'weir statement --team research --month 2026-11 --html',
      what: 'a page to print for the team',
    },
    { command: 'weir statement --json', what: 'this month of the gateway, for a script' },
  ],
  run: async (args, context) => {
    const now = context.clock.now()
    const time = readMonth(args, now)
    if (args.flag('json') && args.flag('html')) throw new UsageError('--json and --html are two formats; give one.')
    const checked = await checkConfig(args, context)
    const currency = checked.ok ? (checked.config.reports.currency ?? null) : null
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const subject = await readSubject(args, store)
      const statement = await gatherStatement(subject, time, { store, now, names: await namesOf(store) })
      if (args.flag('json')) context.stdout(writeJson(statementJson(statement)))
      else if (args.flag('html')) {
        const { statementHtml } = await import('../ledger/statement-html.ts')
        context.stdout(await statementHtml(statement, currency))
      } else for (const line of statementText(statement, currency).split('\n')) context.stdout(`${printable(line)}\n`)
      return EXIT.ok
    })
  },
}

function readMonth(args: Arguments, now: number): StatementTime {
  const text = args.text('month')
  if (text === null) return monthOf(now)
  const month = monthNamed(text)
  if (month === null) throw new UsageError(`--month takes a month such as 2026-11; found ${JSON.stringify(text)}.`)
  return month
}

async function readSubject(args: Arguments, store: Store): Promise<StatementSubject> {
  const [team, key, organisation] = [args.text('team'), args.text('key'), args.text('organisation')]
  if ([team, key, organisation].filter((given) => given !== null).length > 1)
    throw new UsageError('--team, --key and --organisation each say whose it is; give one.')
  if (team !== null) {
    const { id, name } = await findTeam(store, team)
    return { scope: 'team', id, name }
  }
  if (key !== null) {
    const { id, name } = await findKey(store, key)
    return { scope: 'key', id, name }
  }
  return organisation === null ? { scope: 'gateway' } : { scope: 'organisation', id: organisation }
}
