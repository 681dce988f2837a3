import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { NO_FACTS } from '../core/model-facts.ts'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Entry, RequestRecord } from '../core/ledger.ts'
import type { Provider } from '../core/model.ts'
import { NO_USAGE } from '../core/usage.ts'
import { openData } from '../data.ts'
import { COMMANDS } from './commands.ts'
import type { CliContext } from './command.ts'
import { cliReference, helpOf } from './help.ts'
import type { Installed, Outside, PortState, ProbeResult } from './outside.ts'
import { runCli } from './run.ts'

const NOW = Date.UTC(2026, 10, 23, 12, 30)
const root = mkdtempSync(path.join(tmpdir(), 'weir-cli-'))
let folder = ''
let number = 0
beforeEach(() => {
  folder = path.join(root, String(number++), 'data')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Fields of the printed documents that tests look at one by one. */
type Json = {
  readonly id: string
  readonly secret: string
  readonly ok: boolean
  readonly bun: string
  readonly data: readonly { readonly id: string; readonly name: string }[]
  readonly rows: readonly { readonly at: string; readonly key: string; readonly cost_nano_usd: string }[]
  readonly total: { readonly cost_usd: string }
  readonly checks: readonly unknown[]
  readonly problems: readonly unknown[]
}

type Answer = { readonly code: number; readonly out: string; readonly err: string; readonly json: () => Json }

const clock: Clock = { now: () => NOW, monotonicMs: () => 0, after: () => () => {} }

const outside: Outside = {
  serve: async () => {},
  install: () => ({ providers: [], models: [], from: 'simulator', survival: [], priceLayers: () => [] }),
  fetchFeed: async () => ({ type: 'problem', problem: 'not called here' }),
  tryAlerts: async () => [],
  portState: async () => ({ type: 'free' }),
  probe: async () => ({ type: 'failed', reason: 'not called here' }),
  explain: () => {
    throw new Error('not called here')
  },
  replay: () => {
    throw new Error('not called here')
  },
  askAdmin: async () => {
    throw new Error('not called here')
  },
  readInput: async () => '',
  askPerson: async () => null,
  maxOpenFiles: () => null,
}

const PLAN = JSON.stringify({
  targets: [['openai/gpt', 'cheapest', '250000', 120]],
  excluded: [['sim/x', 'calls no tools']],
})

async function weir(words: string | readonly string[], overrides: Partial<CliContext> = {}): Promise<Answer> {
  let out = ''
  let err = ''
  const code = await runCli(typeof words === 'string' ? words.split(' ').filter((word) => word !== '') : words, {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    clock,
    colour: false,
    outside,
    ...overrides,
    environment: { WEIR_DATA: folder, WEIR_CONFIG: '', ...overrides.environment },
  })
  return { code, out, err, json: () => JSON.parse(out) as Json }
}

describe('help', () => {
  test.each(['', '--help', 'help', '-h'])('`weir %s` lists every command', async (words) => {
    const { code, out } = await weir(words)
    expect(code).toBe(0)
    for (const command of COMMANDS) expect(out).toContain(`  ${command.name}  `)
  })

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    '`weir %s --help` has an example',
    async (name, command) => {
      const { code, out } = await weir(`${name} --help`)
      expect(code).toBe(0)
      expect(out).toBe(helpOf(command))
      expect(command.examples.length).toBeGreaterThan(0)
      for (const example of command.examples) expect(out).toContain(`  ${example.command}    # `)
      expect(out).toContain('--json')
    },
  )

  test('`weir keys --help` lists the commands of keys only', async () => {
    const { out } = await weir('keys --help')
    expect(out).toContain('keys rotate')
    expect(out).not.toContain('teams')
  })

  test('every example is a command line that is understood', async () => {
    const wrong: string[] = []
    for (const { command } of COMMANDS.flatMap(({ examples }) => examples)) {
      // What a shell does with the rest is no word of the command.
      const words = [...command.replace(/ < .*$/, '').matchAll(/"([^"]*)"|(\S+)/g)]
        .map((match) => match[1] ?? match[2]!)
        .slice(1)
      if ((await weir(words)).code === 2) wrong.push(command)
    }
    expect(wrong).toEqual([])
  })

  test('the reference names every command', () => {
    for (const { name } of COMMANDS) expect(cliReference()).toContain(`## weir ${name}\n`)
  })
})

describe('a wrong command line is exit code 2 with one sentence and a hint', () => {
  test.each([
    ['keyz', 'weir: There is no command `keyz`.\nhint: Did you mean keys?\n'],
    ['frobnicate', 'weir: There is no command `frobnicate`.\nhint: See `weir --help`.\n'],
    ['keys', 'weir: `weir keys` needs one more word.\nhint: It takes create, list, show, rotate, revoke.\n'],
    ['keys crate', 'weir: There is no command `keys crate`.\nhint: Did you mean create?\n'],
    ['keys create', 'weir keys create: --name is missing.\nhint: See `weir keys create --help`.\n'],
    ['keys create --name', 'weir keys create: --name needs a value.\nhint: See `weir keys create --help`.\n'],
    ['keys create --name --json', 'weir keys create: --name needs a value.\nhint: See `weir keys create --help`.\n'],
    ['keys list --jsn', 'weir keys list: --jsn is no option of this command.\nhint: Did you mean --json?\n'],
    [
      'keys list --zzzzz',
      'weir keys list: --zzzzz is no option of this command.\nhint: See `weir keys list --help`.\n',
    ],
    ['keys show a b', 'weir keys show: "b" is one word too many.\nhint: Put values with spaces in quotes.\n'],
    ['keys show', 'weir keys show: <key> is missing.\nhint: See `weir keys show --help`.\n'],
    [
      'keys create --name a --rpm 0',
      'weir keys create: --rpm takes a whole number from 1; found "0".\nhint: See `weir keys create --help`.\n',
    ],
    [
      'keys create --name a --expires soon',
      'weir keys create: --expires takes a date (2026-11-23), a time (2026-11-23T12:00:00Z) or a duration from now (30d); found "soon".\nhint: See `weir keys create --help`.\n',
    ],
    [
      'keys create --name a --expires 2020-01-01',
      'weir keys create: `expires_at` is in the past.\nhint: Look at `expires_at`.\n',
    ],
    [
      'keys create --name a --metadata x',
      'weir keys create: --metadata takes pairs such as owner=ada,stage=test; found "x".\nhint: See `weir keys create --help`.\n',
    ],
    ['keys create --name a --endpoints chatt', 'weir keys create: `chatt` is no endpoint family'],
    ['keys rotate a --grace 5', 'weir keys rotate: --grace takes a duration such as 30s, 12h or 7d; found "5".'],
    ['admin token --role root', 'weir admin token: --role takes admin, viewer; found "root".'],
    ['report --by keyy', 'weir report: --by does not know "keyy".\nhint: Did you mean key?\n'],
    ['report --by day,hour', 'weir report: --by takes one of hour, day and month, not both day and hour.'],
    ['report --by day --bucket hour', 'weir report: --by day and --bucket hour contradict each other.'],
    [
      'report --since 7d --from 2026-11-01',
      'weir report: --since and --from are both the start of the range; give one.',
    ],
    ['report --json --csv', 'weir report: --json and --csv are two formats; give one.'],
    ['report --from 2026-11-02 --to 2026-11-01', 'weir report: The range is empty'],
    ['requests list --status abc', 'weir requests list: --status takes a status such as 429'],
    ['requests list --limit 5000', 'weir requests list: --limit takes a whole number from 1 to 1000; found "5000".'],
  ])('`weir %s`', async (words, expected) => {
    const { code, out, err } = await weir(words)
    expect(err).toStartWith(expected)
    expect(out).toBe('')
    expect(code).toBe(2)
  })
})

test('a mistyped data folder is not a new empty store', async () => {
  const { code, err } = await weir('keys list')
  expect(code).toBe(1)
  expect(err).toStartWith(`weir keys list: There is no store in ${folder}.\nhint: `)
  expect(() => statSync(folder)).toThrow()
})

describe('keys', () => {
  test('a key is made, and its secret opens it', async () => {
    const { code, out, err } = await weir(
      'keys create --name app --models openai/*,chat --endpoints chat --addresses 10.0.0.0/8 --rpm 60 --tags a,b --require-end-user --metadata owner=ada --expires 30d',
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^sk-weir-[\w-]{43}\n$/)
    expect(err).toContain('shown this once')
    const { store, hash, close } = await openData(folder, {})
    const found = await store.findKeyByHash(hash(out.trim()))
    await close()
    expect(found?.key).toMatchObject({
      name: 'app',
      models: ['openai/*', 'chat'],
      endpoints: ['chat'],
      addresses: ['10.0.0.0/8'],
      limits: { rpm: 60, tpm: null, concurrency: null },
      tags: ['a', 'b'],
      requireEndUser: true,
      metadata: { owner: 'ada' },
      expiresAt: NOW + 30 * 86_400_000,
    })
  })

  test('as JSON it is the document of the admin API with the secret', async () => {
    await weir('teams create --name research')
    const { json } = await weir('keys create --name app --team research --json')
    expect(json()).toMatchObject({
      name: 'app',
      team: expect.stringMatching(/^team_/),
      secret: expect.stringMatching(/^sk-weir-/),
    })
  })

  test('are listed with the names of their teams', async () => {
    await weir('teams create --name research')
    await weir('keys create --name one --team research')
    await weir('keys create --name two --rpm 5 --expires 1d')
    const all = await weir('keys list')
    expect(all.out.split('\n')[0]).toMatch(/^id +name +team +secret +state +models +limits +made +expires$/)
    expect(all.out).toMatch(/one +research +….{4} +active +all +none +2026-11-23 12:30:00Z +never/)
    expect(all.out).toMatch(/two +- +….{4} +active +all +rpm 5 +2026-11-23 12:30:00Z +2026-11-24 12:30:00Z/)
    const one = await weir('keys list --team research --json')
    expect(one.json().data.map((key: { name: string }) => key.name)).toEqual(['one'])
    expect((await weir('keys list --team nobody')).err).toContain('There is no team `nobody`.')
  })

  test('are shown by name or id, and a name of two is refused', async () => {
    const first = (await weir('keys create --name same --json')).json()
    await weir('keys create --name same')
    expect((await weir(`keys show ${first.id}`)).out).toContain(`id:        ${first.id}\n`)
    expect((await weir(`keys show ${first.id} --json`)).json()).toMatchObject({ id: first.id, name: 'same' })
    const both = await weir('keys show same')
    expect(both.code).toBe(1)
    expect(both.err).toContain('2 keys have the name `same`.')
    expect((await weir('keys show nobody')).err).toContain('There is no key `nobody`.')
  })

  test('a rotated one has a new secret, and the old one for the grace period', async () => {
    const old = (await weir('keys create --name app')).out.trim()
    const fresh = await weir('keys rotate app --grace 1h')
    expect(fresh.err).toContain('ends at 2026-11-23 13:30:00Z')
    const { store, hash, close } = await openData(folder, {})
    const found = await store.findKeyByHash(hash(old))
    expect(found?.key.secrets.find((secret) => secret.hash === hash(old))?.expiresAt).toBe(NOW + 3_600_000)
    expect((await store.findKeyByHash(hash(fresh.out.trim())))?.key.name).toBe('app')
    await close()
    expect((await weir('keys show app')).out).toMatch(/secret: +….{4} \(until 2026-11-23 13:30:00Z\)/)
    expect((await weir('keys rotate app --grace 0s --json')).json().secret).toMatch(/^sk-weir-/)
  })

  test('are disabled and revoked', async () => {
    const { id } = (await weir('keys create --name app --json')).json()
    expect((await weir('keys revoke app --disable')).out).toBe(`Key ${id} (app) is disabled.\n`)
    expect((await weir('keys list')).out).toContain('disabled')
    const revoked: unknown = (await weir('keys revoke app --json')).json()
    expect(revoked).toEqual({ id, state: 'revoked' })
    expect((await weir('keys show app')).code).toBe(1)
  })

  test('a name with an escape sequence does not reach the terminal', async () => {
    await weir(['keys', 'create', '--name', 'evil\u001B[2J'])
    expect((await weir('keys list')).out).not.toContain('\u001B')
  })
})

describe('teams and admin tokens', () => {
  test('a team is made and listed', async () => {
    expect((await weir('teams create --name research --rpm 10 --models sim/*')).out).toMatch(
      /^Team team_\w+ \(research\) is made\.\n$/,
    )
    expect((await weir('teams list')).out).toMatch(/research +active +sim\/\* +rpm 10 +- +2026-11-23/)
    expect((await weir('teams list --json')).json().data).toHaveLength(1)
  })

  test('a name that is taken is refused', async () => {
    await weir('teams create --name research')
    const { code, err } = await weir('teams create --name research')
    expect(code).toBe(1)
    expect(err).toStartWith('weir teams create: ')
  })

  test('an admin token is printed once and kept as a hash', async () => {
    const { out } = await weir('admin token --role viewer --name grafana')
    const { store, hash, close } = await openData(folder, {})
    expect(await store.findAdminTokenByHash(hash(out.trim()))).toMatchObject({ name: 'grafana', role: 'viewer' })
    await close()
    expect((await weir('admin token --json')).json()).toMatchObject({ name: 'cli', role: 'admin' })
  })
})

async function fill(): Promise<{ keyId: string }> {
  const key = (await weir('keys create --name app --json')).json()
  const { store, close } = await openData(folder, {})
  const dimensions = {
    keyId: key.id,
    teamId: null,
    endUser: 'mallory\u001B[31m',
    tags: ['t'],
    requestedModel: 'chat',
    route: 'chat',
    operation: 'chat',
    dialect: 'openai-chat',
  }
  const usage = { ...NO_USAGE, input: 100, output: 20 }
  const entry = (id: string, at: number, costNanoUsd: bigint): Entry => ({
    id,
    at,
    dimensions,
    provider: 'openai',
    model: 'gpt',
    status: 'complete',
    usage,
    usageSource: 'reported',
    costNanoUsd,
    unpriced: false,
    priceVersion: 'v1',
  })
  const record = (id: string, at: number, costNanoUsd: bigint): RequestRecord => ({
    id,
    clientRequestId: null,
    at,
    dimensions,
    status: 200,
    errorCode: null,
    target: 'openai/gpt',
    stream: true,
    durationMs: 1234,
    ttftMs: 250,
    overheadMs: 0.5,
    attempts: [
      {
        target: 'groq/x',
        credentialId: 'groq#1',
        outcome: { type: 'timed_out', stage: 'connect' },
        status: null,
        startedAt: at,
        durationMs: 900,
        ttftMs: null,
        message: 'too slow',
      },
      {
        target: 'openai/gpt',
        credentialId: 'openai#1',
        outcome: { type: 'answered' },
        status: 200,
        startedAt: at,
        durationMs: 300,
        ttftMs: 250,
        message: null,
      },
    ],
    finishReason: 'stop',
    rawUsage: null,
    usage,
    usageSource: 'reported',
    costNanoUsd,
  })
  const refused: RequestRecord = {
    ...record('req_3', NOW - 1000, 0n),
    status: 429,
    errorCode: 'rate_limited',
    target: null,
    attempts: [],
    ttftMs: null,
    usage: null,
    usageSource: null,
    costNanoUsd: null,
  }
  await store.commit({
    intents: [],
    entries: [entry('req_1', NOW - 2 * 86_400_000, 1_500_000n), entry('req_2', NOW - 2000, 250_000n)],
    records: [
      record('req_1', NOW - 2 * 86_400_000, 1_500_000n),
      { ...record('req_2', NOW - 2000, 250_000n), plan: PLAN },
      refused,
    ],
  })
  await close()
  return { keyId: key.id }
}

describe('reports', () => {
  test('sum by the asked dimensions, with names for keys', async () => {
    await fill()
    const { out, code } = await weir('report --by key,model --since 7d')
    expect(code).toBe(0)
    expect(out).toContain('app')
    expect(out).toContain('0.00175')
  })

  test('`day` among the dimensions splits the range by days', async () => {
    const { keyId } = await fill()
    const { rows, total } = (await weir('report --by day,key --from 2026-11-20 --to 2026-11-24 --json')).json()
    expect(rows.map((row) => [row.at, row.key, row.cost_nano_usd])).toEqual([
      ['2026-11-21T00:00:00.000Z', keyId, '1500000'],
      ['2026-11-23T00:00:00.000Z', keyId, '250000'],
    ])
    expect(total.cost_usd).toBe('0.00175')
  })

  test('as CSV', async () => {
    await fill()
    expect((await weir('report --by provider --csv')).out).toMatch(/^provider,.*\r?\nopenai,/)
  })

  test('of an empty range say so', async () => {
    await fill()
    expect((await weir('report --from 2026-10-01 --to 2026-10-02')).out).toBe(
      'Nothing was spent from 2026-10-01 00:00:00Z to 2026-10-02 00:00:00Z.\n',
    )
  })

  test('the ledger is counted', async () => {
    await fill()
    const counted: unknown = (await weir('ledger count --json')).json()
    expect(counted).toEqual({ entries: 2, open_intents: 0 })
    expect((await weir('ledger count')).out).toBe('entries: 2\nopen:    0\n')
  })
})

describe('the request log', () => {
  test('is listed newest first and filtered', async () => {
    await fill()
    const { out } = await weir('requests list')
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/)[2])).toEqual(
      ['id', 'req_3', 'req_2', 'req_1'].map((id) => (id === 'id' ? 'model' : id)),
    )
    expect(out).toMatch(/req_2 +chat +openai\/gpt +200 +- +100 +20 +\$0\.00025 +250 ms +1\.2 s/)
    expect((await weir('requests list --status 4xx --json')).json().data.map((row) => row.id)).toEqual(['req_3'])
    expect((await weir('requests list --key app --since 1h --provider openai --json')).json().data).toHaveLength(1)
    expect((await weir('requests list --model nothing')).out).toBe('No requests.\n')
  })

  test('goes on where a page ended', async () => {
    await fill()
    const first = await weir('requests list --limit 2')
    const cursor = /--cursor (\S+)/.exec(first.err)?.[1] ?? ''
    expect((await weir(`requests list --limit 2 --cursor ${cursor} --json`)).json().data.map((row) => row.id)).toEqual([
      'req_1',
    ])
  })

  test('one request is shown with its attempts', async () => {
    await fill()
    const { out } = await weir('requests show req_2')
    expect(out).toMatch(/1 +openai\/gpt +cheapest +0\.00025 +120 +-\n/)
    expect(out).toMatch(/out +sim\/x +calls no tools/)
    expect(out).toContain('cost:        $0.00025\n')
    expect(out).toContain('usage:       input 100, output 20 (reported)\n')
    expect(out).toMatch(/1 +groq\/x +timed_out \(connect\) +- +900 ms +too slow/)
    expect(out).not.toContain('\u001B')
    expect((await weir('requests show req_3')).out).toContain('ledger:      no entry: no provider was reached\n')
    expect((await weir('requests show req_2 --json')).json()).toMatchObject({
      id: 'req_2',
      entry: { status: 'complete' },
    })
    expect((await weir('requests show req_9')).code).toBe(1)
  })
})

const PROVIDER: Provider = {
  name: 'openai',
  preset: 'openai',
  wire: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  credentials: [{ id: 'openai#1', secret: 'sk-planted-secret' }],
  auth: { type: 'bearer' },
  headers: {},
  quirks: {},
  timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, totalMs: 1 },
  proxy: null,
  ca: null,
  allowPrivate: true,
  settings: {},
  limits: { rpm: null, tpm: null },
}

const INSTALLED: Installed = {
  providers: [PROVIDER, { ...PROVIDER, name: 'sim', baseUrl: 'simulator:', credentials: [] }],
  models: [
    {
      id: 'openai/gpt',
      ownedBy: 'openai',
      facts: { ...NO_FACTS, kind: 'chat', contextTokens: 128_000, abilities: { tools: true, vision: false } },
      rates: { input: 150_000n, output: 600_000n },
    },
    { id: 'chat', ownedBy: 'weir', facts: NO_FACTS, rates: null },
  ],
  from: 'config',
  survival: [
    { route: 'chat', losses: [{ provider: 'openai', left: ['sim/small'], lost: [] }] },
    { route: 'alone', losses: [{ provider: 'sim', left: [], lost: ['requests'] }] },
  ],
  priceLayers: () => [],
}

function configFile(text: string): string {
  mkdirSync(path.dirname(folder), { recursive: true })
  const file = path.join(path.dirname(folder), 'weir.yaml')
  writeFileSync(file, text)
  return file
}

describe('weir check', () => {
  const good =
    'providers: { openai: {}, sim: {} }\nroutes: { chat: { targets: [openai/gpt, { use: sim/small, weight: 2 }], strategy: weighted } }\n'
  const installed = { outside: { ...outside, install: () => INSTALLED } }

  test('prints what a right config comes to', async () => {
    const file = configFile(good)
    const { code, out } = await weir(`check --config ${file}`, installed)
    expect(code).toBe(0)
    expect(out).toContain(`${file}: no problem found.\n`)
    expect(out).toMatch(/openai +openai +https:\/\/api\.openai\.com\/v1 +1 +1\n/)
    expect(out).toMatch(/chat +weighted +openai\/gpt ×1, sim\/small ×2\n/)
    expect((await weir(`check --config ${file} --json`, installed)).json()).toMatchObject({
      ok: true,
      providers: [{ name: 'openai', models: ['openai/gpt'] }, { name: 'sim' }],
      routes: [{ name: 'chat', targets: [{ use: 'openai/gpt', weight: 1 }, { use: 'sim/small' }] }],
    })
  })

  test('--survive tells what becomes of each route when a provider is lost, and fails where one does not survive', async () => {
    const { code, out } = await weir(`check --survive --config ${configFile(good)}`, installed)
    expect(code).toBe(1)
    expect(out).toMatch(/chat +openai +yes +sim\/small\n/)
    expect(out).toMatch(/alone +sim +no: requests +nobody\n/)
  })

  test('warns of models in routes that their vendors withdraw', async () => {
    const file = configFile(
      'providers: { openai: { keys: [k1234567] } }\nroutes: { old: { targets: [openai/gone] }, new: { targets: [openai/gpt] } }\n',
    )
    const gone = { id: 'openai/gone', ownedBy: 'openai', facts: { ...NO_FACTS, retiredOn: '2020-01-01' }, rates: null }
    const install = () => ({ ...INSTALLED, models: [...INSTALLED.models, gone] })
    const { code, err } = await weir(`check --config ${file}`, { outside: { ...outside, install } })
    expect([code, err]).toEqual([0, 'warning: routes.old: openai/gone is withdrawn by its vendor since 2020-01-01.\n'])
  })

  test('prints every problem with its place, and fails', async () => {
    const file = configFile('log: { level: loud }\nmetrics: { enabld: true }\n')
    const { code, out, err } = await weir('check', { environment: { WEIR_CONFIG: file } })
    expect(code).toBe(1)
    expect(out).toBe(
      `${file}:1:15: log.level: expected one of debug, info, warn, error; found "loud"\n${file}:2:12: metrics.enabld: there is no field \`enabld\` in \`metrics\` (Did you mean enabled?)\n`,
    )
    expect(err).toStartWith('2 problems;')
    const json = await weir(`check --config ${file} --json`)
    expect(json.code).toBe(1)
    expect(json.json().problems[0]).toMatchObject({ line: 1, column: 15, path: 'log.level' })
  })

  test('a provider that cannot be set up has its place', async () => {
    const file = configFile('providers:\n  azure: {}\n')
    const install = () => {
      throw Object.assign(new Error('needs `resource`'), { path: 'providers.azure.settings.resource' })
    }
    const { code, out } = await weir(`check --config ${file}`, { outside: { ...outside, install } })
    expect(code).toBe(1)
    expect(out).toBe(`${file}:2:10: providers.azure.settings.resource: needs \`resource\`\n`)
  })

  test('warnings do not fail it', async () => {
    const file = configFile("server: { admin_listen: ':8788' }\n")
    const { code, err } = await weir(`check --config ${file}`, installed)
    expect(code).toBe(0)
    expect(err).toStartWith(`warning: ${file}:1:25: `)
  })

  test('a failure of the program itself is not taken for a problem of the config', async () => {
    const install = () => {
      throw new Error('a bug')
    }
    const { code, err } = await weir('check', { outside: { ...outside, install } })
    expect(code).toBe(1)
    expect(err).toBe('weir check: a bug\n')
  })
})

describe('weir doctor', () => {
  const doctor = (overrides: Partial<Outside> = {}, words = '') =>
    weir(`doctor ${words}`, {
      outside: {
        ...outside,
        install: () => INSTALLED,
        probe: async () => ({ type: 'answered', status: 200, durationMs: 120, dateMs: NOW }),
        ...overrides,
      },
    })

  test('finds nothing wrong on a new machine', async () => {
    const { code, out } = await doctor()
    expect(code).toBe(0)
    expect(out).toContain('ok    openai#1: 200 in 120 ms, key ok\n')
    expect(out).toContain('ok    sim: built in\n')
    expect(out).toContain('ok    port 0.0.0.0:8787: free\n')
    expect(out).toContain('not there yet; the first start makes it')
    expect(out).toEndWith('0 warnings, 0 failed\n')
    expect(out).not.toContain('planted')
  })

  test.each<[string, ProbeResult, number, string]>([
    [
      'a refused key',
      { type: 'answered', status: 401, durationMs: 5, dateMs: null },
      1,
      'FAIL  openai#1: 401 in 5 ms: it refuses the key',
    ],
    [
      'no list of models',
      { type: 'answered', status: 404, durationMs: 5, dateMs: null },
      0,
      'ok    openai#1: 404 in 5 ms: reachable;',
    ],
    [
      'a limit',
      { type: 'answered', status: 429, durationMs: 5, dateMs: null },
      0,
      'warn  openai#1: 429 in 5 ms: reachable, and limiting',
    ],
    [
      'an outage',
      { type: 'answered', status: 503, durationMs: 5, dateMs: null },
      0,
      'warn  openai#1: 503 in 5 ms: reachable, with an error',
    ],
    [
      'nobody there',
      { type: 'failed', reason: 'the connection was refused' },
      1,
      'FAIL  openai#1: not reachable: the connection was refused',
    ],
    [
      'another time',
      { type: 'answered', status: 200, durationMs: 5, dateMs: NOW - 600_000 },
      0,
      'warn  clock: this machine’s clock is 10 m 0 s ahead of openai#1’s',
    ],
  ])('a provider with %s', async (_, result, expected, words) => {
    const { code, out } = await doctor({ probe: async () => result })
    expect(out).toContain(words)
    expect(code).toBe(expected)
  })

  test.each<[PortState, number, string]>([
    [{ type: 'weir' }, 0, 'ok    port 0.0.0.0:8787: a gateway answers there'],
    [{ type: 'taken' }, 1, 'FAIL  port 0.0.0.0:8787: another program has it (Stop it, or set `server.listen`.)'],
    [{ type: 'closed', reason: 'EACCES' }, 1, 'FAIL  port 0.0.0.0:8787: it cannot be listened on: EACCES'],
  ])('a port that is %p', async (state, expected, words) => {
    const { code, out } = await doctor({ portState: async () => state })
    expect(out).toContain(words)
    expect(code).toBe(expected)
  })

  test('calls nobody when it is told so', async () => {
    const { out } = await doctor({ probe: () => Promise.reject(new Error('called')) }, '--offline')
    expect(out).toContain('ok    openai: not called (--offline)\n')
  })

  test('as JSON', async () => {
    const { json } = await doctor({}, '--json')
    expect(json().ok).toBe(true)
    expect(json().checks[0]).toEqual({ status: 'ok', subject: 'config', message: 'no file, which is fine', hint: null })
  })

  test('a wrong config is named, and the rest is checked all the same', async () => {
    const file = configFile('nonsense: 1\n')
    const { code, out } = await weir(`doctor --config ${file}`)
    expect(code).toBe(1)
    expect(out).toContain(`FAIL  config: ${file}:1:1: nonsense: there is no field`)
    expect(out).toContain('ok    clock')
  })

  test.each<[number, number, string]>([
    [20_064, 0, 'ok    open files: 20064 allowed'],
    [1024, 0, 'warn  open files: 1024 allowed; 10000 requests at once (server.max_in_flight) need 20064'],
    [Number.POSITIVE_INFINITY, 0, 'ok    open files: unlimited'],
  ])('with %d open files', async (limit, expected, words) => {
    const { code, out } = await doctor({ maxOpenFiles: () => limit })
    expect(out).toContain(words)
    expect(code).toBe(expected)
  })

  test('a store without a key says how to make one', async () => {
    await weir('teams create --name x')
    expect((await doctor()).out).toContain(
      'ok    store: whole, and without any key (Make one with `weir keys create`.)',
    )
  })

  test('files that others can read are warned of', async () => {
    await weir('keys create --name x')
    chmodSync(path.join(folder, 'weir.key'), 0o644)
    expect((await doctor()).out).toContain('warn  data folder: weir.key can be read by other users (mode 644)')
  })

  test('a damaged store fails', async () => {
    await weir('keys create --name x')
    const file = path.join(folder, 'weir.db')
    const bytes = readFileSync(file)
    bytes.fill(0x5a, 4096)
    writeFileSync(file, bytes)
    const { code, out } = await doctor()
    expect(code).toBe(1)
    expect(out).toMatch(/FAIL {2}store: /)
  })

  test('a store of another secret fails', async () => {
    await weir('keys create --name x')
    writeFileSync(path.join(folder, 'weir.key'), 'x'.repeat(43))
    expect((await doctor()).out).toMatch(/FAIL {2}store: The secret in .* is not the one/)
  })

  test('a data folder that is a file fails', async () => {
    mkdirSync(path.dirname(folder), { recursive: true })
    writeFileSync(folder, '')
    const { code, out } = await doctor()
    expect(code).toBe(1)
    expect(out).toContain('is no folder')
  })

  test('a clock that stands in the past fails', async () => {
    const { code, out } = await weir('doctor', { clock: { ...clock, now: () => 0 } })
    expect(code).toBe(1)
    expect(out).toContain('FAIL  clock: it shows 1970-01-01 00:00:00Z')
  })

  test('a clock before the newest request fails', async () => {
    await fill()
    const { out } = await weir('doctor', { clock: { ...clock, now: () => NOW - 86_400_000 } })
    expect(out).toContain(
      'FAIL  clock: it shows 2026-11-22 12:30:00Z, but the newest request is of 2026-11-23 12:29:59Z',
    )
  })
})

describe('weir serve', () => {
  test('tells the gateway by its environment variables', async () => {
    const seen: Record<string, string | undefined>[] = []
    const serve = async (environment: Readonly<Record<string, string | undefined>>) =>
      void seen.push({ ...environment })
    const { code } = await weir(
      'serve --config a.yaml --data d --listen :1 --admin-listen :2 --log-level debug --json',
      {
        outside: { ...outside, serve },
        environment: { OTHER: 'kept' },
      },
    )
    expect(code).toBe(0)
    expect(seen[0]).toEqual({
      OTHER: 'kept',
      WEIR_CONFIG: 'a.yaml',
      WEIR_DATA: 'd',
      WEIR_LISTEN: ':1',
      WEIR_ADMIN_LISTEN: ':2',
      WEIR_LOG_LEVEL: 'debug',
      WEIR_LOG_FORMAT: 'json',
    })
  })
})

test('the version is printed', async () => {
  expect((await weir('version')).out).toMatch(/^weir \d+\.\d+\.\d+\n$/)
  expect((await weir('--version')).out).toMatch(/^weir /)
  expect((await weir('version --json')).json().bun).toBe(Bun.version)
})

describe('`weir models` lists what can be named', () => {
  const KNOWING = { ...outside, install: () => INSTALLED }
  const lines = async (words: string) => (await weir(words, { outside: KNOWING })).out.trim().split('\n').slice(1)

  test('with limits, prices and abilities; what is not known is left open', async () => {
    expect(await lines('models')).toEqual([
      'openai/gpt  128 000       -  0.15    0.6  -        tools',
      'chat              -       -     -      -  -        -',
    ])
  })

  test.each([
    ['models --with tools', ['openai/gpt']],
    ['models --with tools,vision', []],
    ['models --provider weir', ['chat']],
    ['models --kind chat', ['openai/gpt']],
    ['models GPT', ['openai/gpt']],
  ] as const)('`weir %s`', async (words, ids) => {
    expect((await lines(words)).map((line) => line.split(' ')[0]!)).toEqual([...ids])
  })

  test('as JSON, exactly', async () => {
    const { json } = await weir('models gpt --json', { outside: KNOWING })
    expect(json()).toMatchObject([
      {
        id: 'openai/gpt',
        context: 128_000,
        max_output: null,
        abilities: { tools: true, vision: false },
        usd_per_million: { input: '0.15', output: '0.6' },
      },
    ])
  })

  test('an ability that there is not is exit code 2', async () => {
    const { code, err } = await weir('models --with flying')
    expect(code).toBe(2)
    expect(err).toContain('--with takes tools, ')
  })
})
