// An admin API over an in-memory store, for the tests of this folder.
import { DEFAULT_CONFIG } from '../config/schema.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { createKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { issueAdminToken } from '../keys/issue-key.ts'
import { createHasher, type Hasher } from '../keys/secret.ts'
import { createBalances } from '../limits/balances.ts'
import { createBudgetDefinitions } from '../limits/budget-definitions.ts'
import { createBudgets } from '../limits/budgets.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { createPasswords } from '../users/passwords.ts'
import { createAdmin } from './admin.ts'
import type { AdminOptions } from './options.ts'

type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, parsed; an empty object where it is no JSON. */
  readonly json: { readonly [field: string]: unknown }
}

type Call = {
  readonly token?: string | null
  /** Sent as JSON; a text is sent as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly address?: string | null
}

export type TestAdmin = {
  readonly store: Store
  readonly keyRing: KeyRing
  readonly hash: Hasher
  readonly adminToken: string
  readonly viewerToken: string
  /** What reached the log. */
  readonly internalErrors: unknown[]
  readonly time: { now: number }
  /** `GET /admin/keys` and the like, with the admin token unless another is given. */
  call(line: string, call?: Call): Promise<Answer>
}

function noExperiment(): never {
  throw new GatewayError('not_found')
}

/** There is none, and none can be made. */
const NO_EXPERIMENTS: AdminOptions['experiments'] = {
  list: () => [],
  get: noExperiment,
  create: async () => noExperiment(),
  change: async () => noExperiment(),
  remove: async () => noExperiment(),
  command: async () => noExperiment(),
  label: async () => undefined,
  ideas: async () => [],
}

/** The caller closes `store`. */
export async function openTestAdmin(overrides: Partial<AdminOptions> = {}): Promise<TestAdmin> {
  const store = overrides.store ?? openSqliteStore({ path: ':memory:', sync: 'process' })
  const time = { now: Date.UTC(2026, 10, 23, 12, 30) }
  const clock: Clock = { now: () => time.now, monotonicMs: () => time.now, after: () => () => {} }
  const hash = createHasher(new Uint8Array(32))
  const keyRing = createKeyRing({ store, hash, clock, cacheMs: 10_000, cacheSize: 100 })
  const book = createBudgets({ clock })
  const definitions = createBudgetDefinitions(book, store)
  const balances = createBalances(book, store)
  const internalErrors: unknown[] = []
  const admin = createAdmin({
    store,
    keys: keyRing,
    hash,
    clock,
    currency: () => null,
    budgets: { list: () => definitions.list(), state: () => book.state(), refresh: () => definitions.refresh() },
    users: {
      passwords: createPasswords({ memoryCost: 8, timeCost: 1 }),
      settings: () => DEFAULT_CONFIG.users,
      credited: () => balances.refresh(),
      balanceOf: (userId) => book.balance(userId),
    },
    config: () => ({ routes: {} }),
    reload: async () => ({ ok: true }),
    health: () => ({ store: 'ok' }),
    metricsText: async () => 'weir_up 1\n',
    metricsOpen: false,
    ready: () => true,
    prices: () => ({ data: [] }),
    refreshPrices: async () => [],
    alerts: { destinations: () => [], try: async () => [] },
    models: (filter) => ({ data: [filter], next: null }),
    explain: (question) => question,
    startDrill: async (spec) => ({
      id: 'drill_1',
      startedAt: time.now,
      endedAt: null,
      state: 'running',
      name: null,
      on: spec.on.type,
      rounds: [],
    }),
    stopDrill: () => false,
    experiments: NO_EXPERIMENTS,
    quality: {
      scores: () => [],
      prompts: () => ({ mode: 'off', kept: 0, lost: 0 }),
      drift: () => ({ signals: [], golden: [] }),
      counts: () => ({ seen: 0, waiting: 0, dropped: {} }),
    },
    version: '0.1.0',
    operatorTokenHash: null,
    onInternalError: (cause) => internalErrors.push(cause),
    ...overrides,
  })
  const issue = async (role: 'admin' | 'viewer'): Promise<string> => {
    const { token, secret } = issueAdminToken({ name: role, role }, { hash, clock })
    await store.insertAdminToken(token)
    return secret
  }
  const adminToken = await issue('admin')
  const viewerToken = await issue('viewer')

  async function call(line: string, { token = adminToken, body, headers, address = '192.0.2.1' }: Call = {}) {
    const [method = 'GET', path = '/'] = line.split(' ')
    const response = await admin.fetch(
      new Request(`http://admin.test${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
      { address },
    )
    const text = await response.text()
    const isJson = text !== '' && response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} }
  }

  return { store, keyRing, hash, adminToken, viewerToken, internalErrors, time, call }
}
