import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'bun:test'

import { configureProviders, DEFAULT_TIMEOUTS, discoverProviders, ProviderConfigError } from './configure.ts'
import { secretsOf } from './secrets.ts'
import type { Environment, ProviderInput } from './configure.ts'

const one = (input: ProviderInput, environment: Environment = {}, name = 'p') => {
  const [provider] = configureProviders({ [name]: input }, environment)
  if (provider === undefined) throw new Error('no provider')
  return provider
}

const problem = (run: () => unknown): ProviderConfigError => {
  try {
    run()
  } catch (error) {
    if (error instanceof ProviderConfigError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('a provider is its preset, by its own name, with the key of the environment', () => {
  const provider = one({}, { OPENAI_API_KEY: ' sk-abc\n' }, 'openai')
  expect(provider).toEqual({
    name: 'openai',
    preset: 'openai',
    wire: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    credentials: [{ id: 'openai#1', secret: 'sk-abc' }],
    auth: { type: 'bearer' },
    headers: {},
    quirks: { batches: true, developerRole: true, paths: { responses: '/responses' } },
    timeouts: DEFAULT_TIMEOUTS,
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings: {},
    limits: { rpm: null, tpm: null },
  })
})

test('what the operator writes wins over preset and environment', () => {
  const provider = one(
    {
      preset: 'openai',
      baseUrl: 'http://10.0.0.7:9000/v1/',
      keys: ['a', 'b', 'a'],
      headers: { 'OpenAI-Organization': 'org' },
      allowPrivate: false,
      timeouts: { idleMs: 7, totalMs: undefined },
      limits: { rpm: 5 },
      proxy: 'http://proxy:3128',
      ca: '-----BEGIN CERTIFICATE-----\nx',
    },
    { OPENAI_API_KEY: 'unused', OPENAI_BASE_URL: 'http://elsewhere/v1' },
    'mine',
  )
  expect(provider.baseUrl).toBe('http://10.0.0.7:9000/v1')
  expect(provider.credentials).toEqual([
    { id: 'mine#1', secret: 'a' },
    { id: 'mine#2', secret: 'b' },
  ])
  expect(provider.headers).toEqual({ 'openai-organization': 'org' })
  expect(provider.timeouts).toEqual({ ...DEFAULT_TIMEOUTS, idleMs: 7 })
  expect(provider.limits).toEqual({ rpm: 5, tpm: null })
  expect([provider.allowPrivate, provider.proxy, provider.ca]).toEqual([
    false,
    'http://proxy:3128',
    '-----BEGIN CERTIFICATE-----\nx',
  ])
})

test('the gateway’s deadlines stand where the provider has none of its own', () => {
  const [provider] = configureProviders(
    { ollama: { timeouts: { connectMs: 1 } } },
    {},
    { connectMs: 10, firstTokenMs: 20, idleMs: 30, totalMs: 40 },
  )
  expect(provider?.timeouts).toEqual({ connectMs: 1, firstTokenMs: 20, idleMs: 30, totalMs: 40 })
})

test('placeholders come from settings, then from their variable, then from their default', () => {
  const azure = { preset: 'azure-deployments', keys: ['k'] }
  const own = one({ ...azure, settings: { resource: 'mine', api_version: '2025-01-01-preview' } })
  expect(own.baseUrl).toBe('https://mine.openai.azure.com/openai/deployments')
  expect(own.quirks.query).toBe('api-version=2025-01-01-preview')
  const fromVariables = one(azure, { AZURE_RESOURCE_NAME: 'theirs' })
  expect(fromVariables.baseUrl).toBe('https://theirs.openai.azure.com/openai/deployments')
  expect(fromVariables.quirks.query).toBe('api-version=2024-10-21')
  expect(fromVariables.settings).toEqual({ resource: 'theirs', api_version: '2024-10-21' })
  expect(one({ preset: 'bedrock-openai', keys: ['k'], settings: { region: 'eu-central-1' } }).baseUrl).toBe(
    'https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1',
  )
})

test('what is signed knows its region also behind an address of the operator’s own', () => {
  const behind = { preset: 'bedrock', keys: ['k'], baseUrl: 'https://vpce.test' }
  expect(one(behind, { AWS_REGION: 'eu-west-1' }).settings).toEqual({ region: 'eu-west-1' })
  expect(one({ ...behind, settings: { region: 'eu-north-1' } }, { AWS_REGION: 'eu-west-1' }).settings).toEqual({
    region: 'eu-north-1',
  })
})

const AWS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE12345', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMIK7MDENG' }

test('AWS’s keys of the environment serve Bedrock where the config names it, after its API key, and alone set nothing up', () => {
  const secrets = (environment: Environment): readonly string[] =>
    one({ preset: 'bedrock' }, environment).credentials.map(({ secret }) => secret)
  expect(secrets(AWS)).toEqual(['AKIDEXAMPLE12345:wJalrXUtnFEMIK7MDENG'])
  expect(secrets({ ...AWS, AWS_SESSION_TOKEN: 't' })).toEqual(['AKIDEXAMPLE12345:wJalrXUtnFEMIK7MDENG:t'])
  expect(secrets({ ...AWS, AWS_BEARER_TOKEN_BEDROCK: 'key' })).toEqual(['key'])
  expect(problem(() => one({ preset: 'bedrock' }, {})).path).toBe('providers.p.keys')
  expect(problem(() => one({ preset: 'bedrock-openai' }, AWS)).path).toBe('providers.p.keys')
  expect(discoverProviders(AWS).map(({ name }) => name)).toEqual(['sim'])
  expect(discoverProviders({ AWS_BEARER_TOKEN_BEDROCK: 'key' }).map(({ name, wire }) => [name, wire])).toEqual([
    ['bedrock', 'bedrock'],
  ])
})

test('Vertex takes an access token or the key file of a service account, and a file that is none is refused unseen', () => {
  const vertex = { preset: 'vertex-region', settings: { project: 'shop', region: 'europe-west4' } }
  const provider = one({ ...vertex, keys: ['ya29.token'] })
  expect(provider.baseUrl).toBe(
    'https://europe-west4-aiplatform.googleapis.com/v1/projects/shop/locations/europe-west4/publishers/google',
  )
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const file = JSON.stringify({ type: 'service_account', client_email: 'a@b.test', private_key: pem }, null, 2)
  const environment = { GOOGLE_APPLICATION_CREDENTIALS_JSON: file, GOOGLE_CLOUD_PROJECT: 'shop' }
  expect(one({ preset: 'vertex' }, environment).credentials).toEqual([{ id: 'p#1', secret: file }])
  expect(discoverProviders(environment).map(({ name }) => name)).toEqual(['sim'])
  expect(secretsOf([one({ preset: 'vertex' }, environment)])).toEqual([file, pem])
  const error = problem(() => one({ ...vertex, keys: ['{"type":"authorized_user","refresh_token":"hidden"}'] }))
  expect(error.path).toBe('providers.p.keys.0')
  expect(error.message).toContain('service account')
  expect(error.message).not.toContain('hidden')
})

test('vendors with an API of their own are set up by it', () => {
  const found = discoverProviders({ COHERE_API_KEY: 'a', GEMINI_API_KEY: 'b' }).map(
    ({ name, wire }) => [name, wire] as const,
  )
  expect(Object.fromEntries(found)).toEqual({ cohere: 'cohere', gemini: 'gemini' })
})

test('variables that move a base URL are read as their own tools write them', () => {
  const cases: readonly (readonly [string, Environment, string])[] = [
    ['ollama', {}, 'http://127.0.0.1:11434/v1'],
    ['ollama', { OLLAMA_HOST: '0.0.0.0:11500' }, 'http://127.0.0.1:11500/v1'],
    ['ollama', { OLLAMA_HOST: 'http://gpu.lan:11434' }, 'http://gpu.lan:11434/v1'],
    [
      'openai',
      { OPENAI_BASE_URL: 'https://eu.api.openai.com/v1', OPENAI_API_KEY: 'k' },
      'https://eu.api.openai.com/v1',
    ],
    [
      'azure',
      { AZURE_OPENAI_ENDPOINT: 'https://r.openai.azure.com/', AZURE_API_KEY: 'k' },
      'https://r.openai.azure.com/openai/v1',
    ],
    [
      'databricks',
      { DATABRICKS_HOST: 'adb-1.azuredatabricks.net', DATABRICKS_TOKEN: 'k' },
      'https://adb-1.azuredatabricks.net/serving-endpoints',
    ],
  ]
  for (const [name, environment, expected] of cases) expect(one({}, environment, name).baseUrl).toBe(expected)
})

test('a host in decimal, octal or hexadecimal is dotted before anybody judges it', () => {
  for (const host of ['2130706433', '0x7f.1', '0177.0.0.1'])
    expect(one({ preset: 'openai-compatible', baseUrl: `http://${host}:8000/v1` }).baseUrl).toBe(
      'http://127.0.0.1:8000/v1',
    )
})

test('self-hosted presets need no key and take one', () => {
  expect(one({}, {}, 'vllm').credentials).toEqual([])
  expect(one({}, { VLLM_API_KEY: 'k' }, 'vllm').credentials).toEqual([{ id: 'vllm#1', secret: 'k' }])
  expect(one({ preset: 'simulator', keys: ['ignored'] }).credentials).toEqual([])
})

test('a provider with its own base URL, or with `keys: []`, needs no key either', () => {
  expect(one({ preset: 'groq', baseUrl: 'http://127.0.0.1:1/v1' }).credentials).toEqual([])
  expect(one({ preset: 'ovhcloud', keys: [] }).credentials).toEqual([])
})

const WRONG: readonly (readonly [string, string, ProviderInput, string, RegExp])[] = [
  ['an unknown preset', 'opnai', {}, 'providers.opnai.preset', /no preset `opnai`; near: openai.*openai-compatible/],
  [
    'an unknown preset that is near nothing',
    'p',
    { preset: 'zzzzzzzz' },
    'providers.p.preset',
    /no preset `zzzzzzzz`\.$/,
  ],
  ['a preset with an object’s own name', 'p', { preset: 'constructor' }, 'providers.p.preset', /no preset/],
  ['a name with a slash', 'a/b', { preset: 'ollama' }, 'providers.a/b', /provider\/model/],
  ['a missing key', 'openai', {}, 'providers.openai.keys', /set OPENAI_API_KEY/],
  ['an empty key', 'openai', { keys: ['a', ' '] }, 'providers.openai.keys.1', /empty/],
  ['a key of two lines', 'openai', { keys: ['a\nb'] }, 'providers.openai.keys.0', /no header can carry/],
  ['a missing placeholder', 'azure', { keys: ['k'] }, 'providers.azure.settings.resource', /needs `resource`/],
  [
    'a placeholder that leads elsewhere',
    'azure',
    { keys: ['k'], settings: { resource: 'evil.example/#' } },
    'providers.azure.settings.resource',
    /only/,
  ],
  ['no base URL', 'openai-compatible', {}, 'providers.openai-compatible.base_url', /give its base URL/],
  ['a base URL that is none', 'p', { preset: 'ollama', baseUrl: 'localhost' }, 'providers.p.base_url', /no URL/],
  [
    'a base URL of another scheme',
    'p',
    { preset: 'ollama', baseUrl: 'file:///etc/passwd' },
    'providers.p.base_url',
    /http/,
  ],
  [
    'a base URL with a password',
    'p',
    { preset: 'ollama', baseUrl: 'http://a:b@h/v1' },
    'providers.p.base_url',
    /password/,
  ],
  ['a base URL with a query', 'p', { preset: 'ollama', baseUrl: 'http://h/v1?x=1' }, 'providers.p.base_url', /path/],
  [
    'a header of the connection',
    'ollama',
    { headers: { Connection: 'close' } },
    'providers.ollama.headers.Connection',
    /itself/,
  ],
  ['a cookie', 'ollama', { headers: { Cookie: 'a=b' } }, 'providers.ollama.headers.Cookie', /itself/],
  [
    'a header name with a space',
    'ollama',
    { headers: { 'a b': 'c' } },
    'providers.ollama.headers.a b',
    /no header name/,
  ],
  ['a header of two lines', 'ollama', { headers: { a: 'b\r\nc: d' } }, 'providers.ollama.headers.a', /ASCII/],
  ['a proxy that is none', 'ollama', { proxy: 'socks5://h:1' }, 'providers.ollama.proxy', /http:\/\/host:port/],
  ['an authority that is none', 'ollama', { ca: 'nonsense' }, 'providers.ollama.ca', /PEM/],
]
for (const [what, name, input, path, message] of WRONG)
  test(`${what} is refused at its field`, () => {
    const error = problem(() => one(input, {}, name))
    expect(error.path).toBe(path)
    expect(error.message).toMatch(message)
  })

test('no secret is part of a credential id or of an error', () => {
  const provider = one({ preset: 'openai', keys: ['sk-secret-1', 'sk-secret-2'] })
  expect(provider.credentials.map(({ id }) => id).join()).not.toContain('secret')
  expect(problem(() => one({ preset: 'openai', keys: ['sk-secret\u00e9'] })).message).not.toContain('secret')
})

test('with nothing in the environment there is the simulator', () => {
  const [provider, ...others] = discoverProviders({ PATH: '/bin', OPENAI_API_KEY: '  ' })
  expect(others).toEqual([])
  expect([provider?.name, provider?.preset, provider?.wire, provider?.baseUrl]).toEqual([
    'sim',
    'simulator',
    'simulator',
    'simulator://local/v1',
  ])
})

test('each well-known key sets its provider up', () => {
  const names = discoverProviders({ OPENAI_API_KEY: 'a', ANTHROPIC_API_KEY: 'b', GROQ_API_KEY: 'c' }).map(
    ({ name }) => name,
  )
  expect(names).toEqual(['openai', 'anthropic', 'groq'])
})

test('one variable sets one provider up, and general-purpose tokens none', () => {
  expect(discoverProviders({ MOONSHOT_API_KEY: 'a' }).map(({ name }) => name)).toEqual(['moonshot'])
  expect(discoverProviders({ MOONSHOT_CN_API_KEY: 'a' }).map(({ name }) => name)).toEqual(['moonshot-cn'])
  expect(discoverProviders({ GITHUB_TOKEN: 'a', HF_TOKEN: 'b', OLLAMA_HOST: 'h' }).map(({ name }) => name)).toEqual([
    'sim',
  ])
})

test('a key whose placeholders have no value sets nothing up', () => {
  expect(discoverProviders({ AZURE_API_KEY: 'a' }).map(({ name }) => name)).toEqual(['sim'])
  expect(discoverProviders({ AZURE_API_KEY: 'a', AZURE_RESOURCE_NAME: 'r' }).map(({ name }) => name)).toEqual(['azure'])
  expect(
    discoverProviders({ AZURE_API_KEY: 'a', AZURE_OPENAI_ENDPOINT: 'https://r.openai.azure.com' }).map(
      ({ name }) => name,
    ),
  ).toEqual(['azure'])
})

const PROXIES: readonly (readonly [string, string, Environment, string | null])[] = [
  [
    'https goes by HTTPS_PROXY',
    'https://h.test/v1',
    { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:1' },
    'http://p:1',
  ],
  [
    'http goes by HTTP_PROXY',
    'http://h.test/v1',
    { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:1' },
    'http://q:1',
  ],
  ['lower case wins', 'https://h.test/v1', { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://low:1' }, 'http://low:1'],
  ['ALL_PROXY is for both', 'https://h.test/v1', { ALL_PROXY: 'p:3128' }, 'http://p:3128'],
  ['loopback is direct', 'http://127.0.0.1:8/v1', { ALL_PROXY: 'http://p:1' }, null],
  [
    'NO_PROXY names a domain and all below',
    'https://a.h.test/v1',
    { ALL_PROXY: 'http://p:1', NO_PROXY: 'x.y, .h.test' },
    null,
  ],
  ['but not what only ends alike', 'https://ah.test/v1', { ALL_PROXY: 'http://p:1', NO_PROXY: 'h.test' }, 'http://p:1'],
  ['NO_PROXY may name a port', 'https://h.test/v1', { ALL_PROXY: 'http://p:1', NO_PROXY: 'h.test:8443' }, 'http://p:1'],
  ['its own port', 'https://h.test/v1', { ALL_PROXY: 'http://p:1', NO_PROXY: 'h.test:443' }, null],
  ['or a network', 'http://10.1.2.3/v1', { ALL_PROXY: 'http://p:1', NO_PROXY: '10.0.0.0/8' }, null],
  ['or everything', 'https://h.test/v1', { ALL_PROXY: 'http://p:1', NO_PROXY: '*' }, null],
  ['no proxy', 'https://h.test/v1', {}, null],
]
for (const [name, baseUrl, environment, proxy] of PROXIES)
  test(`proxies of the environment: ${name}`, () => {
    expect(one({ preset: 'openai-compatible', baseUrl }, environment).proxy).toBe(proxy)
  })

test('`proxy: none` stands against the environment', () => {
  const environment = { ALL_PROXY: 'http://p:1' }
  expect(
    one({ preset: 'openai-compatible', baseUrl: 'https://h.test/v1', proxy: 'none' }, environment).proxy,
  ).toBeNull()
  expect(one({ preset: 'simulator' }, environment).proxy).toBeNull()
})
