import { expect, test } from 'bun:test'
import { NO_FACTS } from '../../core/model-facts.ts'
import type { Provider } from '../../core/model.ts'
import { withGuardrail, withGuardrailHeaders } from './request.ts'
import { bedrockInvokeWire, bedrockWire } from './wire.ts'

function providerAt(baseUrl: string, settings: Readonly<Record<string, string>> = {}): Provider {
  return {
    name: 'aws',
    preset: 'aws',
    wire: 'bedrock',
    baseUrl,
    credentials: [],
    auth: { type: 'none' },
    headers: {},
    quirks: {},
    timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, totalMs: 1 },
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings,
    limits: { rpm: null, tpm: null },
  }
}

const EU = providerAt('https://bedrock-runtime.eu-central-1.amazonaws.com')
const PROFILE = 'arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0'

for (const [model, stream, converse, invoke] of [
  ['amazon.nova-pro-v1:0', false, 'amazon.nova-pro-v1%3A0/converse', 'amazon.nova-pro-v1%3A0/invoke'],
  [
    PROFILE,
    true,
    'arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.amazon.nova-pro-v1%3A0/converse-stream',
    'arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.amazon.nova-pro-v1%3A0/invoke-with-response-stream',
  ],
] as const)
  test(`the address of ${model} (${stream ? 'streamed' : 'whole'})`, () => {
    const deployment = { id: 'aws/m', provider: EU, model, facts: NO_FACTS }
    expect(bedrockWire.chat?.url(deployment, stream)).toBe(`${EU.baseUrl}/model/${converse}`)
    expect(bedrockInvokeWire.chat?.url(deployment, stream)).toBe(`${EU.baseUrl}/model/${invoke}`)
  })

test('a guardrail of the settings is in the body of Converse, and in the headers of InvokeModel', () => {
  const guarded = providerAt(EU.baseUrl, { guardrail: 'g1', guardrail_version: '3' })
  const draft = providerAt(EU.baseUrl, { guardrail: 'g1' })
  expect(withGuardrail({ a: 1 }, EU)).toEqual({ body: { a: 1 }, headers: {} })
  expect(withGuardrail({ a: 1 }, guarded)).toEqual({
    body: { a: 1, guardrailConfig: { guardrailIdentifier: 'g1', guardrailVersion: '3' } },
    headers: {},
  })
  expect(withGuardrail({}, draft).body).toEqual({
    guardrailConfig: { guardrailIdentifier: 'g1', guardrailVersion: 'DRAFT' },
  })
  expect(withGuardrailHeaders({ a: 1 }, EU)).toEqual({ body: { a: 1 }, headers: {} })
  for (const [provider, version] of [
    [guarded, '3'],
    [draft, 'DRAFT'],
  ] as const)
    expect(withGuardrailHeaders({ a: 1 }, provider)).toEqual({
      body: { a: 1 },
      headers: { 'x-amzn-bedrock-guardrailidentifier': 'g1', 'x-amzn-bedrock-guardrailversion': version },
    })
})
