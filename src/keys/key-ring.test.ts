import { beforeEach, describe, expect, test } from 'bun:test'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { Team, VirtualKey } from '../core/key.ts'
import { NO_LIMITS } from '../core/key.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { issueKey, newKeySecret } from './issue-key.ts'
import { type CallerAddress, createKeyRing, type KeyRing } from './key-ring.ts'
import { createHasher } from './secret.ts'

const hash = createHasher(new Uint8Array(32))
const HERE = () => '192.0.2.1'
const team: Team = {
  id: 'team_1',
  name: 'search',
  limits: NO_LIMITS,
  models: null,
  tags: [],
  metadata: {},
  disabled: false,
  createdAt: 0,
}

let now = 0
const clock: Clock = { now: () => now, monotonicMs: () => now, after: () => () => {} }

let rows: { key: VirtualKey; team: Team | null }[]
let version: number
/** Hashes that were looked up in the store. */
let searches: string[]
/** When set, look-ups wait for it: they have read the store already. */
let gate: Promise<void> | null
let failure: Error | null
let ring: KeyRing

beforeEach(() => {
  now = 1_000_000
  rows = []
  version = 1
  searches = []
  gate = null
  failure = null
  ring = createKeyRing({
    store: {
      findKeyByHash: async (hashed) => {
        searches.push(hashed)
        if (failure !== null) throw failure
        const row = rows.find(({ key }) => key.secrets.some((secret) => secret.hash === hashed)) ?? null
        const answer = row === null ? null : { ...row }
        if (gate !== null) await gate
        return answer
      },
      getKey: async (id) => rows.find(({ key }) => key.id === id)?.key ?? null,
      getKeyOwner: async () => null,
      getTeam: async (id) => rows.find(({ team }) => team?.id === id)?.team ?? null,
      keysVersion: async () => version,
    },
    hash,
    clock,
    cacheMs: 10_000,
    cacheSize: 3,
  })
})

function addKey(fields: Partial<VirtualKey> = {}, owner: Team | null = null): { key: VirtualKey; secret: string } {
  const issued = issueKey({ name: 'app' }, { hash, clock })
  const key = { ...issued.key, ...fields }
  rows.push({ key, team: owner })
  return { key, secret: issued.secret }
}

async function codeOf(secret: string | null, addressOf: CallerAddress = HERE, asked = ring): Promise<string> {
  try {
    await asked.authenticate(secret, addressOf)
    return 'ok'
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
}

test('a secret leads to its key and team', async () => {
  const { key, secret } = addKey({ teamId: 'team_1' }, team)
  expect(await ring.authenticate(secret, HERE)).toMatchObject({ key, team })
})

test('the second use of a secret is answered at once, without the store', async () => {
  const { key, secret } = addKey()
  await ring.authenticate(secret, HERE)
  const again = ring.authenticate(secret, HERE)
  expect(again).not.toBeInstanceOf(Promise)
  expect((again as KeyWithTeam).key).toEqual(key)
  expect(searches.length).toBe(1)
})

describe('refusals', () => {
  test.each([null, ''])('%p is no secret', async (secret) => {
    expect(await codeOf(secret)).toBe('key_missing')
    expect(searches).toEqual([])
  })

  const grace = (expiresAt: number) => ({ expiresAt })
  test.each<[string, Partial<VirtualKey>, Team | null, string]>([
    ['a disabled key', { disabled: true }, null, 'key_disabled'],
    ['a key of a disabled team', {}, { ...team, disabled: true }, 'key_disabled'],
    ['an expired key', grace(1_000_000), null, 'key_expired'],
    ['a key that expires in a moment', grace(1_000_001), null, 'ok'],
    ['a key for other addresses', { addresses: ['10.0.0.0/8'] }, null, 'address_not_allowed'],
    ['a key for this address', { addresses: ['192.0.2.0/24'] }, null, 'ok'],
  ])('%s', async (_, fields, owner, code) => {
    const { secret } = addKey(fields, owner)
    expect(await codeOf(secret)).toBe(code)
    // And the same from the cache.
    expect(await codeOf(secret)).toBe(code)
    expect(searches.length).toBe(1)
  })

  test('a key bound to addresses is refused where the address is not known', async () => {
    expect(await codeOf(addKey({ addresses: ['0.0.0.0/0'] }).secret, () => null)).toBe('address_not_allowed')
  })

  test('an unknown secret costs what a known one does: one look-up, then none', async () => {
    expect(await codeOf('sk-weir-guess')).toBe('key_unknown')
    expect(await codeOf('sk-weir-guess')).toBe('key_unknown')
    expect(searches).toEqual([hash('sk-weir-guess')])
  })

  test('a key that the store returns without a secret of this hash is not accepted', async () => {
    const { key } = addKey()
    const wrong = createKeyRing({
      store: {
        findKeyByHash: async () => ({ key, team: null }),
        getKey: async () => key,
        getKeyOwner: async () => null,
        getTeam: async () => null,
        keysVersion: async () => 1,
      },
      hash,
      clock,
      cacheMs: 10,
      cacheSize: 10,
    })
    expect(await codeOf('sk-weir-other', HERE, wrong)).toBe('key_unknown')
  })
})

describe('time is judged at use, not when the cache was filled', () => {
  test('a key expires while it is cached', async () => {
    const { secret } = addKey({ expiresAt: now + 5000 })
    expect(await codeOf(secret)).toBe('ok')
    now += 4999
    expect(await codeOf(secret)).toBe('ok')
    now += 1
    expect(await codeOf(secret)).toBe('key_expired')
    expect(searches.length).toBe(1)
  })

  test('a replaced secret works until its grace period ends, the new one beyond it', async () => {
    const { key, secret } = addKey()
    const next = newKeySecret({ hash })
    rows[0] = {
      key: { ...key, secrets: [next.record, ...key.secrets.map((old) => ({ ...old, expiresAt: now + 5000 }))] },
      team: null,
    }
    expect([await codeOf(secret), await codeOf(next.secret)]).toEqual(['ok', 'ok'])
    now += 5000
    expect([await codeOf(secret), await codeOf(next.secret)]).toEqual(['key_expired', 'ok'])
    expect(searches.length).toBe(2)
  })
})

describe('the cache', () => {
  test('is believed for a while, then the store is asked again', async () => {
    const { secret } = addKey()
    await codeOf(secret)
    now += 9_999
    await codeOf(secret)
    expect(searches.length).toBe(1)
    now += 1
    await codeOf(secret)
    expect(searches.length).toBe(2)
  })

  test('learns of a new key when its old answer is stale', async () => {
    const { key, secret } = addKey()
    rows = []
    expect(await codeOf(secret)).toBe('key_unknown')
    rows = [{ key, team: null }]
    expect(await codeOf(secret)).toBe('key_unknown')
    now += 10_000
    expect(await codeOf(secret)).toBe('ok')
    now += 10_000
    rows = []
    searches = []
    expect(await codeOf(secret)).toBe('key_unknown')
    // The outdated answer does not stand in the way of the new one.
    expect(await codeOf(secret)).toBe('key_unknown')
    expect(searches.length).toBe(1)
  })

  test('forgets unknown secrets too when it is dropped', async () => {
    const { key, secret } = addKey()
    rows = []
    expect(await codeOf(secret)).toBe('key_unknown')
    rows = [{ key, team: null }]
    ring.invalidate()
    expect(await codeOf(secret)).toBe('ok')
  })

  test('keeps the keys in use whatever a stranger invents, and no more than its size', async () => {
    const { secret } = addKey()
    await codeOf(secret)
    for (let guess = 0; guess < 100; guess++) await codeOf(`sk-weir-${guess}`)
    searches = []
    expect(await codeOf(secret)).toBe('ok')
    expect(searches).toEqual([])
    await codeOf('sk-weir-0')
    expect(searches.length).toBe(1)
  })

  test('does not keep a failure of the store', async () => {
    const { secret } = addKey()
    failure = new GatewayError('store_unavailable')
    expect(await codeOf(secret)).toBe('store_unavailable')
    failure = null
    expect(await codeOf(secret)).toBe('ok')
  })

  test('requests that miss at the same moment share one look-up', async () => {
    const { secret } = addKey()
    const answers = await Promise.all(Array.from({ length: 50 }, () => codeOf(secret)))
    expect(new Set(answers)).toEqual(new Set(['ok']))
    expect(searches.length).toBe(1)
  })
})

describe('revocation', () => {
  test('through this process is effective at once', async () => {
    const { key, secret } = addKey()
    await codeOf(secret)
    rows[0] = { key: { ...key, disabled: true }, team: null }
    ring.invalidate()
    expect(await codeOf(secret)).toBe('key_disabled')
    rows = []
    ring.invalidate()
    expect(await codeOf(secret)).toBe('key_unknown')
  })

  test('is not undone by a look-up that was under way', async () => {
    const { secret } = addKey()
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    const before = codeOf(secret)
    rows = []
    gate = null
    ring.invalidate()
    // A request after the revocation does not join the look-up from before it.
    expect(await codeOf(secret)).toBe('key_unknown')
    resolve()
    expect(await before).toBe('ok')
    expect(await codeOf(secret)).toBe('key_unknown')
    expect(searches.length).toBe(2)
  })

  test('an outdated look-up that ends late leaves the newer one shared', async () => {
    const { secret } = addKey()
    const first = Promise.withResolvers<void>()
    gate = first.promise
    const before = codeOf(secret)
    ring.invalidate()
    const second = Promise.withResolvers<void>()
    gate = second.promise
    const after = codeOf(secret)
    first.resolve()
    await before
    const joined = codeOf(secret)
    second.resolve()
    expect(await Promise.all([after, joined])).toEqual(['ok', 'ok'])
    expect(searches.length).toBe(2)
  })

  test('through another process is seen at the next check', async () => {
    const { secret } = addKey()
    await ring.checkElsewhere()
    await codeOf(secret)
    rows = []
    await ring.checkElsewhere()
    // The version did not move: nothing to drop.
    expect(await codeOf(secret)).toBe('ok')
    version++
    await ring.checkElsewhere()
    expect(await codeOf(secret)).toBe('key_unknown')
  })

  test('the first check drops what was cached before it', async () => {
    const { secret } = addKey()
    await codeOf(secret)
    rows = []
    await ring.checkElsewhere()
    expect(await codeOf(secret)).toBe('key_unknown')
  })
})

describe('a key is recalled by its id for work that was left behind', () => {
  test('with its team, whatever has become of its secrets and wherever it is called from', async () => {
    const { key } = addKey({ addresses: ['10.9.9.9'] })
    expect(await ring.recall(key.id)).toEqual({ key, team: null })
  })

  test.each([
    ['key_unknown', null],
    ['key_disabled', { disabled: true }],
    ['key_expired', { expiresAt: 999_999 }],
  ] as const)('%s', async (code, change) => {
    const id = change === null ? 'key_never' : addKey(change).key.id
    expect(await ring.recall(id).catch((error: unknown) => (error as GatewayError).code)).toBe(code)
  })
})

test('a key of a user is good while there are users and its own is not disabled', async () => {
  const issued = issueKey({ name: 'app', userId: 'user_1' }, { hash, clock })
  const owner = { userId: 'user_1', group: 'default', multiplierMillionths: 1_000_000n, models: null }
  const state = { hasUsers: true, disabled: false }
  const found = (): KeyWithTeam => ({ key: issued.key, team: null, owner: { ...owner, disabled: state.disabled } })
  const users = createKeyRing({
    store: {
      findKeyByHash: async () => found(),
      getKey: async () => issued.key,
      getKeyOwner: async () => found().owner ?? null,
      getTeam: async () => null,
      keysVersion: async () => 1,
    },
    hash,
    clock,
    cacheMs: 0,
    cacheSize: 3,
    hasUsers: () => state.hasUsers,
  })
  expect(await codeOf(issued.secret, HERE, users)).toBe('ok')
  expect(await users.recall(issued.key.id)).toEqual(found())
  state.disabled = true
  expect(await codeOf(issued.secret, HERE, users)).toBe('key_disabled')
  state.disabled = false
  state.hasUsers = false
  expect(await codeOf(issued.secret, HERE, users)).toBe('key_disabled')
  const refusal = await users.recall(issued.key.id).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: 'key_disabled' })
})
