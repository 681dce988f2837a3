// Whoever comes from another gateway: its database, taken over by the command line, answers its clients as before.
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runWords } from '../src/cli/testing.ts'
import { openData } from '../src/data.ts'
import { systemClock } from '../src/core/clock.ts'
import { importDatabase } from '../src/import/one-api.ts'
import { writeAccounts } from '../src/import/write-accounts.ts'
import { completion, startGateway, startUpstream } from './gateway.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'weir-import-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SECRETS = {
  ada: 'AdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAda',
  bob: 'BobBobBobBobBobBobBobBobBobBobBobBobBobBobBobBob',
}

/** A database as new-api makes it: columns of its tables, one channel at `base`, two users with a token each. */
function foreignDatabase(name: string, base: string, password: string): string {
  const file = path.join(folder, name)
  const database = new Database(file, { create: true, strict: true })
  database.run(`CREATE TABLE channels (id integer PRIMARY KEY, type integer DEFAULT 0, key text NOT NULL, open_ai_organization text,
    test_model text, status integer DEFAULT 1, name text, weight integer DEFAULT 0, created_time integer, base_url text DEFAULT '',
    other text, models text, "group" varchar(64) DEFAULT 'default', used_quota integer DEFAULT 0, model_mapping text, priority integer DEFAULT 0,
    auto_ban integer DEFAULT 1, tag text, setting text, param_override text, header_override text, channel_info text)`)
  database.run(`CREATE TABLE tokens (id integer PRIMARY KEY, user_id integer, key char(48), status integer DEFAULT 1, name text,
    created_time integer, accessed_time integer, expired_time integer DEFAULT -1, remain_quota integer DEFAULT 0, unlimited_quota numeric,
    model_limits_enabled numeric, model_limits text, allow_ips text DEFAULT '', used_quota integer DEFAULT 0, "group" text DEFAULT '', deleted_at datetime)`)
  database.run(`CREATE TABLE users (id integer PRIMARY KEY, username text, password text NOT NULL, display_name text, role integer DEFAULT 1,
    status integer DEFAULT 1, email text, quota integer DEFAULT 0, used_quota integer DEFAULT 0, "group" varchar(64) DEFAULT 'default', deleted_at datetime)`)
  database.run('CREATE TABLE options (key text PRIMARY KEY, value text)')
  database.run('CREATE TABLE logs (id integer PRIMARY KEY, content text)')
  database.run(
    `INSERT INTO options VALUES ('QuotaPerUnit', '500000'), ('GroupRatio', '{"default":1,"vip":0.5}'), ('SMTPToken', 'smtp-secret-of-theirs')`,
  )
  const channel = database.query(
    `INSERT INTO channels (id, type, key, name, base_url, models, "group", model_mapping, priority, weight) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  channel.run(
    1,
    1,
    'sk-host-secret-one',
    '主渠道',
    base,
    'gpt-5-mini,fast',
    'default,vip',
    '{"fast":"gpt-5-nano"}',
    10,
    5,
  )
  channel.run(2, 1, 'sk-host-secret-two', 'spare', base, 'gpt-5-mini', 'vip', '', 0, 0)
  const user = database.query(
    'INSERT INTO users (id, username, password, role, quota, "group") VALUES (?, ?, ?, ?, ?, ?)',
  )
  user.run(1, 'ada', password, 1, 5_000_000, 'vip')
  user.run(2, 'bob', password, 1, 0, 'default')
  const token = database.query(
    'INSERT INTO tokens (id, user_id, key, name, remain_quota, unlimited_quota, model_limits_enabled, model_limits) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  token.run(1, 1, SECRETS.ada, 'ada-app', 0, 1, 0, '')
  token.run(2, 2, SECRETS.bob, 'bob-app', 1_000_000, 0, 1, 'fast')
  database.run("INSERT INTO logs VALUES (1, 'used')")
  database.close()
  return file
}

const ask = (model: string) => ({ model, messages: [{ role: 'user', content: 'Hello!' }], max_tokens: 10 })

test('clients of LiteLLM call the same names: groups, aliases, wildcards, and fallbacks when a group fails', async () => {
  using broken = startUpstream(() => Response.json({ error: { message: 'down' } }, { status: 500 }))
  using working = startUpstream((request, _, body) =>
    Response.json({
      ...completion(request.headers.get('authorization') ?? ''),
      model: (JSON.parse(body) as { model: string }).model,
    }),
  )
  const config = path.join(folder, 'config.yaml')
  writeFileSync(
    config,
    `model_list:
  - model_name: strong
    litellm_params: { model: openai/big, api_base: ${broken.url}/v1, api_key: sk-one }
  - model_name: spare
    litellm_params: { model: openai/small, api_base: ${working.url}/v1, api_key: sk-two }
  - model_name: mine/*
    litellm_params: { model: openai/*, api_base: ${working.url}/v1, api_key: sk-three }
litellm_settings:
  num_retries: 0
  fallbacks: [{ strong: [spare] }]
router_settings:
  model_group_alias: { gpt-4: strong }
`,
  )
  const output = path.join(folder, 'litellm.yaml')
  expect((await runWords(['import', 'litellm', config, '--output', output], { environment: {} })).code).toBe(0)
  await using weir = await startGateway(readFileSync(output, 'utf8'))
  for (const [name, model, key] of [
    ['spare', 'small', 'sk-two'],
    ['strong', 'small', 'sk-two'],
    ['gpt-4', 'small', 'sk-two'],
    ['mine/anything', 'anything', 'sk-three'],
  ] as const) {
    const response = await weir.call('/v1/chat/completions', ask(name))
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { model, choices: [{ message: { content: `Bearer ${key}` } }] },
    ])
  }
  expect(broken.received.length).toBeGreaterThan(0)
  expect((await weir.call('/v1/chat/completions', ask('unheard-of'))).status).toBe(404)
})

test('clients of new-api go on with their secrets, models and bounds', async () => {
  using upstream = startUpstream((_, __, body) =>
    Response.json({ ...completion('ok'), model: (JSON.parse(body) as { model: string }).model }),
  )
  const file = foreignDatabase('clients.db', upstream.url.replace(/\/v1$/, ''), 'none')
  const output = path.join(folder, 'clients.yaml')
  const words = ['import', 'new-api', file, '--output', output]
  expect((await runWords(words, { environment: {} })).code).toBe(0)
  await using weir = await startGateway(readFileSync(output, 'utf8'))
  const database = new Database(file, { readonly: true })
  const rows = (table: string) => database.query<Record<string, unknown>, []>(`SELECT * FROM ${table}`).all()
  const tables = {
    channels: rows('channels'),
    tokens: rows('tokens'),
    users: rows('users'),
    options: new Map(),
    counts: {},
  }
  database.close()
  const { accounts } = importDatabase(tables, { family: 'new-api', withUsers: false, now: Date.now() })
  const tools = { store: weir.store, hash: weir.hash, clock: systemClock, userKeys: { endpoints: [], forbids: [] } }
  expect(await writeAccounts(accounts, tools)).toMatchObject({ keys: { made: 2, known: 0 } })
  expect(await writeAccounts(accounts, tools)).toMatchObject({ keys: { made: 0, known: 2 } })
  await weir.gateway.budgetDefinitions.load(Date.now())

  for (const key of [`sk-${SECRETS.ada}`, SECRETS.ada])
    expect((await weir.call('/v1/chat/completions', ask('gpt-5-mini'), { key })).status).toBe(200)
  const mapped = await weir.call('/v1/chat/completions', ask('fast'), { key: `sk-${SECRETS.bob}` })
  expect([mapped.status, await mapped.json()]).toMatchObject([200, { model: 'gpt-5-nano' }])
  expect((await weir.call('/v1/chat/completions', ask('gpt-5-mini'), { key: `sk-${SECRETS.bob}` })).status).toBe(403)
  expect((await weir.call('/v1/chat/completions', ask('fast'), { key: 'sk-of-nobody-at-all-here' })).status).toBe(401)
  const budgets = await weir.store.listBudgets({ cursor: null, limit: 10, scope: 'key' })
  expect(budgets.data.map(({ limitNanoUsd, window }) => [limitNanoUsd, window.type])).toEqual([
    [2_000_000_000n, 'once'],
  ])
})

test('with --users, people keep their passwords, groups and balances, and nothing is made twice', async () => {
  const password = await Bun.password.hash('a password of before', { algorithm: 'bcrypt', cost: 4 })
  // As Go writes it.
  const file = foreignDatabase('users.db', 'http://127.0.0.1:9', password.replace('$2b$', '$2a$'))
  const data = path.join(folder, 'data')
  const output = path.join(folder, 'users.yaml')
  const words = ['import', 'new-api', file, '--users', '--write', '--output', output]
  const weir = () => runWords(words, { environment: { WEIR_DATA: data } })
  expect((await weir()).out).toContain(
    '2 keys were made, 0 were there already.\n2 users were made, 0 were there already.',
  )
  const again = await weir()
  expect(again.out).toContain('0 keys were made, 2 were there already.\n0 users were made, 2 were there already.')
  expect(again.out).toContain(`${output} says this already.`)
  for (const secret of [...Object.values(SECRETS), 'sk-host-secret', 'smtp-secret', '$2a$'])
    expect(again.out).not.toContain(secret)

  const opened = await openData(data, {})
  const { store } = opened
  const ada = (await store.findUser('ada'))!
  expect(ada).toMatchObject({ group: 'vip', disabled: false })
  expect(await Bun.password.verify('a password of before', (await store.passwordHashOf(ada.id))!)).toBe(true)
  expect((await store.creditsSince(0)).totals).toEqual([{ userId: ada.id, creditedNanoUsd: 10_000_000_000n }])
  expect((await store.listGroups()).map(({ name, multiplierMillionths }) => [name, multiplierMillionths])).toEqual([
    ['default', 1_000_000n],
    ['vip', 500_000n],
  ])
  const found = await store.findKeyByHash(opened.hash(`sk-${SECRETS.ada}`))
  expect(found).toMatchObject({ key: { name: 'ada-app', userId: ada.id }, owner: { group: 'vip' } })
  await opened.close()
  const checked = await runWords(['check', '--config', output], { environment: {} })
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('no problem found') })
})

test('without --write it tells what it would make, and makes nothing', async () => {
  const file = foreignDatabase('dry.db', 'http://127.0.0.1:9', 'none')
  const data = path.join(folder, 'nowhere')
  const { code, out } = await runWords(['import', 'new-api', file], { environment: { WEIR_DATA: data } })
  expect([code, out]).toEqual([0, expect.stringContaining('2 keys would be made by --write.')])
  expect(out).toContain('dropped users #1 (ada): the balance: without --users nobody has one here')
  expect(out).toContain('dropped logs: 1 lines of the log')
  for (const secret of [...Object.values(SECRETS), 'sk-host-secret', 'smtp-secret']) expect(out).not.toContain(secret)
  expect(existsSync(data)).toBe(false)
})

test('a database that its gateway has open, in WAL mode, is read as it is at that moment', async () => {
  const file = foreignDatabase('live.db', 'http://127.0.0.1:9', 'none')
  const live = new Database(file)
  live.run('PRAGMA journal_mode = WAL')
  live.run("UPDATE tokens SET name = 'renamed' WHERE id = 1")
  live.run('BEGIN IMMEDIATE')
  live.run("UPDATE tokens SET name = 'not yet' WHERE id = 2")
  const { code, out } = await runWords(['import', 'new-api', file], { environment: {} })
  live.run('ROLLBACK')
  live.close()
  expect([code, out]).toEqual([0, expect.stringContaining('tokens #1 (renamed)')])
  expect(out).toContain('tokens #2 (bob-app)')
})

test('where the configuration cannot be written, no key is made', async () => {
  const file = foreignDatabase('order.db', 'http://127.0.0.1:9', 'none')
  const data = path.join(folder, 'order')
  const output = path.join(folder, 'order.yaml')
  writeFileSync(output, 'providers: {}\n')
  const { code, err } = await runWords(['import', 'new-api', file, '--write', '--output', output], {
    environment: { WEIR_DATA: data },
  })
  expect([code, err]).toEqual([1, expect.stringContaining('is there and says something else')])
  expect(existsSync(data)).toBe(false)
})

test.each([
  ['that is not there', 'nothing.db', null, 'There is no file'],
  ['that is no database', 'text.db', 'hello '.repeat(300), 'cannot be read as a SQLite database'],
  ['of something else', 'other.db', 'CREATE TABLE other (id integer)', 'is no database of such a gateway'],
])('a file %s is refused', async (_, name, content, words) => {
  const file = path.join(folder, name)
  if (content?.startsWith('CREATE') === true) {
    const database = new Database(file)
    database.run(content)
    database.close()
  } else if (content !== null) writeFileSync(file, content)
  expect(await runWords(['import', 'one-api', file], { environment: {} })).toMatchObject({
    code: 1,
    err: expect.stringContaining(words),
  })
})
