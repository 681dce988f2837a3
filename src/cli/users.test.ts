import { afterAll, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openData } from '../data.ts'
import { clockAt, runWords } from './testing.ts'

const NOW = Date.UTC(2026, 10, 28, 12)
const root = mkdtempSync(path.join(tmpdir(), 'weir-cli-users-'))
let folder = ''
let number = 0
beforeEach(() => {
  folder = path.join(root, String(number++), 'data')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function weir(...words: string[]) {
  return runWords(['users', ...words], {
    clock: clockAt(NOW),
    environment: { WEIR_DATA: folder, WEIR_CONFIG: '' },
  })
}

test('users are made, credited, moved to other groups and listed with their balances', async () => {
  const made = await weir('create', '--login', 'Ada@example.com')
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining('(ada@example.com) is made') })
  expect(made.out).toMatch(/^[0-9A-Z-]{29}\n$/)
  expect(await weir('group', 'retail', '--multiplier', '1.25', '--models', 'chat')).toMatchObject({
    out: 'The group retail is charged 1.25 times the cost; models: chat.\n',
  })
  expect(await weir('group', 'retail', '--models', 'all')).toMatchObject({
    out: 'The group retail is charged 1.25 times the cost; models: all.\n',
  })
  const credit = ['credit', 'ada@example.com', '--amount', '20', '--reference', 'invoice 1']
  expect((await weir(...credit)).out).toBe('Credited: $20. The balance of ada@example.com is $20.\n')
  expect((await weir(...credit)).out).toBe('Was credited already: $20. The balance of ada@example.com is $20.\n')
  expect((await weir('credit', 'ada@example.com', '--amount=-0.5')).out).toContain('is $19.5.')
  expect((await weir('credits', '--user', 'ada@example.com', '--kind', 'correction')).out).toMatch(
    /-\$0\.5 {2}hand_\w+ +-\n.*\$20 {2}invoice 1 +-\n$/,
  )
  const changed = await weir('change', 'ada@example.com', '--group', 'retail', '--new-password')
  expect(changed).toMatchObject({ code: 0, err: 'User ada@example.com is active, in the group retail.\n' })
  expect(changed.out).toMatch(/^[0-9A-Z-]{29}\n$/)
  expect((await weir('change', 'ada@example.com', '--disable')).err).toContain('is disabled')
  expect((await weir('list')).out.split('\n')[1]).toMatch(
    /ada@example\.com {2}retail {2}disabled +\$19\.5 +\$20|ada@example\.com {2}retail {2}disabled +\$19\.5 +\$19\.5/,
  )
  expect(JSON.parse((await weir('list', '--json', '--group', 'retail')).out)).toMatchObject({
    data: [{ login: 'ada@example.com', balance_usd: '19.5', charged_usd: '0' }],
  })
  expect((await weir('groups')).out).toBe(
    'name     multiplier  models\ndefault           1  all\nretail         1.25  all\n',
  )
})

test('codes are printed, one a line, and stored as hashes', async () => {
  const { out } = await weir('codes', '--count', '3', '--amount', '5', '--expires', '90d')
  const codes = out.trim().split('\n')
  expect(new Set(codes).size).toBe(3)
  expect(JSON.parse((await weir('codes', '--kind', 'invitation', '--group', 'default', '--json')).out)).toMatchObject({
    codes: [{ id: expect.any(String), code: expect.any(String) }],
  })
  const { store, close } = await openData(folder, {})
  const { data } = await store.listCodes({ cursor: null, limit: 9 })
  expect(data).toHaveLength(4)
  expect(
    JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ).not.toContain(codes[0] ?? '')
  await close()
})

test('the report shows what was charged, what it cost and the margin', async () => {
  await weir('group', 'default', '--multiplier', '2')
  const rows = await weir('report', '--by', 'day,user')
  expect(rows).toMatchObject({ code: 0, out: 'day  user  requests  cost  charged  margin\n' })
  expect(JSON.parse((await weir('report', '--json')).out)).toEqual({ rows: [] })
})

test.each([
  [['create'], 2, '--login is missing'],
  [['create', '--login', 'a b'], 2, 'A login is'],
  [['change', 'ada'], 2, 'Say what to change'],
  [['change', 'ada', '--disable', '--enable'], 2, 'not both'],
  [['credit', 'ada', '--amount', 'much'], 2, '--amount takes dollars'],
  [['group', 'retail'], 2, '--multiplier is missing'],
  [['group', 'retail', '--multiplier', '-1'], 2, '--multiplier'],
  [['group', 're/tail', '--multiplier', '1'], 2, 'name of a group'],
  [['codes'], 2, '--amount is missing'],
  [['codes', '--amount', '5', '--group', 'x'], 2, 'Only an invitation'],
  [['codes', '--kind', 'invitation', '--group', 'x'], 1, 'There is no group'],
  [['codes', '--amount', '5', '--expires', '2020-01-01'], 2, 'in the future'],
  [['report', '--by', 'team'], 2, '--by does not know'],
  [['report', '--by', 'day,month'], 2, 'not both'],
])('`weir users %p` ends with %p', async (words, code, message) => {
  await weir('group', 'other', '--multiplier', '1')
  const done = await weir(...words)
  expect([done.code, done.err]).toEqual([code, expect.stringContaining(message)])
})
