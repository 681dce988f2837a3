import { describe, expect, test } from 'bun:test'
import { openTestAdmin, type TestAdmin } from './testing.ts'

type Json = { readonly id: string; readonly [field: string]: unknown }

async function create(admin: TestAdmin, body: object): Promise<Json> {
  const { status, json, text } = await admin.call('POST /admin/budgets', { body })
  if (status !== 201) throw new Error(text)
  return json as Json
}

test('a budget is set, listed with what is spent, changed, raised and removed', async () => {
  const admin = await openTestAdmin()
  const made = await create(admin, { scope: 'gateway', window: 'month', time_zone: 'Europe/Berlin', limit_usd: '500' })
  expect(made).toEqual({
    id: made.id,
    scope: 'gateway',
    subject: null,
    window: 'month',
    time_zone: 'Europe/Berlin',
    limit_usd: '500',
    on_exhausted: 'reject',
    borrow_usd: null,
    alert_at: [0.5, 0.8, 1],
    raises: [],
    source: 'store',
    accounts: [],
  })
  const changed = await admin.call(`PATCH /admin/budgets/${made.id}`, {
    body: { limit_usd: 0.25, on_exhausted: { degrade: { to: 'cheap' } }, alert_at: [] },
  })
  expect(changed.json).toEqual({
    ...made,
    limit_usd: '0.25',
    on_exhausted: { degrade: { to: 'cheap' } },
    alert_at: [],
  })
  const raised = await admin.call(`POST /admin/budgets/${made.id}/raise`, {
    body: { amount_usd: 100, until: '2026-12-01T00:00:00Z' },
  })
  expect(raised.json['raises']).toEqual([{ amount_usd: '100', until: '2026-12-01T00:00:00.000Z' }])
  expect((await admin.call('GET /admin/budgets')).json).toEqual({ data: [raised.json], next: null })
  expect((await admin.call(`GET /admin/budgets/${made.id}`)).json).toEqual(raised.json)
  expect((await admin.call(`DELETE /admin/budgets/${made.id}`)).status).toBe(204)
  expect((await admin.call(`GET /admin/budgets/${made.id}`)).status).toBe(404)
  await admin.store.close()
})

test('a key and a team come with a budget of their own', async () => {
  const admin = await openTestAdmin()
  const budget = { window: 'rolling 24h', limit_usd: '20' }
  const team = (await admin.call('POST /admin/teams', { body: { name: 'research', organisation: 'acme', budget } }))
    .json
  const key = (await admin.call('POST /admin/keys', { body: { name: 'laptop', team: 'research', budget } })).json
  expect(team['organisation']).toBe('acme')
  const of = async (query: string): Promise<unknown[]> =>
    ((await admin.call(`GET /admin/budgets?${query}`)).json['data'] as Json[]).map(({ subject }) => subject)
  expect(await of('scope=team')).toEqual([team['id']])
  expect(await of(`scope=key&id=${String(key['id'])}`)).toEqual([key['id']])
  await admin.store.close()
})

test('a team is named by id or name, a key by its id', async () => {
  const admin = await openTestAdmin()
  const { json: team } = await admin.call('POST /admin/teams', { body: { name: 'research' } })
  const limits = { window: 'day', limit_usd: 1 }
  expect((await create(admin, { scope: 'team', id: 'research', ...limits }))['subject']).toBe(team['id'])
  const unknown = await admin.call('POST /admin/budgets', { body: { scope: 'key', id: 'key_x', ...limits } })
  expect([unknown.status, unknown.text]).toEqual([400, expect.stringContaining('no key with the id')])
  await admin.store.close()
})

describe('a budget that makes no sense is refused with the field that is wrong', () => {
  const good = { scope: 'tag', id: 'night', window: 'day', limit_usd: 1 }
  test.each([
    ['scope', { ...good, scope: 'keys' }],
    ['window', { ...good, window: 'fortnight' }],
    ['time_zone', { ...good, time_zone: 'Berlin' }],
    ['limit_usd', { ...good, limit_usd: -1 }],
    ['limit_usd', { ...good, limit_usd: '0.0000000001' }],
    ['on_exhausted', { ...good, on_exhausted: 'explode' }],
    ['alert_at[0]', { ...good, alert_at: [0] }],
    ['id', { ...good, scope: 'gateway' }],
    ['limit', { ...good, limit: 5 }],
  ])('%s', async (param, body) => {
    const admin = await openTestAdmin()
    const { status, json } = await admin.call('POST /admin/budgets', { body })
    expect([status, json]).toEqual([400, { error: expect.objectContaining({ code: 'request_malformed', param }) }])
    await admin.store.close()
  })

  test('a raise that is over already, a zone without its window', async () => {
    const admin = await openTestAdmin()
    const { id } = await create(admin, good)
    const late = await admin.call(`POST /admin/budgets/${id}/raise`, {
      body: { amount_usd: 1, until: '2026-01-01T00:00:00Z' },
    })
    expect([late.status, late.text]).toEqual([400, expect.stringContaining('in the future')])
    const zone = await admin.call(`PATCH /admin/budgets/${id}`, { body: { time_zone: 'Europe/Berlin' } })
    expect([zone.status, zone.text]).toEqual([400, expect.stringContaining('window')])
    await admin.store.close()
  })
})

test('a budget of the file is shown and not changed here; a viewer may look', async () => {
  const written = {
    id: 'config:gateway:*:month',
    scope: 'gateway' as const,
    subject: null,
    window: { type: 'once' as const },
    limitNanoUsd: 5n,
    onExhausted: { type: 'alert' as const },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'config' as const,
    createdAt: 0,
  }
  const budgets = { list: () => [written], state: () => [], refresh: async () => {} }
  const admin = await openTestAdmin({ budgets })
  const viewed = await admin.call('GET /admin/budgets', { token: admin.viewerToken })
  expect(viewed.json['data']).toMatchObject([{ id: written.id, source: 'config', limit_usd: '0.000000005' }])
  const path = `/admin/budgets/${encodeURIComponent(written.id)}`
  expect((await admin.call(`PATCH ${path}`, { body: { limit_usd: 1 } })).status).toBe(409)
  expect((await admin.call(`DELETE ${path}`, { token: admin.viewerToken })).status).toBe(403)
  await admin.store.close()
})
