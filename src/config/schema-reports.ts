// `reports:` of the file: statements that are sent by themselves, and the currency that amounts are shown in.
import { isTimeZone } from '../core/budget.ts'
import { choice, type Field, flag, leaf, list, section, text } from './fields.ts'

export type ScheduledReportConfig = {
  readonly name: string
  /** Of which time: the one of this kind that has ended. */
  readonly every: 'week' | 'month'
  /** Minutes since midnight of `timeZone`. */
  readonly at: number
  readonly timeZone: string
  /** Of one team, by id or name; else of `eachTeam`, else of the whole gateway. */
  readonly team?: string
  readonly eachTeam: boolean
  /** Absent: all that take reports, and those of the team. */
  readonly recipients?: readonly string[]
}

type CurrencyConfig = {
  readonly code: string
  /** How many of it a dollar was on `date`. */
  readonly perUsd: number
  readonly date: string
}

export type ReportsConfig = {
  readonly scheduled: readonly ScheduledReportConfig[]
  readonly currency?: CurrencyConfig
}

const scheduled: Field<ScheduledReportConfig> = section<ScheduledReportConfig>(
  { description: 'One report: a statement of the week or month that has ended, sent where alerts go.' },
  {
    name: text({ description: 'Its name: a report of one name and time is sent once.', kind: 'name' }),
    every: choice({ description: 'Weeks begin on Monday; both are those of UTC.' }, ['week', 'month'], 'month'),
    at: leaf<number>(
      { description: 'When, on the day after the time has ended.', kind: 'time of day' },
      (value) => {
        const match = typeof value === 'string' ? /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value) : null
        return match === null
          ? { expected: 'a time of day in quotes, such as "08:00"' }
          : { value: Number(match[1]) * 60 + Number(match[2]) }
      },
      8 * 60,
    ),
    timeZone: text(
      { description: 'Where `at` is read.', kind: 'time zone', expected: 'a time zone such as Europe/Berlin' },
      'UTC',
      (value) => (isTimeZone(value) ? value : null),
    ),
    team: text({ description: 'Of this team, by id or name. Default: of the whole gateway.', kind: 'team' }),
    eachTeam: flag({ description: 'One for each team, sent to the team’s own recipients.' }, false),
    recipients: list(
      {
        description:
          'Who gets it: names of `alerts.recipients`, or of destinations such as `email`. Default: whoever takes reports.',
      },
      text({ description: '', kind: 'name' }),
    ),
  },
  { required: ['name'] },
)

const currency: Field<CurrencyConfig> = section<CurrencyConfig>(
  { description: 'What amounts are shown in on statements. The books are in dollars, whatever stands here.' },
  {
    code: text(
      { description: 'Its code.', kind: 'code', expected: 'a code of ISO 4217 such as EUR' },
      undefined,
      (value) => (/^[A-Z]{3}$/.test(value) ? value : null),
    ),
    perUsd: leaf<number>({ description: 'How many of it a dollar is.', kind: 'number', range: 'above 0' }, (value) =>
      typeof value === 'number' && Number.isFinite(value) && value > 0
        ? { value }
        : { expected: 'a number above 0 such as 0.92' },
    ),
    date: text(
      {
        description: 'Of which day that is. It is told on statements.',
        kind: 'day',
        expected: 'a day such as 2026-11-28',
      },
      undefined,
      (value) => (/^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : null),
    ),
  },
  { required: ['code', 'perUsd', 'date'], optional: true },
)

export const reports: Field<ReportsConfig> = section<ReportsConfig>(
  { description: 'Statements of what was spent (docs/reports.md).' },
  { scheduled: list({ description: 'Statements that are sent by themselves.' }, scheduled, []), currency },
)
