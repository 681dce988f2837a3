// Statements: what somebody spent in a month, in words, as JSON and as a page to print.
import { describe, expect, test } from 'bun:test'
import type { Entry } from '../src/core/ledger.ts'
import { teamOf } from '../src/core/testing.ts'
import { anEntry, book, type Books, NOW, openBooks } from './open-books.ts'

const HOSTILE = '<script>alert(1)</script>'
const USD = 1_000_000_000n

const spent = (at: string, costNanoUsd: bigint, change: Partial<Entry> = {}, teamId = 'team_1'): Entry => {
  const entry = anEntry({ at: Date.parse(at), costNanoUsd, charges: [], ...change })
  return { ...entry, dimensions: { ...entry.dimensions, teamId, ...change.dimensions } }
}

async function withTeam(books: Books): Promise<void> {
  await books.use((store) => store.insertTeam(teamOf({ name: HOSTILE })))
  await book(books, [
    spent('2026-10-15T12:00:00Z', 2n * USD),
    spent('2026-11-02T12:00:00Z', 3n * USD),
    spent('2026-11-28T01:00:00Z', 1n * USD, { model: HOSTILE, savedNanoUsd: 5n * USD }),
    spent('2026-11-28T02:00:00Z', 7n * USD, {}, 'team_2'),
  ])
}

test('a team is told what it spent, on what, and how that compares', async () => {
  await using books = await openBooks()
  await withTeam(books)
  const { code, out } = await books.weir('statement', '--team', HOSTILE, '--month', '2026-11', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    subject: { scope: 'team', id: 'team_1', name: HOSTILE },
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-12-01T00:00:00.000Z',
    total: { requests: 2, cost_usd: '4', saved_usd: '5' },
    before: { requests: 1, cost_usd: '2' },
    by: { key: [{ name: 'key_1', cost_usd: '4' }], model: [{ name: 'mine/m', cost_usd: '3' }, { cost_usd: '1' }] },
  })
  const { days, forecast, by } = JSON.parse(out)
  expect(days).toHaveLength(28)
  expect(days[1]).toEqual({ day: '2026-11-02', cost_usd: '3' })
  // As far back as anything was spent, and four weeks at most.
  expect(forecast.days).toBe(26)
  expect(by.task).toBeUndefined()
})

test('the page has no scripts, nothing from elsewhere, and strangers’ words are words', async () => {
  await using books = await openBooks()
  await withTeam(books)
  const page = await books.weir('statement', '--team', 'team_1', '--html')
  expect(page.code).toBe(0)
  const out = page.out.replaceAll(/\s+/g, ' ')
  expect(out).not.toContain('<script')
  expect(out).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(out).not.toMatch(/(?:src|href)=/)
  expect(out).toContain('@media print')
  expect(out).toContain('<svg role="img" aria-label="Spend by day"')
  expect(out).toContain('In all exactly $4. ')
})

test('in words it is short, and a month that has ended expects nothing', async () => {
  await using books = await openBooks()
  await withTeam(books)
  const { out } = await books.weir('statement', '--month', '2026-10')
  expect(out).toStartWith('Spend of the gateway in 2026-10\n\nSpent:     $2.00 in 1 requests (before: $0.00)\n')
  expect(out).not.toContain('Expected')
  expect((await books.weir('statement')).out).toContain('Expected:')
})

test('a report is narrowed to a team, a key or a model by what they are called', async () => {
  await using books = await openBooks()
  await withTeam(books)
  const cost = async (...words: string[]) =>
    JSON.parse((await books.weir('report', '--since', '60d', '--by', 'status', ...words, '--json')).out).total.cost_usd
  expect(await cost()).toBe('13')
  expect(await cost('--team', HOSTILE)).toBe('6')
  expect(await cost('--team', 'team_1', '--model', 'm')).toBe('5')
  expect(await cost('--provider', 'nobody')).toBe('0')
  expect((await books.weir('report', '--team', 'nobody')).err).toContain('There is no team')
})

test('the hours of machines are shared by the tokens of that time', async () => {
  await using books = await openBooks()
  // A thousand tokens in and a hundred out each.
  await book(books, [spent('2026-11-27T12:00:00Z', 1n), spent('2026-11-28T01:00:00Z', 1n)])
  const words = ['prices', 'amortise', 'mine/m', '--since', '2026-11-27', '--hour', '0.07']
  const { code, out } = await books.weir(...words, '--machines', '2', '--json')
  expect(code).toBe(0)
  // 36 hours for 5.04 dollars, over 2 000 tokens and 200 that count four times.
  expect(JSON.parse(out)).toMatchObject({
    hours: 36,
    cost_usd: '5.04',
    input_tokens: 2_000,
    output_tokens: 200,
    price: { input: '1800', output: '7200' },
  })
  expect((await books.weir(...words)).out).toContain('"m": { price: { input: 900, output: 3600 } }')
  expect((await books.weir('prices', 'amortise', 'mine/other', '--hour', '1')).err).toContain('no tokens since')
  for (const wrong of [['m', '--hour', '1'], ['mine/m'], ['mine/m', '--hour', '0']])
    expect((await books.weir('prices', 'amortise', ...wrong)).code).toBe(2)
})

test('a forecast tells of the month and of budgets', async () => {
  await using books = await openBooks()
  await withTeam(books)
  const words = ['--scope', 'team', '--id', 'team_1', '--window', 'month', '--limit', '1']
  const made = await books.weir('budgets', 'set', ...words, '--json')
  const period = { from: Date.UTC(2026, 10, 1), until: Date.UTC(2026, 11, 1), subject: 'team_1' }
  const charges = [{ budgetId: JSON.parse(made.out).id as string, ...period }]
  await book(books, [spent('2026-11-28T03:00:00Z', USD / 2n, { charges })])
  const { code, out } = await books.weir('forecast', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out).data).toMatchObject([
    { budget: null, spent_usd: '11.5', limit_usd: null, until: '2026-12-01T00:00:00.000Z' },
    { scope: 'team', subject: 'team_1', spent_usd: '0.5', limit_usd: '1', days: 26 },
  ])
  expect((await books.weir('forecast')).out).toContain('the month  ')
})

describe('a call that cannot be answered', () => {
  test.each([
    [['--month', 'november'], 2, '--month takes a month such as 2026-11'],
    [['--team', 'a', '--key', 'b'], 2, 'each say whose it is'],
    [['--json', '--html'], 2, 'two formats'],
    [['--team', 'nobody'], 1, 'There is no team'],
    [['--key', 'nobody'], 1, 'There is no key'],
  ])('%j says why', async (words, code, says) => {
    await using books = await openBooks()
    await book(books, [spent(new Date(NOW).toISOString(), 1n)])
    expect(await books.weir('statement', ...words)).toMatchObject({ code, err: expect.stringContaining(says) })
  })
})
