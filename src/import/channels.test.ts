import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ForeignRow } from './channel-rows.ts'
import { NEW_API_CHANNELS, ONE_API_CHANNELS } from './channel-types.ts'
import { importChannels } from './channels.ts'
import { writeDraft } from './draft.ts'
import { installed, serviceAccount, whoAnswers } from './testing.ts'

const channel = (fields: ForeignRow): ForeignRow => ({
  id: 1,
  type: 1,
  name: 'first',
  key: 'sk-of-the-host',
  status: 1,
  models: 'gpt-5-mini',
  group: 'default',
  ...fields,
})
const oneApi = (...rows: ForeignRow[]) => importChannels(rows, ONE_API_CHANNELS, false)
const newApi = (...rows: ForeignRow[]) => importChannels(rows, NEW_API_CHANNELS, true)

async function answers({ providers, routes }: ReturnType<typeof oneApi>, name: string) {
  return whoAnswers(await installed(writeDraft({ providers, routes }, 'x'), {}), name)
}

describe('channels of one-api', () => {
  test.each<[string, ForeignRow, string]>([
    ['OpenAI', {}, 'https://api.openai.com/v1 gpt-5-mini'],
    ['a proxy of OpenAI', { base_url: 'https://proxy.example.com/' }, 'https://proxy.example.com/v1 gpt-5-mini'],
    [
      'a proxy with its version',
      { base_url: 'https://proxy.example.com/v1' },
      'https://proxy.example.com/v1 gpt-5-mini',
    ],
    [
      'Azure',
      { type: 3, base_url: 'https://r.openai.azure.com', other: '2024-10-21' },
      'https://r.openai.azure.com/openai/deployments gpt-5-mini',
    ],
    ['a reseller', { type: 2 }, 'https://oa.api2d.net/v1 gpt-5-mini'],
    ['Groq', { type: 29 }, 'https://api.groq.com/openai/v1 gpt-5-mini'],
    ['an own host', { type: 50, base_url: 'http://127.0.0.1:8000/v1' }, 'http://127.0.0.1:8000/v1 gpt-5-mini'],
    ['Ollama', { type: 30, base_url: 'http://127.0.0.1:11434' }, 'http://127.0.0.1:11434 gpt-5-mini'],
    ['Ark', { type: 40 }, 'https://ark.cn-beijing.volces.com/api/v3 gpt-5-mini'],
    [
      'Cloudflare',
      { type: 37, config: '{"user_id":"abc123"}' },
      'https://api.cloudflare.com/client/v4/accounts/abc123/ai/v1 gpt-5-mini',
    ],
    [
      'a mapped model',
      { model_mapping: '{"gpt-5-mini":"gpt-5-mini-2025-08-07"}' },
      'https://api.openai.com/v1 gpt-5-mini-2025-08-07',
    ],
  ])('%s is called where it was', async (_, fields, answer) =>
    expect(await answers(oneApi(channel(fields)), 'gpt-5-mini')).toEqual([answer]),
  )

  test('Bedrock is called by the ids that it has, with keys and region', async () => {
    const row = {
      type: 33,
      key: 'AKIAEXAMPLE12345|0123456789abcdef0123|eu-central-1',
      models: 'anthropic.claude-x-v1:0,claude-3-opus',
    }
    const imported = oneApi(channel(row))
    expect(await answers(imported, 'anthropic.claude-x-v1:0')).toEqual([
      'https://bedrock-runtime.eu-central-1.amazonaws.com anthropic.claude-x-v1:0',
    ])
    expect(imported.providers['first']).toMatchObject({ keys: ['AKIAEXAMPLE12345:0123456789abcdef0123'] })
    expect(imported.findings).toContainEqual(
      expect.objectContaining({ outcome: 'dropped', message: expect.stringContaining('claude-3-opus: write the ids') }),
    )
  })

  test('Vertex is two providers where a channel has Claude beside Gemini', async () => {
    const row = {
      id: 7,
      type: 42,
      key: serviceAccount(),
      other: 'europe-west4',
      models: 'gemini-2.5-pro,claude-sonnet-4',
    }
    const imported = oneApi(channel(row))
    expect(await answers(imported, 'gemini-2.5-pro')).toEqual([
      'https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/publishers/google gemini-2.5-pro',
    ])
    expect(await answers(imported, 'claude-sonnet-4')).toEqual([
      'https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/publishers/anthropic claude-sonnet-4',
    ])
  })

  test('weights are not looked at, as there', () => {
    const { routes } = oneApi(channel({ weight: 9 }), channel({ id: 2, name: 'second', weight: 1 }))
    expect(routes).toEqual({
      'gpt-5-mini': { strategy: 'weighted', targets: ['first/gpt-5-mini', 'second/gpt-5-mini'] },
    })
  })
})

describe('channels of new-api', () => {
  test('the highest priority is asked by weight, the others step in', () => {
    const { routes } = newApi(
      channel({ id: 1, name: 'spare', priority: 0 }),
      channel({ id: 2, name: 'big', priority: 10, weight: 30 }),
      channel({ id: 3, name: 'small', priority: 10, weight: 0 }),
    )
    expect(routes['gpt-5-mini']).toEqual({
      strategy: 'weighted',
      targets: [
        { use: 'big/gpt-5-mini', weight: 30 },
        { use: 'small/gpt-5-mini', weight: 1 },
      ],
      fallbacks: ['spare/gpt-5-mini'],
    })
  })

  test.each<[string, ForeignRow, readonly string[]]>([
    ['lines', { key: 'one\n two \n\nthree' }, ['one', 'two', 'three']],
    ['a list', { key: '["one","two"]' }, ['one', 'two']],
    ['those that are on', { key: 'one\ntwo', channel_info: '{"multi_key_status_list":{"0":3}}' }, ['two']],
    ['a dollar sign', { key: 'o$ne' }, ['o$$ne']],
  ])('keys of a channel are pooled: %s', (_, fields, keys) =>
    expect(newApi(channel(fields)).providers['first']).toMatchObject({ keys }),
  )

  test('headers, organisation and proxy go with the provider; the rest is named', () => {
    const { providers, findings } = newApi(
      channel({
        header_override: '{"X-Team":"a","Authorization":"Bearer {api_key}"}',
        openai_organization: 'org-1',
        setting: '{"proxy":"http://proxy.example.com:3128","force_format":true}',
        param_override: '{"temperature":0}',
      }),
    )
    expect(providers['first']).toMatchObject({
      headers: { 'x-team': 'a', 'openai-organization': 'org-1' },
      proxy: 'http://proxy.example.com:3128',
    })
    const dropped = findings.filter(({ outcome }) => outcome === 'dropped').map(({ message }) => message)
    expect(dropped).toEqual([
      'header_override `Authorization`: only headers with a fixed value',
      'param_override: fields that are put into every request',
      'setting `force_format`',
    ])
  })

  test('a mapping of a mapping is followed, and a circle ends', () => {
    const mapping = '{"a":"b","b":"c","x":"y","y":"x"}'
    const { routes } = newApi(channel({ models: 'a,x', model_mapping: mapping }))
    expect(routes).toMatchObject({ a: { targets: ['first/c'] }, x: { targets: ['first/x'] } })
  })
})

test.each<[string, ForeignRow, string]>([
  ['switched off', { status: 2 }, 'it is switched off'],
  ['switched off after failures', { status: 3 }, 'it was switched off after failures'],
  ['of a kind that nobody knows', { type: 999 }, 'channels of type 999 are not known'],
  ['of another API', { type: 34 }, 'Coze: there is no provider for its API'],
  ['without an address', { type: 50 }, 'OpenAI compatible: it has no address'],
  ['without models', { models: '' }, 'it has no models'],
  ['with a word for an address', { base_url: 'coding-plan' }, '`coding-plan` is no address'],
])('a channel that is %s is named with the reason', (_, fields, reason) => {
  const { providers, routes, findings } = oneApi(channel(fields))
  expect({ providers, routes }).toEqual({ providers: {}, routes: {} })
  expect(findings).toEqual([
    { outcome: 'dropped', place: 'channels #1 (first)', line: null, message: expect.stringContaining(reason) },
  ])
})

test('a group may ask for the models of its channels, and that channels differ by group is told', () => {
  const { modelsOf, findings } = newApi(
    channel({ group: 'default,vip' }),
    channel({ id: 2, name: 'vip', group: 'vip', models: 'gpt-5-mini,gpt-5' }),
  )
  expect(Object.fromEntries(modelsOf)).toEqual({ default: ['gpt-5-mini'], vip: ['gpt-5', 'gpt-5-mini'] })
  expect(findings).toContainEqual({
    outcome: 'changed',
    place: 'model gpt-5-mini',
    line: null,
    message: expect.stringContaining('each group had channels of its own'),
  })
})

/** Nine in ten are good. */
const mostly = <T>(good: readonly T[], odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })
const row = fc.record({
  id: fc.integer({ min: 1, max: 99 }),
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(1, 14, 24, 29, 30, 36) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }) },
  ),
  name: fc.constantFrom('主渠道', 'Main', 'main', 'gpt-5', 'Very Long Name (2)', ''),
  key: mostly(
    ['sk-a', 'sk-b\nsk-c', '$ecret'],
    ['a\tb', '', '[]', '{"project_id":"p"}', 'AKIAEXAMPLE12345|0123456789abcdef0123|eu-west-1'],
  ),
  base_url: mostly(
    ['', 'http://127.0.0.1:9/', 'https://host.example.com/v1'],
    ['nonsense', 'https://h.example.com/?a=b', 'https://u:p@h.example.com'],
  ),
  status: fc.constantFrom(1, 1, 1, 2),
  priority: fc.integer({ min: -1, max: 2 }),
  weight: fc.integer({ min: 0, max: 5 }),
  group: fc.constantFrom('default', 'vip', 'default,vip', ''),
  models: fc
    .array(fc.constantFrom('gpt-5', 'gpt-4o', 'Qwen/Qwen3-32B', 'main/x', '模型', 'a b', '__proto__', 'constructor'), {
      maxLength: 4,
    })
    .map((names) => names.join(',')),
  model_mapping: fc.constantFrom('', '{"gpt-5":"gpt-5-real"}', 'broken'),
  header_override: mostly(
    ['', '{"X-Team":"a$b"}'],
    ['{"a b":"c"}', '{"Host":"x"}', '{"X":"ü"}', '{"X":"{api_key}"}', '[]'],
  ),
  setting: mostly(
    ['', '{"force_format":true}', '{"proxy":"http://p.example.com:1"}'],
    ['{"proxy":"http://p q"}', '{"proxy":"socks5://p"}'],
  ),
  other: mostly([''], ['2024-10-21', 'a b', 'europe-west4', '{"default":"x y"}']),
  config: mostly(
    [''],
    [
      '{"user_id":"abc"}',
      '{"region":"eu-west-1","ak":"AKIAEXAMPLE12345","sk":"0123456789abcdef0123"}',
      '{"region":3}',
      'null',
    ],
  ),
})

test('whatever the channels, the result is taken, and each name is answered by the highest of the channels that have it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(row, { maxLength: 6, selector: ({ id }) => id }),
      fc.boolean(),
      async (rows, isNew) => {
        const imported = importChannels(rows, isNew ? NEW_API_CHANNELS : ONE_API_CHANNELS, isNew)
        const { providers, routes } = imported
        const gateway = await installed(writeDraft({ providers, routes }, 'x'), {})
        const places = (outcome: string) =>
          new Set(imported.findings.filter((finding) => finding.outcome === outcome).map(({ place }) => place))
        const carried = places('carried')
        const names = new Set(rows.flatMap(({ models }) => models.split(',')))
        for (const name of names) {
          const channels = rows.filter(
            ({ id, name: title, models }) =>
              models.split(',').includes(name) && carried.has(`channels #${id} (${title})`),
          )
          const isLost = channels.length === 0 || places('dropped').has(`model ${name}`)
          if (isLost || name === '' || !/^[\w./-]+$/.test(name)) continue
          const answer = whoAnswers(gateway, name)
          const expected = name === 'gpt-5' ? /(?:gpt-5|gpt-5-real)$/ : new RegExp(`${name}$`)
          const most = Math.max(...channels.map(({ priority }) => priority))
          expect(answer?.length).toBe(channels.filter(({ priority }) => priority === most).length)
          for (const target of answer ?? []) expect(target).toMatch(expected)
        }
      },
    ),
    { numRuns: 120 },
  )
})
