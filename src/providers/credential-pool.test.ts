import { expect, test } from 'bun:test'

import { configureProviders } from './configure.ts'
import { createCredentialPool } from './credential-pool.ts'
import { drivenClock } from './simulator/driven-clock.ts'

const FREE = { waitMs: () => 0, tried: null }

function setUp(keys: readonly string[]) {
  const clock = drivenClock()
  const [provider] = configureProviders({ p: { preset: 'openai', keys } }, {})
  if (provider === undefined) throw new Error('no provider')
  const pool = createCredentialPool({ clock })
  const take = (count: number): string =>
    Array.from({ length: count }, () => pool.choose(provider, FREE)?.secret ?? '-').join('')
  const credential = (index: number) => provider.credentials[index] ?? null
  return { clock, pool, take, credential, provider }
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

test('a credential without room in its limits is passed over for one that has some', () => {
  const { pool, provider } = setUp(['a', 'b', 'c'])
  const waits: Readonly<Record<string, number>> = { 'p#1': 900, 'p#2': 0, 'p#3': 20 }
  const waitMs = ({ id }: { readonly id: string }): number => waits[id] ?? 0
  expect([1, 2, 3].map(() => pool.choose(provider, { waitMs, tried: null })?.secret)).toEqual(['b', 'b', 'b'])
  expect(pool.choose(provider, { waitMs, tried: new Set(['p#2']) })?.secret).toBe('c')
  expect(pool.choose(provider, { waitMs, tried: new Set(['p#1', 'p#2', 'p#3']) })).toBeNull()
})

test('a provider whose credentials are all benched is out until the first of them is back', () => {
  const { clock, pool, provider } = setUp(['a', 'b'])
  pool.bench('p#1', clock.now() + 9_000)
  expect(pool.benchMs(provider)).toBe(0)
  pool.bench('p#2', clock.now() + 3_000)
  expect(pool.benchMs(provider)).toBe(3_000)
  expect(pool.benchMs({ ...provider, credentials: [] })).toBe(0)
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
  pool.report(credential(0), { type: 'rate_limited', retryAfterMs: 2_000 })
  pool.report(null, { type: 'credential_bad' })
  expect(pool.state()).toEqual([])
})
