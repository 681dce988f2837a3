import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Dimensions, Entry, RequestRecord } from '../core/ledger.ts'
import type { Outcome } from '../core/outcome.ts'
import { NO_USAGE } from '../core/usage.ts'
import { openTestAdmin, type TestAdmin } from './testing.ts'

const AT = Date.UTC(2026, 10, 23, 12, 10)
const HOUR_MS = 3_600_000

let admin: TestAdmin
beforeEach(async () => {
  admin = await openTestAdmin()
})
afterEach(() => admin.store.close())

const dimensions: Dimensions = {
  keyId: 'key_1',
  teamId: 'team_1',
  endUser: 'ada',
  tags: ['eu', 'beta'],
  requestedModel: 'chat',
  route: 'chat',
  operation: 'chat',
  dialect: 'openai-chat',
}
const usage = { ...NO_USAGE, input: 120, cacheWrite5m: 7, output: 48 }

function entryOf(id: string, fields: Partial<Entry> = {}): Entry {
  return {
    id,
    at: AT,
    dimensions,
    provider: 'openai',
    model: 'gpt-5-mini',
    status: 'complete',
    usage,
    usageSource: 'reported',
    costNanoUsd: 1_500_000n,
    unpriced: false,
    priceVersion: 'v1',
    ...fields,
  }
}

function recordOf(id: string, fields: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    clientRequestId: 'mine',
    at: AT,
    dimensions,
    status: 200,
    errorCode: null,
    target: 'openai/gpt-5-mini',
    stream: true,
    durationMs: 900,
    ttftMs: 200,
    overheadMs: 1.5,
    attempts: [],
    finishReason: 'stop',
    rawUsage: '{"prompt_tokens":127}',
    usage,
    usageSource: 'reported',
    costNanoUsd: 1_500_000n,
    ...fields,
  }
}

/** What never reached a provider. */
const refused: Partial<RequestRecord> = {
  clientRequestId: null,
  dimensions: { ...dimensions, keyId: 'key_2', teamId: null, endUser: null, tags: [] },
  status: 429,
  errorCode: 'rate_limited',
  target: null,
  stream: false,
  ttftMs: null,
  finishReason: null,
  rawUsage: null,
  usage: null,
  usageSource: null,
  costNanoUsd: null,
}

async function commit(entries: readonly Entry[], records: readonly RequestRecord[]): Promise<void> {
  await admin.store.commit({ intents: [], entries, records })
}

async function idsOf(query: string): Promise<readonly unknown[]> {
  const { json } = await admin.call(`GET /admin/requests${query}`)
  return (json['data'] as { id: unknown }[]).map(({ id }) => id)
}

describe('the request log', () => {
  test('one request comes with its attempts and its entry', async () => {
    const attempt = {
      credentialId: 'openai#1',
      status: 429,
      startedAt: AT,
      durationMs: 12,
      ttftMs: null,
      message: 'slow down',
    }
    const outcomes: Outcome[] = [
      { type: 'rate_limited', retryAfterMs: 1200 },
      { type: 'timed_out', stage: 'connect' },
      { type: 'unreachable', reason: 'refused' },
      { type: 'answered' },
    ]
    const attempts = outcomes.map((outcome, index) => ({
      ...attempt,
      target: `openai/m${index}`,
      outcome,
      ...(index === 1 ? { consumed: { usage: { ...NO_USAGE, input: 9 }, costNanoUsd: 9_000n } } : {}),
    }))
    const part = { provider: 'azure', model: 'gpt-5', costNanoUsd: 9_000n, unpriced: false, priceVersion: 'v1' }
    const parts = [{ ...part, usage: { ...NO_USAGE, output: 3 } }]
    await commit([entryOf('req_1', { savedNanoUsd: 2_500_000n, parts })], [recordOf('req_1', { attempts })])
    const { status, json } = await admin.call('GET /admin/requests/req_1')
    const who = {
      key: 'key_1',
      team: 'team_1',
      end_user: 'ada',
      tags: ['eu', 'beta'],
      requested_model: 'chat',
      route: 'chat',
      operation: 'chat',
      dialect: 'openai-chat',
      organisation: null,
      task: null,
      purpose: null,
    }
    const what = {
      usage: { input: 120, cache_write_5m: 7, output: 48 },
      usage_source: 'reported',
      cost_usd: '0.0015',
      cost_nano_usd: '1500000',
    }
    const tried = {
      credential: 'openai#1',
      status: 429,
      started_at: '2026-11-23T12:10:00.000Z',
      duration_ms: 12,
      ttft_ms: null,
      message: 'slow down',
      stage: null,
      reason: null,
      retry_after_ms: null,
      consumed: null,
    }
    expect(status).toBe(200)
    expect(json).toEqual({
      id: 'req_1',
      client_request_id: 'mine',
      at: '2026-11-23T12:10:00.000Z',
      ...who,
      status: 200,
      error: null,
      target: 'openai/gpt-5-mini',
      path: null,
      stream: true,
      duration_ms: 900,
      ttft_ms: 200,
      overhead_ms: 1.5,
      finish_reason: 'stop',
      ...what,
      raw_usage: '{"prompt_tokens":127}',
      saved_usd: null,
      plan: null,
      attempts: [
        { ...tried, target: 'openai/m0', outcome: 'rate_limited', retry_after_ms: 1200 },
        {
          ...tried,
          target: 'openai/m1',
          outcome: 'timed_out',
          stage: 'connect',
          consumed: { usage: { input: 9 }, cost_usd: '0.000009', cost_nano_usd: '9000' },
        },
        { ...tried, target: 'openai/m2', outcome: 'unreachable', reason: 'refused' },
        { ...tried, target: 'openai/m3', outcome: 'answered' },
      ],
      entry: {
        id: 'req_1',
        at: '2026-11-23T12:10:00.000Z',
        ...who,
        provider: 'openai',
        model: 'gpt-5-mini',
        status: 'complete',
        ...what,
        unpriced: false,
        price_version: 'v1',
        saved_usd: '0.0025',
        parts: [
          {
            provider: 'azure',
            model: 'gpt-5',
            usage: { output: 3 },
            cost_usd: '0.000009',
            cost_nano_usd: '9000',
            unpriced: false,
            price_version: 'v1',
          },
        ],
        sale: null,
      },
    })
  })

  test('a request that reached no provider has no entry and no cost', async () => {
    await commit([], [recordOf('req_2', refused)])
    expect((await admin.call('GET /admin/requests/req_2')).json).toMatchObject({
      error: 'rate_limited',
      usage: null,
      cost_usd: null,
      cost_nano_usd: null,
      raw_usage: null,
      entry: null,
    })
  })

  test('an unknown request is not found', async () => {
    const { status, json } = await admin.call('GET /admin/requests/req_9')
    expect([status, json['error']]).toMatchObject([404, { code: 'not_found' }])
  })

  test('the list is newest first, in pages, narrowed by each filter', async () => {
    await commit(
      [],
      [
        recordOf('req_1', { at: AT }),
        recordOf('req_2', { at: AT + 1000, ...refused }),
        recordOf('req_3', { at: AT + 2000, status: 502, target: 'claude/haiku' }),
      ],
    )
    expect(await idsOf('')).toEqual(['req_3', 'req_2', 'req_1'])
    expect(await idsOf('?key=key_2')).toEqual(['req_2'])
    expect(await idsOf('?team=team_1')).toEqual(['req_3', 'req_1'])
    expect(await idsOf('?provider=claude')).toEqual(['req_3'])
    expect(await idsOf('?status=429')).toEqual(['req_2'])
    expect(await idsOf('?status=5xx')).toEqual(['req_3'])
    expect(await idsOf('?from=2026-11-23T12:10:01Z')).toEqual(['req_3', 'req_2'])
    expect(await idsOf('?from=2026-11-23T12:10:01Z&to=2026-11-23T12:10:02Z')).toEqual(['req_2'])
    expect(await idsOf('?to=2026-11-23')).toEqual([])
    const { json } = await admin.call('GET /admin/requests?limit=2')
    expect(json['next']).toBeString()
    expect(await idsOf(`?limit=2&cursor=${encodeURIComponent(json['next'] as string)}`)).toEqual(['req_1'])
  })

  test('a filter by model finds the model that was asked for', async () => {
    await commit(
      [],
      [
        recordOf('req_1'),
        recordOf('req_2', {
          dimensions: { ...dimensions, requestedModel: 'other', route: 'other' },
          target: 'openai/other',
        }),
      ],
    )
    expect(await idsOf('?model=other')).toEqual(['req_2'])
  })

  test.each([
    ['?status=6xx', 'status'],
    ['?status=ok', 'status'],
    ['?from=yesterday', 'from'],
    ['?to=3', 'to'],
    ['?user=ada', 'user'],
    ['?key=', 'key'],
  ])('the query %s is refused', async (query, param) => {
    const { status, json } = await admin.call(`GET /admin/requests${query}`)
    expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param }])
  })
})

describe('the spend report', () => {
  beforeEach(() =>
    commit(
      [
        entryOf('req_1'),
        entryOf('req_2', { model: 'gpt-5', costNanoUsd: 9_007_199_254_740_993n }),
        entryOf('req_3', {
          at: AT - HOUR_MS,
          dimensions: { ...dimensions, teamId: null, tags: [], endUser: '=1+1' },
          costNanoUsd: 0n,
          unpriced: true,
        }),
      ],
      [],
    ),
  )

  test('sums by what is asked, dearest first, exact beyond 2^53', async () => {
    const { status, json } = await admin.call('GET /admin/reports/spend?by=team,model')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      from: '2026-10-24T13:00:00.000Z',
      to: '2026-11-23T13:00:00.000Z',
      rows: [
        {
          team: 'team_1',
          model: 'gpt-5',
          requests: 1,
          unpriced_requests: 0,
          cost_usd: '9007199.254740993',
          cost_nano_usd: '9007199254740993',
          usage: { input: 120, cache_write_5m: 7, output: 48 },
        },
        expect.objectContaining({ team: 'team_1', model: 'gpt-5-mini', cost_usd: '0.0015' }),
        expect.objectContaining({ team: null, model: 'gpt-5-mini', unpriced_requests: 1, cost_usd: '0' }),
      ],
      total: {
        requests: 3,
        unpriced_requests: 1,
        cost_usd: '9007199.256240993',
        cost_nano_usd: '9007199256240993',
        usage: { input: 360, cache_write_5m: 21, output: 144 },
      },
    })
  })

  test('without a dimension there is one row', async () => {
    const { json } = await admin.call('GET /admin/reports/spend')
    expect(json['rows']).toEqual([json['total']])
  })

  test('an empty range has no rows and a total of nothing', async () => {
    const { json } = await admin.call('GET /admin/reports/spend?from=2020-01-01&to=2020-01-02')
    expect(json).toEqual({
      from: '2020-01-01T00:00:00.000Z',
      to: '2020-01-02T00:00:00.000Z',
      rows: [],
      total: {
        requests: 0,
        answered_requests: 0,
        unpriced_requests: 0,
        cost_usd: '0',
        cost_nano_usd: '0',
        saved_usd: '0',
        saved_nano_usd: '0',
        cache_saved_usd: '0',
        cost_per_request_usd: null,
        cost_per_answer_usd: null,
        usage: {},
      },
    })
  })

  test('the total by tag counts each request once', async () => {
    const { json } = await admin.call('GET /admin/reports/spend?by=tag')
    const rows = json['rows'] as { tag: string | null; requests: number }[]
    expect(rows.map(({ requests }) => requests).reduce((sum, part) => sum + part, 0)).toBe(5)
    expect(json['total']).toMatchObject({ requests: 3, cost_nano_usd: '9007199256240993' })
  })

  test('with a bucket, rows come by time', async () => {
    const { json } = await admin.call('GET /admin/reports/spend?bucket=hour&by=team,team')
    expect(json['rows']).toMatchObject([
      { at: '2026-11-23T11:00:00.000Z', team: null, requests: 1 },
      { at: '2026-11-23T12:00:00.000Z', team: 'team_1', requests: 2 },
    ])
  })

  test('what is told is narrowed to what is named', async () => {
    const { json } = await admin.call('GET /admin/reports/spend?by=model&team=team_1&model=gpt-5')
    expect(json).toMatchObject({ rows: [{ model: 'gpt-5', requests: 1 }], total: { requests: 1 } })
    expect((await admin.call('GET /admin/reports/spend?team=nobody')).json).toMatchObject({ rows: [] })
  })

  test('percentiles come when they are asked for', async () => {
    const { json } = await admin.call('GET /admin/reports/spend?by=key&percentiles=true')
    for (const row of json['rows'] as object[])
      expect(row).toMatchObject({ request_cost_usd: { p50: expect.any(String), p99: expect.any(String) } })
  })

  test('a range is widened to whole hours', async () => {
    const query = '?from=2026-11-23T12:20:00Z&to=2026-11-23T12:21:00Z'
    expect((await admin.call(`GET /admin/reports/spend${query}`)).json).toMatchObject({
      from: '2026-11-23T12:00:00.000Z',
      to: '2026-11-23T13:00:00.000Z',
      total: { requests: 2 },
    })
  })

  test('as CSV it is safe to open in a spreadsheet', async () => {
    const { status, headers, text } = await admin.call(
      'GET /admin/reports/spend?by=end_user,team&bucket=day&format=csv',
    )
    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
    const lines = text.split('\r\n')
    expect(lines[0]).toStartWith(
      'at,end_user,team,requests,answered_requests,unpriced_requests,cost_usd,cost_nano_usd,saved_usd,cache_saved_usd,input,',
    )
    expect(lines.slice(1, 3).toSorted()).toEqual([
      expect.stringMatching(/^2026-11-23T00:00:00\.000Z,'=1\+1,,1,1,1,0,0,0,0,120,0,7,/),
      expect.stringMatching(
        /^2026-11-23T00:00:00\.000Z,ada,team_1,2,2,0,9007199\.256240993,9007199256240993,0,0,240,0,14,/,
      ),
    ])
    expect(lines.length).toBe(4)
  })

  test.each([
    ['?by=colour', 'by[0]'],
    ['?by=team,colour', 'by[1]'],
    ['?bucket=minute', 'bucket'],
    ['?format=xml', 'format'],
    ['?by=status&percentiles=true', 'percentiles'],
    ['?from=2026-11-24&to=2026-11-23', 'from'],
    ['?from=2026-11-23&to=2026-11-23', 'from'],
    ['?since=7d', 'since'],
  ])('the query %s is refused', async (query, param) => {
    const { status, json } = await admin.call(`GET /admin/reports/spend${query}`)
    expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param }])
  })

  test('the forecast begins with the month', async () => {
    const { status, json } = await admin.call('GET /admin/reports/forecast')
    expect(status).toBe(200)
    expect((json['data'] as object[])[0]).toMatchObject({
      budget: null,
      scope: 'gateway',
      until: '2026-12-01T00:00:00.000Z',
    })
  })

  test('a statement of a month is told as JSON, and as a page that may load nothing', async () => {
    const { json } = await admin.call('GET /admin/reports/statement?month=2026-11')
    expect(json).toMatchObject({
      subject: { scope: 'gateway' },
      total: { requests: 3 },
      from: '2026-11-01T00:00:00.000Z',
    })
    const page = await admin.call('GET /admin/reports/statement?organisation=acme&format=html')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).toContain('Spend of the organisation acme')
  })

  test.each([
    ['?month=2026-13', 400],
    ['?team=a&key=b', 400],
    ['?team=nobody', 404],
    ['?key=nobody', 404],
  ])('a statement of %s is refused', async (query, status) => {
    expect((await admin.call(`GET /admin/reports/statement${query}`)).status).toBe(status)
  })
})
