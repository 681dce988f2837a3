import { expect, test } from 'bun:test'
import { NO_USAGE } from '../core/usage.ts'
import type { SpendRow } from '../store/store.ts'
import { reportCsv, reportJson, reportTable } from './report.ts'

const DAY = Date.UTC(2026, 10, 20)

const ROWS: readonly SpendRow[] = [
  {
    group: { team: 'research', model: 'gpt-5' },
    at: DAY,
    requests: 12,
    answeredRequests: 10,
    costNanoUsd: 9_007_199_254_740_993_000_000_001n,
    savedNanoUsd: 0n,
    cacheSavedNanoUsd: 0n,
    unpricedRequests: 0,
    usage: { ...NO_USAGE, input: 1_000, cacheRead: 200, output: 30, reasoning: 4 },
  },
  {
    group: { team: null, model: '=cmd("x"),y' },
    at: DAY,
    requests: 3,
    answeredRequests: 0,
    costNanoUsd: 1_500_000n,
    savedNanoUsd: 0n,
    cacheSavedNanoUsd: 0n,
    unpricedRequests: 2,
    usage: { ...NO_USAGE, seconds: 0.5 },
  },
]
const SHAPE = { by: ['team', 'model'], bucket: 'day' } as const

test('the table is aligned, has a total and says what had no price', () => {
  expect(reportTable(ROWS, SHAPE)).toBe(
    [
      'day         team      model        requests  input tokens  output tokens                    cost usd',
      '2026-11-20  research  gpt-5              12          1200             34  9007199254740993.000000001',
      '2026-11-20  -         =cmd("x"),y         3             0              0                      0.0015',
      'total                                    15                               9007199254740993.001500001',
      '2 requests used models without a price and are counted as 0 here.',
      '',
    ].join('\n'),
  )
})

test('a table without groups is one line and its sum', () => {
  const [first] = ROWS
  if (first === undefined) throw new Error('no rows')
  const text = reportTable([{ ...first, at: null, group: {} }], { by: [], bucket: null })
  expect(text.split('\n')[0]).toBe('requests  input tokens  output tokens                    cost usd')
})

test.each([
  ['hour', '2026-11-20 00:00'],
  ['day', '2026-11-20'],
  ['month', '2026-11'],
] as const)('a bucket of a %s starts with %s', (bucket, expected) => {
  expect(reportTable(ROWS, { by: ['team'], bucket }).split('\n')[1]).toStartWith(`${expected}  research`)
})

test('JSON has exact money as text and only units that were used', () => {
  expect(JSON.parse(reportJson(ROWS, SHAPE))).toMatchObject({
    rows: [
      {
        at: '2026-11-20T00:00:00.000Z',
        team: 'research',
        model: 'gpt-5',
        requests: 12,
        answered_requests: 10,
        cost_per_request_usd: '750599937895082.75',
        cost_per_answer_usd: '900719925474099.3',
        cost_usd: '9007199254740993.000000001',
        cost_nano_usd: '9007199254740993000000001',
        unpriced_requests: 0,
        usage: { input: 1_000, cache_read: 200, output: 30, reasoning: 4 },
      },
      {
        at: '2026-11-20T00:00:00.000Z',
        team: null,
        model: '=cmd("x"),y',
        requests: 3,
        cost_per_answer_usd: null,
        cost_usd: '0.0015',
        cost_nano_usd: '1500000',
        unpriced_requests: 2,
        usage: { seconds: 0.5 },
      },
    ],
    total: {
      requests: 15,
      cost_usd: '9007199254740993.001500001',
      cost_nano_usd: '9007199254740993001500001',
      unpriced_requests: 2,
    },
  })
})

test('rows by tag have no total, because a request counts for each of its tags', () => {
  const shape = { by: ['tag'], bucket: null } as const
  expect(JSON.parse(reportJson(ROWS, shape))).toMatchObject({ total: null, rows: [{ tag: null }, { tag: null }] })
  expect(reportTable(ROWS, shape)).not.toContain('total')
})

test('CSV quotes what needs it and disarms formulas', () => {
  const lines = reportCsv(ROWS, SHAPE).split('\r\n')
  expect(lines[0]).toBe(
    'at,team,model,requests,answered_requests,unpriced_requests,cost_usd,cost_nano_usd,saved_usd,cache_saved_usd,input,cache_read,cache_write_5m,cache_write_1h,output,reasoning,audio_in,audio_out,image_in,image_out,video,images,characters,seconds,request_units,searches',
  )
  expect(lines[1]).toStartWith('2026-11-20T00:00:00.000Z,research,gpt-5,12,10,0,9007199254740993.000000001,')
  expect(lines[2]).toStartWith(`2026-11-20T00:00:00.000Z,,"'=cmd(""x""),y",3,0,2,0.0015,1500000,0,0,0,`)
  expect(lines[3]).toBe('')
})

test('a negative sum in CSV stays a number', () => {
  const [first] = ROWS
  if (first === undefined) throw new Error('no rows')
  expect(reportCsv([{ ...first, costNanoUsd: -5n }], { by: [], bucket: null })).toContain(
    '\r\n12,10,0,-0.000000005,-5,',
  )
})

test.each([
  ['gpt-5', 'gpt-5'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=SUM(A1)', "'=SUM(A1)"],
  ['+1', "'+1"],
  ['@cmd', "'@cmd"],
  ['-2+3', "'-2+3"],
  ['-1.5', '-1.5'],
])('the end user %j becomes the cell %j', (endUser, cell) => {
  const [first] = ROWS
  if (first === undefined) throw new Error('no rows')
  const rows = [{ ...first, group: { end_user: endUser } }]
  expect(reportCsv(rows, { by: ['end_user'], bucket: null })).toContain(`\r\n${cell},12,10,0,`)
})

test('savings and percentiles have columns where there are any', () => {
  const rows = ROWS.map((row, index) => ({
    ...row,
    costNanoUsd: 1_000_000_000n,
    savedNanoUsd: index === 0 ? 250_000_000n : -50_000_000n,
    cacheSavedNanoUsd: index === 0 ? 0n : 7n,
    costPercentiles: index === 0 ? { p50: 1_000n, p90: 2_000n, p99: 3_000n } : null,
  }))
  expect(reportTable(rows, { by: ['team'], bucket: null, percentiles: true })).toBe(
    [
      'team      requests  input tokens  output tokens  cost usd  saved usd  saved by cache usd   p50 usd   p90 usd   p99 usd  usd an answer',
      'research        12          1200             34         1       0.25                   0  0.000001  0.000002  0.000003            0.1',
      '-                3             0              0         1      -0.05         0.000000007         -         -         -              -',
      'total           15                                      2        0.2         0.000000007                                          0.2',
      '2 requests used models without a price and are counted as 0 here.',
      'Half, 90 % and 99 % of the requests cost no more than p50, p90 and p99 (within 5 %).',
      '',
    ].join('\n'),
  )
  expect(JSON.parse(reportJson(rows, { by: ['team'], bucket: null, percentiles: true })).rows).toMatchObject([
    { saved_usd: '0.25', request_cost_usd: { p50: '0.000001', p99: '0.000003' } },
    { saved_usd: '-0.05', cache_saved_usd: '0.000000007', request_cost_usd: null },
  ])
})
