// `weir forecast`: what will have been spent by the end of the month, and of the windows of budgets.
import { forecastJson, forecastWindows, monthWindow, type WindowForecast } from '../ledger/forecast-windows.ts'
import { namesOf } from '../ledger/statement.ts'
import { openWindowsOf } from '../limits/open-windows.ts'
import { spentOf } from './budgets.ts'
import { type Command, DATA_OPTION, EXIT } from './command.ts'
import { orDash, table, writeDollars, writeJson, writeTime } from './format.ts'
import { withLocal } from './local.ts'

export const forecastCommand: Command = {
  name: 'forecast',
  summary: 'What will have been spent by the end of the month, and of the windows of budgets',
  details:
    'The rest of a window goes on as such days of the week did over the last four weeks. Of budgets those of the store, by day, week and month; `GET /admin/reports/forecast` of a running gateway knows those of the configuration file, too.',
  options: DATA_OPTION,
  examples: [{ command: 'weir forecast', what: 'one line for the month, and one for each budget' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const now = context.clock.now()
      const { states } = await spentOf(store, now, context)
      const windows = [await monthWindow(store, now), ...openWindowsOf(states)]
      const found = await forecastWindows(windows, { store, now })
      if (args.flag('json')) context.stdout(writeJson({ data: found.map(forecastJson) }))
      else context.stdout(forecastTable(found, await namesOf(store), context.colour))
      return EXIT.ok
    }),
}

function forecastTable(found: readonly WindowForecast[], names: ReadonlyMap<string, string>, colour: boolean): string {
  const titles = ['budget', 'whose', 'until', 'limit', 'spent', 'expected', 'used up']
  const numbers = new Set(['limit', 'spent', 'expected'])
  return table(
    titles.map((title) => ({ title, align: numbers.has(title) ? 'right' : 'left' })),
    found.map(({ budgetId, scope, subject, spentNanoUsd, limitNanoUsd, until, forecast }) => [
      budgetId ?? 'the month',
      scope === 'gateway' ? 'the gateway' : `${scope} ${names.get(subject) ?? subject}`,
      writeTime(until),
      limitNanoUsd === null ? '-' : writeDollars(limitNanoUsd),
      writeDollars(spentNanoUsd),
      writeDollars(forecast.expectedNanoUsd),
      orDash(forecast.exhaustedAt === null ? null : writeTime(forecast.exhaustedAt)),
    ]),
    colour,
  )
}
