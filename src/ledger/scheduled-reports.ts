// Sends statements of weeks and months that have ended, through the outbox of alerts.
//
// There is no clockwork to miss a beat: each look asks which time ended last and whether its report is due, and raises it.
// The outbox takes a report of one name, subject and time once, whoever raises it and how often, so a restart, a crash or a
// second process neither skips nor repeats one. A gateway that was down for months sends the last of them only.
import type { ReportsConfig, ScheduledReportConfig } from '../config/schema-reports.ts'
import type { AlertOf } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import type { Team } from '../core/key.ts'
import { allOf } from '../core/all-pages.ts'
import type { KeyStore, ReportStore } from '../store/store.ts'
import {
  gatherStatement,
  monthOf,
  namesOf,
  type StatementSubject,
  statementTitle,
  type StatementTime,
} from './statement.ts'
import { statementJson, statementText } from './statement-text.ts'

export type ScheduledReportsOptions = {
  readonly store: Pick<ReportStore, 'spend'> & Pick<KeyStore, 'listKeys' | 'listTeams'>
  readonly clock: Clock
  /** Asked each time: a reload may change it. */
  readonly config: () => ReportsConfig
  /** False: it was raised before. */
  readonly raise: (alert: AlertOf<'report'>) => Promise<boolean>
  readonly onError: (error: unknown) => void
}

const EVERY_MS = 60_000
const DAY_MS = 86_400_000

/** Begins at once; returns a function that ends it. */
export function startScheduledReports({ store, clock, config, raise, onError }: ScheduledReportsOptions): () => void {
  /** Report → start of the time that was raised last, so that it is not gathered again every minute. */
  const raised = new Map<string, number>()
  let stopped = false
  let cancel = (): void => {}
  const next = (delayMs: number): void => {
    if (!stopped) cancel = clock.after(delayMs, () => void look())
  }

  async function look(): Promise<void> {
    const { scheduled } = config()
    for (const report of scheduled)
      try {
        const time = endedBefore(report.every, clock.now())
        if (raised.get(report.name) === time.from || !isDue(report, time, clock.now())) continue
        await send(report, time)
        raised.set(report.name, time.from)
      } catch (error) {
        // The next look tries again.
        onError(error)
      }
    next(EVERY_MS)
  }

  async function send(report: ScheduledReportConfig, time: StatementTime): Promise<void> {
    const teams = await allOf((query) => store.listTeams(query))
    const names = await namesOf(store)
    for (const subject of subjectsOf(report, teams)) {
      const statement = await gatherStatement(subject, time, { store, now: clock.now(), names })
      // A team that asked for nothing need not hear of it, and a gateway that is new has nothing to tell.
      const isQuiet = statement.total.requests === 0
      if (isQuiet && (report.eachTeam || statement.before.requests === 0)) continue
      const { currency = null } = config()
      const { statementHtml, statementChart } = await import('./statement-html.ts')
      const chart = await statementChart(statement, currency)
      const html = await statementHtml(statement, currency)
      await raise({
        kind: 'report',
        subject: subject.scope === 'gateway' ? { scope: 'gateway', id: '' } : subject,
        threshold: report.name,
        window: { from: time.from, until: time.until },
        at: clock.now(),
        facts: {
          title: statementTitle(statement),
          text: statementText(statement, currency),
          data: { ...statementJson(statement), chart_svg: chart },
          html,
          attachments: [
            { name: `statement-${time.name}.html`, contentType: 'text/html; charset=utf-8', text: html },
            { name: `spend-${time.name}.svg`, contentType: 'image/svg+xml', text: chart },
          ],
        },
        ...(report.recipients === undefined ? {} : { recipients: report.recipients }),
      })
    }
  }

  next(0)
  return () => {
    stopped = true
    cancel()
  }
}

function subjectsOf(
  { name, team, eachTeam }: ScheduledReportConfig,
  teams: readonly Team[],
): readonly StatementSubject[] {
  const ofTeam = (one: Team): StatementSubject => ({ scope: 'team', id: one.id, name: one.name })
  if (eachTeam) return teams.map(ofTeam)
  if (team === undefined) return [{ scope: 'gateway' }]
  const found = teams.find((one) => one.id === team || one.name === team)
  if (found === undefined) throw new Error(`the report ${name} is of the team ${team}, and there is none of that name`)
  return [ofTeam(found)]
}

/** The last week or month of UTC that has ended by then. */
export function endedBefore(every: ScheduledReportConfig['every'], now: number): StatementTime {
  switch (every) {
    case 'month':
      return monthOf(monthOf(now).from - 1)
    case 'week': {
      const today = now - (now % DAY_MS)
      const until = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY_MS
      const from = until - 7 * DAY_MS
      return { from, until, name: `the week of ${new Date(from).toISOString().slice(0, 10)}` }
    }
  }
}

/** Whether the hour of the report has come, on the clock of its time zone, on the day after the time or later. */
export function isDue({ at, timeZone }: ScheduledReportConfig, { until }: StatementTime, now: number): boolean {
  // The Swedish way of writing a moment is the one that sorts.
  const here = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(now)
  const time = `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`
  return here >= `${new Date(until).toISOString().slice(0, 10)} ${time}`
}
