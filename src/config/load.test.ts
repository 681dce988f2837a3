import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import { MAX_CONFIG_BYTES } from './document.ts'
import { readBoundedFile } from './files.ts'
import { loadConfig, type LoadResult } from './load.ts'
import { formatProblem } from './problem.ts'
import { DEFAULT_CONFIG } from './schema.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

function load(
  text: string | null,
  options: {
    environment?: Record<string, string>
    files?: Files
    explicit?: boolean
    terminal?: boolean
    otherProviders?: string[]
  } = {},
): Promise<LoadResult> {
  const files: Files = { ...options.files, ...(text === null ? {} : { 'weir.yaml': text }) }
  return loadConfig({
    path: options.explicit === true || text !== null ? 'weir.yaml' : null,
    environment: options.environment ?? {},
    ...(options.terminal === undefined ? {} : { terminal: options.terminal }),
    ...(options.otherProviders === undefined ? {} : { otherProviders: options.otherProviders }),
    readFile: async (name) => {
      const content = files[name]
      if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return typeof content === 'string' ? new TextEncoder().encode(content) : content
    },
  })
}

async function config(text: string | null, options: Parameters<typeof load>[1] = {}) {
  const result = await load(text, options)
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'))
  return result.config
}

async function problems(text: string | null, options: Parameters<typeof load>[1] = {}): Promise<string[]> {
  const result = await load(text, options)
  return result.ok ? [] : result.problems.map(formatProblem)
}

const folder = mkdtempSync(path.join(tmpdir(), 'weir-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('defaults', () => {
  test.each([
    ['no file', null],
    ['an empty file', ''],
    ['a file of comments', '# nothing\n'],
    ['empty sections', 'server:\nlimits:\n  key:\nproviders:\nroutes: {}\n'],
  ])('%s reads as the defaults', async (_, text) => {
    expect(await config(text)).toEqual(DEFAULT_CONFIG)
  })

  test('the defaults are those of the documentation', () => {
    expect(DEFAULT_CONFIG).toEqual({
      server: {
        listen: '0.0.0.0:8787',
        adminListen: '127.0.0.1:8788',
        bodyLimitBytes: 33_554_432,
        bodyLimits: {},
        jsonDepth: 128,
        jsonKeys: 200_000,
        bodyTimeoutMs: 30_000,
        drainTimeoutMs: 30_000,
        maxInFlight: 10_000,
        maxBytesHeld: 536_870_912,
        trustedProxies: [],
      },
      providers: {},
      routes: {},
      aliases: {},
      routing: {
        lossy: 'refuse',
        quality: {
          floor: 0.8,
          baselineShare: null,
          strict: false,
          minObservations: 0,
          degrade: false,
          cascade: false,
          explore: { share: 0, shareOfSpend: 0.02, maxUsd: null },
        },
      },
      media: { fetch: true, maxSizeBytes: 20_971_520, maxFiles: 20, timeoutMs: 15_000, allowPrivate: false },
      timeouts: { connectMs: 5000, firstTokenMs: 60_000, idleMs: 60_000, totalMs: 600_000 },
      cache: {
        mode: 'off',
        ttlMs: 3_600_000,
        scope: 'key',
        replay: 'at_once',
        coalesce: false,
        threshold: 0.95,
        maxSizeBytes: 268_435_456,
        maxAnswerBytes: 1_048_576,
        noStoreTags: [],
      },
      limits: {
        gateway: { rpm: null, tpm: null, concurrency: null },
        key: { rpm: null, tpm: null, concurrency: null },
        user: { rpm: null, tpm: null, concurrency: null },
        team: { rpm: null, tpm: null, concurrency: null },
        endUser: { rpm: null, tpm: null, concurrency: null },
        onStoreFailure: 'refuse',
        budgetWaitMs: 5_000,
      },
      reports: { scheduled: [] },
      alerts: {
        recipients: [],
        retryForMs: 86_400_000,
        providerErrors: { share: 0.5, minAttempts: 5, overMs: 300_000 },
        providerLatency: { firstTokenMs: 30_000, minAnswers: 20, overMs: 300_000 },
        spendAnomaly: { deviations: 6, minUsd: '1' },
      },
      budgets: [],
      users: {
        enabled: false,
        registration: 'invitation',
        defaultGroup: 'default',
        sessionMs: 604_800_000,
        maxKeys: 20,
        maxInvitations: 0,
        welcomeUsd: '0',
        inviterUsd: '0',
        keyEndpoints: [
          'chat',
          'completions',
          'embeddings',
          'moderations',
          'images',
          'audio',
          'rerank',
          'responses',
          'realtime',
          'files',
          'batches',
        ],
        keyForbids: ['trace', 'max_cost'],
      },
      drills: [],
      feedback: { webhooks: {} },
      golden: { everyMs: 0, maxUsd: '1', deployments: [], prompts: [], maxOutputTokens: 1_000 },
      prompts: { keep: 'off', share: 0.1, retentionMs: 2_592_000_000, maxSizeBytes: 262_144 },
      lab: {
        evidence: 'quality',
        retentionMs: 7_776_000_000,
        cpuShare: 0.05,
        maxWaiting: 1_000,
        maxWaitingSizeBytes: 33_554_432,
        maxAnswerSizeBytes: 1_048_576,
      },
      prices: { feeds: [], refreshMs: 0, accept: [] },
      log: { level: 'info', format: 'json', requests: true },
      requestLog: { retentionMs: 2_592_000_000 },
      responses: { retentionMs: 2_592_000_000 },
      files: { retentionMs: 2_592_000_000, fileLimitBytes: 209_715_200, ownerLimitBytes: 2_147_483_648 },
      batches: {
        forward: 'auto',
        concurrency: 4,
        pauseAboveInFlight: 64,
        maxLines: 50_000,
        retentionMs: 2_592_000_000,
      },
      realtime: { sessions: 1_000, idleMs: 600_000, sessionMs: 3_600_000, messageLimitBytes: 16_777_216 },
      store: { sync: 'process' },
      metrics: { enabled: true },
    })
  })

  test('on a terminal the log is text, unless the file says otherwise', async () => {
    expect((await config('', { terminal: true })).log.format).toBe('text')
    expect((await config('log: { format: json }', { terminal: true })).log.format).toBe('json')
  })
})

test('a key may be a key file of many lines, which is kept as one', async () => {
  const file = {
    type: 'service_account',
    private_key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  }
  const text = 'providers: { vertex: { keys: ["file:key.json"] } }'
  const files = { [path.resolve('key.json')]: `${JSON.stringify(file, null, 2)}\n` }
  const result = await load(text, { files })
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'))
  expect(result.config.providers['vertex']?.keys).toEqual([JSON.stringify(file)])
  expect(result.secrets).toContain(JSON.stringify(file))
  const broken = await problems(text, { files: { [path.resolve('key.json')]: '{\n "private_key": hidden\n}' } })
  expect(broken.join()).toContain('the JSON of a key file')
  expect(broken.join()).not.toContain('hidden')
})

test('a full file reads into the parsed value', async () => {
  const read = await config(
    `
server: { listen: ':9000', drain_timeout_ms: 5000, body_limit_bytes: 2048, trusted_proxies: [10.0.0.0/8, 10.9.9.9] }
providers:
  openai:
  azure:
    preset: azure-openai
    keys: ['\${AZURE_KEY}', 'file:secrets/azure']
    settings: { deployment: d1 }
    resource: my-resource
    api_version: 2024
    headers: { x-team: research }
    allow_private: false
    timeouts: { first_token: 8s }
    limits: { rpm: 100 }
    models:
      gpt: { context: 1_000, price: { input: 0.15, output: '0.60', cache_write: 1, cache_write_1h: 2 }, simulate: { tokensPerSecond: 5 } }
routes:
  chat: { targets: [openai/a, { use: azure/b/c, weight: 2.5 }], strategy: weighted, timeouts: { idle_ms: 20000 } }
limits: { key: { rpm: 600, tpm: 1_000_000 }, end_user: { concurrency: 2 } }
`,
    { environment: { AZURE_KEY: 'azure-secret-1' }, files: { [path.resolve('secrets/azure')]: 'azure-secret-2\n' } },
  )
  expect(read.server).toMatchObject({
    listen: ':9000',
    drainTimeoutMs: 5000,
    bodyLimitBytes: 2048,
    trustedProxies: ['10.0.0.0/8', '10.9.9.9/32'],
  })
  expect(read.providers).toEqual({
    openai: {},
    azure: {
      preset: 'azure-openai',
      keys: ['azure-secret-1', 'azure-secret-2'],
      headers: { 'x-team': 'research' },
      allowPrivate: false,
      settings: { deployment: 'd1', resource: 'my-resource', api_version: '2024' },
      timeouts: { firstTokenMs: 8000 },
      limits: { rpm: 100, tpm: null },
      models: {
        gpt: {
          context: 1000,
          price: { input: '0.15', output: '0.6', cacheWrite5m: '1', cacheWrite1h: '2' },
          simulate: { tokensPerSecond: 5 },
        },
      },
    },
  })
  expect(read.routes).toEqual({
    chat: {
      strategy: 'weighted',
      targets: [
        { use: 'openai/a', weight: 1 },
        { use: 'azure/b/c', weight: 2.5 },
      ],
      fallbacks: [],
      byTask: {},
      on: { contextLength: [], contentFilter: [], rateLimit: [], budget: [] },
      sticky: true,
      timeouts: { idleMs: 20_000 },
      retries: 1,
      hedgeAfterMs: null,
      midstream: 'error',
      minTokensPerS: null,
    },
  })
  expect(read.limits.key).toEqual({ rpm: 600, tpm: 1_000_000, concurrency: null })
  expect(read.limits.endUser.concurrency).toBe(2)
})

describe('a problem has its line and column', () => {
  const P = 'providers: { openai: {} }\n'
  test.each<[string, string, string[]]>([
    [
      'unknown field',
      'server:\n  listn: :1\n',
      ['weir.yaml:2:3: server.listn: there is no field `listn` in `server` (Did you mean listen?)'],
    ],
    [
      'unknown field at the top',
      'servr: {}\n',
      ['weir.yaml:1:1: servr: there is no field `servr` in the config (Did you mean server?)'],
    ],
    [
      'unknown field without a near one',
      'metrics: { colour: red }\n',
      ['weir.yaml:1:12: metrics.colour: there is no field `colour` in `metrics` (Known: enabled.)'],
    ],
    [
      'a name that others use',
      'providers: { a: { api_key: k } }\n',
      ['weir.yaml:1:19: providers.a.api_key: there is no field `api_key` in `providers.a` (Did you mean keys?)'],
    ],
    [
      'a duration without unit',
      'server:\n  drain_timeout: 30\n',
      [
        'weir.yaml:2:18: server.drain_timeout: expected a duration such as 30s, 1500ms, 2m or 1h; found 30 (A bare number has no unit: write 30s or 30ms.)',
      ],
    ],
    [
      'a unit in a number of ms',
      'server: { drain_timeout_ms: 30s }\n',
      ['weir.yaml:1:29: server.drain_timeout_ms: expected a whole number of milliseconds; found "30s"'],
    ],
    [
      'an unknown unit',
      'server: { body_limit: 99TiB }\n',
      ['weir.yaml:1:23: server.body_limit: expected a size such as 32MiB, 10MB or a number of bytes; found "99TiB"'],
    ],
    [
      'out of range',
      'server: { body_timeout: 2h }\n',
      [
        'weir.yaml:1:25: server.body_timeout: expected a duration such as 30s, 1500ms, 2m or 1h from 100ms to 1h; found "2h"',
      ],
    ],
    [
      'a list for a mapping',
      'server: [1]\n',
      ['weir.yaml:1:9: server: expected a mapping of names to values; found a list'],
    ],
    ['a list for the file', '[1]\n', ['weir.yaml:1:1: expected a mapping of names to values; found a list']],
    [
      'a text for a list',
      'providers: { a: { keys: x } }\n',
      ['weir.yaml:1:25: providers.a.keys: expected a list; found text'],
    ],
    [
      'a wrong word',
      'log: { level: loud }\n',
      ['weir.yaml:1:15: log.level: expected one of debug, info, warn, error; found "loud"'],
    ],
    ['a wrong flag', 'log: { requests: 1 }\n', ['weir.yaml:1:18: log.requests: expected true or false; found 1']],
    [
      'no limit at all',
      'limits: { key: { rpm: 0 } }\n',
      [
        'weir.yaml:1:23: limits.key.rpm: expected a whole number from 1 to 1000000000000; found 0 (Leave it out for no limit.)',
      ],
    ],
    [
      'a name twice',
      'log: { level: info }\nlog: { level: warn }\n',
      ['weir.yaml:2:1: map keys must be unique (Keep one of the two.)'],
    ],
    [
      'a field in both spellings',
      'timeouts:\n  idle: 5s\n  idle_ms: 5000\n',
      ['weir.yaml:3:3: timeouts.idle_ms: `idle` and `idle_ms` are the same field (Keep one of the two.)'],
    ],
    [
      'a setting in both places',
      'providers:\n  a: { region: x, settings: { region: y } }\n',
      ['weir.yaml:2:8: providers.a.region: `region` and `settings.region` are the same field (Keep one of the two.)'],
    ],
    [
      'an unset variable',
      'providers: { a: { keys: ["${OPENAI_API_KY}"] } }\n',
      [
        'weir.yaml:1:26: providers.a.keys[0]: the environment variable OPENAI_API_KY is not set (Did you mean OPENAI_API_KEY?)',
      ],
    ],
    [
      'an empty variable',
      'log: { level: "${EMPTY}" }\n',
      ['weir.yaml:1:15: log.level: the environment variable EMPTY is empty (Did you mean EMPTY?)'],
    ],
    [
      'a missing secret file',
      'providers: { a: { keys: ["file:/nowhere/x"] } }\n',
      ['weir.yaml:1:26: providers.a.keys[0]: the file /nowhere/x cannot be read: it does not exist'],
    ],
    [
      'an unknown target',
      `${P}routes:\n  chat: { targets: [opnai/x] }\n`,
      [
        'weir.yaml:3:21: routes.chat.targets[0]: the target `opnai/x` names the provider `opnai`, which is not configured (Did you mean openai?)',
      ],
    ],
    [
      'an unknown target in a mapping',
      `${P}routes: { chat: { targets: [{ use: zzz/x }] } }\n`,
      [
        'weir.yaml:2:29: routes.chat.targets[0]: the target `zzz/x` names the provider `zzz`, which is not configured (Configured: openai.)',
      ],
    ],
    [
      'a target with a space in it',
      `${P}routes: { chat: { targets: [g pt] } }\n`,
      [
        'weir.yaml:2:29: routes.chat.targets[0].use: expected provider/model such as openai/gpt-5-mini, or the name of a route; found "g pt"',
      ],
    ],
    [
      'a target of another kind',
      `${P}routes: { chat: { targets: [5] } }\n`,
      ['weir.yaml:2:29: routes.chat.targets[0]: expected `provider/model`, route or mapping; found 5'],
    ],
    [
      'a target without `use`',
      `${P}routes: { chat: { targets: [{ weight: 2 }] } }\n`,
      ['weir.yaml:2:29: routes.chat.targets[0].use: `use` is missing (Expected: `provider/model` or route.)'],
    ],
    [
      'a route without targets',
      `${P}routes: { chat: {} }\n`,
      [
        'weir.yaml:2:17: routes.chat: a route needs at least one target (Write `targets: [provider/model]`, or `by_task` with a `default`.)',
      ],
    ],
    [
      'a fallback at an unknown provider',
      `${P}routes: { chat: { targets: [openai/x], on: { context_length: [zzz/x] } } }\n`,
      [
        'weir.yaml:2:63: routes.chat.on.context_length[0]: the target `zzz/x` names the provider `zzz`, which is not configured (Configured: openai.)',
      ],
    ],
    [
      'tasks without a default',
      `${P}routes: { chat: { by_task: { code: openai/x } } }\n`,
      [
        'weir.yaml:2:28: routes.chat.by_task: nothing answers the tasks that are not named here (Add `default`, or `targets`.)',
      ],
    ],
    [
      'routes that lead in a circle',
      `${P}routes:\n  one: { targets: [two] }\n  two: { targets: [openai/x], fallbacks: [one] }\n`,
      [
        'weir.yaml:4:43: routes.two.fallbacks[0]: the routes lead in a circle: one → two → one (A route may name other routes, but not itself.)',
      ],
    ],
    [
      'an alias of an alias',
      `${P}aliases: { one: two, two: openai/x }\n`,
      ['weir.yaml:2:17: aliases.one: `two` is an alias itself (Name the route or the model that is meant.)'],
    ],
    [
      'an alias that is a route',
      `${P}routes: { chat: { targets: [openai/x] } }\naliases: { chat: openai/y }\n`,
      ['weir.yaml:3:12: aliases.chat: `chat` is a route already (Rename one of the two.)'],
    ],
    [
      'a condition with an unknown field',
      `${P}routes: { chat: { targets: [{ use: openai/x, when: { taem: x } }] } }\n`,
      [
        'weir.yaml:2:54: routes.chat.targets[0].when.taem: there is no field `taem` in `routes.chat.targets[0].when` (Did you mean team?)',
      ],
    ],
    [
      'a time of day and a zone that do not exist',
      `${P}routes: { chat: { targets: [{ use: openai/x, when: { time: { from: "25:00", zone: Mars/Base } } }] } }\n`,
      [
        'weir.yaml:2:68: routes.chat.targets[0].when.time.from: expected a time of day such as "08:30", in quotes; found "25:00"',
        'weir.yaml:2:83: routes.chat.targets[0].when.time.zone: expected a time zone such as UTC; found "Mars/Base"',
      ],
    ],
    [
      'a hedge that is no time',
      `${P}routes: { chat: { targets: [openai/x], hedge_after: soon } }\n`,
      [
        'weir.yaml:2:53: routes.chat.hedge_after: expected p95, a duration such as 800ms, or a number of milliseconds, up to 10 minutes; found "soon"',
      ],
    ],
    [
      'no target',
      `${P}routes: { chat: { targets: [] } }\n`,
      [
        'weir.yaml:2:28: routes.chat.targets: a route needs at least one target (Write `targets: [provider/model]`, or `by_task` with a `default`.)',
      ],
    ],
    [
      'a route named like a provider',
      `${P}routes: { openai: { targets: [openai/x] } }\n`,
      [
        'weir.yaml:2:11: routes.openai: the route `openai` clashes with the provider `openai`: `openai/…` names its models (Rename one of the two.)',
      ],
    ],
    [
      'one port for both listeners',
      'server:\n  listen: :80\n  admin_listen: 127.0.0.1:80\n',
      [
        'weir.yaml:3:17: server.admin_listen: the admin listener would take the clients’ port 80 (Give `server.listen` and `server.admin_listen` different ports.)',
      ],
    ],
    [
      'an alias of nothing',
      'log: *log\n',
      ['weir.yaml:1:6: the alias *log has no anchor before it (Write `&name` where it is first used.)'],
    ],
    [
      'a syntax error',
      'server: {\n',
      ['weir.yaml:2:1: flow map in block collection must be sufficiently indented and end with a }'],
    ],
    [
      'two documents',
      'log: {}\n---\nlog: {}\n',
      ['weir.yaml:2:1: source contains multiple documents; please use YAML.parseAllDocuments()'],
    ],
  ])('%s', async (_, text, expected) => {
    const found = await problems(text, { environment: { OPENAI_API_KEY: 'x', EMPTY: '' } })
    // Two documents also carry a hint; the place and the words are what matters.
    expect(found.map((line) => line.replace(' (Keep one document: remove the `---` between them.)', ''))).toEqual(
      expected,
    )
  })

  test.each([
    ['providers', { 'a/b': {} }, 'is no name for a provider'],
    ['routes', { 'a b': { targets: ['openai/x'] } }, 'is no name for a route'],
  ])('a name under %s that could not be called', async (section, value, words) => {
    const text = JSON.stringify({ providers: { openai: {} }, [section]: value })
    expect((await problems(text)).join()).toContain(words)
  })

  test('all problems come at once, from top to bottom', async () => {
    const found = await problems(`
metrics: 5
log: { level: loud, format: xml }
server: { listen: nowhere, json_depth: 1, unknown: 2 }
providers: { a: { keys: ['\${A}', '\${B}'] } }
routes: { r: { targets: [b/c] } }
`)
    expect(found.map((line) => Number(line.split(':')[1]))).toEqual([2, 3, 3, 4, 4, 4, 5, 5, 6])
  })
})

describe('secrets never stand in a message', () => {
  test.each([
    ['keys', 'providers: { a: { keys: [" sk-planted-secret "] } }'],
    ['keys of another type', 'providers: { a: { keys: [["sk-planted-secret"]] } }'],
    ['a key where a list belongs', 'providers: { a: { keys: sk-planted-secret } }'],
    ['headers', 'providers: { a: { headers: { authorization: "sk-planted-secret\\n" } } }'],
    ['proxy', 'providers: { a: { proxy: "socks5://u:sk-planted-secret@h" } }'],
    ['a variable in the wrong place', 'log: { level: "${SECRET}" }'],
    ['a variable inside a text', 'log: { level: "x${SECRET}" }'],
    ['a secret file', 'providers: { a: { ca: file:secret } }'],
  ])('%s', async (_, text) => {
    const found = await problems(text, {
      environment: { SECRET: 'sk-planted-secret' },
      files: { [path.resolve('secret')]: 'sk-planted-secret' },
    })
    expect(found).toHaveLength(1)
    expect(found.join()).not.toContain('planted')
  })
})

describe('variables', () => {
  test.each([
    ['${A}', 'one'],
    ['x${A}${B:-two}', 'xonetwo'],
    ['${B:-}', ''],
    ['${E:-empty}', 'empty'],
    ['$$', '$'],
    ['$${A}', '${A}'],
    ['$A and 5$', '$A and 5$'],
    ['${A:-${B}', 'one'],
  ])('%p reads as %p', async (template, expected) => {
    const read = await config(`providers: { p: { headers: { x-value: ${JSON.stringify(template)} } } }`, {
      // What a variable holds is not filled again.
      environment: { A: 'one', E: '' },
    })
    expect(read.providers['p']?.headers?.['x-value']).toBe(expected)
  })

  test('a variable that holds `${…}` is not filled again', async () => {
    const read = await config('providers: { p: { headers: { x-value: "${A}" } } }', { environment: { A: '${A}' } })
    expect(read.providers['p']?.headers?.['x-value']).toBe('${A}')
  })

  test.each([['${'], ['${A'], ['${1x}'], ['${}'], ['${A:+x}']])('%p is refused', async (template) => {
    const found = await problems(`providers: { p: { headers: { x-value: ${JSON.stringify(template)} } } }`, {
      environment: { A: 'one' },
    })
    expect(found).toHaveLength(1)
    expect(found[0]).toStartWith('weir.yaml:1:39: providers.p.headers.x-value: found `${')
  })

  test('a number may come from a variable', async () => {
    const read = await config('limits: { key: { rpm: "${RPM}" } }\nserver: { listen: ":${PORT}" }', {
      environment: { RPM: '60', PORT: '1234' },
    })
    expect(read.limits.key.rpm).toBe(60)
    expect(read.server.listen).toBe(':1234')
  })
})

describe('environment variables of the gateway', () => {
  test('win over the file, in place of either spelling', async () => {
    const read = await config('server: { listen: ":1", drain_timeout_ms: 1000 }\nlog: { level: error }', {
      environment: {
        WEIR_LISTEN: '127.0.0.1:2',
        WEIR_DRAIN_TIMEOUT: '2s',
        WEIR_LOG_LEVEL: 'debug',
        WEIR_LOG_REQUESTS: 'false',
        WEIR_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
        WEIR_METRICS: '',
      },
    })
    expect(read.server).toMatchObject({
      listen: '127.0.0.1:2',
      drainTimeoutMs: 2000,
      trustedProxies: ['10.0.0.0/8', '::1/128'],
    })
    expect(read.log).toEqual({ level: 'debug', format: 'json', requests: false })
    expect(read.metrics.enabled).toBe(true)
  })

  test('a wrong one is named', async () => {
    expect(await problems('', { environment: { WEIR_LOG_LEVEL: 'loud', WEIR_BODY_LIMIT: '5 apples' } })).toEqual([
      'environment: WEIR_BODY_LIMIT: expected a size such as 32MiB, 10MB or a number of bytes; found "5 apples"',
      'environment: WEIR_LOG_LEVEL: expected one of debug, info, warn, error; found "loud"',
    ])
  })

  test('does not hide that the section is wrong', async () => {
    expect(await problems('server: 5', { environment: { WEIR_LISTEN: ':1' } })).toEqual([
      'weir.yaml:1:9: server: expected a mapping of names to values; found 5',
    ])
  })

  test('a mistyped one is warned of', async () => {
    const result = await load('', { environment: { WEIR_LISTN: ':1', WEIR_TEST_X: '', WEIR_SOMETHING_ELSE: '' } })
    expect(result.ok && result.warnings).toEqual([
      'environment: WEIR_LISTN is not a variable of Weir. Did you mean WEIR_LISTEN?',
    ])
  })
})

describe('the file', () => {
  test('is missing where it was named', async () => {
    expect(await problems(null, { explicit: true })).toEqual([
      'weir.yaml: the config file cannot be read: it does not exist (Check the path, or leave it out to start without a config file.)',
    ])
  })

  test('is no text', async () => {
    expect(
      await problems(null, { explicit: true, files: { 'weir.yaml': new Uint8Array([0xff, 0xfe, 0x00]) } }),
    ).toEqual(['weir.yaml: the file is not UTF-8 text'])
  })

  test('may begin with a byte order mark', async () => {
    expect((await config('\uFEFFlog: { level: warn }')).log.level).toBe('warn')
  })

  test('aliases and merges are read, with the place of what is wrong', async () => {
    const text = `
providers:
  one: &base { base_url: http://one/v1, timeouts: { idle: 9s } }
  two:
    <<: *base
    base_url: http://two/v1
  three: *base
`
    const read = await config(text)
    expect(read.providers['two']).toEqual({ baseUrl: 'http://two/v1', timeouts: { idleMs: 9000 } })
    expect(read.providers['three']).toEqual({ baseUrl: 'http://one/v1', timeouts: { idleMs: 9000 } })
    expect(await problems(text.replace('9s', '9'))).toHaveLength(3)
  })

  test.each([
    ['an alias of itself', 'a: &a [*a]'],
    [
      'a billion laughs',
      [
        'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
        ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]`),
      ].join('\n'),
    ],
    ['ten thousand aliases', `a: &a x\nb: [${'*a, '.repeat(10_000)}]`],
    ['deep brackets', '['.repeat(100_000)],
    ['deep blocks', Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['sixty thousand items', `a: [${'1,'.repeat(60_000)}]`],
  ])(
    'a bomb is refused before it is expanded: %s',
    async (_, text) => {
      const found = await problems(text)
      expect(found[0]).toBe(
        'weir.yaml:1:1: the file nests or repeats itself too deeply (Write it with fewer levels and aliases.)',
      )
    },
    20_000,
  )

  test('`__proto__` is a name like any other, and a wrong one', async () => {
    expect((await problems('providers: { __proto__: { preset: x } }')).join()).toContain(
      '`__proto__` is no name for a provider',
    )
    expect(await problems('__proto__: { listen: x }')).toHaveLength(1)
  })

  test('whatever it holds, reading it ends in a config or in problems', async () => {
    const word = fc.constantFrom(
      'server',
      'providers',
      'a',
      'keys',
      'routes',
      'targets',
      '[',
      ']',
      '{',
      '}',
      ': ',
      '- ',
      '\n',
      '  ',
      '&x ',
      '*x',
      '"',
      '${A}',
      '<<',
      '!!int ',
      '|',
      '\t',
      '5',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 40 }), async (words) => {
        const result = await load(words.join(''))
        if (!result.ok) expect(result.problems.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('warnings', () => {
  test('name what is allowed and odd', async () => {
    const result = await load(`
server: { admin_listen: ':8788' }
providers: { a: { models: { m: { price: { input: 0.00000015, output: 1 } } } } }
routes: { r: { targets: [a/m, { use: a/m, weight: 2 }] } }
`)
    expect(result.ok && result.warnings.map((line) => line.split(' ')[0])).toEqual([
      'weir.yaml:2:25:',
      'weir.yaml:4:31:',
      'weir.yaml:4:31:',
      'weir.yaml:3:50:',
    ])
  })

  test('targets of a file without providers are checked against those found elsewhere', async () => {
    const text = 'routes: { r: { targets: [groq/x] } }'
    expect(await problems(text)).toEqual([])
    expect(await problems(text, { otherProviders: ['groq'] })).toEqual([])
    expect(await problems(text, { otherProviders: ['sim'] })).toHaveLength(1)
  })
})

test('secrets to redact are collected, and short ones are not', async () => {
  const result = await load(
    `
providers:
  a: { keys: [short, sk-long-enough], headers: { Authorization: Bearer abcdefgh1234, x-team: research-team } }
  b: { proxy: 'http://user:p%40ssword-long@proxy:1', base_url: 'https://host/v1', settings: { api_token: token-value-1, region: eu-central-1 } }
`,
  )
  expect(result.ok && [...result.secrets].toSorted()).toEqual(
    [
      'Bearer abcdefgh1234',
      'abcdefgh1234',
      'p%40ssword-long',
      'p@ssword-long',
      'sk-long-enough',
      'token-value-1',
    ].toSorted(),
  )
})

test('a problem found later at a path gets its place', async () => {
  const result = await load('providers:\n  azure: { preset: azure, keys: [a, b] }\n')
  if (!result.ok) throw new Error('unexpected')
  expect(formatProblem(result.problemAt('providers.azure.settings.resource', 'is needed'))).toBe(
    'weir.yaml:2:10: providers.azure.settings.resource: is needed',
  )
  expect(result.problemAt('providers.azure.keys.1', 'x').column).toBe(37)
})

describe('a real file system', () => {
  test('reads up to the bound', async () => {
    const file = path.join(folder, 'exact')
    writeFileSync(file, 'x'.repeat(10))
    expect(new TextDecoder().decode(await readBoundedFile(file, 10))).toBe('x'.repeat(10))
    expect(await readBoundedFile(file, 9).catch((error: { code: string }) => error.code)).toBe('EFBIG')
  })

  test.each([
    ['a folder', 'folder', 'it is a folder'],
    ['too large', 'large', 'it is too large'],
    ['nothing', 'missing', 'it does not exist'],
  ])('a config that is %s', async (_, name, words) => {
    const file = path.join(folder, name)
    if (name === 'folder') mkdirSync(file)
    if (name === 'large') writeFileSync(file, ' '.repeat(MAX_CONFIG_BYTES + 1))
    const result = await loadConfig({ path: file, readFile: readBoundedFile, environment: {} })
    expect(result.ok ? '' : result.problems[0]?.message).toBe(`the config file cannot be read: ${words}`)
  })

  test('secret files are read beside the config file', async () => {
    const file = path.join(folder, 'weir.yaml')
    writeFileSync(file, 'providers: { a: { keys: [file:./key.txt] } }')
    writeFileSync(path.join(folder, 'key.txt'), '  sk-from-a-file\n')
    chmodSync(path.join(folder, 'key.txt'), 0o600)
    const result = await loadConfig({ path: file, readFile: readBoundedFile, environment: {} })
    expect(result.ok && result.config.providers['a']?.keys).toEqual(['sk-from-a-file'])
  })
})

test('the example in the repository is valid, with no variable set', async () => {
  const file = path.join(import.meta.dir, '../../weir.example.yaml')
  const result = await loadConfig({ path: file, readFile: readBoundedFile, environment: {} })
  expect(result.ok ? result.warnings : result.problems.map(formatProblem)).toEqual([])
})
