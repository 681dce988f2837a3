// `weir alerts …`: what was told to whom, and trying the destinations.
import { listedJson } from '../alerts/message.ts'
import { namedBy } from '../alerts/named.ts'
import { formatProblem } from '../config/problem.ts'
import { ALERT_KINDS } from '../core/alert.ts'
import { checkConfig } from './check.ts'
import { CliError, type Command, CONFIG_OPTION, DATA_OPTION, EXIT } from './command.ts'
import { type Column, orDash, paint, printable, table, writeJson } from './format.ts'
import { withLocal } from './local.ts'
import { readChoice, readInteger } from './read.ts'

const left = (title: string): Column => ({ title, align: 'left' })
const COLUMNS = [left('time'), left('kind'), left('severity'), left('what'), left('deliveries')]

const list: Command = {
  name: 'alerts list',
  summary: 'List what was told, and where it went, newest first',
  details: null,
  options: {
    kind: { type: 'string', valueHint: 'kind', description: `Only of this kind: ${ALERT_KINDS.join(', ')}` },
    limit: { type: 'string', valueHint: 'n', description: 'At most so many. Default: 50' },
    cursor: { type: 'string', valueHint: 'text', description: 'Go on where a list ended' },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir alerts list', what: 'what happened lately' },
    { command: 'weir alerts list --kind budget_threshold --json', what: 'for a script' },
  ],
  run: (args, context) => {
    const kind = readChoice(args, 'kind', ALERT_KINDS)
    const limit = readInteger(args, 'limit', 1, 1_000) ?? 50
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const page = await store.listAlerts({ cursor: args.text('cursor'), limit, ...(kind === null ? {} : { kind }) })
      const data = await Promise.all(
        page.data.map(async (listed) => listedJson(listed, await namedBy(store, listed.alert.subject))),
      )
      if (args.flag('json')) {
        context.stdout(writeJson({ data, next: page.next }))
        return EXIT.ok
      }
      const rows = data.map((alert) => [
        `${alert.at.slice(0, 19).replace('T', ' ')}Z`,
        alert.kind,
        alert.severity,
        alert.title,
        orDash(
          alert.deliveries.map(({ destination, state }) => `${destination} ${state.replace('_', ' ')}`).join(', '),
        ),
      ])
      context.stdout(rows.length === 0 ? 'Nothing was told.\n' : table(COLUMNS, rows, context.colour))
      if (page.next !== null) context.stderr(`More: --cursor ${page.next}\n`)
      return EXIT.ok
    })
  },
}

const test: Command = {
  name: 'alerts test',
  summary: 'Send a test message to the destinations of the config',
  details: 'It is sent from here and at once, so no gateway need run. Exits with 1 where one could not be delivered.',
  options: {
    destination: { type: 'positional', description: 'The name of one, such as slack or finance.email. Default: all' },
    ...CONFIG_OPTION,
  },
  examples: [
    { command: 'weir alerts test', what: 'whether all of them work' },
    { command: 'weir alerts test slack', what: 'one of them' },
  ],
  run: async (args, context) => {
    const checked = await checkConfig(args, context)
    if (!checked.ok) throw new CliError(checked.problems.map(formatProblem).join('\n'), '`weir check` shows the same.')
    const only = args.text('destination')
    const tried = await context.outside.tryAlerts(checked.config.alerts, only)
    if (tried.length === 0)
      throw new CliError(
        only === null ? 'The config names no destination.' : `The config names no destination \`${only}\`.`,
        'Set `alerts` in it; `recipients` are written as <name>.<channel>.',
      )
    if (args.flag('json')) context.stdout(writeJson({ data: tried }))
    else
      for (const { destination, problem } of tried)
        context.stdout(
          problem === null
            ? `${paint('ok', 'green', context.colour)}      ${destination}\n`
            : `${paint('FAILED', 'red', context.colour)}  ${destination}: ${printable(problem)}\n`,
        )
    return tried.every(({ problem }) => problem === null) ? EXIT.ok : EXIT.failed
  },
}

export const ALERT_COMMANDS: readonly Command[] = [list, test]
