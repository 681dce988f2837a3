import { beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { writeDraft } from './draft.ts'
import { LITELLM_SETTINGS } from './litellm-setting-rows.ts'
import { importLitellm, type LitellmImport } from './litellm.ts'
import { installed, serviceAccount, whoAnswers } from './testing.ts'
import type { Snapshot } from '../snapshot.ts'

const FILE = new URL('../../test/imported/litellm.yaml', import.meta.url)
const ENVIRONMENT = {
  AZURE_API_KEY_EU: 'azure-key',
  OPENAI_API_KEY: 'openai-key',
  ANTHROPIC_API_KEY: 'anthropic-key',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE12345',
  AWS_SECRET_ACCESS_KEY: '0123456789abcdef0123456789abcdef',
  SECOND_BASE: 'http://127.0.0.1:8001/v1',
  GROQ_API_KEY: 'groq-key',
  SLACK_WEBHOOK_URL: 'https://hooks.example.com/services/1',
}

type Good = Extract<LitellmImport, { ok: true }>

function imported(yaml: string): Good {
  const result = importLitellm('config.yaml', yaml)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result
}

/** Entries of `model_list` as YAML. */
function list(...entries: object[]): string {
  return stringify({ model_list: entries })
}

function outcomesAt({ findings }: Good, place: string) {
  return findings.filter((finding) => finding.place === place).map(({ outcome, message }) => `${outcome}: ${message}`)
}

describe('a file as teams have it', () => {
  const result = imported(readFileSync(FILE, 'utf8'))
  let gateway: Snapshot
  beforeAll(async () => {
    gateway = await installed(writeDraft(result.draft, 'config.yaml'), {
      ...ENVIRONMENT,
      VERTEX_CREDENTIALS: serviceAccount(),
    })
  })

  test.each([
    [
      'gpt-4o',
      ['https://example-eu.openai.azure.com/openai/deployments gpt-4o-eu', 'https://api.openai.com/v1 gpt-4o'],
    ],
    ['gpt-4o-mini', ['https://api.openai.com/v1 gpt-4o-mini']],
    ['claude', ['https://api.anthropic.com claude-sonnet-4-5']],
    ['local', ['http://127.0.0.1:8000/v1 qwen3-32b', 'http://127.0.0.1:8001/v1 qwen3-32b']],
    ['groq/llama-3.3-70b-versatile', ['https://api.groq.com/openai/v1 llama-3.3-70b-versatile']],
    ['gpt-4', ['https://example-eu.openai.azure.com/openai/deployments gpt-4o-eu', 'https://api.openai.com/v1 gpt-4o']],
    ['fast', ['http://127.0.0.1:8000/v1 qwen3-32b', 'http://127.0.0.1:8001/v1 qwen3-32b']],
    ['enterprise', null],
  ])('%s is answered by %j', (name, answers) => expect(whoAnswers(gateway, name)).toEqual(answers))

  test('strategy, weights, fallbacks and causes are those of the file', () =>
    expect(result.draft.routes['gpt-4o']).toEqual({
      strategy: 'weighted',
      targets: [
        { use: 'azure/gpt-4o-eu', weight: 600 },
        { use: 'openai/gpt-4o', weight: 200 },
      ],
      fallbacks: ['claude', 'gpt-4o-mini'],
      on: { content_filter: ['claude'] },
      retries: 2,
    }))

  test('an order is kept as targets and fallbacks, and two routes that step in for each other are no circle', () =>
    expect(result.draft.routes['claude']).toEqual({
      targets: ['anthropic/claude-sonnet-4-5'],
      fallbacks: ['bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0', 'azure/gpt-4o-eu', 'openai/gpt-4o'],
      retries: 2,
    }))

  test('prices and bounds of models are exact', () =>
    expect(result.draft.providers['azure']?.models).toEqual({
      'gpt-4o-eu': { kind: 'chat', context: 128_000, max_output: 16_384, price: { input: '2.5', output: '10' } },
    }))

  test('keys are used as they are, also where they hold a dollar sign', () =>
    expect(gateway.providers.find(({ name }) => name === 'openai-2')?.credentials[0]?.secret).toBe(
      'sk-literal-$ecret-of-openai',
    ))

  test('budgets keep their amounts and windows', () =>
    expect(result.draft['budgets']).toEqual([
      { scope: 'gateway', window: 'rolling 30d', limit_usd: '1000' },
      { scope: 'provider', id: 'anthropic', window: 'day', limit_usd: '50' },
      { scope: 'model', id: 'vertex_ai/gemini-2.5-pro', window: 'day', limit_usd: '20' },
    ]))

  test.each([
    ['model_list[1].litellm_params.temperature', 'dropped: a default for requests: clients send it themselves here'],
    ['model_list[2].litellm_params.max_parallel_requests', expect.stringContaining('dropped: what runs at once')],
    ['model_list[11]', expect.stringContaining('dropped: `sagemaker/my-endpoint` names no host')],
    ['litellm_settings.fallbacks[3].nowhere', 'dropped: there is no route for `nowhere`'],
    ['litellm_settings.success_callback', expect.stringContaining('dropped: langfuse')],
    ['general_settings.store_model_in_db', 'dropped: not known to this import'],
    ['general_settings.master_key', expect.stringContaining('changed: set WEIR_ADMIN_TOKEN')],
  ])('the report says of %s what becomes of it', (place, words) => expect(outcomesAt(result, place)).toEqual([words]))

  test('each line has its number', () =>
    expect(result.findings.find(({ place }) => place === 'model_list[0].litellm_params.rpm')?.line).toBe(18))

  test('no secret is in the report or in what is shown', () => {
    const shown = writeDraft(result.draft, 'config.yaml', result.secrets) + JSON.stringify(result.findings)
    for (const secret of ['sk-literal', 'sk-1234-master', 'password@db']) expect(shown).not.toContain(secret)
  })
})

test.each([
  ['no YAML', 'model_list: [', 1],
  ['no list of models', 'models: []', 1],
  ['a merge of what is no mapping', 'model_list: []\nrouter_settings: { <<: 1 }', 1],
  ['a name twice', 'model_list: []\nmodel_list: []', 2],
])('%s is a problem with its line', (_, yaml, line) => {
  const result = importLitellm('config.yaml', yaml)
  expect(result.ok ? [] : result.problems.map((problem) => problem.line)).toEqual([line])
})

test.each([
  [{ model: 'azure/x', api_base: 'https://r.openai.azure.com' }, 'https://r.openai.azure.com/openai/deployments x'],
  [{ model: 'azure/x', api_base: 'https://r.openai.azure.com/openai/v1/' }, 'https://r.openai.azure.com/openai/v1 x'],
  [
    { model: 'azure/x', api_base: 'https://r.openai.azure.com', api_version: 'latest' },
    'https://r.openai.azure.com/openai/v1 x',
  ],
  [{ model: 'anthropic/claude-x', api_base: 'https://a.example.com/v1/messages' }, 'https://a.example.com claude-x'],
  [{ model: 'ollama_chat/llama3', api_base: 'http://127.0.0.1:11434' }, 'http://127.0.0.1:11434 llama3'],
  [{ model: 'x', custom_llm_provider: 'openai_like', api_base: 'http://127.0.0.1:1/v1' }, 'http://127.0.0.1:1/v1 x'],
  [
    { model: 'bedrock/invoke/anthropic.claude-x', aws_region_name: 'us-east-1' },
    'https://bedrock-runtime.us-east-1.amazonaws.com anthropic.claude-x',
  ],
  [{ model: 'together_ai/meta-llama/Llama-3.3-70B' }, 'https://api.together.xyz/v1 meta-llama/Llama-3.3-70B'],
])('%j reaches %s', async (params, answer) => {
  const { draft } = imported(list({ model_name: 'chat', litellm_params: { api_key: 'k', ...params } }))
  expect(whoAnswers(await installed(writeDraft(draft, 'x'), {}), 'chat')).toEqual([answer])
})

test.each(['openai_like/x', 'azure/x', 'nobody/x', 'unheard-of'])(
  'without what it needs, %s is left out with a reason',
  (model) => {
    const result = imported(list({ model_name: 'chat', litellm_params: { model } }))
    expect(result.draft.routes).toEqual({})
    expect(result.findings.filter(({ outcome }) => outcome === 'dropped').length).toBeGreaterThan(0)
  },
)

test('a route beside `openai/*` must be that model of it', () => {
  const entry = (name: string, model: string) => ({ model_name: name, litellm_params: { model, api_key: 'k' } })
  const result = imported(
    list(entry('openai/*', 'openai/*'), entry('openai/gpt-5', 'openai/gpt-5'), entry('openai/fast', 'groq/llama')),
  )
  expect(Object.keys(result.draft.routes)).toEqual([])
  expect(outcomesAt(result, 'model_list[1].model_name')).toEqual(['carried: the model `openai/gpt-5` of the provider'])
  expect(outcomesAt(result, 'model_list[2].model_name')).toEqual([
    expect.stringContaining('dropped: `openai/fast` is a model of the provider `openai` here'),
  ])
})

const GROUPS = [
  'chat',
  'openai/gpt-4o',
  'azure/eu',
  'GPT 4 (new)',
  'team/small',
  'groq',
  'openai/*',
  'vllm/*',
  'constructor',
]
const HOSTS = {
  openai: { api_key: 'os.environ/OPENAI_API_KEY' },
  anthropic: { api_key: 'sk-ant-literal-$1' },
  azure: { api_base: 'https://r.openai.azure.com/', api_key: 'os.environ/AZURE_API_KEY_EU', api_version: '2024-10-21' },
  hosted_vllm: { api_base: 'http://127.0.0.1:8000/v1' },
  groq: { api_key: 'gsk-literal' },
}

const entry = fc
  .record({
    group: fc.constantFrom(...GROUPS),
    host: fc.constantFrom(...(Object.keys(HOSTS) as (keyof typeof HOSTS)[])),
    model: fc.constantFrom('gpt-4o', 'claude-x', 'meta/llama-3', 'o3'),
    order: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    rpm: fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined }),
    weight: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    cost: fc.option(fc.double({ min: 0, max: 0.001, noNaN: true }), { nil: undefined }),
  })
  .map(({ group, host, model, cost, ...terms }) => ({
    model_name: group,
    litellm_params: { model: `${host}/${group.endsWith('*') ? '*' : model}`, ...HOSTS[host], ...terms },
    ...(cost === undefined ? {} : { model_info: { input_cost_per_token: cost, output_cost_per_token: cost } }),
  }))
const group = fc.constantFrom(...GROUPS, 'nowhere', 'openai/o3')
const file = fc.record({
  model_list: fc.array(entry, { minLength: 1, maxLength: 8 }),
  litellm_settings: fc.record({
    fallbacks: fc.array(fc.dictionary(group, fc.array(group, { maxLength: 3 }), { maxKeys: 2 }), { maxLength: 4 }),
    context_window_fallbacks: fc.array(fc.dictionary(group, fc.array(group, { maxLength: 2 }), { maxKeys: 1 }), {
      maxLength: 2,
    }),
    default_fallbacks: fc.array(group, { maxLength: 2 }),
  }),
  router_settings: fc.record({
    model_group_alias: fc.dictionary(fc.constantFrom('gpt-4', 'chat', 'openai/alias', 'Old Name'), group, {
      maxKeys: 3,
    }),
    routing_strategy: fc.constantFrom(
      'constructor',
      'simple-shuffle',
      'least-busy',
      'latency-based-routing',
      'usage-based-routing-v2',
    ),
  }),
})

test('whatever the file, the result is taken, and each group that is not reported as dropped is answered by its models', async () => {
  await fc.assert(
    fc.asyncProperty(file, async (written) => {
      const result = imported(stringify(written, { aliasDuplicateObjects: false }))
      const gateway = await installed(writeDraft(result.draft, 'x'), ENVIRONMENT)
      const aliases = new Set(Object.keys(written.router_settings.model_group_alias))
      const isDropped = (index: number) =>
        result.findings.some(
          ({ outcome, place }) => outcome === 'dropped' && place.startsWith(`model_list[${index}].model_name`),
        )
      for (const name of GROUPS) {
        const members = written.model_list.flatMap((item, index) =>
          item.model_name === name && !isDropped(index) ? [item.litellm_params] : [],
        )
        if (members.length === 0 || aliases.has(name)) continue
        const asked = name.endsWith('/*')
          ? name.replace('*', 'some-model')
          : name === 'GPT 4 (new)'
            ? 'GPT-4-new-'
            : name
        const lowest = Math.min(...members.map(({ order }) => order ?? Infinity))
        const expected = members.flatMap(({ model, order }) =>
          name.endsWith('/*')
            ? ['some-model']
            : (order ?? Infinity) === lowest
              ? [model.slice(model.indexOf('/') + 1)]
              : [],
        )
        const answers = whoAnswers(gateway, asked)?.map((answer) => answer.slice(answer.indexOf(' ') + 1))
        expect(new Set(answers)).toEqual(new Set(expected))
      }
    }),
    { numRuns: 80 },
  )
})

const settings = Object.fromEntries(
  Object.entries(LITELLM_SETTINGS).map(([section, rows]) => [
    section,
    fc.dictionary(
      fc.constantFrom(
        ...Object.keys(rows),
        'max_budget',
        'budget_duration',
        'num_retries',
        'fallbacks',
        'cache_params',
      ),
      fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('1h', '99999d', '0s', 0.001, 1e15, 1e12, -1, true, 'yes', ['slack'], { ttl: 0.01 }),
      ),
      { maxKeys: 5 },
    ),
  ]),
)
const anything = fc.dictionary(
  fc.constantFrom(
    'api_base',
    'api_key',
    'api_version',
    'extra_headers',
    'tpm',
    'weight',
    'timeout',
    'organization',
    'tags',
    'max_budget',
    'vertex_project',
    'vertex_location',
    'vertex_credentials',
    'aws_region_name',
    'aws_access_key_id',
    'aws_secret_access_key',
  ),
  fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      'https://h.example.com/v1',
      '{}',
      'a b',
      'eu-central-1',
      2_500_000,
      ['default'],
      { 'x y': 'z' },
      { host: 'z' },
    ),
  ),
  { maxKeys: 5 },
)

test('whatever the values, the import takes them, and the configuration takes the import', async () => {
  const host = fc.constantFrom('openai', 'azure', 'bedrock', 'vertex_ai', 'ollama', 'huggingface', 'databricks')
  const wild = fc.record({
    model_list: fc.array(
      fc.tuple(fc.string(), host, fc.string(), anything).map(([name, prefix, model, params]) => ({
        model_name: name,
        litellm_params: { model: `${prefix}/${model}`, ...params },
        model_info: params,
      })),
      { maxLength: 3 },
    ),
    ...settings,
  })
  await fc.assert(
    fc.asyncProperty(wild, async (written) => {
      const result = importLitellm('config.yaml', stringify(written, { aliasDuplicateObjects: false }))
      // A member named `<<` is a merge.
      if (!result.ok) return expect(JSON.stringify(written)).toContain('"<<"')
      const { draft } = result
      const text = writeDraft(draft, 'x')
      const loaded = await loadConfig({
        path: 'weir.yaml',
        readFile: async (path) => new TextEncoder().encode(path === 'weir.yaml' ? text : serviceAccount()),
        environment: { ...ENVIRONMENT, GOOGLE_APPLICATION_CREDENTIALS: 'key.json' },
      })
      if (!loaded.ok) throw new Error(`${loaded.problems.map(formatProblem).join('\n')}\n${text}`)
    }),
    { numRuns: 120 },
  )
})

test('nothing of the file is passed over in silence', () =>
  fc.assert(
    fc.property(
      file,
      fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
      (written, more) => {
        const whole = { ...written, general_settings: more }
        const { findings } = imported(stringify(whole, { aliasDuplicateObjects: false }))
        const places = new Set(findings.map(({ place }) => place))
        for (const [index, { litellm_params: params }] of whole.model_list.entries())
          for (const [name, value] of Object.entries(params)) {
            if (value === undefined) continue
            expect(
              [
                `model_list[${index}]`,
                `model_list[${index}].litellm_params.${name}`,
                `model_list[${index}].model_name`,
              ].some((place) => places.has(place)),
            ).toBe(true)
          }
        const silent = Object.entries(more).filter(
          ([name]) =>
            !findings.some(({ place }) =>
              place.startsWith(
                /^[\w-]+$/.test(name) ? `general_settings.${name}` : `general_settings[${JSON.stringify(name)}`,
              ),
            ),
        )
        expect(silent).toEqual([])
      },
    ),
    { numRuns: 80 },
  ))
