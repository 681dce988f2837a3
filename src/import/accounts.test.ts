import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type AccountsInput, importAccounts } from './accounts.ts'
import type { ForeignRow } from './channel-rows.ts'

const NOW = Date.UTC(2026, 10, 28)
const SECRET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV'
const BCRYPT = `$2a$10$${'a'.repeat(53)}`

const token = (fields: ForeignRow = {}): ForeignRow => ({
  id: 5,
  user_id: 1,
  key: SECRET,
  status: 1,
  name: 'app',
  expired_time: -1,
  remain_quota: 1_000_000,
  unlimited_quota: 0,
  ...fields,
})
const user = (fields: ForeignRow = {}): ForeignRow => ({
  id: 1,
  username: 'Ada',
  email: 'ada@example.com',
  password: BCRYPT,
  role: 1,
  status: 1,
  quota: 250_000,
  group: 'default',
  ...fields,
})

function accounts(
  tokens: readonly ForeignRow[],
  users: readonly ForeignRow[],
  more: Partial<AccountsInput> = {},
  options: Record<string, string> = {},
) {
  const tables = { channels: [], tokens, users, options: new Map(Object.entries(options)), counts: {} }
  return importAccounts({
    tables,
    source: 'one-api',
    withUsers: false,
    modelsOf: new Map([['default', ['gpt-5']]]),
    now: NOW,
    ...more,
  })
}

test('a token becomes a key with both spellings of its secret, and its quota a budget', () => {
  expect(accounts([token()], [user()]).keys).toEqual([
    {
      name: 'app',
      secrets: [`sk-${SECRET}`, SECRET],
      login: null,
      models: null,
      addresses: null,
      disabled: false,
      expiresAt: null,
      limitNanoUsd: 2_000_000_000n,
      metadata: { imported: 'one-api token 5', user: 'Ada' },
    },
  ])
})

describe('a token keeps', () => {
  test.each<[string, ForeignRow, object]>([
    ['its end', { expired_time: 1_800_000_000 }, { expiresAt: 1_800_000_000_000 }],
    ['that it has no bound', { unlimited_quota: 1 }, { limitNanoUsd: null }],
    ['that nothing is left', { remain_quota: -3, status: 4 }, { limitNanoUsd: 0n, disabled: false }],
    ['that it is off', { status: 2 }, { disabled: true }],
    ['its models, as one-api writes them', { models: 'gpt-5, gpt-4o' }, { models: ['gpt-5', 'gpt-4o'] }],
    ['its models, as new-api writes them', { model_limits_enabled: 1, model_limits: 'gpt-5' }, { models: ['gpt-5'] }],
    ['no models where they are not in force', { model_limits_enabled: 0, model_limits: 'gpt-5' }, { models: null }],
    [
      'its networks, as one-api writes them',
      { subnet: '10.0.0.0/8,192.0.2.1' },
      { addresses: ['10.0.0.0/8', '192.0.2.1'] },
    ],
    [
      'its addresses, as new-api writes them',
      { allow_ips: '192.0.2.1\n192.0.2.2' },
      { addresses: ['192.0.2.1', '192.0.2.2'] },
    ],
  ])('%s', (_, fields, expected) => expect(accounts([token(fields)], [user()]).keys[0]).toMatchObject(expected))
})

describe('no key is made of a token', () => {
  test.each<[string, ForeignRow, readonly ForeignRow[], string]>([
    ['that has ended', { expired_time: 1_600_000_000 }, [user()], 'it ended 2020-09-13'],
    ['whose user is gone', {}, [user({ deleted_at: '2026-01-01' })], 'its user is not there any more'],
    ['that could be guessed', { key: 'short' }, [user()], 'it has fewer than 20 characters'],
    [
      'whose addresses cannot be read: it would be good from everywhere',
      { subnet: 'office' },
      [user()],
      '`office` is neither an address',
    ],
  ])('%s', (_, fields, users, reason) => {
    const { keys, findings } = accounts([token(fields)], users)
    expect(keys).toEqual([])
    expect(findings.find(({ place }) => place === 'tokens #5 (app)')).toMatchObject({
      outcome: 'dropped',
      message: expect.stringContaining(reason),
    })
  })
})

describe('without --users', () => {
  test('keys of users who are off are off, and balances are told as dropped', () => {
    const { keys, users, findings } = accounts([token()], [user({ status: 2 })])
    expect([keys[0]?.disabled, users]).toEqual([true, []])
    expect(findings).toContainEqual(expect.objectContaining({ outcome: 'dropped', place: 'users #1 (Ada)' }))
  })

  test('a key without a bound of its own is told as changed, because its user’s balance held it', () =>
    expect(accounts([token({ unlimited_quota: 1 })], [user()]).findings).toContainEqual(
      expect.objectContaining({ outcome: 'changed', place: 'tokens #5 (app)' }),
    ))
})

describe('with --users', () => {
  const withUsers = { withUsers: true }
  test('a user keeps login, password, group and balance', () =>
    expect(accounts([], [user({ group: 'vip' })], withUsers, { QuotaPerUnit: '100000' }).users).toEqual([
      {
        login: 'ada',
        group: 'vip',
        disabled: false,
        balanceNanoUsd: 2_500_000_000n,
        passwordHash: BCRYPT,
        reference: 'one-api:user:1',
      },
    ]))

  test.each<[string, ForeignRow, string | undefined]>([
    ['a name that is no login', { username: '管理员' }, 'ada@example.com'],
    ['neither', { username: '管理员', email: '' }, undefined],
  ])('with %s the login is %p', (_, fields, login) =>
    expect(accounts([], [user(fields)], withUsers).users[0]?.login).toBe(login),
  )

  test('keys of a user who cannot be made are not made either', () =>
    expect(accounts([token()], [user({ username: '管理员', email: '' })], withUsers).keys).toEqual([]))

  test('a group keeps its ratio and its models; who administers is told', () => {
    const modelsOf = new Map([
      ['default', ['gpt-5']],
      ['vip', ['gpt-5', 'gpt-5-pro']],
    ])
    const { groups, findings } = accounts(
      [],
      [user({ role: 100 })],
      { ...withUsers, modelsOf },
      { GroupRatio: '{"vip":0.8}' },
    )
    expect(groups).toEqual([
      { name: 'default', multiplierMillionths: 1_000_000n, models: ['gpt-5'] },
      { name: 'vip', multiplierMillionths: 800_000n, models: null },
    ])
    expect(findings).toContainEqual(
      expect.objectContaining({ outcome: 'changed', message: expect.stringContaining('the root user there') }),
    )
  })
})

test('a key may ask for what its group may, where groups differ', () => {
  const modelsOf = new Map([
    ['default', ['gpt-5']],
    ['vip', ['gpt-5', 'gpt-5-pro']],
  ])
  const models = accounts([token(), token({ id: 6, group: 'vip' })], [user()], { modelsOf }).keys.map(
    (key) => key.models,
  )
  expect(models).toEqual([['gpt-5'], null])
})

test('quota is turned into money to the nano-dollar', () =>
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 10_000_000 }), (quota, per) => {
      const { keys } = accounts([token({ remain_quota: quota })], [user()], {}, { QuotaPerUnit: String(per) })
      const exact = (BigInt(quota) * 1_000_000_000n * 2n + BigInt(per)) / (BigInt(per) * 2n)
      expect(keys[0]?.limitNanoUsd).toBe(exact)
    }),
  ))

test('no secret is in the report', () => {
  const { findings } = accounts([token()], [user()], { withUsers: true })
  expect(JSON.stringify(findings)).not.toContain(SECRET.slice(0, 12))
  expect(JSON.stringify(findings)).not.toContain(BCRYPT.slice(0, 12))
})
