import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Alert } from '../core/alert.ts'
import { teamOf } from '../core/testing.ts'
import { openTestAdmin, type TestAdmin } from './testing.ts'

const NOON = Date.UTC(2026, 10, 23, 12)
const asked: unknown[] = []
let admin: TestAdmin
beforeEach(async () => {
  asked.length = 0
  admin = await openTestAdmin({
    alerts: {
      destinations: () => ['slack', 'finance.email'],
      try: async (request) => {
        asked.push(request)
        return [{ destination: 'slack', problem: 'it answered 404: no_team' }]
      },
    },
  })
})
afterEach(() => admin.store.close())

const anAlert = (change: Partial<Alert> = {}): Alert =>
  ({
    kind: 'budget_threshold',
    subject: { scope: 'team', id: 'team_1' },
    threshold: 'b 0.8 of 10',
    window: { from: NOON, until: null },
    at: NOON,
    facts: { budget: 'b', share: 0.8, limitUsd: '10', spentUsd: '8', resetsAt: null, onExhausted: 'reject' },
    ...change,
  }) as Alert

test('alerts are listed newest first, in words, with where they went', async () => {
  await admin.store.insertTeam(teamOf())
  await admin.store.raiseAlert(anAlert())
  await admin.store.planAlert(1, { at: NOON, deliveries: [{ destination: 'slack', heldUntil: NOON }] })
  const [claim] = await admin.store.claimDeliveries({ now: NOON, until: NOON + 1 })
  await admin.store.endDelivery(claim!, { type: 'again', nextAt: NOON + 5_000, problem: 'it answered 500' })
  await admin.store.raiseAlert(
    anAlert({
      kind: 'test',
      subject: { scope: 'gateway', id: '' },
      facts: { by: 'x' },
      at: NOON + 1,
    }),
  )
  const { status, json } = await admin.call('GET /admin/alerts', { token: admin.viewerToken })
  expect(status).toBe(200)
  expect(json['data']).toMatchObject([
    { kind: 'test', severity: 'info', deliveries: [] },
    {
      id: expect.stringMatching(/^alert_[0-9a-f]{32}$/),
      kind: 'budget_threshold',
      severity: 'warning',
      at: '2026-11-23T12:00:00.000Z',
      subject: { scope: 'team', id: 'team_1', name: 'research', team: 'team_1' },
      title: '80 % of the budget of the team research are spent',
      data: { share: 0.8, limit_usd: '10' },
      deliveries: [
        {
          destination: 'slack',
          state: 'waiting',
          tries: 1,
          next_at: '2026-11-23T12:00:05.000Z',
          ended_at: null,
          problem: 'it answered 500',
        },
      ],
    },
  ])
  const page = await admin.call('GET /admin/alerts?kind=budget_threshold&limit=1')
  expect(page.json).toMatchObject({ data: [{ kind: 'budget_threshold' }], next: null })
})

test.each([
  ['GET /admin/alerts?kind=weather', 'kind'],
  ['GET /admin/alerts?cursor=x', 'cursor'],
  ['GET /admin/alerts?since=1', 'since'],
])('%s is refused, and says why', async (line, param) => {
  expect(await admin.call(line)).toMatchObject({ status: 400, json: { error: { code: 'request_malformed', param } } })
})

test('a test message goes to all destinations or to one, and what came of it is told', async () => {
  const all = await admin.call('POST /admin/alerts/test', { body: {} })
  const one = await admin.call('POST /admin/alerts/test', { body: { destination: 'finance.email' } })
  expect(all).toMatchObject({
    status: 200,
    json: { data: [{ destination: 'slack', problem: 'it answered 404: no_team' }] },
  })
  expect(one.status).toBe(200)
  expect(asked).toEqual([
    { only: null, by: 'The admin API' },
    { only: 'finance.email', by: 'The admin API' },
  ])
})

test('a test message is refused to who may only read, and to a destination that is none', async () => {
  const viewer = await admin.call('POST /admin/alerts/test', { body: {}, token: admin.viewerToken })
  expect(viewer.status).toBe(403)
  const unknown = await admin.call('POST /admin/alerts/test', { body: { destination: 'slak' } })
  expect(unknown).toMatchObject({
    status: 400,
    json: { error: { param: 'destination', message: 'There is no destination "slak". Did you mean slack?' } },
  })
  expect(asked).toEqual([])
})
