import { describe, expect, test } from 'bun:test'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { adoptKey, checkKeyFields, issueAdminToken, issueKey, type NewKey, newKeySecret } from './issue-key.ts'
import { createHasher } from './secret.ts'

const NOW = Date.UTC(2026, 10, 23)
const clock: Clock = { now: () => NOW, monotonicMs: () => 0, after: () => () => {} }
const hash = createHasher(new Uint8Array(32))

test('a key restricts nothing that was not asked for', () => {
  const { key, secret } = issueKey({ name: 'app' }, { hash, clock })
  expect(key).toEqual({
    id: expect.stringMatching(/^key_[0-9a-z]{12}$/),
    name: 'app',
    teamId: null,
    models: null,
    endpoints: null,
    addresses: null,
    limits: { rpm: null, tpm: null, concurrency: null },
    tags: [],
    requireEndUser: false,
    metadata: {},
    disabled: false,
    createdAt: NOW,
    expiresAt: null,
    secrets: [{ hash: hash(secret), hint: secret.slice(-4), expiresAt: null }],
  })
})

test('a key keeps what was asked for', () => {
  const input: Required<NewKey> = {
    name: 'app',
    teamId: 'team_1',
    userId: 'user_1',
    models: ['openai/*'],
    endpoints: ['chat', 'embeddings'],
    addresses: ['10.0.0.0/8', '2001:db8::1'],
    limits: { rpm: 60, tpm: null, concurrency: null },
    tags: ['eu'],
    forbids: ['trace'],
    requireEndUser: true,
    metadata: { owner: 'ada' },
    disabled: true,
    expiresAt: NOW + 1,
  }
  expect(issueKey(input, { hash, clock }).key).toMatchObject(input)
})

test('the stored key does not contain its secret', () => {
  const { key, secret } = issueKey({ name: 'app' }, { hash, clock })
  expect(JSON.stringify(key)).not.toContain(secret.slice(0, -4))
})

test('a key takes over the secrets that its callers have', () => {
  const key = adoptKey({ name: 'old' }, ['sk-0123456789abcdefghij', '0123456789abcdefghij'], { hash, clock })
  expect(key.secrets).toEqual([
    { hash: hash('sk-0123456789abcdefghij'), hint: 'ghij', expiresAt: null },
    { hash: hash('0123456789abcdefghij'), hint: 'ghij', expiresAt: null },
  ])
})

test.each([
  ['one that can be guessed', 'sk-short'],
  ['one with a space', 'sk-0123456789 abcdefghij'],
  ['one that no header can carry', 'sk-0123456789abcdefghiü'],
  ['one without an end', `sk-${'a'.repeat(600)}`],
])('%s is no secret to take over', (_, secret) =>
  expect(() => adoptKey({ name: 'old' }, [secret], { hash, clock })).toThrow('A secret has 20 to 512 visible'),
)

describe('a key that could never work is refused, naming the field', () => {
  test.each<[Partial<NewKey>, string]>([
    [{ name: ' ' }, 'name'],
    [{ endpoints: ['chat', 'chats'] }, 'endpoints[1]'],
    [{ addresses: ['10.0.0.0/40'] }, 'addresses[0]'],
    [{ addresses: ['10.0.0.1', 'localhost'] }, 'addresses[1]'],
    [{ limits: { rpm: 0 } }, 'limits.rpm'],
    [{ limits: { tpm: 1.5 } }, 'limits.tpm'],
    [{ limits: { concurrency: -1 } }, 'limits.concurrency'],
    [{ expiresAt: NOW }, 'expires_at'],
    [{ expiresAt: Number.NaN }, 'expires_at'],
  ])('%j', (fields, param) => {
    let thrown: unknown = null
    try {
      issueKey({ name: 'app', ...fields }, { hash, clock })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(GatewayError)
    expect(thrown).toMatchObject({ code: 'request_malformed', status: 400, detail: { param } })
  })
})

test('a change is judged by what it names only', () => {
  checkKeyFields({}, NOW)
  checkKeyFields({ expiresAt: null, endpoints: null, addresses: null }, NOW)
  expect(() => checkKeyFields({ name: '' }, NOW)).toThrow('A key needs a name.')
})

test('a new secret of a key is hashed like the first one and does not expire', () => {
  const { secret, record } = newKeySecret({ hash })
  expect(record).toEqual({ hash: hash(secret), hint: secret.slice(-4), expiresAt: null })
})

test('an admin token is kept as a hash too', () => {
  const { token, secret } = issueAdminToken({ name: 'ci', role: 'viewer' }, { hash, clock })
  expect(token).toEqual({
    id: expect.stringMatching(/^token_[0-9a-z]{12}$/),
    name: 'ci',
    role: 'viewer',
    hash: hash(secret),
    createdAt: NOW,
  })
})
