// What people write: logins, passwords, codes, multipliers.
import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { GatewayError } from '../core/error.ts'
import { makeCodes, newCode, readCode } from './codes.ts'
import { readLogin } from './login-name.ts'
import { parseMultiplier, writeMultiplier } from './multiplier.ts'
import { checkPassword, createPasswords } from './passwords.ts'

function codeOf(action: () => unknown): string {
  try {
    action()
    return 'ok'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test.each([
  [' Ada@Example.com ', 'ada@example.com'],
  ['x1', 'x1'],
])('the login %p is %p', (written, login) => expect(readLogin(written)).toBe(login))

test.each(['', 'a', '-ada', 'ada lovelace', 'user_1', 'erased:user_1', 'ä'.repeat(3), 'a'.repeat(101), 'a\nb'])(
  '%p is no login',
  (written) => expect(codeOf(() => readLogin(written))).toBe('request_malformed'),
)

test.each([
  ['short', 'request_malformed'],
  ['x'.repeat(201), 'request_malformed'],
  [' Ada@Example.com ', 'request_malformed'],
  ['correct horse battery', 'ok'],
])('the password %p of ada@example.com is %p', (password, code) =>
  expect(codeOf(() => checkPassword(password, 'ada@example.com'))).toBe(code),
)

describe('codes', () => {
  test('a code is read however it was typed', () => {
    const code = newCode()
    expect(code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/)
    for (const typed of [code.toLowerCase(), code.replaceAll('-', ''), ` ${code.replaceAll('-', ' ')} `])
      expect(readCode(typed)).toBe(code)
    expect(readCode('O1lI0-AAAAA-AAAAA-AAAAA-AAAAA')).toBe('01110-AAAAA-AAAAA-AAAAA-AAAAA')
  })

  test('anything else is no code', () =>
    fc.assert(
      fc.property(fc.string({ maxLength: 24 }), (text) => expect(codeOf(() => readCode(text))).toBe('code_invalid')),
    ))

  test('a batch holds what it was made with, and none of its codes', () => {
    const input = {
      kind: 'redemption',
      count: 3,
      amountNanoUsd: 5n,
      group: null,
      note: 'fair',
      madeBy: null,
      expiresAt: 9,
    } as const
    const made = makeCodes(input, { hash: (secret) => `hash of ${secret.length}`, now: 1 })
    expect(new Set(made.map(({ code }) => code)).size).toBe(3)
    expect(new Set(made.map(({ row }) => row.batch)).size).toBe(1)
    expect(made[0]?.row).toMatchObject({
      kind: 'redemption',
      amountNanoUsd: 5n,
      note: 'fair',
      expiresAt: 9,
      usedBy: null,
    })
    for (const { code, row } of made) expect(Object.values(row)).not.toContain(code)
  })
})

describe('multipliers', () => {
  test('are read back as they were written', () =>
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1_000_000_000n }), (millionths) =>
        expect(parseMultiplier(writeMultiplier(millionths))).toBe(millionths),
      ),
    ))

  test.each([
    ['1.25', 1_250_000n],
    ['0', 0n],
    ['1000', 1_000_000_000n],
    ['1000.000001', null],
    ['-1', null],
    ['1.0000001', null],
    ['1e3', null],
    ['', null],
    ['.5', null],
  ])('%p is %p millionths', (written, millionths) => expect(parseMultiplier(written)).toBe(millionths))
})

describe('hashes of passwords', () => {
  test('are argon2id, salted, and true for their password alone', async () => {
    const passwords = createPasswords()
    const [one, other] = await Promise.all([
      passwords.hash('correct horse battery'),
      passwords.hash('correct horse battery'),
    ])
    expect(one).toStartWith('$argon2id$')
    expect(one).not.toBe(other)
    expect(await passwords.verify('correct horse battery', one)).toBe(true)
    expect(await passwords.verify('correct horse batterx', one)).toBe(false)
    expect(await passwords.verify('', one)).toBe(false)
    expect(await passwords.verify('correct horse battery', null)).toBe(false)
  })

  test('few are made at once, few wait, and the others are turned away', async () => {
    const passwords = createPasswords({ memoryCost: 8, timeCost: 1 })
    const done = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.hash('correct horse battery')))
    const refused = done.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(40 - 34)
    expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } })
    expect(await passwords.hash('correct horse battery')).toStartWith('$argon2id$')
  })
})
