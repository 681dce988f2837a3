import { afterAll, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { entryOf } from '../core/testing.ts'
import { openData } from '../data.ts'
import { clockAt, runWords } from './testing.ts'

const NOW = Date.UTC(2026, 10, 28, 12)
const root = mkdtempSync(path.join(tmpdir(), 'weir-cli-budgets-'))
let folder = ''
let number = 0
beforeEach(() => {
  folder = path.join(root, String(number++), 'data')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function weir(...words: string[]) {
  return runWords(words, {
    clock: clockAt(NOW),
    environment: { WEIR_DATA: folder, WEIR_CONFIG: '' },
  })
}

async function budgetOf(...words: string[]): Promise<string> {
  const { code, out, err } = await weir('budgets', 'set', ...words, '--json')
  if (code !== 0) throw new Error(err)
  return (JSON.parse(out) as { id: string }).id
}

test('shares that are none are refused', async () => {
  const fixed = ['--scope', 'team', '--window', 'month', '--limit', '500']
  const { code, err } = await weir('budgets', 'set', ...fixed, '--alert-at', '80')
  expect([code, err]).toEqual([2, expect.stringContaining('--alert-at takes shares such as 0.5,0.8,1, or none')])
})

test.each([
  [[], [0.5, 0.8, 1]],
  [
    ['--alert-at', '0.9,1'],
    [0.9, 1],
  ],
  [['--alert-at', 'none'], []],
])('a budget set with %j tells of %j', async (words, alertAt) => {
  const fixed = ['--scope', 'team', '--window', 'month', '--limit', '500', '--json']
  const { out } = await weir('budgets', 'set', ...fixed, ...words)
  expect(JSON.parse(out)).toMatchObject({ alert_at: alertAt })
})

test('budgets are set, listed with what is spent of them, raised and removed', async () => {
  await weir('teams', 'create', '--name', 'research')
  const team = await budgetOf('--scope', 'team', '--id', 'research', '--window', 'month', '--limit', '500')
  await budgetOf('--scope', 'tag', '--window', 'rolling 24h', '--limit', '0.5', '--on-exhausted', 'degrade:cheap')
  const data = await openData(folder, {})
  const subject = (await data.store.getBudget(team))?.subject ?? ''
  const period = { from: Date.UTC(2026, 10, 1), until: Date.UTC(2026, 11, 1) }
  await data.store.commit({
    intents: [],
    entries: [
      entryOf({
        id: 'a',
        at: NOW,
        dimensions: { teamId: subject },
        costNanoUsd: 1_500_000_000n,
        charges: [{ budgetId: team, subject, ...period }],
      }),
    ],
    records: [],
  })
  await data.close()
  const { out } = await weir('budgets', 'list')
  const lines = out.split('\n').map((line) => line.split(/ {2,}/).slice(1).join(' | '))
  // Those of one moment come in the order of their ids.
  expect(lines.slice(1, 3).sort().toReversed()).toEqual([
    'team | research | month | $500 | $1.5 | 2026-12-01 00:00:00Z | reject',
    'tag | each | rolling 1d | $0.5 | $0 | - | degrade:cheap',
  ])
  expect(lines[0]).toBe('scope | whose | window | limit | spent | resets | when exhausted')
  const raised = await weir('budgets', 'raise', team, '--by', '100', '--until', '3d')
  expect(raised.out).toBe(`Budget ${team} is raised by $100 until 2026-12-01 12:00:00Z.\n`)
  expect((await weir('budgets', 'list')).out).toContain('$600')
  expect((await weir('budgets', 'remove', team)).out).toBe(`Budget ${team} is removed.\n`)
  expect(await weir('budgets', 'remove', team)).toMatchObject({ code: 1, err: expect.stringContaining('no budget') })
})

test.each([
  [['--scope', 'keys'], '--scope takes gateway, organisation'],
  [['--window', 'fortnight'], '--window takes hour, day'],
  [['--zone', 'Berlin'], '--zone takes a time zone'],
  [['--limit', 'much'], '--limit takes dollars'],
  [['--on-exhausted', 'explode'], '--on-exhausted takes'],
])('%p is refused', async (wrong, message) => {
  const given = { '--scope': 'key', '--window': 'day', '--limit': '1', [wrong[0] ?? '']: wrong[1] ?? '' }
  const { code, err } = await weir('budgets', 'set', ...Object.entries(given).flat())
  expect([code, err]).toEqual([2, expect.stringContaining(message)])
})
