// What every store promises. A store is a row of STORES; the sentences below run over each of them.
import { afterEach, describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Alert } from '../src/core/alert.ts'
import type { Budget } from '../src/core/budget.ts'
import { costBucket, costPercentiles } from '../src/core/cost-sketch.ts'
import type { KeySecret, Team, VirtualKey } from '../src/core/key.ts'
import { NO_LIMITS } from '../src/core/key.ts'
import type { Batch, BatchLine } from '../src/core/batch.ts'
import type { StoredEvidence } from '../src/core/evidence.ts'
import type { StoredFile } from '../src/core/file.ts'
import type { Experiment, ExperimentPair } from '../src/core/experiment.ts'
import type { KeptPrompt } from '../src/core/kept-prompt.ts'
import type { CachedAnswer } from '../src/core/kept-answer.ts'
import type { StoredResponse } from '../src/core/formats/responses-history.ts'
import type { JsonObject } from '../src/core/json.ts'
import type { Dimensions, Entry, EntryStatus, Intent, LedgerBatch, RequestRecord } from '../src/core/ledger.ts'
import { newRamp, numbersOf } from '../src/lab/ramp.ts'
import { NO_USAGE, USAGE_UNITS, type Usage } from '../src/core/usage.ts'
import { saleOf, type Credit, type User, type UserCode } from '../src/core/user.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import {
  SPEND_DIMENSIONS,
  type SpendBucket,
  type SpendDimension,
  type SpendQuery,
  type SpendRow,
  type Store,
} from '../src/store/store.ts'

/** One place of storage that can be opened several times, as by two processes. */
type Place = { open(): Store; remove(): void }

const STORES: Readonly<Record<string, () => Place>> = {
  sqlite() {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-store-'))
    return {
      open: () => openSqliteStore({ path: path.join(folder, 'weir.db'), sync: 'process' }),
      remove: () => rmSync(folder, { recursive: true }),
    }
  },
}

const HOUR = 3_600_000
const NOON = Date.UTC(2026, 0, 31, 12)

const DIMENSIONS: Dimensions = {
  keyId: 'key_1',
  teamId: 'team_1',
  endUser: null,
  tags: [],
  requestedModel: 'chat',
  route: 'chat',
  operation: 'chat',
  dialect: 'openai-chat',
}

function aKey(change: Partial<VirtualKey> = {}): VirtualKey {
  return {
    id: 'key_1',
    name: 'laptop',
    teamId: null,
    models: ['openai/*'],
    endpoints: null,
    addresses: ['10.0.0.0/8'],
    limits: { rpm: 60, tpm: null, concurrency: 2 },
    tags: ['research'],
    requireEndUser: false,
    metadata: { owner: 'ada' },
    disabled: false,
    createdAt: NOON,
    expiresAt: null,
    secrets: [aSecret('hash-1')],
    ...change,
  }
}

function aFile(id: string, change: Partial<StoredFile> = {}): StoredFile {
  return {
    id,
    owner: 'team_1',
    filename: 'input.jsonl',
    purpose: 'batch',
    bytes: 9,
    createdAt: NOON,
    expiresAt: NOON + HOUR,
    ...change,
  }
}

function anAnswer(key: string, change: Partial<CachedAnswer> = {}): CachedAnswer {
  const pieces = ['Hel', 'lo'].map((text, index) => ({ bytes: new TextEncoder().encode(text), gapMs: index * 40 }))
  return {
    key,
    route: 'chat',
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    isStream: true,
    pieces,
    target: 'up/m',
    costNanoUsd: 9_007_199_254_740_993n,
    createdAt: NOON,
    expiresAt: NOON + HOUR,
    ...change,
  }
}

function anAlert(threshold: string, change: Partial<Pick<Alert, 'at' | 'window'>> = {}): Alert {
  return {
    kind: 'test',
    subject: { scope: 'gateway', id: '' },
    threshold,
    window: { from: NOON, until: NOON + HOUR },
    at: NOON,
    facts: { by: 'a test' },
    ...change,
  }
}

function aBatch(id: string, change: Partial<Batch> = {}): Batch {
  return {
    id,
    owner: 'team_1',
    keyId: 'key_1',
    endpoint: '/v1/chat/completions',
    inputFileId: 'file_1',
    completionWindow: '24h',
    metadata: { run: 'nightly' },
    status: 'validating',
    endsAs: 'completed',
    createdAt: NOON,
    dueAt: NOON + HOUR,
    keptUntil: NOON + 2 * HOUR,
    filesKeptMs: HOUR,
    enteredAt: { validating: NOON },
    problems: [],
    outputFileId: null,
    errorFileId: null,
    total: 0,
    completed: 0,
    failed: 0,
    ...change,
  }
}

function aLine(position: number): BatchLine {
  return { position, customId: `line-${position}`, tries: 0, body: '{"model":"m"}' }
}

function aSecret(hash: string, expiresAt: number | null = null): KeySecret {
  return { hash, hint: hash.slice(-4), expiresAt }
}

function aTeam(change: Partial<Team> = {}): Team {
  return {
    id: 'team_1',
    name: 'research',
    limits: NO_LIMITS,
    models: null,
    tags: [],
    metadata: {},
    disabled: false,
    createdAt: NOON,
    ...change,
  }
}

function aUser(change: Partial<User> = {}): User {
  return {
    id: 'user_1',
    login: 'ada',
    group: 'default',
    disabled: false,
    createdAt: NOON,
    invitedBy: null,
    ...change,
  }
}

function aCredit(change: Partial<Credit> = {}): Credit {
  return {
    id: 'credit_1',
    userId: 'user_1',
    at: NOON,
    kind: 'topup',
    amountNanoUsd: 9_007_199_254_740_993n,
    reference: 'payment-1',
    note: 'card',
    ...change,
  }
}

function aCode(change: Partial<UserCode> = {}): UserCode {
  return {
    id: 'code_1',
    kind: 'redemption',
    hash: 'code-hash-1',
    batch: 'batch_1',
    amountNanoUsd: 5_000_000_000n,
    group: null,
    note: '',
    madeBy: null,
    createdAt: NOON,
    expiresAt: NOON + HOUR,
    usedBy: null,
    usedAt: null,
    ...change,
  }
}

function aBudget(change: Partial<Budget> = {}): Budget {
  return {
    id: 'budget_1',
    scope: 'key',
    subject: null,
    window: { type: 'calendar', unit: 'month', timeZone: 'Europe/Berlin' },
    limitNanoUsd: 2n ** 62n,
    onExhausted: { type: 'degrade', to: 'cheap' },
    borrowNanoUsd: null,
    alertAt: [0.5, 1],
    raises: [],
    source: 'store',
    createdAt: NOON,
    ...change,
  }
}

function anIntent(id: string, change: Partial<Intent> = {}): Intent {
  return {
    id,
    createdAt: NOON,
    deadlineAt: NOON + 60_000,
    dimensions: DIMENSIONS,
    provider: 'openai',
    model: 'gpt-5',
    estimateNanoUsd: 500n,
    estimateUsage: { ...NO_USAGE, input: 10, output: 20 },
    priceVersion: 'v1',
    ...change,
  }
}

function anEntry(id: string, change: Partial<Entry> = {}): Entry {
  return {
    id,
    at: NOON,
    dimensions: DIMENSIONS,
    provider: 'openai',
    model: 'gpt-5',
    status: 'complete',
    usage: { ...NO_USAGE, input: 100, cacheRead: 20, output: 7 },
    usageSource: 'reported',
    costNanoUsd: 1_000n,
    unpriced: false,
    priceVersion: 'v1',
    ...change,
  }
}

function aRecord(id: string, change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    clientRequestId: null,
    at: NOON,
    dimensions: DIMENSIONS,
    status: 200,
    errorCode: null,
    target: 'openai/gpt-5',
    stream: false,
    durationMs: 812.5,
    ttftMs: null,
    overheadMs: 0.75,
    attempts: [],
    finishReason: 'stop',
    rawUsage: null,
    usage: null,
    usageSource: null,
    costNanoUsd: null,
    ...change,
  }
}

function aResponse(id: string, change: Partial<StoredResponse> = {}): StoredResponse {
  return {
    id,
    keyId: 'key_1',
    createdAt: NOON,
    expiresAt: NOON + HOUR,
    previousId: null,
    input: [{ type: 'message', id: `msg_${id}_in`, role: 'user', content: [{ type: 'input_text', text: 'grüß' }] }],
    response: {
      id,
      object: 'response',
      output: [{ type: 'message', id: `msg_${id}_out`, role: 'assistant', content: [] }],
      usage: { input_tokens: 1 },
    },
    ...change,
  }
}

function batch(part: Partial<LedgerBatch>): LedgerBatch {
  return { intents: [], entries: [], records: [], ...part }
}

/** A request as the gateway settles it: the record tells the same as the entry. */
function settled(entry: Entry, change: Partial<RequestRecord> = {}): Partial<LedgerBatch> {
  const { usage, usageSource, costNanoUsd, dimensions, provider, model, at } = entry
  const target = `${provider}/${model}`
  return {
    entries: [entry],
    records: [aRecord(entry.id, { at, usage, usageSource, costNanoUsd, dimensions, target, ...change })],
  }
}

const everything = { from: 0, to: Date.UTC(2100, 0, 1) }

function spendOf(store: Store, by: readonly SpendDimension[], change: Partial<SpendQuery> = {}) {
  return store.spend({ by, bucket: null, ...everything, ...change })
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'GatewayError', code })
}

for (const [name, makePlace] of Object.entries(STORES)) {
  describe(name, () => {
    const places: Place[] = []
    const opened: Store[] = []

    function open(place?: Place): Store {
      let where = place
      if (where === undefined) {
        where = makePlace()
        places.push(where)
      }
      const store = where.open()
      opened.push(store)
      return store
    }

    /** Two stores over one place, as the server and the command line are. */
    function openTwo(): [Store, Store] {
      const place = makePlace()
      places.push(place)
      return [open(place), open(place)]
    }

    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
      for (const place of places.splice(0)) place.remove()
    })

    describe('keys and teams', () => {
      test('a key comes back as it was written', async () => {
        const store = open()
        const key = aKey({ secrets: [aSecret('hash-1'), aSecret('hash-0', NOON + 5)], expiresAt: NOON + 9 })
        await store.insertKey(key)
        expect(await store.getKey('key_1')).toEqual(key)
        expect(await store.getKey('key_2')).toBeNull()
      })

      test('a key is found by the hash of any of its secrets, with its team', async () => {
        const store = open()
        await store.insertTeam(aTeam())
        const key = aKey({ teamId: 'team_1', secrets: [aSecret('hash-1'), aSecret('hash-0', 5)] })
        await store.insertKey(key)
        for (const hash of ['hash-1', 'hash-0']) {
          expect(await store.findKeyByHash(hash)).toEqual({ key, team: aTeam() })
        }
        expect(await store.findKeyByHash('hash-2')).toBeNull()
      })

      test('a key that clashes with another is refused, and leaves nothing behind', async () => {
        const store = open()
        await store.insertKey(aKey())
        await expectCode(store.insertKey(aKey({ secrets: [aSecret('hash-9')] })), 'conflict')
        await expectCode(store.insertKey(aKey({ id: 'key_2' })), 'conflict')
        await expectCode(store.insertKey(aKey({ id: 'key_3', teamId: 'nobody', secrets: [] })), 'conflict')
        expect((await store.listKeys({ cursor: null, limit: 10 })).data).toEqual([aKey()])
      })

      test('a patch changes what it names', async () => {
        const store = open()
        await store.insertTeam(aTeam())
        await store.insertKey(aKey())
        const expected = aKey({ disabled: true, teamId: 'team_1', models: null })
        expect(await store.updateKey('key_1', { disabled: true, teamId: 'team_1', models: null })).toEqual(expected)
        expect(await store.getKey('key_1')).toEqual(expected)
        expect(await store.updateKey('key_2', { disabled: true })).toBeNull()
      })

      test('rotation makes the new secret current and ends the old ones at the grace, never later', async () => {
        const store = open()
        await store.insertKey(aKey({ secrets: [aSecret('hash-1'), aSecret('hash-0', 50)] }))
        const rotated = await store.rotateKey('key_1', aSecret('hash-2'), 100)
        expect(rotated?.secrets).toEqual([aSecret('hash-2'), aSecret('hash-1', 100), aSecret('hash-0', 50)])
        expect((await store.findKeyByHash('hash-1'))?.key).toEqual(rotated as VirtualKey)
        expect(await store.rotateKey('key_2', aSecret('hash-3'), 100)).toBeNull()
      })

      test('a deleted key is gone with its secrets', async () => {
        const store = open()
        await store.insertKey(aKey())
        expect(await store.deleteKey('key_1')).toBe(true)
        expect(await store.deleteKey('key_1')).toBe(false)
        expect(await store.findKeyByHash('hash-1')).toBeNull()
        await store.insertKey(aKey())
      })

      test('lists come in pages that neither repeat nor miss a row, also while rows come', async () => {
        const store = open()
        await store.insertTeam(aTeam())
        for (let index = 0; index < 7; index++) {
          const teamId = index % 2 === 0 ? 'team_1' : null
          await store.insertKey(aKey({ id: `key_${index}`, createdAt: NOON + (index >> 1), teamId, secrets: [] }))
        }
        const seen: string[] = []
        let cursor: string | null = null
        do {
          const page = await store.listKeys({ cursor, limit: 3 })
          if (cursor === null) await store.insertKey(aKey({ id: 'key_a', createdAt: NOON - 1, secrets: [] }))
          seen.push(...page.data.map(({ id }) => id))
          cursor = page.next
        } while (cursor !== null)
        expect(seen).toEqual(['key_0', 'key_1', 'key_2', 'key_3', 'key_4', 'key_5', 'key_6'])
        const ofTeam = await store.listKeys({ cursor: null, limit: 4, teamId: 'team_1' })
        expect(ofTeam.data.map(({ id }) => id)).toEqual(['key_0', 'key_2', 'key_4', 'key_6'])
        expect(ofTeam.next).toBeNull()
        await expectCode(store.listKeys({ cursor: 'nonsense', limit: 3 }), 'request_malformed')
      })

      test('teams are written, changed and listed', async () => {
        const store = open()
        await store.insertTeam(aTeam())
        await store.insertTeam(aTeam({ id: 'team_2', name: 'support', createdAt: NOON + 1 }))
        expect(await store.updateTeam('team_1', { name: 'lab', tags: ['x'] })).toEqual(
          aTeam({ name: 'lab', tags: ['x'] }),
        )
        expect(await store.getTeam('team_1')).toEqual(aTeam({ name: 'lab', tags: ['x'] }))
        expect(await store.updateTeam('team_3', { name: 'none' })).toBeNull()
        const first = await store.listTeams({ cursor: null, limit: 1 })
        expect(first.data.map(({ id }) => id)).toEqual(['team_1'])
        const second = await store.listTeams({ cursor: first.next, limit: 1 })
        expect(second.data.map(({ id }) => id)).toEqual(['team_2'])
        expect(second.next).toBeNull()
      })

      test('a name belongs to one team, and a team with keys stays', async () => {
        const store = open()
        await store.insertTeam(aTeam())
        await expectCode(store.insertTeam(aTeam({ id: 'team_2' })), 'conflict')
        await store.insertKey(aKey({ teamId: 'team_1' }))
        await expectCode(store.deleteTeam('team_1'), 'conflict')
        await store.deleteKey('key_1')
        expect(await store.deleteTeam('team_1')).toBe(true)
        expect(await store.deleteTeam('team_1')).toBe(false)
      })

      test('the version of keys differs once another process has changed one, and not for changes of one’s own', async () => {
        const [mine, other] = openTwo()
        const before = await mine.keysVersion()
        await mine.insertKey(aKey())
        expect(await mine.keysVersion()).toBe(before)
        await other.updateKey('key_1', { disabled: true })
        expect(await mine.keysVersion()).not.toBe(before)
        expect((await mine.findKeyByHash('hash-1'))?.key.disabled).toBe(true)
      })
    })

    describe('users', () => {
      const withUser = async (change: Partial<User> = {}, passwordHash: string | null = 'hashed'): Promise<Store> => {
        const store = open()
        await store.insertUser({ user: aUser(change), passwordHash, credits: [], invitation: null })
        return store
      }

      test('there is a default group that charges what it costs; groups with users stay', async () => {
        const store = await withUser()
        expect(await store.listGroups()).toEqual([
          { name: 'default', multiplierMillionths: 1_000_000n, models: null, createdAt: 0 },
        ])
        const group = { name: 'vip', multiplierMillionths: 800_000n, models: ['chat'], createdAt: NOON }
        await store.insertGroup(group)
        await expectCode(store.insertGroup(group), 'conflict')
        expect(await store.updateGroup('vip', { multiplierMillionths: 1n })).toEqual({
          ...group,
          multiplierMillionths: 1n,
        })
        expect(await store.updateGroup('none', {})).toBeNull()
        await store.updateUser('user_1', { group: 'vip' })
        await expectCode(store.deleteGroup('vip'), 'conflict')
        await store.updateUser('user_1', { group: 'default' })
        expect(await store.deleteGroup('vip')).toBe(true)
        await expectCode(store.updateUser('user_1', { group: 'vip' }), 'conflict')
      })

      test('a login belongs to one user, and a failed registration leaves nothing behind', async () => {
        const store = await withUser()
        const again = { user: aUser({ id: 'user_2' }), passwordHash: null, credits: [], invitation: null }
        await expectCode(store.insertUser(again), 'conflict')
        const bob = { ...again, user: aUser({ id: 'user_2', login: 'bob' }) }
        await expectCode(
          store.insertUser({ ...bob, invitation: 'none', credits: [aCredit({ userId: 'user_2' })] }),
          'code_invalid',
        )
        expect(await store.getUser('user_2')).toBeNull()
        await store.insertUser({ ...bob, credits: [aCredit({ userId: 'user_2' })] })
        expect(await store.findUser('bob')).toEqual(bob.user)
        expect((await store.listUsers({ cursor: null, limit: 1 })).data).toEqual([aUser()])
        expect((await store.listCredits({ userId: 'user_2', cursor: null, limit: 9 })).data).toHaveLength(1)
      })

      test('a key of a user comes with its owner, and goes with the user', async () => {
        const store = await withUser()
        await store.insertKey(aKey({ userId: 'user_1' }))
        await store.insertKey(aKey({ id: 'key_2', secrets: [aSecret('hash-2')] }))
        const owner = {
          userId: 'user_1',
          group: 'default',
          multiplierMillionths: 1_000_000n,
          models: null,
          disabled: false,
        }
        expect(await store.findKeyByHash('hash-1')).toEqual({ key: aKey({ userId: 'user_1' }), team: null, owner })
        expect(await store.findKeyByHash('hash-2')).not.toHaveProperty('owner')
        expect(await store.getKeyOwner('user_1')).toEqual(owner)
        const query = { userId: 'user_1', cursor: null, limit: 9 }
        expect((await store.listKeys(query)).data.map(({ id }) => id)).toEqual(['key_1'])
        await store.insertSession({ hash: 's', userId: 'user_1', createdAt: NOON, expiresAt: NOON + HOUR }, 9)
        expect(await store.eraseUser('user_1')).toBe(true)
        expect(await store.eraseUser('user_9')).toBe(false)
        expect((await store.listKeys(query)).data).toEqual([])
        expect(await store.findKeyByHash('hash-1')).toBeNull()
        expect(await store.findSession('s', NOON)).toBeNull()
        expect(await store.findUser('ada')).toBeNull()
        expect(await store.passwordHashOf('user_1')).toBeNull()
      })

      test('sessions last until they expire, and the oldest make room', async () => {
        const store = await withUser()
        const session = { hash: 's1', userId: 'user_1', createdAt: NOON, expiresAt: NOON + HOUR }
        await store.insertSession(session, 2)
        await store.insertSession({ ...session, hash: 's2', createdAt: NOON + 1 }, 2)
        expect(await store.findSession('s1', NOON + HOUR - 1)).toEqual({ session, user: aUser() })
        expect(await store.findSession('s1', NOON + HOUR)).toBeNull()
        await store.insertSession({ ...session, hash: 's3', createdAt: NOON + 2 }, 2)
        expect(await store.findSession('s1', NOON)).toBeNull()
        expect(await store.findSession('s2', NOON)).not.toBeNull()
        expect(await store.deleteSession('s2')).toBe(true)
        expect(await store.deleteSession('s2')).toBe(false)
        await store.setPasswordHash('user_1', 'other')
        expect(await store.passwordHashOf('user_1')).toBe('other')
        expect(await store.findSession('s3', NOON)).toBeNull()
        await store.insertSession(session, 2)
        await store.updateUser('user_1', { disabled: true })
        expect(await store.findSession('s1', NOON)).toBeNull()
      })

      test('a payment is credited once, and totals are those of whoever has new credits', async () => {
        const store = await withUser()
        await store.insertUser({
          user: aUser({ id: 'user_2', login: 'bob' }),
          passwordHash: null,
          credits: [],
          invitation: null,
        })
        expect(await store.creditsSince(0)).toEqual({ no: 0, totals: [] })
        expect(await store.addCredit(aCredit())).toEqual({ credit: aCredit(), isNew: true })
        const twin = aCredit({ id: 'credit_2', userId: 'user_2', amountNanoUsd: 1n })
        expect(await store.addCredit(twin)).toEqual({ credit: aCredit(), isNew: false })
        const first = await store.creditsSince(0)
        expect(first.totals).toEqual([{ userId: 'user_1', creditedNanoUsd: 9_007_199_254_740_993n }])
        await store.addCredit({ ...twin, reference: 'payment-2' })
        await store.addCredit(aCredit({ id: 'credit_3', kind: 'correction', amountNanoUsd: -3n }))
        const second = await store.creditsSince(first.no)
        expect(second.totals).toEqual([
          { userId: 'user_1', creditedNanoUsd: 9_007_199_254_740_990n },
          { userId: 'user_2', creditedNanoUsd: 1n },
        ])
        expect(await store.creditsSince(second.no)).toEqual({ no: second.no, totals: [] })
        const page = await store.listCredits({ userId: 'user_1', cursor: null, limit: 1 })
        expect(page.data.map(({ id }) => id)).toEqual(['credit_3'])
        expect((await store.listCredits({ userId: 'user_1', cursor: page.next, limit: 1 })).data).toEqual([aCredit()])
        const all = await store.listCredits({ cursor: null, limit: 9 })
        expect(all.data.map(({ userId, kind }) => [userId, kind])).toEqual([
          ['user_1', 'correction'],
          ['user_2', 'topup'],
          ['user_1', 'topup'],
        ])
        const topups = await store.listCredits({ kind: 'topup', cursor: null, limit: 1 })
        expect(topups.data.map(({ userId }) => userId)).toEqual(['user_2'])
        const corrections = await store.listCredits({ userId: 'user_2', kind: 'correction', cursor: null, limit: 9 })
        expect(corrections).toEqual({ data: [], next: null })
        await expectCode(store.addCredit(aCredit({ id: 'c', userId: 'nobody', reference: 'p' })), 'conflict')
      })

      test('of two processes that redeem one code at once, one does', async () => {
        const [mine, other] = openTwo()
        await mine.insertUser({ user: aUser(), passwordHash: null, credits: [], invitation: null })
        await mine.insertCodes([aCode()])
        const credit = aCredit({ kind: 'code', reference: 'code_1' })
        const found = await Promise.all([mine, other].map((store) => store.findCode('redemption', 'code-hash-1', NOON)))
        expect(found).toEqual([aCode(), aCode()])
        const done = await Promise.allSettled([
          mine.redeemCode('code_1', credit),
          other.redeemCode('code_1', { ...credit, id: 'x' }),
        ])
        expect(done.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
        expect((await mine.creditsSince(0)).totals).toHaveLength(1)
        expect(await other.findCode('redemption', 'code-hash-1', NOON)).toBeNull()
        expect((await other.listCodes({ cursor: null, limit: 9 })).data).toEqual([
          aCode({ usedBy: 'user_1', usedAt: NOON }),
        ])
        expect(await other.deleteCode('code_1')).toBe(false)
      })

      test('a code is good for its kind until it expires, and an invitation for one registration', async () => {
        const store = await withUser()
        await store.insertCodes([
          aCode(),
          aCode({ id: 'code_2', hash: 'h2', kind: 'invitation', batch: 'b', expiresAt: null }),
        ])
        expect(await store.findCode('invitation', 'code-hash-1', NOON)).toBeNull()
        expect(await store.findCode('redemption', 'code-hash-1', NOON + HOUR)).toBeNull()
        await expectCode(store.redeemCode('code_1', aCredit({ at: NOON + HOUR })), 'code_invalid')
        const invited = (id: string) =>
          store.insertUser({
            user: aUser({ id, login: id, createdAt: NOON * 2 }),
            passwordHash: null,
            credits: [],
            invitation: 'code_2',
          })
        await invited('user_2')
        await expectCode(invited('user_3'), 'code_invalid')
        expect((await store.listCodes({ cursor: null, limit: 9, batch: 'b' })).data).toMatchObject([
          { usedBy: 'user_2' },
        ])
        expect(await store.deleteCode('code_1')).toBe(true)
        await expectCode(store.insertCodes([aCode({ group: 'none' })]), 'conflict')
        await store.insertGroup({ name: 'vip', multiplierMillionths: 1n, models: null, createdAt: NOON })
        await store.insertCodes([
          aCode({ id: 'code_3', hash: 'h3', kind: 'invitation', group: 'vip', expiresAt: null }),
        ])
        await expectCode(store.deleteGroup('vip'), 'conflict')
        const user = aUser({ id: 'user_4', login: 'user-4' })
        await store.insertUser({ user, passwordHash: null, credits: [], invitation: 'code_3' })
        expect(await store.deleteGroup('vip')).toBe(true)
      })

      test('what requests were sold for stands beside what they cost, and the books hold it', async () => {
        const store = await withUser()
        const terms = { userId: 'user_1', group: 'default', multiplierMillionths: 1_500_000n }
        const sold = (id: string, costNanoUsd: bigint, change: Partial<Entry> = {}): Entry =>
          anEntry(id, {
            costNanoUsd,
            sale: saleOf(terms, costNanoUsd),
            charges: [{ budgetId: 'balance', subject: 'user_1', from: 0, until: null, sold: true }],
            ...change,
          })
        const intent = anIntent('d', {
          holds: [
            { scope: 'user', budgetId: 'balance', subject: 'user_1', from: 0, until: null, nanoUsd: 750n, sale: terms },
          ],
        })
        await store.commit(
          batch({
            intents: [intent],
            entries: [
              sold('a', 1_001n),
              sold('b', 10n, { model: 'other' }),
              sold('c', 1n, { at: NOON + 24 * HOUR }),
              anEntry('x'),
            ],
          }),
        )
        expect(await store.openIntents({ deadlineBefore: NOON * 2, limit: 9 })).toEqual([intent])
        expect((await store.getEntry('a'))?.sale).toEqual({ ...terms, chargedNanoUsd: 1_502n })
        expect(await store.getEntry('x')).not.toHaveProperty('sale')
        const range = { from: NOON, to: NOON + 48 * HOUR }
        const rows = await store.sales({ by: ['user', 'model'], bucket: null, ...range })
        expect(
          rows.map(({ group, requests, costNanoUsd, chargedNanoUsd }) => [
            group,
            requests,
            costNanoUsd,
            chargedNanoUsd,
          ]),
        ).toEqual([
          [{ user: 'user_1', model: 'gpt-5' }, 2, 1_002n, 1_504n],
          [{ user: 'user_1', model: 'other' }, 1, 10n, 15n],
        ])
        expect(rows[0]).toMatchObject({ inputTokens: 240, outputTokens: 14, at: null })
        expect(await store.sales({ by: [], bucket: 'day', ...range, userId: 'user_1' })).toMatchObject([
          { at: Date.UTC(2026, 0, 31), requests: 2 },
          { at: Date.UTC(2026, 1, 1), requests: 1 },
        ])
        expect(await store.sales({ by: [], bucket: null, ...range, userId: 'user_2' })).toEqual([])
        expect(await store.budgetAccounts({ endsAfter: 0 })).toMatchObject([
          { subject: 'user_1', spentNanoUsd: 1_519n },
        ])
        const correction = sold('adj_a', -400n, { status: 'adjusted', usage: NO_USAGE, charges: undefined as never })
        await store.adjust([{ entry: correction, original: 'a', madeAt: NOON + HOUR }])
        expect(await store.adjustmentsSince(0)).toMatchObject([
          { charges: [{ budgetId: 'balance', sold: true, nanoUsd: -600n }] },
        ])
        expect(await store.verifyBooks()).toMatchObject({ entries: 5, differences: 0, examples: [] })
        const archived: Entry[] = []
        const keep = (entries: readonly Entry[]): void => void archived.push(...entries)
        await store.archiveEntries({ before: NOON + HOUR, limit: 99, file: 'f', now: NOON + HOUR, keep })
        expect(archived.find(({ id }) => id === 'a')?.sale?.chargedNanoUsd).toBe(1_502n)
        expect(await store.verifyBooks()).toMatchObject({
          entries: 1,
          archivedEntries: 4,
          differences: 0,
          examples: [],
        })
        expect(await store.sales({ by: [], bucket: null, ...range })).toMatchObject([
          { requests: 3, chargedNanoUsd: 919n },
        ])
      })
    })

    describe('administration', () => {
      test('admin tokens are found by hash, listed and deleted', async () => {
        const store = open()
        const token = { id: 'tok_1', name: 'ci', role: 'viewer', hash: 'h', createdAt: NOON } as const
        await store.insertAdminToken(token)
        await expectCode(store.insertAdminToken({ ...token, id: 'tok_2' }), 'conflict')
        expect(await store.findAdminTokenByHash('h')).toEqual(token)
        expect(await store.findAdminTokenByHash('x')).toBeNull()
        expect(await store.listAdminTokens()).toEqual([token])
        expect(await store.deleteAdminToken('tok_1')).toBe(true)
        expect(await store.deleteAdminToken('tok_1')).toBe(false)
      })

      test('two processes that set one value at once agree on the first', async () => {
        const [mine, other] = openTwo()
        expect(await mine.getSetting('pepper')).toBeNull()
        const values = await Promise.all([mine.initSetting('pepper', 'a'), other.initSetting('pepper', 'b')])
        expect(values).toEqual(['a', 'a'])
        expect(await other.getSetting('pepper')).toBe('a')
      })
    })

    describe('ledger', () => {
      test('an intent is open until its entry is there', async () => {
        const store = open()
        const intents = [
          anIntent('b', { createdAt: NOON + 1 }),
          anIntent('a', { estimateNanoUsd: 2n ** 53n + 1n }),
          anIntent('later', { deadlineAt: NOON + 90_000 }),
        ]
        await store.commit(batch({ intents }))
        const query = { deadlineBefore: NOON + 60_001, limit: 10 }
        expect(await store.openIntents(query)).toEqual([intents[1], intents[0]] as Intent[])
        expect(await store.openIntents({ ...query, limit: 1 })).toHaveLength(1)
        expect(await store.openIntents({ ...query, deadlineBefore: NOON + 60_000 })).toEqual([])
        await store.commit(batch({ entries: [anEntry('a')] }))
        expect((await store.openIntents(query)).map(({ id }) => id)).toEqual(['b'])
      })

      test('an intent whose entry is in the same batch, or came before it, is not open', async () => {
        const store = open()
        await store.commit(batch({ intents: [anIntent('a')], entries: [anEntry('a'), anEntry('b')] }))
        await store.commit(batch({ intents: [anIntent('b')] }))
        expect(await store.openIntents({ deadlineBefore: NOON * 2, limit: 10 })).toEqual([])
      })

      test('an entry comes back as it was written', async () => {
        const store = open()
        const entry = anEntry('a', {
          dimensions: { ...DIMENSIONS, teamId: null, endUser: 'zoë "\u0000"', tags: ['b', 'a'] },
          status: 'recovered',
          usage: { ...NO_USAGE, seconds: 0.25, requests: 1 },
          usageSource: 'estimated',
          costNanoUsd: 2n ** 62n + 1n,
          unpriced: true,
        })
        await store.commit(batch({ entries: [entry] }))
        expect(await store.getEntry('a')).toEqual(entry)
        expect(await store.getEntry('b')).toBeNull()
        expect(await store.countEntries()).toBe(1)
      })

      test('the first entry of an id stands, and counts once', async () => {
        const store = open()
        const twice = batch({ ...settled(anEntry('a')), intents: [anIntent('a')] })
        await store.commit(twice)
        await store.commit(twice)
        await store.commit(batch({ entries: [anEntry('a', { costNanoUsd: 9n }), anEntry('b'), anEntry('b')] }))
        expect(await store.countEntries()).toBe(2)
        expect((await store.getEntry('a'))?.costNanoUsd).toBe(1_000n)
        expect(await spendOf(store, [])).toMatchObject([{ requests: 2, costNanoUsd: 2_000n }])
        expect((await store.listRequests({ cursor: null, limit: 10 })).data).toHaveLength(1)
      })

      test('a batch that cannot be written whole is not written at all', async () => {
        const store = open()
        const tooMuch = anEntry('b', { costNanoUsd: 2n ** 63n, dimensions: { ...DIMENSIONS, keyId: 'key_9' } })
        await expectCode(store.commit(batch({ entries: [anEntry('a'), tooMuch] })), 'internal')
        expect(await store.countEntries()).toBe(0)
        expect(await spendOf(store, ['key'])).toEqual([])
        await store.commit(batch({ entries: [{ ...tooMuch, costNanoUsd: 5n }] }))
        expect(await spendOf(store, ['key'])).toMatchObject([{ group: { key: 'key_9' }, costNanoUsd: 5n }])
      })

      test('what one process commits, another reads, and it is there after both have closed', async () => {
        const place = makePlace()
        places.push(place)
        const [mine, other] = [place.open(), place.open()]
        await mine.commit(batch(settled(anEntry('a'))))
        await other.commit(batch(settled(anEntry('b', { dimensions: { ...DIMENSIONS, keyId: 'key_2' } }))))
        await mine.commit(batch(settled(anEntry('c', { dimensions: { ...DIMENSIONS, keyId: 'key_2' } }))))
        expect(await mine.countEntries()).toBe(3)
        await mine.close()
        await other.close()
        const again = open(place)
        expect((await spendOf(again, ['key'])).map(({ group, requests }) => [group.key, requests])).toEqual([
          ['key_2', 2],
          ['key_1', 1],
        ])
      })
    })

    describe('budgets', () => {
      const day = { budgetId: 'budget_1', subject: 'key_1', from: NOON, until: NOON + HOUR }

      test('one comes back as it was written, changes by what is named, and goes', async () => {
        const store = open()
        const budget = aBudget({ raises: [{ amountNanoUsd: 2n ** 62n, until: NOON }], borrowNanoUsd: 5n })
        await store.insertBudget(budget)
        expect(await store.getBudget('budget_1')).toEqual(budget)
        const changed = { ...budget, limitNanoUsd: 7n, window: { type: 'once' as const }, borrowNanoUsd: null }
        expect(
          await store.updateBudget('budget_1', { limitNanoUsd: 7n, window: { type: 'once' }, borrowNanoUsd: null }),
        ).toEqual(changed)
        expect(await store.getBudget('budget_1')).toEqual(changed)
        expect(await store.updateBudget('nobody', {})).toBeNull()
        expect([await store.deleteBudget('budget_1'), await store.deleteBudget('budget_1')]).toEqual([true, false])
        expect(await store.getBudget('budget_1')).toBeNull()
      })

      test('they are listed in pages, all of them or those of a scope and subject', async () => {
        const store = open()
        for (const [id, scope, subject] of [
          ['a', 'key', 'key_1'],
          ['b', 'key', null],
          ['c', 'team', 'key_1'],
        ] as const)
          await store.insertBudget(aBudget({ id, scope, subject }))
        const first = await store.listBudgets({ cursor: null, limit: 2 })
        expect(first.data.map(({ id }) => id)).toEqual(['a', 'b'])
        expect((await store.listBudgets({ cursor: first.next, limit: 2 })).data.map(({ id }) => id)).toEqual(['c'])
        const ids = async (filter: { scope?: 'key'; subject?: string }): Promise<string[]> =>
          (await store.listBudgets({ cursor: null, limit: 9, ...filter })).data.map(({ id }) => id)
        expect(await ids({ scope: 'key' })).toEqual(['a', 'b'])
        expect(await ids({ scope: 'key', subject: 'key_1' })).toEqual(['a'])
      })

      test('an entry adds its cost to each period that it counts in, once', async () => {
        const store = open()
        const month = { ...day, budgetId: 'budget_2', subject: 'team_1', until: null }
        const one = batch({ entries: [anEntry('a', { charges: [day, month] }), anEntry('b', { charges: [day] })] })
        await store.commit(one)
        await store.commit(one)
        await store.commit(batch({ entries: [anEntry('c', { costNanoUsd: 5n, charges: [month] }), anEntry('d')] }))
        expect(await store.budgetAccounts({ endsAfter: NOON })).toEqual([
          { ...day, spentNanoUsd: 2_000n },
          { ...month, spentNanoUsd: 1_005n },
        ])
        expect(await store.budgetAccounts({ endsAfter: NOON + HOUR })).toEqual([{ ...month, spentNanoUsd: 1_005n }])
      })

      test('of a budget of one target only what that target cost counts, also when the rest is corrected', async () => {
        const store = open()
        const part = { provider: 'claude', model: 'opus', costNanoUsd: 300n, unpriced: false, priceVersion: 'v1' }
        const parts = [{ ...part, usage: { ...NO_USAGE, output: 3 } }]
        const own = { ...day, budgetId: 'of_own', share: { costNanoUsd: 700n, isBeside: false } }
        const beside = { ...day, budgetId: 'of_part', share: { costNanoUsd: 300n, isBeside: true } }
        const entry = anEntry('a', { parts, charges: [day, own, beside] })
        await store.commit(batch({ entries: [entry] }))
        const { charges: _, ...written } = entry
        expect(await store.getEntry('a')).toEqual(written)
        const correction = anEntry('adj_a', { status: 'adjusted', usage: NO_USAGE, costNanoUsd: 50n })
        await store.adjust([{ entry: correction, original: 'a', madeAt: NOON }])
        const spent = (await store.budgetAccounts({ endsAfter: 0 })).map((row) => [row.budgetId, row.spentNanoUsd])
        expect(spent).toEqual([
          ['budget_1', 1_050n],
          ['of_own', 750n],
          ['of_part', 300n],
        ])
        const page = await store.scanEntries({ ...everything, cursor: null, limit: 9 })
        expect(page.data.find(({ entry }) => entry.id === 'a')).toMatchObject({ besideNanoUsd: 300n, entry: { parts } })
        expect(await store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
        const keep = (): void => undefined
        await store.archiveEntries({ before: NOON + HOUR, limit: 10, file: 'f', now: NOON * 2, keep })
        expect(await store.verifyBooks()).toMatchObject({ archivedEntries: 2, differences: 0, examples: [] })
      })

      test('an intent comes back with what it holds', async () => {
        const store = open()
        const intent = anIntent('a', {
          holds: [
            { ...day, scope: 'key', nanoUsd: 2n ** 62n },
            { ...day, until: null, scope: 'model', nanoUsd: 0n },
          ],
        })
        await store.commit(batch({ intents: [intent, anIntent('b', { holds: [] }), anIntent('c')] }))
        const open_ = await store.openIntents({ deadlineBefore: NOON * 2, limit: 10 })
        expect(open_.map(({ holds }) => holds)).toEqual([intent.holds, [], undefined])
      })
    })

    describe('books', () => {
      const day = { budgetId: 'budget_1', subject: 'key_1', from: NOON, until: NOON + HOUR }
      const correction = (original: string, costNanoUsd: bigint): Entry =>
        anEntry(`adj_${original}`, { status: 'adjusted', usage: NO_USAGE, costNanoUsd })

      test('a correction counts in the roll-ups and budgets of its original, and not as a request', async () => {
        const store = open()
        await store.commit(batch({ entries: [anEntry('a', { charges: [day] }), anEntry('b')] }))
        await store.adjust([{ entry: correction('a', -400n), original: 'a', madeAt: NOON }])
        expect(await spendOf(store, [])).toMatchObject([{ requests: 2, costNanoUsd: 1_600n }])
        expect(await store.budgetAccounts({ endsAfter: 0 })).toEqual([{ ...day, spentNanoUsd: 600n }])
        const [made] = await store.adjustmentsSince(0)
        expect(made).toMatchObject({ charges: [{ ...day, nanoUsd: -400n }] })
        expect(await store.adjustmentsSince(made?.no ?? 0)).toEqual([])
        await expectCode(store.adjust([{ entry: correction('a', 1n), original: 'a', madeAt: NOON }]), 'conflict')
        expect(await spendOf(store, [])).toMatchObject([{ requests: 2, costNanoUsd: 1_600n }])
        expect(await store.verifyBooks()).toMatchObject({ entries: 3, differences: 0, examples: [] })
      })

      test('entries of a time come in pages, with their corrections', async () => {
        const store = open()
        const late = anEntry('c', { at: NOON + HOUR, provider: 'azure' })
        await store.commit(batch({ entries: [anEntry('a'), anEntry('b'), late] }))
        await store.adjust([{ entry: correction('b', 7n), original: 'b', madeAt: NOON }])
        const range = { from: NOON, to: NOON + HOUR }
        const first = await store.scanEntries({ ...range, cursor: null, limit: 2 })
        expect(first.data.map(({ entry }) => entry.id)).toEqual(['a', 'adj_b'])
        const rest = await store.scanEntries({ ...range, cursor: first.next, limit: 2 })
        expect(rest).toMatchObject({
          data: [{ entry: { id: 'b' }, adjustedNanoUsd: 7n, besideNanoUsd: 0n }],
          next: null,
        })
        const azure = await store.scanEntries({ from: 0, to: NOON * 2, provider: 'azure', cursor: null, limit: 9 })
        expect(azure.data.map(({ entry }) => entry.id)).toEqual(['c'])
      })

      test('what is archived leaves the store after it is kept, and stays in every sum', async () => {
        const store = open()
        await store.commit(batch({ entries: [anEntry('a', { charges: [day] }), anEntry('b', { at: NOON + HOUR })] }))
        const kept: string[] = []
        const query = { before: NOON + HOUR, limit: 10, file: 'f', now: NOON * 2 }
        const keep = (entries: readonly Entry[]): void => void kept.push(...entries.map(({ id }) => id))
        const full = (): never => {
          throw new Error('the disk is full')
        }
        expect(store.archiveEntries({ ...query, keep: full })).rejects.toThrow()
        expect(await store.countEntries()).toBe(2)
        expect([
          await store.archiveEntries({ ...query, keep }),
          await store.archiveEntries({ ...query, keep }),
        ]).toEqual([1, 0])
        expect([kept, await store.countEntries()]).toEqual([['a'], 1])
        expect(await spendOf(store, [])).toMatchObject([{ requests: 2 }])
        expect(await store.budgetAccounts({ endsAfter: 0 })).toEqual([{ ...day, spentNanoUsd: 1_000n }])
        expect(await store.verifyBooks()).toMatchObject({ entries: 1, archivedEntries: 1, differences: 0 })
      })
    })

    describe('prices', () => {
      const change = { vendor: 'openai', model: 'gpt-5', unit: 'input', before: null, after: 2n ** 62n }
      const feed = {
        form: 'litellm',
        place: 'here',
        version: 'v1',
        etag: '"1"',
        text: '{}',
        at: NOON,
        changes: [change],
      }

      test('a file that was taken takes the place of the last one, and adds to the history', async () => {
        const store = open()
        expect([await store.priceFeeds(), await store.priceVersions()]).toEqual([[], ''])
        await store.takePriceFeed(feed)
        const first = await store.priceVersions()
        const next = { ...change, before: 2n ** 62n, after: 0n }
        await store.takePriceFeed({ ...feed, version: 'v2', text: '[]', etag: null, at: NOON + 1, changes: [next] })
        expect(await store.priceFeeds()).toEqual([
          {
            form: 'litellm',
            place: 'here',
            taken: { version: 'v2', etag: null, text: '[]', at: NOON + 1 },
            checkedAt: NOON + 1,
            outcome: 'taken',
            reason: null,
          },
        ])
        expect(await store.priceVersions()).not.toBe(first)
        const page = await store.priceChanges({ cursor: null, limit: 1 })
        expect(page.data).toEqual([{ ...next, at: NOON + 1, version: 'v2' }])
        const rest = await store.priceChanges({ cursor: page.next, limit: 1, vendor: 'openai', model: 'gpt-5' })
        expect(rest).toEqual({ data: [{ ...change, at: NOON, version: 'v1' }], next: null })
        expect((await store.priceChanges({ cursor: null, limit: 9, vendor: 'azure' })).data).toEqual([])
      })

      test('a look that takes nothing is noted, and leaves what was taken', async () => {
        const store = open()
        const check = { form: 'litellm', place: 'here', at: NOON + 5, outcome: 'refused' as const, reason: 'odd' }
        await store.notePriceCheck(check)
        expect((await store.priceFeeds())[0]).toMatchObject({ taken: null, outcome: 'refused', reason: 'odd' })
        await store.takePriceFeed(feed)
        const version = await store.priceVersions()
        await store.notePriceCheck(check)
        expect((await store.priceFeeds())[0]).toMatchObject({
          taken: { version: 'v1' },
          checkedAt: NOON + 5,
          outcome: 'refused',
        })
        expect(await store.priceVersions()).toBe(version)
      })
    })

    describe('request log', () => {
      test('a record comes back as it was written, with or without an entry', async () => {
        const store = open()
        const settledRecord = aRecord('a', {
          clientRequestId: 'mine',
          stream: true,
          ttftMs: 100.125,
          rawUsage: '{"prompt_tokens":120}',
          plan: '{"targets":[]}',
          usage: anEntry('a').usage,
          usageSource: 'reported',
          costNanoUsd: 2n ** 60n + 1n,
          attempts: [
            {
              target: 'claude/opus',
              credentialId: null,
              outcome: { type: 'rate_limited', retryAfterMs: 50 },
              status: 429,
              startedAt: NOON + 1,
              durationMs: 3.25,
              ttftMs: null,
              message: 'slow down',
              consumed: { usage: { ...NO_USAGE, input: 7, output: 2 }, costNanoUsd: 12_345n },
            },
            {
              target: 'openai/gpt-5',
              credentialId: 'openai#1',
              outcome: { type: 'answered' },
              status: 200,
              startedAt: NOON + 5,
              durationMs: 700,
              ttftMs: 90,
              message: null,
            },
          ],
        })
        const entry = anEntry('a', { costNanoUsd: 2n ** 60n + 1n })
        const alone = { ...settledRecord, id: 'b' }
        const refused = aRecord('c', { status: 429, errorCode: 'rate_limited', target: null, finishReason: null })
        const bare = aRecord('d', { target: 'local' })
        await store.commit(batch({ entries: [entry], records: [settledRecord, alone, refused, bare] }))
        for (const record of [settledRecord, alone, refused, bare]) {
          expect(await store.getRequest(record.id)).toEqual(record)
        }
        expect(await store.getRequest('e')).toBeNull()
      })

      test('a record whose entry was committed with the same usage reads it from there', async () => {
        const store = open()
        const entry = anEntry('a')
        const both = settled(entry)
        await store.commit(batch(both))
        expect(await store.getRequest('a')).toEqual(both.records?.[0] as RequestRecord)
      })

      test('the list is newest first, in pages, by every filter', async () => {
        const store = open()
        const records = [
          aRecord('r1', { at: NOON }),
          aRecord('r2', { at: NOON + 1, status: 429, dimensions: { ...DIMENSIONS, keyId: 'key_2' } }),
          aRecord('r3', { at: NOON + 2, status: 404, dimensions: { ...DIMENSIONS, teamId: 'team_2' } }),
          aRecord('r4', { at: NOON + 3, target: 'claude/opus' }),
          aRecord('r5', { at: NOON + 4, target: null, dimensions: { ...DIMENSIONS, requestedModel: 'opus' } }),
        ]
        await store.commit(batch({ records }))
        const ids = async (filter: object) =>
          (await store.listRequests({ cursor: null, limit: 10, ...filter })).data.map(({ id }) => id)
        const cases: readonly (readonly [object, readonly string[]])[] = [
          [{}, ['r5', 'r4', 'r3', 'r2', 'r1']],
          [{ keyId: 'key_2' }, ['r2']],
          [{ keyId: 'key_9' }, []],
          [{ teamId: 'team_2' }, ['r3']],
          [{ model: 'opus' }, ['r5', 'r4']],
          [{ model: 'chat', provider: 'claude' }, ['r4']],
          [{ status: '429' }, ['r2']],
          [{ status: '4xx' }, ['r3', 'r2']],
          [{ from: NOON + 1, to: NOON + 3 }, ['r3', 'r2']],
        ]
        for (const [filter, expected] of cases) expect(await ids(filter)).toEqual([...expected])
        const first = await store.listRequests({ cursor: null, limit: 2, keyId: 'key_1' })
        const second = await store.listRequests({ cursor: first.next, limit: 2, keyId: 'key_1' })
        expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(['r5', 'r4', 'r3', 'r1'])
        expect(second.next).toBeNull()
        await expectCode(ids({ status: 'broken' }), 'request_malformed')
        await expectCode(ids({ cursor: 'nonsense' }), 'request_malformed')
      })

      test('a key’s requests are listed whole and in order, however many there are and after pruning', async () => {
        const store = open()
        const total = 1_300
        for (let start = 0; start < total; start += 50) {
          const parts = Array.from({ length: 50 }, (_, index) => {
            const number = start + index
            const dimensions = { ...DIMENSIONS, keyId: `key_${number % 3}` }
            return settled(anEntry(`r${String(number).padStart(4, '0')}`, { at: NOON + number, dimensions }))
          })
          await store.commit(
            batch({
              intents: parts.flatMap(({ entries = [] }) => entries.map(({ id }) => anIntent(id))),
              entries: parts.flatMap(({ entries = [] }) => entries),
              records: parts.flatMap(({ records = [] }) => records),
            }),
          )
        }
        const listed = async (keyId: string) => {
          const seen: string[] = []
          let cursor: string | null = null
          do {
            const page = await store.listRequests({ cursor, limit: 170, keyId })
            seen.push(...page.data.map(({ id }) => id))
            cursor = page.next
          } while (cursor !== null)
          return seen
        }
        const numbers = Array.from({ length: total }, (_, index) => total - 1 - index)
        const expected = (rest: number, from: number) =>
          numbers.filter((n) => n % 3 === rest && n >= from).map((n) => `r${String(n).padStart(4, '0')}`)
        expect(await listed('key_1')).toEqual(expected(1, 0))
        expect(await store.openIntents({ deadlineBefore: NOON * 2, limit: 10 })).toEqual([])
        expect(await store.pruneRequests({ before: NOON + 400, limit: total })).toBe(400)
        expect(await listed('key_0')).toEqual(expected(0, 400))
        expect(await listed('key_1')).toEqual(expected(1, 400))
        expect(await store.pruneRequests({ before: NOON * 2, limit: total })).toBeGreaterThanOrEqual(899)
        await store.commit(batch({ records: [aRecord('r9998'), aRecord('r9999')] }))
        expect((await listed('key_1')).slice(0, 2)).toEqual(['r9999', 'r9998'])
      })

      test('pruning takes the oldest records and leaves entries and spend', async () => {
        const store = open()
        for (const [index, id] of ['a', 'b', 'c'].entries()) {
          await store.commit(batch(settled(anEntry(id, { at: NOON + index }))))
        }
        expect(await store.pruneRequests({ before: NOON + 2, limit: 1 })).toBe(1)
        expect(await store.getRequest('a')).toBeNull()
        expect(await store.pruneRequests({ before: NOON + 2, limit: 10 })).toBe(1)
        expect(await store.pruneRequests({ before: NOON + 2, limit: 10 })).toBe(0)
        expect(await store.countEntries()).toBe(3)
        expect(await spendOf(store, [])).toMatchObject([{ requests: 3 }])
      })
    })

    describe('spend', () => {
      test('nothing spent is an empty report', async () => {
        const store = open()
        expect(await spendOf(store, [])).toEqual([])
        expect(await spendOf(store, ['key'], { bucket: 'day' })).toEqual([])
        await store.commit(batch({ entries: [anEntry('a')] }))
        expect(await spendOf(store, [], { from: NOON, to: NOON })).toEqual([])
      })

      test('the dearest comes first, and entries without a value form a group of their own', async () => {
        const store = open()
        const of = (id: string, costNanoUsd: bigint, change: Partial<Dimensions>) =>
          anEntry(id, { costNanoUsd, dimensions: { ...DIMENSIONS, ...change }, unpriced: costNanoUsd === 0n })
        await store.commit(
          batch({
            entries: [
              of('a', 5n, { endUser: 'ada', tags: ['x', 'y', 'x'] }),
              of('b', 7n, { endUser: 'bob', tags: ['y'] }),
              of('c', 20n, {}),
              of('d', 0n, { teamId: null }),
            ],
          }),
        )
        const costs = async (by: SpendDimension) =>
          (await spendOf(store, [by])).map((row) => [
            row.group[by],
            row.costNanoUsd,
            row.requests,
            row.unpricedRequests,
          ])
        expect(await costs('end_user')).toEqual([
          [null, 20n, 2, 1],
          ['bob', 7n, 1, 0],
          ['ada', 5n, 1, 0],
        ])
        expect(await costs('tag')).toEqual([
          [null, 20n, 2, 1],
          ['y', 12n, 2, 0],
          ['x', 5n, 1, 0],
        ])
        expect(await costs('team')).toEqual([
          ['team_1', 32n, 3, 0],
          [null, 0n, 1, 1],
        ])
        expect(await costs('status')).toEqual([['complete', 32n, 4, 1]])
      })

      test('usage adds up, seconds with their fraction', async () => {
        const store = open()
        const usage = Object.fromEntries(USAGE_UNITS.map((unit, index) => [unit, index + 1])) as Usage
        await store.commit(
          batch({ entries: [anEntry('a', { usage }), anEntry('b', { usage: { ...usage, seconds: 0.5 } })] }),
        )
        const expected = Object.fromEntries(USAGE_UNITS.map((unit, index) => [unit, 2 * (index + 1)]))
        expect(await spendOf(store, [])).toMatchObject([{ usage: { ...expected, seconds: usage.seconds + 0.5 } }])
      })

      test('sums are exact beyond 53 bits', async () => {
        const store = open()
        const half = 2n ** 61n + 1n
        await store.commit(batch({ entries: [anEntry('a', { costNanoUsd: half })] }))
        await store.commit(batch({ entries: [anEntry('b', { costNanoUsd: half, at: NOON + 48 * HOUR })] }))
        expect(await spendOf(store, ['model'])).toMatchObject([{ costNanoUsd: 2n * half }])
      })

      test('roll-ups are the entries, whatever came in which order, twice, late or from two processes', async () => {
        const dimensions = fc.record({
          keyId: fc.constantFrom('key_1', 'key_2'),
          teamId: fc.constantFrom('team_1', null),
          endUser: fc.constantFrom(null, null, 'ada', 'bob'),
          tags: fc.subarray(['x', 'y', 'z']),
          requestedModel: fc.constantFrom('m', 'n'),
          route: fc.constantFrom('chat', 'code'),
          operation: fc.constantFrom('chat', 'embeddings'),
          dialect: fc.constantFrom('openai-chat', 'anthropic-messages'),
          organisation: fc.constantFrom(undefined, undefined, 'acme'),
          task: fc.constantFrom(undefined, undefined, 'code'),
          purpose: fc.constantFrom(undefined, undefined, undefined, 'lab' as const),
        })
        const part = fc.record({
          provider: fc.constantFrom('openai', 'claude'),
          model: fc.constantFrom('gpt-5', 'mistral'),
          usage: fc.record({ output: fc.nat(1_000) }).map((usage): Usage => ({ ...NO_USAGE, ...usage })),
          costNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 40n }),
          unpriced: fc.boolean(),
          priceVersion: fc.constant('v1'),
        })
        const entry = fc.record({
          id: fc.integer({ min: 0, max: 25 }).map((number) => `id${number}`),
          // Around the end of a month and of a year, so that all spans are open, closed and late at some point.
          at: fc.oneof(
            fc.integer({ min: Date.UTC(2025, 11, 30), max: Date.UTC(2026, 0, 3) }),
            fc.integer({ min: Date.UTC(2025, 8, 1), max: Date.UTC(2026, 5, 1) }),
          ),
          dimensions,
          provider: fc.constantFrom('openai', 'claude'),
          model: fc.constantFrom('gpt-5', 'opus'),
          status: fc.constantFrom<EntryStatus>('complete', 'complete', 'aborted', 'failed', 'recovered', 'cached'),
          usage: fc
            .record({ input: fc.nat(1_000), output: fc.nat(1_000), seconds: fc.nat(50).map((n) => n / 4) })
            .map((usage): Usage => ({ ...NO_USAGE, ...usage })),
          costNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 55n }),
          savedNanoUsd: fc.option(fc.bigInt({ min: -(2n ** 55n), max: 2n ** 55n }), { nil: undefined }),
          parts: fc.option(fc.array(part, { minLength: 1, maxLength: 2 }), { nil: undefined }),
          unpriced: fc.boolean(),
        })
        const moment = fc.integer({ min: Date.UTC(2025, 8, 1), max: Date.UTC(2026, 5, 1) })
        const query = fc.record({
          by: fc.subarray<SpendDimension>([...SPEND_DIMENSIONS], { maxLength: 4 }),
          bucket: fc.constantFrom<SpendBucket | null>('hour', 'day', 'month', null),
          from: moment,
          to: moment,
          where: fc.option(fc.constantFrom({ team: 'team_1' }, { tag: 'x' }, { task: 'code', key: 'key_1' }), {
            nil: undefined,
          }),
        })
        const batches = fc.array(fc.tuple(fc.boolean(), fc.array(entry, { maxLength: 8 })), { maxLength: 6 })
        await fc.assert(
          fc.asyncProperty(batches, fc.array(query, { minLength: 1, maxLength: 4 }), async (batches, queries) => {
            const place = makePlace()
            const [mine, other] = [place.open(), place.open()]
            try {
              const kept = new Map<string, Entry>()
              for (const [byOther, parts] of batches) {
                const entries = parts.map((part) => anEntry(part.id, part))
                await (byOther ? other : mine).commit(batch({ entries }))
                for (const entry of entries) if (!kept.has(entry.id)) kept.set(entry.id, entry)
              }
              expect(await mine.countEntries()).toBe(kept.size)
              for (const query of [...queries, { by: [], bucket: null, ...everything }]) {
                const percentiles = !(query.by as readonly SpendDimension[]).includes('status')
                const expected = spendByHand([...kept.values()], { ...query, percentiles })
                expect(byName(await mine.spend({ ...query, percentiles }))).toEqual(byName(expected))
              }
              expect(await mine.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
            } finally {
              await mine.close()
              await other.close()
              place.remove()
            }
          }),
          { numRuns: 60 },
        )
      }, 60_000)

      test('rows come by time first where there is a bucket', async () => {
        const store = open()
        const at = (id: string, hours: number, costNanoUsd: bigint, keyId = 'key_1') =>
          anEntry(id, { at: NOON + hours * HOUR + 5, costNanoUsd, dimensions: { ...DIMENSIONS, keyId } })
        await store.commit(
          batch({ entries: [at('a', 1, 9n), at('b', 0, 1n), at('c', 0, 3n, 'key_2'), at('d', 12, 4n)] }),
        )
        const shape = async (bucket: SpendBucket) =>
          (await spendOf(store, ['key'], { bucket })).map((row) => [row.at, row.group.key, row.costNanoUsd])
        expect(await shape('hour')).toEqual([
          [NOON, 'key_2', 3n],
          [NOON, 'key_1', 1n],
          [NOON + HOUR, 'key_1', 9n],
          [NOON + 12 * HOUR, 'key_1', 4n],
        ])
        expect(await shape('day')).toEqual([
          [NOON - 12 * HOUR, 'key_1', 10n],
          [NOON - 12 * HOUR, 'key_2', 3n],
          [NOON + 12 * HOUR, 'key_1', 4n],
        ])
        expect(await shape('month')).toEqual([
          [Date.UTC(2026, 0, 1), 'key_1', 10n],
          [Date.UTC(2026, 0, 1), 'key_2', 3n],
          [Date.UTC(2026, 1, 1), 'key_1', 4n],
        ])
      })
    })

    describe('alerts', () => {
      const TO = (...destinations: string[]) => ({
        at: NOON,
        deliveries: destinations.map((destination) => ({ destination, heldUntil: NOON })),
      })
      const claimed = async (store: Store, now: number) =>
        (await store.claimDeliveries({ now, until: now + 60 })).map(
          ({ destination, alert, tries }) => `${destination} ${alert.threshold} ${tries}`,
        )

      test('one of a key is kept once, whoever raises it, and comes back as it was', async () => {
        const [one, other] = openTwo()
        expect(await one.raiseAlert(anAlert('a'))).toBe(true)
        expect(await other.raiseAlert(anAlert('a', { at: NOON + 1 }))).toBe(false)
        expect(await other.raiseAlert(anAlert('b'))).toBe(true)
        const kept = await one.unplannedAlerts({ limit: 10 })
        expect(kept.map(({ alert }) => alert)).toEqual([anAlert('a'), anAlert('b')])
        expect(new Set(kept.map(({ id }) => id)).size).toBe(2)
        // The end of what an alert told of is another alert, which names the first one.
        expect(await one.raiseAlert({ ...anAlert('a'), isOver: true })).toBe(true)
        const over = (await one.unplannedAlerts({ limit: 10 }))[2]
        expect(over).toMatchObject({ incidentId: kept[0]?.id ?? '', alert: { isOver: true } })
        expect(over?.id).not.toBe(kept[0]?.id ?? '')
      })

      test('that goes with an entry is kept in its transaction: with it, or not at all', async () => {
        const store = open()
        const charge = { budgetId: 'b', subject: 's', from: NOON, until: NOON + HOUR, alerts: [anAlert('a')] }
        const entry = anEntry('req_1', { charges: [charge] })
        const broken = anEntry('req_2', {
          costNanoUsd: 2n ** 70n,
          charges: [{ ...charge, alerts: [anAlert('b')] }],
        })
        const refusal = store
          .commit({ intents: [], entries: [entry, broken], records: [] })
          .catch((error: unknown) => error)
        expect(await refusal).toBeInstanceOf(Error)
        expect(await store.unplannedAlerts({ limit: 10 })).toEqual([])
        await store.commit({ intents: [], entries: [entry], records: [] })
        // The same entry again, as after a commit whose end was not seen, raises nothing again.
        await store.commit({
          intents: [],
          entries: [{ ...entry, charges: [{ ...charge, alerts: [anAlert('c')] }] }],
          records: [],
        })
        expect((await store.unplannedAlerts({ limit: 10 })).map(({ alert }) => alert)).toEqual([anAlert('a')])
        expect(await store.endedAlerts({ kind: 'test', after: NOON, until: NOON + HOUR })).toEqual([anAlert('a')])
        expect(await store.endedAlerts({ kind: 'test', after: NOON + HOUR, until: NOON + 2 * HOUR })).toEqual([])
        expect(await store.endedAlerts({ kind: 'report', after: NOON, until: NOON + HOUR })).toEqual([])
      })

      test('is planned once, and its deliveries are claimed one by one and in order for each destination', async () => {
        const [one, other] = openTwo()
        for (const threshold of ['a', 'b', 'c']) await one.raiseAlert(anAlert(threshold))
        const [a, b, c] = (await one.unplannedAlerts({ limit: 10 })).map(({ no }) => no) as [number, number, number]
        expect(await one.planAlert(a, TO('slack', 'email'))).toBe(true)
        expect(await other.planAlert(a, TO('slack'))).toBe(false)
        expect(await one.planAlert(c, TO('email', 'hook'))).toBe(true)
        // `b` might go there too: nothing after it is claimed before that is known.
        expect(await claimed(one, NOON)).toEqual(['email a 1', 'slack a 1'])
        expect(await one.planAlert(b, TO('hook'))).toBe(true)
        expect(await claimed(other, NOON)).toEqual(['hook b 1'])
        expect(await claimed(one, NOON)).toEqual([])
        await one.endDelivery({ no: a, destination: 'email', tries: 1 }, { type: 'delivered', at: NOON })
        expect(await claimed(other, NOON)).toEqual(['email c 1'])
      })

      test('one that failed is claimed again when it is due, and one whose claim ran out too', async () => {
        const store = open()
        await store.raiseAlert(anAlert('a'))
        await store.planAlert(1, TO('hook'))
        expect(await claimed(store, NOON)).toEqual(['hook a 1'])
        const again = { type: 'again', nextAt: NOON + 10, problem: 'down' } as const
        await store.endDelivery({ no: 1, destination: 'hook', tries: 1 }, again)
        expect(await claimed(store, NOON + 9)).toEqual([])
        expect(await claimed(store, NOON + 10)).toEqual(['hook a 2'])
        expect(await claimed(store, NOON + 69)).toEqual([])
        expect(await claimed(store, NOON + 70)).toEqual(['hook a 3'])
        // Whoever lost the claim says nothing about the try of another one, except that it got through.
        await store.endDelivery({ no: 1, destination: 'hook', tries: 2 }, { ...again, nextAt: NOON })
        expect(await claimed(store, NOON + 80)).toEqual([])
        await store.endDelivery({ no: 1, destination: 'hook', tries: 2 }, { type: 'delivered', at: NOON + 81 })
        expect(await claimed(store, NOON + 1_000)).toEqual([])
        const [listed] = (await store.listAlerts({ cursor: null, limit: 10 })).data
        expect(listed?.deliveries).toEqual([
          { destination: 'hook', state: 'delivered', tries: 3, nextAt: null, endedAt: NOON + 81, problem: null },
        ])
      })

      test('one that is held lets later ones pass, and comes before them when it is not', async () => {
        const store = open()
        for (const threshold of ['a', 'b', 'c']) await store.raiseAlert(anAlert(threshold))
        await store.planAlert(1, { at: NOON, deliveries: [{ destination: 'hook', heldUntil: NOON + 100 }] })
        await store.planAlert(2, TO('hook'))
        await store.planAlert(3, { at: NOON, deliveries: [{ destination: 'hook', heldUntil: NOON + 100 }] })
        expect(await store.outboxState({ now: NOON + 5 })).toEqual({ waiting: 3, oldestAt: NOON })
        expect(await store.outboxState({ now: NOON - 1 })).toEqual({ waiting: 3, oldestAt: null })
        expect(await claimed(store, NOON)).toEqual(['hook b 1'])
        await store.endDelivery(
          { no: 2, destination: 'hook', tries: 1 },
          { type: 'given_up', at: NOON + 1, problem: 'no' },
        )
        expect(await claimed(store, NOON + 50)).toEqual([])
        expect(await claimed(store, NOON + 100)).toEqual(['hook a 1'])
      })

      test('are listed newest first, by kind, in pages', async () => {
        const store = open()
        for (const threshold of ['a', 'b', 'c']) await store.raiseAlert(anAlert(threshold))
        const first = await store.listAlerts({ cursor: null, limit: 2 })
        expect(first.data.map(({ alert, plannedAt }) => [alert.threshold, plannedAt])).toEqual([
          ['c', null],
          ['b', null],
        ])
        const second = await store.listAlerts({ cursor: first.next, limit: 2, kind: 'test' })
        expect(second.data.map(({ alert }) => alert.threshold)).toEqual(['a'])
        expect((await store.listAlerts({ cursor: null, limit: 2, kind: 'report' })).data).toEqual([])
        await expectCode(store.listAlerts({ cursor: 'x', limit: 2 }), 'request_malformed')
      })

      test('go when they and their windows are old and nothing waits; what is told once for ever stays', async () => {
        const store = open()
        await store.raiseAlert(anAlert('delivered'))
        await store.raiseAlert(anAlert('waiting'))
        await store.raiseAlert(anAlert('for ever', { window: { from: 0, until: null } }))
        await store.raiseAlert(anAlert('long', { window: { from: NOON, until: NOON + 9 * HOUR } }))
        for (const no of [1, 2, 3, 4]) await store.planAlert(no, TO(...(no === 2 ? ['hook'] : [])))
        const before = NOON + 2 * HOUR
        expect(await store.pruneAlerts({ before, limit: 10 })).toBe(1)
        const left = (await store.listAlerts({ cursor: null, limit: 10 })).data
        expect(left.map(({ alert }) => alert.threshold)).toEqual(['long', 'for ever', 'waiting'])
      })
    })

    describe('files', () => {
      const owner = { owner: 'team_1', now: NOON }
      const piece = (text: string): Uint8Array => new TextEncoder().encode(text)

      async function keep(store: Store, id: string, change: Partial<StoredFile> = {}): Promise<StoredFile> {
        const file = aFile(id, change)
        await store.beginFile({ ...file, bytes: 0 })
        await store.appendFile(id, 0, piece('hello '))
        await store.appendFile(id, 1, piece('you'))
        expect(await store.finishFile(id, { bytes: file.bytes, expiresAt: file.expiresAt })).toBe(true)
        return file
      }

      test('a file is found when it is whole, by its owner alone, until it expires', async () => {
        const store = open()
        const file = aFile('file_1')
        await store.beginFile({ ...file, bytes: 0 })
        await store.appendFile('file_1', 0, piece('hello '))
        expect(await store.getFile('file_1', owner)).toBeNull()
        expect(
          (await store.listFiles({ ...owner, cursor: null, limit: 10, order: 'asc', purpose: null })).data,
        ).toEqual([])
        await store.appendFile('file_1', 1, piece('you'))
        expect(await store.finishFile('file_1', { bytes: 9, expiresAt: file.expiresAt })).toBe(true)
        expect(await store.getFile('file_1', owner)).toEqual(file)
        expect(await store.getFile('file_1', { ...owner, owner: 'team_2' })).toBeNull()
        expect(await store.getFile('file_1', { ...owner, now: file.expiresAt })).toBeNull()
        expect(await store.readFile('file_1', 0)).toEqual(piece('hello '))
        expect(await store.readFile('file_1', 1)).toEqual(piece('you'))
        expect(await store.readFile('file_1', 2)).toBeNull()
        expect(await store.ownedBytes(owner)).toBe(9)
        expect(await store.ownedBytes({ ...owner, owner: 'team_2' })).toBe(0)
      })

      test('they are listed by age in pages, of one purpose where asked', async () => {
        const store = open()
        for (const id of ['file_1', 'file_2', 'file_3']) await keep(store, id)
        await keep(store, 'file_4', { purpose: 'vision' })
        await keep(store, 'file_5', { owner: 'team_2' })
        const ids = async (change: object): Promise<unknown> => {
          const query = { ...owner, cursor: null, limit: 2, order: 'desc', purpose: null, ...change } as const
          const { data, next } = await store.listFiles(query)
          return [data.map(({ id }) => id), next]
        }
        expect(await ids({})).toEqual([['file_4', 'file_3'], 'file_3'])
        expect(await ids({ cursor: 'file_3' })).toEqual([['file_2', 'file_1'], null])
        expect(await ids({ order: 'asc', cursor: 'file_1' })).toEqual([['file_2', 'file_3'], 'file_3'])
        expect(await ids({ purpose: 'batch', limit: 10 })).toEqual([['file_3', 'file_2', 'file_1'], null])
        await expectCode(
          store.listFiles({ ...owner, cursor: 'file_5', limit: 1, order: 'asc', purpose: null }),
          'request_malformed',
        )
      })

      test('a file goes with its content: deleted by its owner, expired, or never finished', async () => {
        const store = open()
        await keep(store, 'file_1')
        expect(await store.deleteFile('file_1', { ...owner, owner: 'team_2' })).toBe(false)
        expect(await store.deleteFile('file_1', owner)).toBe(true)
        expect(await store.deleteFile('file_1', owner)).toBe(false)
        expect(await store.readFile('file_1', 0)).toBeNull()
        expect(await store.finishFile('file_1', { bytes: 1, expiresAt: NOON })).toBe(false)
        await store.beginFile(aFile('file_2', { expiresAt: NOON + 1 }))
        await store.appendFile('file_2', 0, piece('half'))
        await keep(store, 'file_3')
        expect(await store.pruneFiles({ now: NOON, limit: 10 })).toBe(0)
        expect(await store.pruneFiles({ now: NOON + 1, limit: 10 })).toBe(1)
        expect(await store.readFile('file_2', 0)).toBeNull()
        expect(await store.readFile('file_3', 0)).not.toBeNull()
      })
    })

    describe('batches', () => {
      test('a batch moves from state to state, notes when, and cannot be moved from where it is not', async () => {
        const store = open()
        await store.insertBatch(aBatch('batch_1'))
        expect(await store.getBatch('batch_1', 'team_1')).toEqual(aBatch('batch_1'))
        expect(await store.getBatch('batch_1', 'team_2')).toBeNull()
        expect(await store.getBatch('batch_1', null)).toEqual(aBatch('batch_1'))
        await expectCode(store.insertBatch(aBatch('batch_1')), 'conflict')
        expect(await store.moveBatch('batch_1', ['in_progress'], { status: 'finalizing', at: NOON })).toBeNull()
        const moved = await store.moveBatch('batch_1', ['validating'], {
          status: 'in_progress',
          at: NOON + 1,
          patch: { total: 3 },
        })
        expect(moved).toMatchObject({
          status: 'in_progress',
          total: 3,
          enteredAt: { validating: NOON, in_progress: NOON + 1 },
        })
        expect(await store.getBatch('batch_1', null)).toEqual(moved)
      })

      test('those that are not over are found, oldest first; the others go when they are kept no longer', async () => {
        const store = open()
        await store.insertBatch(aBatch('batch_1'))
        await store.insertBatch(aBatch('batch_2', { owner: 'team_2' }))
        await store.insertBatch(aBatch('batch_3', { status: 'cancelled' }))
        expect(await store.openBatches(null)).toEqual(['batch_1', 'batch_2'])
        expect(await store.openBatches('team_2')).toEqual(['batch_2'])
        expect(await store.pruneBatches({ now: NOON + 2 * HOUR, limit: 10 })).toBe(1)
        expect(await store.getBatch('batch_3', null)).toBeNull()
        expect(await store.getBatch('batch_1', null)).not.toBeNull()
      })

      test('they are listed newest first, in pages', async () => {
        const store = open()
        for (const id of ['batch_1', 'batch_2', 'batch_3']) await store.insertBatch(aBatch(id))
        await store.insertBatch(aBatch('batch_4', { owner: 'team_2' }))
        const first = await store.listBatches({ owner: 'team_1', cursor: null, limit: 2 })
        expect([first.data.map(({ id }) => id), first.next]).toEqual([['batch_3', 'batch_2'], 'batch_2'])
        const second = await store.listBatches({ owner: 'team_1', cursor: first.next, limit: 2 })
        expect([second.data.map(({ id }) => id), second.next]).toEqual([['batch_1'], null])
        await expectCode(store.listBatches({ owner: 'team_1', cursor: 'batch_4', limit: 2 }), 'request_malformed')
      })

      test('a line waits until it has a result, which is counted once', async () => {
        const store = open()
        await store.insertBatch(aBatch('batch_1'))
        await store.addLines('batch_1', [aLine(1), aLine(2), aLine(3)])
        await store.retryLine('batch_1', 2, 1)
        expect(await store.waitingLines('batch_1', { after: 1, limit: 10 })).toEqual([
          { ...aLine(2), tries: 1 },
          aLine(3),
        ])
        await store.finishLines('batch_1', [
          { position: 1, ok: true, text: 'one' },
          { position: 3, ok: false, text: 'three' },
        ])
        await store.finishLines('batch_1', [{ position: 1, ok: false, text: 'another one' }])
        expect(await store.getBatch('batch_1', null)).toMatchObject({ completed: 1, failed: 1 })
        expect((await store.waitingLines('batch_1', { after: 0, limit: 10 })).map(({ position }) => position)).toEqual([
          2,
        ])
        const results = (ok: boolean): Promise<unknown> => store.lineResults('batch_1', { ok, after: 0, limit: 10 })
        expect(await results(true)).toEqual([{ position: 1, ok: true, text: 'one' }])
        expect(await results(false)).toEqual([{ position: 3, ok: false, text: 'three' }])
        expect(await store.dropLines('batch_1', 2)).toBe(2)
        expect(await store.dropLines('batch_1', 2)).toBe(1)
        expect(await results(true)).toEqual([])
        expect(await store.getBatch('batch_1', null)).toMatchObject({ completed: 1, failed: 1 })
      })
    })

    describe('kept responses', () => {
      const owner = { keyId: 'key_1', now: NOON }

      test('a response comes back as it was put, to its owner alone', async () => {
        const store = open()
        await store.putResponse(aResponse('resp_1'))
        expect(await store.getResponse('resp_1', owner)).toEqual(aResponse('resp_1'))
        expect(JSON.stringify((await store.getResponse('resp_1', owner))?.response)).toBe(
          JSON.stringify(aResponse('resp_1').response),
        )
        expect(await store.getResponse('resp_1', { ...owner, keyId: 'key_2' })).toBeNull()
        expect(await store.getResponse('resp_2', owner)).toBeNull()
      })

      test('an id is given once, and what clashes leaves nothing behind', async () => {
        const store = open()
        await store.putResponse(aResponse('resp_1'))
        const other = aResponse('resp_1', { keyId: 'key_2', input: [{ id: 'msg_other' }] })
        await expectCode(store.putResponse(other), 'conflict')
        expect(await store.getResponse('resp_1', owner)).toEqual(aResponse('resp_1'))
        expect(await store.findResponseItems(['msg_other'], { ...owner, keyId: 'key_2' })).toEqual(new Map())
      })

      test('a conversation is found from its last response, oldest first, whole or not at all', async () => {
        const store = open()
        await store.putResponse(aResponse('resp_1'))
        await store.putResponse(aResponse('resp_2', { previousId: 'resp_1' }))
        await store.putResponse(aResponse('resp_3', { previousId: 'resp_2', expiresAt: NOON + 2 * HOUR }))
        const ids = async (id: string, change = {}): Promise<readonly string[]> =>
          (await store.getResponseChain(id, { ...owner, limit: 3, ...change })).map((one) => one.id)
        expect(await ids('resp_3')).toEqual(['resp_1', 'resp_2', 'resp_3'])
        expect(await ids('resp_1')).toEqual(['resp_1'])
        expect(await ids('resp_9')).toEqual([])
        expect(await ids('resp_3', { limit: 2 })).toEqual([])
        expect(await ids('resp_3', { keyId: 'key_2' })).toEqual([])
        expect(await ids('resp_3', { now: NOON + HOUR })).toEqual([])
        await store.deleteResponse('resp_2', owner)
        expect(await ids('resp_3')).toEqual([])
      })

      test('items of both sides are found by their ids, for their owner', async () => {
        const store = open()
        await store.putResponse(aResponse('resp_1'))
        const found = await store.findResponseItems(['msg_resp_1_in', 'msg_resp_1_out', 'msg_9'], owner)
        expect([...found.keys()]).toEqual(['msg_resp_1_in', 'msg_resp_1_out'])
        expect(found.get('msg_resp_1_in')).toEqual(aResponse('resp_1').input[0])
        expect(await store.findResponseItems(['msg_resp_1_in'], { ...owner, keyId: 'key_2' })).toEqual(new Map())
      })

      test('input items are listed in pages, in both orders', async () => {
        const store = open()
        const input: JsonObject[] = Array.from({ length: 7 }, (_, index) => ({ type: 'message', id: `msg_${index}` }))
        await store.putResponse(aResponse('resp_1', { input }))
        for (const order of ['asc', 'desc'] as const) {
          const seen: unknown[] = []
          let cursor: string | null = null
          do {
            const page = await store.listResponseItems('resp_1', { ...owner, cursor, limit: 3, order })
            seen.push(...(page?.data ?? []))
            cursor = page?.next ?? null
          } while (cursor !== null)
          expect(seen).toEqual(order === 'asc' ? input : input.toReversed())
        }
        const query = { ...owner, cursor: null, limit: 3, order: 'asc' } as const
        expect(await store.listResponseItems('resp_2', query)).toBeNull()
        expect(await store.listResponseItems('resp_1', { ...query, keyId: 'key_2' })).toBeNull()
        await expectCode(store.listResponseItems('resp_1', { ...query, cursor: 'msg_9' }), 'request_malformed')
      })

      test('deletion and expiry take a response with its items', async () => {
        const store = open()
        await store.putResponse(aResponse('resp_1'))
        expect(await store.deleteResponse('resp_1', { ...owner, keyId: 'key_2' })).toBe(false)
        expect(await store.deleteResponse('resp_1', owner)).toBe(true)
        expect(await store.deleteResponse('resp_1', owner)).toBe(false)
        expect(await store.findResponseItems(['msg_resp_1_in'], owner)).toEqual(new Map())
        for (const hours of [3, 1, 2])
          await store.putResponse(aResponse(`resp_${hours}h`, { expiresAt: NOON + hours * HOUR }))
        const later = { ...owner, now: NOON + 2 * HOUR }
        expect(await store.getResponse('resp_2h', later)).toBeNull()
        expect(await store.deleteResponse('resp_2h', later)).toBe(false)
        expect(await store.pruneResponses({ now: later.now, limit: 1 })).toBe(1)
        expect(await store.getResponse('resp_1h', owner)).toBeNull()
        expect(await store.getResponse('resp_2h', owner)).not.toBeNull()
        expect(await store.pruneResponses({ now: later.now, limit: 10 })).toBe(1)
        expect(await store.pruneResponses({ now: later.now, limit: 10 })).toBe(0)
        expect(await store.getResponse('resp_3h', later)).not.toBeNull()
      })
    })

    test('the report of a drill is written, grows, and is listed newest first', async () => {
      const store = open()
      const report = {
        id: 'drill_1',
        startedAt: NOON,
        endedAt: null,
        state: 'running',
        name: null,
        on: 'all',
        rounds: [],
      } as const
      await store.putDrill(report)
      await store.putDrill({ ...report, id: 'drill_2', startedAt: NOON + 1, name: 'weekly' })
      await store.putDrill({ ...report, state: 'done', endedAt: NOON + 9 })
      expect(await store.getDrill('drill_1')).toEqual({ ...report, state: 'done', endedAt: NOON + 9 })
      expect(await store.getDrill('drill_3')).toBeNull()
      expect((await store.listDrills({ limit: 10 })).map(({ id }) => id)).toEqual(['drill_2', 'drill_1'])
      expect((await store.listDrills({ limit: 1 })).length).toBe(1)
    })

    describe('experiments', () => {
      const EXPERIMENT: Experiment = {
        id: 'exp_1',
        createdAt: NOON,
        version: 1,
        spec: {
          route: 'chat',
          baseline: 'up/m',
          candidate: 'up/n',
          stages: ['shadow'],
          margin: 0.05,
          pairsPerStage: 30,
          tolerance: 0.02,
          shadowShare: 0.02,
          maxNanoUsd: 9_007_199_254_740_993n,
          shareOfSpend: null,
          judge: { model: 'up/judge', mode: 'pointwise' },
        },
        ramp: newRamp(NOON),
        transitions: 0,
        labNanoUsd: 9_007_199_254_740_993n,
        routeNanoUsd: 0n,
      }
      const PAIR: ExperimentPair = {
        experiment: 'exp_1',
        unit: 'a',
        at: NOON,
        requestId: 'req_1',
        stage: 'shadow',
        baseline: 1,
        candidate: 0.5,
        baselineCharacters: 10,
        candidateCharacters: 20,
        epoch: 'e',
      }
      const recordOf = (no: number) => ({
        experiment: 'exp_1',
        no,
        at: NOON,
        from: 'draft' as const,
        to: 'shadow' as const,
        why: 'started',
        numbers: numbersOf(EXPERIMENT.ramp),
      })

      test('are written on top of what their writer saw: of two processes one moves, and its audit is the only one', async () => {
        const [store, other] = openTwo()
        await store.insertExperiment(EXPERIMENT)
        expect(await other.getExperiment('exp_1')).toEqual(EXPERIMENT)
        const before = await other.experimentVersions()
        const moved = { ...EXPERIMENT, transitions: 1, ramp: { ...EXPERIMENT.ramp, stage: 'shadow' as const } }
        const move = { audit: [recordOf(1)], pairs: [] }
        expect([await store.moveExperiment(moved, move), await other.moveExperiment(moved, move)]).toEqual([
          true,
          false,
        ])
        expect(await other.getExperiment('exp_1')).toEqual({ ...moved, version: 2 })
        expect(await other.experimentVersions()).not.toBe(before)
        expect((await other.listAudit('exp_1', { cursor: null, limit: 10 })).data).toEqual([recordOf(1)])
        expect(await store.moveExperiment({ ...moved, id: 'exp_none' }, move)).toBe(false)
      })

      test('their audit is paged from its beginning, and goes with them', async () => {
        const store = open()
        await store.insertExperiment(EXPERIMENT)
        await store.insertExperiment({ ...EXPERIMENT, id: 'exp_2', createdAt: NOON + 1 })
        await store.moveExperiment(EXPERIMENT, { audit: [recordOf(1), recordOf(2), recordOf(3)], pairs: [] })
        const first = await store.listAudit('exp_1', { cursor: null, limit: 2 })
        expect(first.data.map(({ no }) => no)).toEqual([1, 2])
        expect((await store.listAudit('exp_1', { cursor: first.next, limit: 2 })).data.map(({ no }) => no)).toEqual([3])
        expect((await store.listExperiments()).map(({ id }) => id)).toEqual(['exp_2', 'exp_1'])
        expect([await store.deleteExperiment('exp_1'), await store.deleteExperiment('exp_1')]).toEqual([true, false])
        expect((await store.listAudit('exp_1', { cursor: null, limit: 2 })).data).toEqual([])
      })

      test('each conversation is asked about once, by whoever comes first', async () => {
        const [store, other] = openTwo()
        await store.insertExperiment(EXPERIMENT)
        expect(await store.claimUnits([PAIR, PAIR])).toEqual([true, false])
        expect(await other.claimUnits([PAIR, { ...PAIR, unit: 'b' }])).toEqual([false, true])
        expect(await store.listPairs('exp_1', { limit: 10 })).toEqual([])
        await store.moveExperiment(EXPERIMENT, { audit: [], pairs: [PAIR] })
        expect(await other.listPairs('exp_1', { limit: 10 })).toEqual([PAIR])
        expect(await other.claimUnits([{ ...PAIR, experiment: 'exp_2' }])).toEqual([true])
      })

      test('labels replace those of the same answer, and what a judge is worth stays until it is measured again', async () => {
        const store = open()
        const label = { id: 'l', at: NOON, prompt: 'p', answer: 'a', isGood: true }
        await store.putLabels([label, { ...label, id: 'm', at: NOON + 1 }])
        await store.putLabels([{ ...label, isGood: false, at: NOON + 2 }])
        expect((await store.listLabels({ limit: 9 })).map(({ id, isGood }) => [id, isGood])).toEqual([
          ['l', false],
          ['m', true],
        ])
        const counts = { goodCalledGood: 1, goodCalledBad: 0, badCalledGood: 0, badCalledBad: 1 }
        const judge = {
          epoch: 'e',
          at: NOON,
          model: 'j',
          mode: 'pointwise',
          counts,
          unusable: 0,
          lengthBias: null,
        } as const
        await store.putJudge(judge)
        await store.putJudge({ ...judge, unusable: 2 })
        expect([await store.getJudge('e'), await store.getJudge('f')]).toEqual([{ ...judge, unusable: 2 }, null])
      })
    })

    describe('kept answers', () => {
      const ROOM = { maxBytes: 1_000_000 }
      const keys = async (store: Store, names: readonly string[]) => {
        const found = await Promise.all(names.map((name) => store.getAnswer(name, NOON)))
        return found.flatMap((answer) => answer?.key ?? [])
      }

      test('come back as they were, until they expire, also after a restart', async () => {
        const [store, other] = openTwo()
        await store.putAnswer(anAnswer('a'), ROOM)
        await store.putAnswer(anAnswer('a', { target: 'up/n' }), ROOM)
        expect(await other.getAnswer('a', NOON + HOUR - 1)).toEqual(anAnswer('a', { target: 'up/n' }))
        expect(await store.getAnswer('a', NOON + HOUR)).toBeNull()
        expect(await store.cacheShares()).toMatchObject([{ route: 'chat', answers: 1, uses: 1 }])
        expect(await store.pruneAnswers({ now: NOON + HOUR, limit: 10 })).toBe(1)
        expect(await store.cacheShares()).toEqual([])
      })

      test('never take more than their room: what was used longest ago goes', async () => {
        const place = makePlace()
        places.push(place)
        const store = open(place)
        await store.putAnswer(anAnswer('a'), ROOM)
        const [{ bytes } = { bytes: 0 }] = await store.cacheShares()
        const bounds = { maxBytes: bytes * 3 }
        for (const [index, name] of ['b', 'c'].entries())
          await store.putAnswer(anAnswer(name, { createdAt: NOON + index + 1 }), bounds)
        await store.getAnswer('a', NOON + 10)
        await store.putAnswer(anAnswer('d', { createdAt: NOON + 20 }), bounds)
        expect(await keys(store, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd'])
        // After a restart the sum is that of what is there.
        const again = open(place)
        await again.putAnswer(anAnswer('e', { createdAt: NOON + 30 }), bounds)
        expect((await again.cacheShares())[0]?.answers).toBe(3)
        await again.putAnswer(anAnswer('f'), { maxBytes: 10 })
        expect(await again.getAnswer('f', NOON)).toBeNull()
      })

      test('are found by what is the same around their questions, newest first', async () => {
        const [store, other] = openTwo()
        const meant = (space: string, ...numbers: number[]) => ({
          meant: { space, vector: Float32Array.from(numbers) },
        })
        await store.putAnswer(anAnswer('a', meant('s', 1, 0.5)), ROOM)
        await store.putAnswer(anAnswer('b', { ...meant('s', 0, -1), createdAt: NOON + 1 }), ROOM)
        await store.putAnswer(anAnswer('c', meant('t', 1, 1)), ROOM)
        await store.putAnswer(anAnswer('d', { ...meant('s', 1, 1), expiresAt: NOON }), ROOM)
        expect(await other.cachedVectors('s', { now: NOON, limit: 10 })).toEqual([
          { key: 'b', vector: Float32Array.from([0, -1]) },
          { key: 'a', vector: Float32Array.from([1, 0.5]) },
        ])
        expect(await other.cachedVectors('s', { now: NOON, limit: 1 })).toHaveLength(1)
      })

      test('are forgotten by route', async () => {
        const store = open()
        for (const [name, route] of [
          ['a', 'chat'],
          ['b', 'chat'],
          ['c', 'code'],
        ] as const)
          await store.putAnswer(anAnswer(name, { route }), ROOM)
        expect(await store.purgeAnswers({ route: 'chat' })).toBe(2)
        expect(await keys(store, ['a', 'b', 'c'])).toEqual(['c'])
        expect(await store.purgeAnswers({ route: null })).toBe(1)
      })

      test('a name belongs to one request, until it is released or expires', async () => {
        const [store, other] = openTwo()
        const { key: _key, route: _route, expiresAt: _expiresAt, ...answer } = anAnswer('x')
        const claim = { id: 'n', fingerprint: 'f', requestId: 'r1', createdAt: NOON, expiresAt: NOON + HOUR }
        expect(await store.claimRequest(claim, NOON)).toBeNull()
        expect(await store.claimRequest({ ...claim, requestId: 'r2' }, NOON)).toEqual({ ...claim, answer: null })
        await store.releaseRequest('n', 'r2')
        await store.answerRequest('n', 'r2', answer, ROOM)
        expect(await other.claimRequest({ ...claim, requestId: 'r2' }, NOON)).toEqual({ ...claim, answer: null })
        await store.answerRequest('n', 'r1', answer, ROOM)
        expect(await other.claimRequest({ ...claim, requestId: 'r2' }, NOON)).toEqual({ ...claim, answer })
        expect(await store.claimRequest({ ...claim, requestId: 'r3' }, NOON + HOUR)).toBeNull()
        await store.releaseRequest('n', 'r3')
        expect(await store.claimRequest({ ...claim, requestId: 'r4' }, NOON)).toBeNull()
      })

      test('of the oldest named answers beyond the room only the names stay', async () => {
        const store = open()
        const { key: _key, route: _route, expiresAt: _expiresAt, ...answer } = anAnswer('x')
        const held: boolean[] = []
        for (const [index, id] of ['a', 'b', 'c'].entries()) {
          const claim = { id, fingerprint: 'f', requestId: id, createdAt: NOON, expiresAt: NOON + HOUR }
          await store.claimRequest(claim, NOON)
          await store.answerRequest(id, id, { ...answer, createdAt: NOON + index }, { maxBytes: 10 })
        }
        for (const id of ['a', 'b', 'c']) {
          const claim = { id, fingerprint: 'f', requestId: 'other', createdAt: NOON, expiresAt: NOON + HOUR }
          held.push((await store.claimRequest(claim, NOON))?.answer !== null)
        }
        expect(held).toEqual([false, true, true])
      })

      test('what they saved is summed by day and route', async () => {
        const store = open()
        const record = { ...aRecord('a'), savedNanoUsd: 5n }
        await store.commit(batch({ records: [record, { ...aRecord('b'), savedNanoUsd: 7n }, aRecord('c')] }))
        await store.commit(batch({ records: [record] }))
        expect(await store.cacheSavings({ from: NOON })).toEqual([{ route: 'chat', requests: 2, savedNanoUsd: 12n }])
        expect(await store.cacheSavings({ from: NOON + 24 * HOUR })).toEqual([])
        expect(await store.getRequest('a')).toMatchObject({ savedNanoUsd: 5n })
      })
    })

    describe('evidence of quality', () => {
      const NOTHING = { answered: [], evidence: [], scores: [], learned: [] }
      const piece = (change: Partial<StoredEvidence> = {}): StoredEvidence => ({
        requestId: 'req_1',
        source: 'caller',
        kind: 'thumb',
        at: NOON,
        deployment: 'a/x',
        task: 'chat',
        quality: 1,
        weight: 0.5,
        comment: null,
        ...change,
      })

      test('requests, evidence, beliefs and what was learned come back, also after a restart', async () => {
        const place = places.at(-1)
        const store = open()
        const request = {
          id: 'req_1',
          at: NOON,
          keyId: 'key_1',
          teamId: null,
          route: 'chat',
          deployment: 'a/x',
          shares: [0.25, 0.75],
        }
        await store.putEvidence({
          answered: [request],
          evidence: [
            piece({ comment: 'good' }),
            piece({ source: 'gateway', kind: 'refusal', quality: 0, weight: 0.3 }),
          ],
          scores: [{ scope: 'gateway', task: 'chat', deployment: 'a/x', state: '{"good":1}' }],
          learned: [
            { name: 'task:a', state: '[1]' },
            { name: 'drift:a', state: '[2]' },
          ],
        })
        await store.putEvidence({
          ...NOTHING,
          scores: [{ scope: 'gateway', task: 'chat', deployment: 'a/x', state: '{"good":2}' }],
          learned: [{ name: 'task:a', state: '[3]' }],
        })
        const again = place?.open() ?? store
        expect(await again.getAnswered('req_1')).toEqual(request)
        expect(await again.getAnswered('req_2')).toBeNull()
        expect((await again.evidenceOf('req_1')).map(({ source, comment }) => [source, comment])).toEqual([
          ['caller', 'good'],
          ['gateway', null],
        ])
        expect(await again.qualityScores()).toEqual([
          { scope: 'gateway', task: 'chat', deployment: 'a/x', state: '{"good":2}' },
        ])
        expect(await again.learnedStates('task:')).toEqual([{ name: 'task:a', state: '[3]' }])
        if (again !== store) await again.close()
      })

      test('what a request asked for may be known better later', async () => {
        const store = open()
        const request = {
          id: 'req_1',
          at: NOON,
          keyId: 'key_1',
          teamId: null,
          route: 'chat',
          deployment: 'a/x',
          shares: [0.5, 0.5],
        }
        await store.putEvidence({ ...NOTHING, answered: [request] })
        await store.putEvidence({ ...NOTHING, relabelled: [{ id: 'req_1', shares: [0, 1] }] })
        await store.putEvidence({ ...NOTHING, answered: [request] })
        expect(await store.getAnswered('req_1')).toEqual({ ...request, shares: [0, 1] })
      })

      test('what a source says again replaces what it said, in the sums by day, too, however often and whenever', async () => {
        const store = open()
        await fc.assert(
          fc.asyncProperty(
            fc.array(
              fc.record({
                requestId: fc.constantFrom('req_1', 'req_2'),
                source: fc.constantFrom('caller', 'tool'),
                kind: fc.constantFrom('thumb', 'score'),
                at: fc.constantFrom(NOON, NOON + 26 * HOUR, NOON + 80 * HOUR),
                quality: fc.constantFrom(0, 0.5, 1),
              }),
              { maxLength: 12 },
            ),
            async (said) => {
              const deployment = `a/${Math.random()}`
              const ids = new Map<string, StoredEvidence>()
              for (const one of said) {
                const row = piece({ ...one, requestId: `${deployment} ${one.requestId}`, deployment })
                ids.set(`${row.requestId} ${row.source} ${row.kind}`, row)
                await store.putEvidence({ ...NOTHING, evidence: [row] })
              }
              const days = await store.evidenceDays({ from: 0, deployment })
              const sum = (rows: readonly { pieces: number; good: number }[]) => [
                rows.reduce((total, { pieces }) => total + pieces, 0),
                rows.reduce((total, { good }) => total + good, 0),
              ]
              expect(sum(days)).toEqual(
                sum([...ids.values()].map(({ weight, quality }) => ({ pieces: 1, good: weight * quality }))),
              )
              expect(days.every(({ pieces }) => pieces > 0)).toBe(true)
              expect(new Set(days.map(({ at }) => at % (24 * HOUR)))).toEqual(new Set(days.length === 0 ? [] : [0]))
            },
          ),
          { numRuns: 30 },
        )
      })

      test('graded answers come with what heads see of them, the last graded first, each once, in pages', async () => {
        const store = open()
        const answered = (number: number, isKept = true) => ({
          id: `req_${number}`,
          at: NOON,
          keyId: 'key_1',
          teamId: null,
          route: 'chat',
          deployment: `a/${number}`,
          shares: [1],
          ...(isKept ? { input: Uint8Array.of(number) } : {}),
        })
        await store.putEvidence({
          ...NOTHING,
          answered: [answered(1), answered(2), answered(3, false), answered(4), answered(5)],
          evidence: [
            piece({ requestId: 'req_1', at: NOON + 1, quality: 0, weight: 0.5 }),
            piece({ requestId: 'req_1', at: NOON + 9, kind: 'task_success', quality: 1, weight: 1.5 }),
            piece({ requestId: 'req_2', at: NOON + 2, kind: 'judge', quality: 0.25 }),
            piece({ requestId: 'req_3', at: NOON + 3 }),
            piece({ requestId: 'req_4', at: NOON + 4, kind: 'refusal', quality: 0 }),
            piece({ requestId: 'req_5', at: NOON + 5 }),
            piece({ requestId: 'req_5', at: NOON + 5, kind: 'score', quality: 0 }),
            piece({ requestId: 'req_unknown', at: NOON + 6 }),
          ],
        })
        const found: unknown[] = []
        let cursor: string | null = null
        do {
          const page: Awaited<ReturnType<Store['labelledAnswers']>> = await store.labelledAnswers({ cursor, limit: 2 })
          found.push(...page.data)
          cursor = page.next
        } while (cursor !== null)
        expect(found).toEqual([
          { deployment: 'a/1', input: Uint8Array.of(1), quality: 0.75 },
          { deployment: 'a/5', input: Uint8Array.of(5), quality: 0.5 },
          { deployment: 'a/2', input: Uint8Array.of(2), quality: 0.25 },
        ])
        expect((await store.getAnswered('req_1'))?.input).toEqual(Uint8Array.of(1))
      })

      test('old evidence goes, oldest first; sums and beliefs stay', async () => {
        const store = open()
        const rows = [1, 2, 3].map((hours) => piece({ requestId: `req_${hours}`, at: NOON + hours * HOUR }))
        await store.putEvidence({ ...NOTHING, evidence: rows })
        expect(await store.pruneEvidence({ before: NOON + 3 * HOUR, limit: 1 })).toBe(1)
        expect(await store.evidenceOf('req_1')).toEqual([])
        expect(await store.pruneEvidence({ before: NOON + 3 * HOUR, limit: 9 })).toBe(1)
        expect(await store.evidenceOf('req_3')).toHaveLength(1)
        expect((await store.evidenceDays({ from: NOON }))[0]).toMatchObject({ pieces: 3, weight: 1.5 })
      })
    })

    describe('kept prompts', () => {
      const prompt = (number: number, change: Partial<KeptPrompt> = {}): KeptPrompt => ({
        requestId: `req_${number}`,
        at: NOON + number * HOUR,
        keyId: 'key_1',
        teamId: null,
        endUser: null,
        route: 'chat',
        deployment: 'a/x',
        mode: 'full',
        hashes: { prompt: 'p', system: 's' },
        characters: 9,
        content: {
          request: {
            messages: [{ role: 'user', parts: [{ type: 'text', text: 'Grüße 🙂' }] }],
            tools: [],
            sampling: {},
          },
          answer: null,
        },
        ...change,
      })

      test('come back as they were; what is there already stays', async () => {
        const store = open()
        const hashed = prompt(2, { mode: 'hashed', content: null, deployment: null, endUser: 'ada', teamId: 'team_1' })
        await store.putPrompts([prompt(1), hashed])
        await store.putPrompts([prompt(1, { route: 'another' })])
        expect(await store.getPrompt('req_1')).toEqual(prompt(1))
        expect(await store.getPrompt('req_2')).toEqual(hashed)
        expect(await store.getPrompt('req_3')).toBeNull()
      })

      test('are gone through by time, in pages, of one route where asked', async () => {
        const store = open()
        await store.putPrompts([3, 1, 2, 4].map((number) => prompt(number, { route: number === 2 ? 'other' : 'chat' })))
        const first = await store.scanPrompts({
          from: NOON,
          to: NOON + 4 * HOUR,
          route: 'chat',
          cursor: null,
          limit: 1,
        })
        expect(first.data.map(({ requestId }) => requestId)).toEqual(['req_1'])
        const rest = await store.scanPrompts({
          from: NOON,
          to: NOON + 4 * HOUR,
          route: 'chat',
          cursor: first.next,
          limit: 9,
        })
        expect([rest.data.map(({ requestId }) => requestId), rest.next]).toEqual([['req_3'], null])
      })

      test('are deleted by whose they are and when they were, and pruned from the oldest', async () => {
        const store = open()
        await store.putPrompts([
          prompt(1),
          prompt(2, { endUser: 'ada' }),
          prompt(3, { endUser: 'ada', keyId: 'key_2' }),
          prompt(4, { teamId: 'team_1' }),
          prompt(5),
          prompt(6),
        ])
        expect(await store.deletePrompts({ endUser: 'ada', keyId: 'key_2' })).toBe(1)
        expect(await store.deletePrompts({ endUser: 'ada' })).toBe(1)
        expect(await store.deletePrompts({ teamId: 'team_1' })).toBe(1)
        expect(await store.deletePrompts({ before: NOON + 2 * HOUR })).toBe(1)
        expect(await store.prunePrompts({ before: NOON + 9 * HOUR, limit: 1 })).toBe(1)
        expect(await store.getPrompt('req_6')).not.toBeNull()
        expect(await store.getPrompt('req_5')).toBeNull()
      })
    })

    test('what heads see of a prompt goes with what is kept of it, and so does a copy’s', async () => {
      const store = open()
      const request = (number: number, word: number) => ({
        id: `req_${number}`,
        at: NOON + number * HOUR,
        keyId: 'key_1',
        teamId: null,
        route: 'chat',
        deployment: 'a/x',
        shares: [1],
        input: Uint8Array.of(word),
      })
      const prompt = (number: number, endUser: string | null): KeptPrompt => ({
        requestId: `req_${number}`,
        at: NOON + number * HOUR,
        keyId: 'key_1',
        teamId: null,
        endUser,
        route: 'chat',
        deployment: 'a/x',
        mode: 'hashed',
        hashes: { prompt: 'p', system: 's' },
        characters: 0,
        content: null,
      })
      // The third is the copy of the first.
      const answered = [request(1, 7), request(2, 8), request(3, 7), request(4, 9)]
      await store.putEvidence({ answered, evidence: [], scores: [], learned: [] })
      await store.putPrompts([prompt(1, 'ada'), prompt(2, 'ben'), prompt(4, null)])
      const inputs = async () =>
        Promise.all([1, 2, 3, 4].map(async (number) => (await store.getAnswered(`req_${number}`))?.input?.[0] ?? null))
      expect(await store.deletePrompts({ endUser: 'ada' })).toBe(1)
      expect(await inputs()).toEqual([null, 8, null, 9])
      expect(await store.prunePrompts({ before: NOON + 3 * HOUR, limit: 9 })).toBe(1)
      expect(await inputs()).toEqual([null, null, null, 9])
    })

    test('a closed store says that it is unavailable', async () => {
      const store = open()
      await store.ping()
      await store.close()
      await expectCode(store.ping(), 'store_unavailable')
      await expectCode(store.commit(batch({ entries: [anEntry('a')] })), 'store_unavailable')
    })
  })
}

/** What an entry counts as: itself at its own target, and its parts at theirs, which are no requests. */
function sharesOf(entry: Entry) {
  const { parts = [], savedNanoUsd = 0n, provider, model, usage, unpriced, status } = entry
  const own = parts.reduce((left, part) => left - part.costNanoUsd, entry.costNanoUsd)
  const asked = status === 'cached' ? null : entry.costNanoUsd
  return [
    { provider, model, usage, unpriced, costNanoUsd: own, savedNanoUsd, requests: 1, asked },
    ...parts.map((part) => ({ ...part, savedNanoUsd: 0n, requests: 0, asked: null })),
  ]
}

/** The report computed from the entries themselves, slowly. */
function spendByHand(
  entries: readonly Entry[],
  { by, bucket, from, to, where = {}, percentiles }: SpendQuery,
): readonly SpendRow[] {
  const rows = new Map<string, SpendRow>()
  const costs = new Map<string, Map<number, number>>()
  const floorHour = (ms: number) => Math.floor(ms / HOUR) * HOUR
  for (const entry of entries) {
    if (entry.at < floorHour(from) || entry.at >= floorHour(to)) continue
    const date = new Date(entry.at)
    const at = {
      hour: () => floorHour(entry.at),
      day: () => Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()),
      month: () => Date.UTC(date.getUTCFullYear(), date.getUTCMonth()),
    }
    const { dimensions, status } = entry
    const isByTag = by.includes('tag') || where.tag !== undefined
    const tags = isByTag && dimensions.tags.length > 0 ? dimensions.tags : [null]
    for (const [tag, share] of tags.flatMap((tag) => sharesOf(entry).map((share) => [tag, share] as const))) {
      const values: Record<SpendDimension, string | null> = {
        key: dimensions.keyId,
        team: dimensions.teamId,
        organisation: dimensions.organisation ?? null,
        end_user: dimensions.endUser,
        tag,
        route: dimensions.route,
        task: dimensions.task ?? null,
        model: share.model,
        provider: share.provider,
        operation: dimensions.operation,
        purpose: dimensions.purpose ?? null,
        status,
      }
      if (Object.entries(where).some(([name, wanted]) => values[name as SpendDimension] !== wanted)) continue
      const group = Object.fromEntries(by.map((dimension) => [dimension, values[dimension]]))
      const start = bucket === null ? null : at[bucket]()
      const name = JSON.stringify([group, start])
      const row = rows.get(name)
      const usage = Object.fromEntries(
        USAGE_UNITS.map((unit) => [unit, (row?.usage[unit] ?? 0) + share.usage[unit]]),
      ) as Usage
      const isAnswered = status === 'complete' || status === 'cached'
      const counts = costs.get(name) ?? new Map<number, number>()
      if (share.asked !== null) counts.set(costBucket(share.asked), (counts.get(costBucket(share.asked)) ?? 0) + 1)
      costs.set(name, counts)
      rows.set(name, {
        group,
        at: start,
        requests: (row?.requests ?? 0) + share.requests,
        answeredRequests: (row?.answeredRequests ?? 0) + (isAnswered ? share.requests : 0),
        costNanoUsd: (row?.costNanoUsd ?? 0n) + share.costNanoUsd,
        savedNanoUsd: (row?.savedNanoUsd ?? 0n) + (status === 'cached' ? 0n : share.savedNanoUsd),
        cacheSavedNanoUsd: (row?.cacheSavedNanoUsd ?? 0n) + (status === 'cached' ? share.savedNanoUsd : 0n),
        unpricedRequests: (row?.unpricedRequests ?? 0) + (share.unpriced ? 1 : 0),
        usage,
        ...(percentiles === true ? { costPercentiles: costPercentiles(counts) } : {}),
      })
    }
  }
  return [...rows.values()]
}

function byName(rows: readonly SpendRow[]): Readonly<Record<string, SpendRow>> {
  return Object.fromEntries(
    rows.map((row) => [
      JSON.stringify([row.at, Object.entries(row.group).toSorted(([one], [other]) => one.localeCompare(other))]),
      row,
    ]),
  )
}
