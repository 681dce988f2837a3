import { expect, test } from 'bun:test'

import { configureProviders } from './configure.ts'
import { createCredentialPool } from './credential-pool.ts'
import { drivenClock } from './simulator/driven-clock.ts'

function setUp(keys: readonly string[]) {
  const clock = drivenClock()
  const [provider] = configureProviders({ p: { preset: 'openai', keys } }, {})
  if (provider === undefined) throw new Error('no provider')
  const pool = createCredentialPool({ clock })
  const take = (count: number): string =>
    Array.from({ length: count }, () => pool.choose(provider)?.secret ?? '-').join('')
  const credential = (index: number) => provider.credentials[index] ?? null
  return { clock, pool, take, credential }
}

test('credentials take turns', () => expect(setUp(['a', 'b', 'c']).take(7)).toBe('abcabca'))

test('a provider without credentials has none to choose', () => expect(setUp([]).take(2)).toBe('--'))

test('a benched credential is left out until its bench ends', () => {
  const { clock, pool, take } = setUp(['a', 'b', 'c'])
  pool.bench('p#2', clock.now() + 5_000)
  expect(take(6)).not.toContain('b')
  clock.advance(70_000)
  expect(take(6)).toContain('b')
})

test('a credential that came back within the last minute waits behind the others', () => {
  const { clock, pool, take } = setUp(['a', 'b'])
  pool.bench('p#1', clock.now() + 1_000)
  clock.advance(2_000)
  expect(take(4)).toBe('bbbb')
  clock.advance(59_000)
  expect(take(4)).toContain('a')
})

test('when all are benched the one that recovers first is tried', () => {
  const { clock, pool, take } = setUp(['a', 'b', 'c'])
  pool.bench('p#1', clock.now() + 9_000)
  pool.bench('p#2', clock.now() + 3_000)
  pool.bench('p#3', clock.now() + 6_000)
  expect(take(3)).toBe('bbb')
})

test('a rate limit benches for as long as the provider says, at most five minutes', () => {
  const { clock, pool, credential } = setUp(['a', 'b', 'c'])
  pool.report(credential(0), { type: 'rate_limited', retryAfterMs: 2_000 })
  pool.report(credential(1), { type: 'rate_limited', retryAfterMs: null })
  pool.report(credential(2), { type: 'rate_limited', retryAfterMs: 86_400_000 })
  expect(pool.state()).toEqual([
    { id: 'p#1', benchedUntil: clock.now() + 2_000, reason: 'rate_limited' },
    { id: 'p#2', benchedUntil: clock.now() + 1_000, reason: 'rate_limited' },
    { id: 'p#3', benchedUntil: clock.now() + 300_000, reason: 'rate_limited' },
  ])
  clock.advance(1_500)
  expect(pool.state()[1]).toEqual({ id: 'p#2', benchedUntil: null, reason: null })
})

test('a bad key is out for minutes, and a success brings it back', () => {
  const { clock, pool, take, credential } = setUp(['a', 'b'])
  pool.report(credential(0), { type: 'credential_bad' })
  expect(take(4)).toBe('bbbb')
  // A shorter bench does not shorten the longer one.
  pool.bench('p#1', clock.now() + 1)
  expect(pool.state()[0]).toEqual({ id: 'p#1', benchedUntil: clock.now() + 300_000, reason: 'credential_bad' })
  pool.report(credential(0), { type: 'answered' })
  expect(pool.state()).toEqual([])
})

test('what is not the credential’s fault benches nobody', () => {
  const { pool, credential } = setUp(['a', 'b'])
  pool.report(credential(0), { type: 'overloaded', retryAfterMs: 5_000 })
  pool.report(credential(0), { type: 'timed_out', stage: 'idle' })
  pool.report(null, { type: 'credential_bad' })
  expect(pool.state()).toEqual([])
})
