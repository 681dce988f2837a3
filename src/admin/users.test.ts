import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { NO_USAGE } from '../core/usage.ts'
import { saleOf } from '../core/user.ts'
import { openTestAdmin, type TestAdmin } from './testing.ts'

let admin: TestAdmin
beforeEach(async () => {
  admin = await openTestAdmin()
})
afterEach(() => admin.store.close())

async function made(body: object = {}): Promise<string> {
  const { status, json } = await admin.call('POST /admin/users', { body: { login: 'ada', ...body } })
  expect(status).toBe(201)
  return String(json['id'])
}

function refusal({ status, json }: Awaited<ReturnType<TestAdmin['call']>>): unknown {
  const error = json['error'] as { code?: unknown; param?: unknown } | undefined
  return [status, error?.code, error?.param]
}

describe('users', () => {
  test('are made, found by id and login, changed and erased', async () => {
    const id = await made({ password: 'correct horse battery', credit_usd: '2.5' })
    const user = {
      id,
      login: 'ada',
      group: 'default',
      disabled: false,
      created_at: '2026-11-23T12:30:00.000Z',
      invited_by: null,
      balance_usd: '2.5',
      credited_usd: '2.5',
      charged_usd: '0',
      held_usd: '0',
    }
    expect((await admin.call(`GET /admin/users/${id}`)).json).toEqual(user)
    expect((await admin.call('GET /admin/users/Ada')).json).toEqual(user)
    expect((await admin.call('GET /admin/users?login=ADA')).json).toEqual({ data: [user], next: null })
    expect((await admin.call('GET /admin/users?group=none')).json).toEqual({ data: [], next: null })
    await admin.call('POST /admin/groups', { body: { name: 'retail', multiplier: '1.25' } })
    const change = { login: 'Ada@example.com', group: 'retail', disabled: true, password: 'another horse battery' }
    expect((await admin.call(`PATCH /admin/users/${id}`, { body: change })).json).toMatchObject({
      login: 'ada@example.com',
      group: 'retail',
      disabled: true,
    })
    expect((await admin.call(`DELETE /admin/users/${id}`)).status).toBe(204)
    expect((await admin.call('GET /admin/users?login=ada@example.com')).json).toEqual({ data: [], next: null })
    expect((await admin.call(`GET /admin/users/${id}/credits`)).json).toMatchObject({ data: [{ amount_usd: '2.5' }] })
  })

  test.each([
    [{ login: 'ada' }, 409, 'conflict', 'login'],
    [{ login: 'a b' }, 400, 'request_malformed', 'login'],
    [{ login: 'bob', group: 'none' }, 409, 'conflict', 'group'],
    [{ login: 'bob', password: 'short' }, 400, 'request_malformed', 'password'],
    [{ login: 'bob', quota: 5 }, 400, 'request_malformed', 'quota'],
  ])('%p is refused', async (body, status, code, param) => {
    await made()
    expect(refusal(await admin.call('POST /admin/users', { body }))).toEqual([status, code, param])
  })

  test('a change that clashes says with what', async () => {
    const id = await made()
    await made({ login: 'bob' })
    expect(refusal(await admin.call(`PATCH /admin/users/${id}`, { body: { login: 'bob' } }))).toEqual([
      409,
      'conflict',
      'login',
    ])
    expect(refusal(await admin.call(`PATCH /admin/users/${id}`, { body: { group: 'none' } }))).toEqual([
      400,
      'request_malformed',
      'group',
    ])
    expect(refusal(await admin.call('PATCH /admin/users/user_none', { body: {} }))).toEqual([
      404,
      'not_found',
      undefined,
    ])
  })

  test('are credited once for each reference, and money is taken back', async () => {
    const id = await made()
    const credit = (body: object) => admin.call(`POST /admin/users/${id}/credits`, { body })
    expect((await credit({ amount_usd: '20', reference: 'invoice 1', note: 'bank transfer' })).status).toBe(201)
    expect((await credit({ amount_usd: 20, reference: 'invoice 1' })).status).toBe(200)
    expect(refusal(await credit({ amount_usd: '21', reference: 'invoice 1' }))).toEqual([409, 'conflict', undefined])
    expect((await credit({ amount_usd: '-0.000000001' })).status).toBe(201)
    expect(refusal(await credit({ amount_usd: '0' }))).toEqual([400, 'request_malformed', 'amount_usd'])
    expect(refusal(await credit({ amount_usd: '1000001' }))).toEqual([400, 'request_malformed', 'amount_usd'])
    expect((await admin.call(`GET /admin/users/${id}`)).json).toMatchObject({ balance_usd: '19.999999999' })
    expect((await admin.call('GET /admin/credits?kind=topup')).json).toEqual({ data: [], next: null })
    expect((await admin.call('GET /admin/credits')).json).toMatchObject({
      data: [{ user: id }, { reference: 'invoice 1' }],
    })
    expect((await admin.call(`GET /admin/users/${id}/credits?limit=1`)).json).toMatchObject({
      data: [{ kind: 'correction', amount_nano_usd: '-1' }],
      next: expect.any(String),
    })
  })

  test('have keys, which have no team', async () => {
    const id = await made()
    await admin.call('POST /admin/teams', { body: { name: 'research' } })
    const key = (await admin.call('POST /admin/keys', { body: { name: 'laptop', user: 'ada' } })).json
    expect(key).toMatchObject({ user: id, team: null, forbids: ['trace', 'max_cost'] })
    expect(key['endpoints']).not.toContain('pass')
    admin.time.now++
    const all = { name: 'all', user: 'ada', endpoints: null, forbids: [] }
    expect((await admin.call('POST /admin/keys', { body: all })).json).toMatchObject({ endpoints: null, forbids: [] })
    expect((await admin.call(`GET /admin/keys?user=${id}`)).json).toMatchObject({
      data: [{ id: key['id'] }, { name: 'all' }],
    })
    expect(
      refusal(await admin.call('POST /admin/keys', { body: { name: 'x', user: 'ada', team: 'research' } })),
    ).toEqual([400, 'request_malformed', 'team'])
    expect(refusal(await admin.call(`PATCH /admin/keys/${String(key['id'])}`, { body: { team: 'research' } }))).toEqual(
      [400, 'request_malformed', 'team'],
    )
    expect(refusal(await admin.call('POST /admin/keys', { body: { name: 'x', user: 'nobody' } }))).toEqual([
      404,
      'not_found',
      undefined,
    ])
  })
})

test('a budget of a user is named by the login, and counts for the user', async () => {
  const id = await made()
  const body = { scope: 'user', id: 'ada', window: 'day', limit_usd: '5' }
  expect((await admin.call('POST /admin/budgets', { body })).json).toMatchObject({ scope: 'user', subject: id })
  expect(refusal(await admin.call('POST /admin/budgets', { body: { ...body, id: 'nobody' } }))).toEqual([
    404,
    'not_found',
    undefined,
  ])
})

describe('groups', () => {
  test('are made, listed, changed and deleted', async () => {
    const retail = { name: 'retail', multiplier: '1.25', models: ['chat'] }
    expect((await admin.call('POST /admin/groups', { body: retail })).json).toMatchObject(retail)
    expect(refusal(await admin.call('POST /admin/groups', { body: retail }))).toEqual([409, 'conflict', undefined])
    expect(
      (await admin.call('PATCH /admin/groups/retail', { body: { multiplier: 0.5, models: null } })).json,
    ).toMatchObject({ multiplier: '0.5', models: null })
    expect((await admin.call('GET /admin/groups')).json).toMatchObject({
      data: [{ name: 'default', multiplier: '1' }, { name: 'retail' }],
    })
    await made({ group: 'retail' })
    expect(refusal(await admin.call('DELETE /admin/groups/retail'))).toEqual([409, 'conflict', undefined])
    expect(refusal(await admin.call('DELETE /admin/groups/none'))).toEqual([404, 'not_found', undefined])
    expect(refusal(await admin.call('POST /admin/groups', { body: { name: 'x', multiplier: '-1' } }))).toEqual([
      400,
      'request_malformed',
      'multiplier',
    ])
    expect(refusal(await admin.call('PATCH /admin/groups/none', { body: {} }))).toEqual([404, 'not_found', undefined])
  })
})

describe('codes', () => {
  test('are made in batches, listed without themselves, and deleted while nobody has used them', async () => {
    const { status, json } = await admin.call('POST /admin/codes', {
      body: { count: 3, amount_usd: '5', note: 'fair', expires_at: '2027-01-01T00:00:00Z' },
    })
    const codes = json['codes'] as { id: string; code: string }[]
    expect([status, codes.length]).toEqual([201, 3])
    const listed = await admin.call(`GET /admin/codes?batch=${String(json['batch'])}&limit=2`)
    expect(listed.json).toMatchObject({
      data: [{ kind: 'redemption', amount_usd: '5', note: 'fair', used_by: null }, {}],
      next: expect.any(String),
    })
    for (const { code } of codes) expect(listed.text).not.toContain(code)
    expect((await admin.call(`DELETE /admin/codes/${codes[0]?.id}`)).status).toBe(204)
    expect(refusal(await admin.call(`DELETE /admin/codes/${codes[0]?.id}`))).toEqual([404, 'not_found', undefined])
  })

  test.each([
    [{}, 'amount_usd'],
    [{ amount_usd: '5', count: 1001 }, 'count'],
    [{ amount_usd: '5', group: 'default' }, 'group'],
    [{ kind: 'invitation', group: 'none' }, 'group'],
    [{ amount_usd: '5', expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
  ])('%p is refused for its %s', async (body, param) =>
    expect(refusal(await admin.call('POST /admin/codes', { body }))).toEqual([400, 'request_malformed', param]),
  )
})

test('sales are reported with what they cost and the margin, and stand beside their entries', async () => {
  const terms = { userId: 'user_1', group: 'retail', multiplierMillionths: 1_250_000n }
  const entry = (id: string, model: string, costNanoUsd: bigint) =>
    ({
      id,
      at: admin.time.now,
      dimensions: {
        keyId: 'key_1',
        teamId: null,
        endUser: null,
        tags: [],
        requestedModel: model,
        route: model,
        operation: 'chat',
        dialect: 'openai-chat',
      },
      provider: 'up',
      model,
      status: 'complete',
      usage: { ...NO_USAGE, input: 10, output: 2 },
      usageSource: 'reported',
      costNanoUsd,
      unpriced: false,
      priceVersion: 'v',
      sale: saleOf(terms, costNanoUsd),
    }) as const
  await admin.store.commit({
    intents: [],
    entries: [entry('a', 'large', 1_000_000n), entry('b', 'small', 400n)],
    records: [],
  })
  const { json } = await admin.call('GET /admin/reports/sales?by=group,model&bucket=month')
  expect(json).toMatchObject({
    rows: [
      {
        at: '2026-11-01T00:00:00.000Z',
        group: 'retail',
        model: 'large',
        cost_nano_usd: '1000000',
        charged_nano_usd: '1250000',
        margin_nano_usd: '250000',
      },
      { group: 'retail', model: 'small', cost_nano_usd: '400', charged_nano_usd: '500', input_tokens: 10 },
    ],
    total: { requests: 2, cost_usd: '0.0010004', charged_usd: '0.0012505', margin_usd: '0.0002501' },
  })
  expect((await admin.call('GET /admin/reports/sales?user=user_2')).json).toMatchObject({
    rows: [],
    total: { requests: 0 },
  })
  expect(refusal(await admin.call('GET /admin/reports/sales?by=team'))).toEqual([400, 'request_malformed', 'by[0]'])
  expect(refusal(await admin.call('GET /admin/reports/sales?from=2026-11-02&to=2026-11-01'))).toEqual([
    400,
    'request_malformed',
    'from',
  ])
})

test('a viewer sees users and changes none', async () => {
  await made()
  const token = admin.viewerToken
  expect((await admin.call('GET /admin/users', { token })).status).toBe(200)
  expect((await admin.call('POST /admin/codes', { token, body: { amount_usd: '5' } })).status).toBe(403)
})
