import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { createHasher, hintOf, newAdminSecret, newSecret, sameHash } from './secret.ts'

test('a secret carries 256 random bits behind its prefix', () => {
  const secrets = Array.from({ length: 1000 }, newSecret)
  expect(new Set(secrets).size).toBe(1000)
  for (const secret of secrets) {
    expect(secret).toMatch(/^sk-weir-[A-Za-z0-9_-]{43}$/)
    expect(Buffer.from(secret.slice('sk-weir-'.length), 'base64url').length).toBe(32)
  }
})

test('an admin secret has its own prefix', () => {
  expect(newAdminSecret()).toMatch(/^sk-weir-admin-[A-Za-z0-9_-]{43}$/)
  expect(newAdminSecret()).not.toBe(newAdminSecret())
})

test('the hash is HMAC-SHA-256 under the pepper', () => {
  // RFC 4231, test case 2.
  expect(
    Buffer.from(createHasher(Buffer.from('Jefe'))('what do ya want for nothing?'), 'base64url').toString('hex'),
  ).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  const pepper = new Uint8Array([1, 2, 3])
  expect(createHasher(pepper)('héllo')).toBe(createHmac('sha256', pepper).update('héllo').digest('base64url'))
})

test('another pepper gives another hash', () => {
  expect(createHasher(new Uint8Array([1]))('sk')).not.toBe(createHasher(new Uint8Array([2]))('sk'))
})

test('the hint is the last four characters', () => expect(hintOf('sk-weir-abcdWXYZ')).toBe('WXYZ'))

test.each([
  ['abc', 'abc', true],
  ['abc', 'abd', false],
  ['abc', 'ab', false],
  ['', '', true],
])('sameHash(%p, %p) is %p', (left, right, same) => expect(sameHash(left, right)).toBe(same))
