import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { formatProblem } from '../config/problem.ts'
import { allOf } from '../core/all-pages.ts'
import type { Clock } from '../core/clock.ts'
import { issueKey } from '../keys/issue-key.ts'
import { createHasher } from '../keys/secret.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { applyPlan } from './apply.ts'
import { type Plan, planDeclared, type StoreState } from './plan.ts'
import { readDeclared } from './read.ts'
import { DECLARED } from './schema.ts'

const NOW = Date.UTC(2026, 10, 28)
const clock: Clock = { now: () => NOW, monotonicMs: () => 0, after: () => () => {} }
const hash = createHasher(new Uint8Array(32))
const ENVIRONMENT = { ONE: 'sk-secret-number-one-of-all', TWO: 'sk-secret-number-two-of-all', SHORT: 'sk-short' }

const openStore = (): Store => openSqliteStore({ path: ':memory:', sync: 'process' })

async function stateOf(store: Store): Promise<StoreState> {
  return {
    teams: await allOf((query) => store.listTeams(query)),
    keys: await allOf((query) => store.listKeys(query)),
    budgets: await allOf((query) => store.listBudgets(query)),
    users: new Map((await allOf((query) => store.listUsers(query))).map(({ login, id }) => [login, id])),
  }
}

/** Problems as they are shown; a plan where there are none. */
async function planned(
  file: unknown,
  store: Store,
  prune = false,
): Promise<{ plan: Plan | null; state: StoreState; problems: readonly string[] }> {
  const source = typeof file === 'string' ? file : stringify(file, { aliasDuplicateObjects: false })
  const state = await stateOf(store)
  const read = await readDeclared('access.yaml', source, {
    environment: ENVIRONMENT,
    readFile: async () => new TextEncoder().encode('sk-secret-out-of-a-file\n'),
  })
  if (!read.ok) return { plan: null, state, problems: read.problems.map(formatProblem) }
  const plan = planDeclared(read.declared, state, { prune, hash, now: NOW })
  const problems = plan.problems.map(({ path, message, hint }) => formatProblem(read.problemAt(path, message, hint)))
  return { plan: problems.length > 0 ? null : plan, state, problems }
}

async function apply(
  file: unknown,
  store: Store,
  prune = false,
  through: Store = store,
): Promise<Readonly<Record<string, string>>> {
  const { plan, state, problems } = await planned(file, store, prune)
  if (plan === null) throw new Error(problems.join('\n'))
  let kept: Readonly<Record<string, string>> = {}
  const teams = new Map(state.teams.map(({ name, id }): [string, string] => [name, id]))
  await applyPlan(plan, teams, {
    store: through,
    hash,
    clock,
    graceMs: 1_000,
    keepSecrets: (secrets) => void (kept = secrets),
  })
  return kept
}

const shown = ({ plan }: { plan: Plan | null }) =>
  plan?.steps.map(({ action, kind, name, changes }) =>
    [action, kind, name, ...changes.map(({ field, from, to }) => `${field}: ${from} → ${to}`)].join(' '),
  )

const FILE = `
teams:
  research: { organisation: lab, limits: { rpm: 600 }, models: [openai/*, chat] }
keys:
  batch:
    team: research
    limits: { rpm: 60 }
    addresses: [10.0.0.0/8]
    expires_at: 2027-01-31
  widget: { endpoints: [chat], secret: "\${ONE}" }
budgets:
  - { scope: team, id: research, window: month, limit_usd: 500 }
  - { scope: key, id: batch, window: day, limit_usd: 5, on_exhausted: alert }
`

describe('a file of teams, keys and budgets', () => {
  test('is carried out once, and the second time there is nothing to do', async () => {
    const store = openStore()
    const kept = await apply(FILE, store)
    expect(Object.keys(kept)).toEqual(['batch'])
    expect((await store.findKeyByHash(hash(kept['batch']!)))?.team?.name).toBe('research')
    expect((await store.findKeyByHash(hash(ENVIRONMENT.ONE)))?.key).toMatchObject({
      name: 'widget',
      endpoints: ['chat'],
    })
    const { keys, budgets } = await stateOf(store)
    const batch = keys.find(({ name }) => name === 'batch')!
    expect(batch).toMatchObject({ limits: { rpm: 60 }, addresses: ['10.0.0.0/8'], expiresAt: Date.UTC(2027, 0, 31) })
    expect(budgets.find(({ scope }) => scope === 'key')).toMatchObject({
      subject: batch.id,
      limitNanoUsd: 5_000_000_000n,
      onExhausted: { type: 'alert' },
    })
    expect(shown(await planned(FILE, store, true))).toEqual([])
    await store.close()
  })

  test.each<[string, string, readonly string[]]>([
    ['a limit', FILE.replace('rpm: 60 }', 'rpm: 90 }'), ['change key batch limits.rpm: 60 → 90']],
    [
      'what is not said any more',
      FILE.replace('    addresses: [10.0.0.0/8]\n', ''),
      ['change key batch addresses: ["10.0.0.0/8"] → null'],
    ],
    [
      'a budget',
      FILE.replace('limit_usd: 500', 'limit_usd: 600.5'),
      ['change budget team research, month limit_usd: "500" → "600.5"'],
    ],
    [
      'another window',
      FILE.replace('window: month', 'window: week'),
      [
        'create budget team research, week limit_usd: null → "500" on_exhausted: null → "reject" alert_at: null → [0.5,0.8,1]',
      ],
    ],
    ['a secret', FILE.replace('${ONE}', '${TWO}'), ['change key widget secret: "…-all" → "…-all"']],
    [
      'a secret in a file',
      FILE.replace('${ONE}', 'file:/run/secrets/widget'),
      ['change key widget secret: "…-all" → "…file"'],
    ],
    ['the order of a list', FILE.replace('[openai/*, chat]', '[chat, openai/*]'), []],
  ])('with a change of %s does just that', async (_, changed, steps) => {
    const store = openStore()
    await apply(FILE, store)
    expect(shown(await planned(changed, store))).toEqual([...steps])
    await apply(changed, store)
    expect(shown(await planned(changed, store))).toEqual([])
    await store.close()
  })

  test('gives a replaced secret its grace period', async () => {
    const store = openStore()
    await apply(FILE, store)
    await apply(FILE.replace('${ONE}', '${TWO}'), store)
    const found = await store.findKeyByHash(hash(ENVIRONMENT.TWO))
    expect(found?.key.secrets.map(({ hash: own, expiresAt }) => [own, expiresAt])).toEqual([
      [hash(ENVIRONMENT.TWO), null],
      [hash(ENVIRONMENT.ONE), NOW + 1_000],
    ])
    await store.close()
  })

  test('leaves alone what it does not name, unless it is told to remove it; keys of users are never touched', async () => {
    const store = openStore()
    await apply(FILE, store)
    const user = { id: 'user_1', login: 'ada', group: 'default', disabled: false, createdAt: NOW, invitedBy: null }
    await store.insertUser({ user, passwordHash: null, credits: [], invitation: null })
    await store.insertKey(issueKey({ name: 'of ada', userId: user.id }, { hash, clock }).key)
    const less = { teams: {}, keys: { widget: { endpoints: ['chat'] } }, budgets: [] }
    const { plan } = await planned(less, store)
    expect(plan?.steps).toEqual([])
    expect(plan?.others.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual([
      'budget key batch, day',
      'budget team research, month',
      'key batch',
      'team research',
    ])
    await apply(less, store, true)
    const { teams, keys, budgets } = await stateOf(store)
    expect([teams, keys.map(({ name }) => name).toSorted(), budgets]).toEqual([[], ['of ada', 'widget'], []])
    await store.close()
  })

  test('leaves sections alone that it does not have', async () => {
    const store = openStore()
    await apply(FILE, store)
    expect(
      shown(await planned({ keys: { batch: { team: 'research' }, widget: {} } }, store, true))?.every((step) =>
        step.startsWith('change key'),
      ),
    ).toBe(true)
    await store.close()
  })
})

test('docs/access.md shows a file that is taken, and names every field', async () => {
  const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
  const example = /```yaml\n([\s\S]*?)```/.exec(page)![1]!.replace('${WIDGET_KEY}', '${ONE}')
  const store = openStore()
  expect((await planned(example, store)).problems).toEqual([])
  await store.close()
  const fieldsOf = (name: string) => {
    const item = DECLARED.shape.type === 'section' ? DECLARED.shape.fields.get(name)?.field.shape : undefined
    const inner = item?.type === 'map' ? item.item.shape : undefined
    return inner?.type === 'section' ? [...inner.fields.keys()] : []
  }
  const fields = [...fieldsOf('teams'), ...fieldsOf('keys')]
  expect(fields.length).toBeGreaterThan(15)
  expect(fields.filter((field) => !page.includes(`\`${field}\``))).toEqual([])
})

describe('a file is refused, with the place and nothing done', () => {
  test.each<[string, string, string]>([
    [
      'an unknown field',
      'keys: { a: { rpm: 5 } }',
      'access.yaml:1:14: keys.a.rpm: there is no field `rpm` in `keys.a`',
    ],
    ['an unknown section', 'key: {}', 'access.yaml:1:1: key: there is no field `key` in the file (Did you mean keys?)'],
    [
      'a value of the wrong kind',
      'keys: { a: { limits: { rpm: many } } }',
      'access.yaml:1:29: keys.a.limits.rpm: expected a whole number; found "many"',
    ],
    [
      'a team that is nowhere',
      'teams: { research: {} }\nkeys: { a: { team: reserch } }',
      'access.yaml:2:14: keys.a.team: there is no team `reserch` (Did you mean research?)',
    ],
    [
      'a budget for nobody',
      'budgets: [{ scope: key, id: nobody, window: day, limit_usd: 1 }]',
      'access.yaml:1:25: budgets[0].id: there is no key `nobody`',
    ],
    [
      'two budgets for the same',
      'budgets:\n  - { scope: gateway, window: day, limit_usd: 1 }\n  - { scope: gateway, window: day, limit_usd: 2 }',
      'access.yaml:3:5: budgets[1]: a budget before this one is for the same',
    ],
    [
      'a variable that is not set',
      'keys: { a: { secret: "${THREE}" } }',
      'access.yaml:1:22: keys.a.secret: the environment variable THREE is not set',
    ],
    [
      'a secret that can be guessed',
      'keys: { a: { secret: "${SHORT}" } }',
      'access.yaml:1:14: keys.a.secret: A secret has 20 to 512',
    ],
    [
      'one secret for two',
      'keys: { a: { secret: "${ONE}" }, b: { secret: "${ONE}" } }',
      'access.yaml:1:39: keys.b.secret: `a` has the same secret',
    ],
    [
      'an end in the past',
      'keys: { a: { expires_at: 2020-01-01 } }',
      'access.yaml:1:14: keys.a.expires_at: this is in the past',
    ],
    ['an id for a name', 'teams: { team_1: {} }', 'access.yaml:1:10: teams.team_1: "team_1" is no name to have'],
    ['no YAML', 'keys: [', 'access.yaml:1:8: '],
  ])('%s', async (_, file, problem) => {
    const store = openStore()
    const { plan, problems } = await planned(file, store)
    expect([plan, problems.length, problems[0]]).toEqual([null, 1, expect.stringContaining(problem)])
    await store.close()
  })

  test('a name that two keys of the store have', async () => {
    const store = openStore()
    for (let made = 0; made < 2; made++) await store.insertKey(issueKey({ name: 'twin' }, { hash, clock }).key)
    expect((await planned({ keys: { twin: {} } }, store)).problems[0]).toContain(
      '2 keys of the store have this name: key_',
    )
    await store.close()
  })

  test('a secret that another key has', async () => {
    const store = openStore()
    await apply({ keys: { old: { secret: '${ONE}' } } }, store)
    expect((await planned({ keys: { new: { secret: '${ONE}' } } }, store)).problems[0]).toMatch(
      /the key key_\w+ has this secret/,
    )
    await store.close()
  })

  test('a team that would go while keys of it stay', async () => {
    const store = openStore()
    await apply(FILE, store)
    expect((await planned({ teams: {} }, store, true)).problems[0]).toContain(
      'the team `research` cannot go while it has keys: batch',
    )
    await store.close()
  })
})

const names = fc.constantFrom('a', 'b', 'c')
const limits = fc.record({ rpm: fc.integer({ min: 1, max: 3 }) }, { requiredKeys: [] })
const terms = {
  limits,
  models: fc.constantFrom(null, ['chat'], []),
  tags: fc.constantFrom([], ['x'], ['x', 'y']),
  metadata: fc.constantFrom({}, { owner: 'ada' }),
  disabled: fc.boolean(),
}
const declared = fc
  .record({
    teams: fc.dictionary(names, fc.record(terms, { requiredKeys: [] }), { maxKeys: 3 }),
    keys: fc.dictionary(
      names,
      fc.record(
        { ...terms, team: names, forbids: fc.constantFrom([], ['trace']), require_end_user: fc.boolean() },
        { requiredKeys: [] },
      ),
      { maxKeys: 3 },
    ),
    budgets: fc.uniqueArray(
      fc.record({
        scope: fc.constantFrom('key', 'team', 'tag'),
        id: names,
        window: fc.constantFrom('day', 'rolling 24h', 'once'),
        limit_usd: fc.integer({ min: 0, max: 3 }),
      }),
      { selector: ({ scope, id, window }) => `${scope} ${id} ${window}`, maxLength: 4 },
    ),
  })
  .map(({ teams, keys, budgets }) => ({
    teams,
    keys: Object.fromEntries(
      Object.entries(keys).map(([name, { team, ...key }]) => [
        name,
        team !== undefined && team in teams ? { ...key, team } : key,
      ]),
    ),
    budgets: budgets.filter(({ scope, id }) => scope === 'tag' || id in (scope === 'key' ? keys : teams)),
  }))

/** What the store holds, by names instead of ids and without secrets and times. */
async function contents(store: Store): Promise<unknown> {
  const { teams, keys, budgets } = await stateOf(store)
  const nameOf = new Map([...teams, ...keys].map(({ id, name }) => [id, name]))
  const byName = <T extends { name: string }>(items: readonly T[]) =>
    items.toSorted((one, two) => (one.name < two.name ? -1 : 1))
  return {
    teams: byName(teams.map(({ id: _id, createdAt: _createdAt, ...team }) => team)),
    keys: byName(
      keys.map(({ id: _id, createdAt: _createdAt, secrets: _secrets, teamId, ...key }) => ({
        ...key,
        team: nameOf.get(teamId ?? '') ?? null,
      })),
    ),
    budgets: byName(
      budgets.map(({ id: _id, createdAt: _createdAt, subject, ...budget }) => ({
        ...budget,
        name: `${budget.scope} ${nameOf.get(subject ?? '') ?? subject} ${JSON.stringify(budget.window)}`,
      })),
    ),
  }
}

test('whatever was there before, a pruning apply leaves what it would have made of an empty store, and then nothing to do', async () => {
  await fc.assert(
    fc.asyncProperty(declared, declared, async (before, after) => {
      const [store, empty] = [openStore(), openStore()]
      await apply(before, store)
      await apply(after, store, true)
      await apply(after, empty)
      expect(await contents(store)).toEqual(await contents(empty))
      expect(shown(await planned(after, store, true))).toEqual([])
      await store.close()
      await empty.close()
    }),
    { numRuns: 60 },
  )
})

test('an apply that breaks off at any write is completed by the next one, and no key is ever there without its budget', async () => {
  await fc.assert(
    fc.asyncProperty(declared, declared, fc.nat({ max: 12 }), async (before, after, writes) => {
      const [store, empty] = [openStore(), openStore()]
      await apply(before, store)
      let left = writes
      const breaking = new Proxy(store, {
        get: (target, name: keyof Store) => {
          const method = (target[name] as (...args: unknown[]) => unknown).bind(target)
          return (...args: unknown[]) => {
            if (left-- <= 0) throw new Error('broken off')
            return method(...args)
          }
        },
      })
      await apply(after, store, true, breaking).catch((error: Error) => expect(error.message).toBe('broken off'))
      const { keys, budgets } = await stateOf(store)
      for (const [name] of Object.entries(after.keys).filter(([name]) => !(name in before.keys)))
        for (const { scope, id } of after.budgets) {
          const key = keys.find((candidate) => candidate.name === name)
          if (scope !== 'key' || id !== name || key === undefined) continue
          expect(budgets.some(({ subject }) => subject === key.id)).toBe(true)
        }
      await apply(after, store, true)
      await apply(after, empty)
      expect(await contents(store)).toEqual(await contents(empty))
      await store.close()
      await empty.close()
    }),
    { numRuns: 60 },
  )
})
