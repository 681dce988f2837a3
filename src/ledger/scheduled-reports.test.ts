import { afterEach, expect, test } from 'bun:test'
import { configOf } from '../config/testing.ts'
import type { AlertOf } from '../core/alert.ts'
import type { Entry } from '../core/ledger.ts'
import { entryOf, teamOf } from '../core/testing.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { endedBefore, isDue, startScheduledReports } from './scheduled-reports.ts'

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

test.each([
  ['month', '2026-12-01T00:00:00Z', '2026-11-01', '2026-12-01', '2026-11'],
  ['month', '2026-11-30T23:59:59Z', '2026-10-01', '2026-11-01', '2026-10'],
  ['month', '2027-01-15T00:00:00Z', '2026-12-01', '2027-01-01', '2026-12'],
  // A Monday, and the Sunday before.
  ['week', '2026-11-30T00:00:00Z', '2026-11-23', '2026-11-30', 'the week of 2026-11-23'],
  ['week', '2026-11-29T23:59:59Z', '2026-11-16', '2026-11-23', 'the week of 2026-11-16'],
] as const)('the %s that had ended at %s', (every, now, from, until, name) => {
  const time = endedBefore(every, Date.parse(now))
  expect([day(time.from), day(time.until), time.name]).toEqual([from, until, name])
})

test.each([
  ['UTC', '2026-12-01T07:59:00Z', false],
  ['UTC', '2026-12-01T08:00:00Z', true],
  ['UTC', '2026-12-09T03:00:00Z', true],
  ['Europe/Berlin', '2026-12-01T06:59:00Z', false],
  ['Europe/Berlin', '2026-12-01T07:00:00Z', true],
  ['America/Los_Angeles', '2026-12-01T15:59:00Z', false],
  ['America/Los_Angeles', '2026-12-01T16:00:00Z', true],
  // Its eight o'clock comes before the month of UTC has ended.
  ['Asia/Tokyo', '2026-12-01T00:00:00Z', true],
])('at eight in %s, %s is late enough: %p', (timeZone, now, expected) => {
  const [report] = configOf({ reports: { scheduled: [{ name: 'r', time_zone: timeZone }] } }).reports.scheduled
  if (report === undefined) throw new Error('no report')
  expect(isDue(report, endedBefore('month', Date.parse(now)), Date.parse(now))).toBe(expected)
})

const started: (() => void)[] = []
afterEach(() => {
  for (const stop of started.splice(0)) stop()
})

const entry = (id: string, teamId: string | null, at: string): Entry =>
  entryOf({ id, at: Date.parse(at), dimensions: { teamId }, provider: 'p', costNanoUsd: 2_500_000_000n })

/** A store with two teams, one of which spent something in November, and reports over it. */
async function start(scheduled: readonly object[], now: string, raised: AlertOf<'report'>[], errors: unknown[] = []) {
  const store: Store = openSqliteStore({ path: ':memory:', sync: 'process' })
  for (const name of ['research', 'idle']) await store.insertTeam(teamOf({ id: `team_${name}`, name }))
  await store.commit({ intents: [], records: [], entries: [entry('a', 'team_research', '2026-11-10T00:00:00Z')] })
  let at = Date.parse(now)
  let timers: (() => void)[] = []
  const looked = Promise.withResolvers<void>()
  let waiting = looked
  const clock = {
    now: () => at,
    monotonicMs: () => at,
    after(_: number, run: () => void) {
      timers.push(run)
      waiting.resolve()
      return () => void (timers = timers.filter((timer) => timer !== run))
    },
  }
  const keys = new Set<string>()
  const currency = { code: 'EUR', per_usd: 0.9, date: '2026-11-28' }
  const config = configOf({ reports: { scheduled, currency } }).reports
  const stop = startScheduledReports({
    store,
    clock,
    config: () => config,
    raise: async (alert) => {
      const key = `${alert.subject.id} ${alert.threshold} ${alert.window.from}`
      if (keys.has(key)) return false
      keys.add(key)
      raised.push(alert)
      return true
    },
    onError: (error) => errors.push(error),
  })
  started.push(stop)
  return {
    /** The next look, at this moment. */
    look: async (moment: string): Promise<void> => {
      at = Date.parse(moment)
      waiting = Promise.withResolvers<void>()
      const due = timers.splice(0)
      for (const run of due) run()
      await waiting.promise
    },
  }
}

test('a month is told once, when its hour has come, with chart and page', async () => {
  const raised: AlertOf<'report'>[] = []
  const { look } = await start([{ name: 'all', recipients: ['finance'] }], '2026-12-01T07:00:00Z', raised)
  await look('2026-12-01T07:59:00Z')
  // The month has ended, its hour has not come.
  expect(raised.map(({ facts }) => facts.title)).toEqual([])
  await look('2026-12-01T08:00:00Z')
  await look('2026-12-01T08:01:00Z')
  await look('2026-12-02T08:01:00Z')
  expect(raised).toHaveLength(1)
  const [alert] = raised
  expect(alert).toMatchObject({
    kind: 'report',
    subject: { scope: 'gateway', id: '' },
    threshold: 'all',
    window: { from: Date.UTC(2026, 10, 1), until: Date.UTC(2026, 11, 1) },
    recipients: ['finance'],
    facts: { title: 'Spend of the gateway in 2026-11', data: { total: { cost_usd: '2.5' } } },
  })
  // Shown in euros; the exact dollars stand beside.
  expect(alert?.facts.text).toContain('€2.25')
  const page = alert?.facts.html?.replaceAll(/\s+/g, ' ')
  expect(page).toContain('In all exactly $2.5.')
  expect(page).toContain('shown in EUR at 0.9 for a dollar, of 2026-11-28')
  expect(alert?.facts.data['chart_svg']).toEqual(expect.stringMatching(/^<svg/))
  expect(alert?.facts.attachments.map(({ name }) => name)).toEqual(['statement-2026-11.html', 'spend-2026-11.svg'])
  await look('2027-01-01T08:00:00Z')
  expect(raised.map(({ facts }) => facts.title)).toEqual([
    'Spend of the gateway in 2026-11',
    'Spend of the gateway in 2026-12',
  ])
})

test('where nothing was ever asked, nothing is told', async () => {
  const raised: AlertOf<'report'>[] = []
  const { look } = await start([{ name: 'all' }], '2026-10-02T09:00:00Z', raised)
  await look('2026-10-02T09:01:00Z')
  expect(raised).toEqual([])
})

test('each team hears of itself, if there is something to hear', async () => {
  const raised: AlertOf<'report'>[] = []
  const { look } = await start([{ name: 'teams', each_team: true }], '2026-12-01T09:00:00Z', raised)
  await look('2026-12-01T09:01:00Z')
  expect(raised.map(({ subject, recipients }) => [subject, recipients])).toEqual([
    [{ scope: 'team', id: 'team_research', name: 'research' }, undefined],
  ] as never)
})

test('a report of a team that is gone is told of, and keeps no other one back', async () => {
  const [raised, errors]: [AlertOf<'report'>[], unknown[]] = [[], []]
  const scheduled = [
    { name: 'lost', team: 'nobody' },
    { name: 'monthly', team: 'research' },
  ]
  const { look } = await start(scheduled, '2026-12-01T09:00:00Z', raised, errors)
  await look('2026-12-01T09:01:00Z')
  expect(raised.map(({ facts }) => facts.title)).toEqual(['Spend of the team research in 2026-11'])
  expect(String(errors[0])).toContain('of the team nobody')
})
