import { expect, test } from 'bun:test'
import { NO_FACTS } from '../../core/model-facts.ts'
import type { Call } from '../../core/call.ts'
import { scanJson } from '../../core/json.ts'
import type { Deployment, Quirks } from '../../core/model.ts'
import { openaiBody, openaiUrl } from './request.ts'

function callOf(text: string, operation: Call['operation'] = 'chat'): Call {
  const body = JSON.parse(text)
  return {
    dialect: 'openai-chat',
    operation,
    facts: {
      model: body.model,
      stream: body.stream === true,
      wantsStreamUsage: body.stream_options?.include_usage === true,
      maxOutputTokens: null,
      endUser: null,
      options: { tags: [], timeoutMs: null, maxCostNanoUsd: null, isTraced: false, cache: null, routing: null },
    },
    text,
    members: scanJson(text, { depth: 64, keys: 1_000 }).members,
    body,
    headers: {},
    chat: null,
  }
}

function deploymentOf(quirks: Quirks = {}, model = 'gpt-x'): Deployment {
  return {
    id: `host/${model}`,
    model,
    facts: NO_FACTS,
    provider: {
      name: 'host',
      preset: 'openai-compatible',
      wire: 'openai',
      baseUrl: 'http://127.0.0.1:1/v1',
      credentials: [],
      auth: { type: 'bearer' },
      headers: {},
      quirks,
      timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, totalMs: 1 },
      proxy: null,
      ca: null,
      allowPrivate: true,
      settings: {},
      limits: { rpm: null, tpm: null },
    },
  }
}

const OWN = ['weir', 'models', 'provider', 'route']

for (const [title, text, quirks, expected] of [
  [
    'a body that needs no change is not touched',
    '{ "model":"gpt-x", "seed":9007199254740993 }',
    {},
    '{ "model":"gpt-x", "seed":9007199254740993 }',
  ],
  [
    'the model is renamed in place',
    '{"temperature":1.0,"model":"chat","x":[1, 2]}',
    {},
    '{"temperature":1.0,"model":"gpt-x","x":[1, 2]}',
  ],
  [
    'our own fields stay here',
    '{"model":"gpt-x","weir":{"tags":["a"]},"user":"u"}',
    {},
    '{"model":"gpt-x","user":"u"}',
  ],
  [
    'usage is asked for in streams',
    '{"model":"gpt-x","stream":true}',
    {},
    '{"stream_options":{"include_usage":true},"model":"gpt-x","stream":true}',
  ],
  [
    'other stream options survive',
    '{"model":"gpt-x","stream":true,"stream_options":{"include_obfuscation":false}}',
    {},
    '{"model":"gpt-x","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}',
  ],
  [
    'hosts that refuse stream options get none',
    '{"model":"gpt-x","stream":true,"stream_options":{"include_usage":true}}',
    { streamUsage: false },
    '{"model":"gpt-x","stream":true}',
  ],
  [
    'the output bound is named as the host names it',
    '{"model":"gpt-x","max_tokens":5}',
    { maxTokensField: 'max_completion_tokens' },
    '{"max_completion_tokens":5,"model":"gpt-x"}',
  ],
  [
    'a bound that is there already is not doubled',
    '{"model":"gpt-x","max_tokens":5,"max_completion_tokens":7}',
    { maxTokensField: 'max_tokens' },
    '{"model":"gpt-x","max_tokens":5}',
  ],
] as const)
  test(title, () => expect(openaiBody(callOf(text), deploymentOf(quirks), OWN)).toBe(expected))

test('forty unknown fields reach the provider as they came', () => {
  const unknown = Array.from({ length: 40 }, (_, index) => `"field_${index}": {"deep": [${index}.0, "é"]}`).join(', ')
  const text = `{"model": "chat", ${unknown}}`
  expect(openaiBody(callOf(text), deploymentOf(), OWN)).toBe(text.replace('"chat"', '"gpt-x"'))
})

for (const [title, operation, quirks, model, expected] of [
  ['chat', 'chat', {}, 'm', 'http://127.0.0.1:1/v1/chat/completions'],
  ['embeddings', 'embeddings', {}, 'm', 'http://127.0.0.1:1/v1/embeddings'],
  ['a host without embeddings', 'embeddings', { paths: { embeddings: null } }, 'm', null],
  [
    'a path with the model and a query',
    'chat',
    { paths: { chat: '/deployments/{model}/chat/completions' }, query: 'api-version=1' },
    'a b',
    'http://127.0.0.1:1/v1/deployments/a%20b/chat/completions?api-version=1',
  ],
  ['an operation that this wire does not have', 'files', {}, 'm', null],
] as const)
  test(`the address of ${title}`, () =>
    expect(openaiUrl(callOf('{"model":"m"}', operation), deploymentOf(quirks, model))).toBe(expected))
