// Vendors with formats of their own, as clients of OpenAI and of Anthropic see them: recorded bytes over loopback.
import { EventStreamCodec } from '@smithy/eventstream-codec'
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../src/core/json.ts'
import { createAwsSigner, readAwsCredential } from '../src/providers/aws-signature.ts'
import { startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { streamBytes, WIRES } from './recorded/wires.ts'

const caseOf = (name: string): string => readFileSync(path.join(import.meta.dirname, 'cases', name), 'utf8')
const linesOf = (name: string): string[] =>
  caseOf(name)
    .split('\n')
    .filter((line) => line.trim() !== '')

const { bedrock: BEDROCK, cohere: COHERE } = WIRES

const AWS_KEYS = 'AKIDEXAMPLE12345:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:session-token-of-a-role'

/** The body in pieces that cut events anywhere. */
function inPieces(bytes: Uint8Array, contentType: string): Response {
  let from = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (from >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(from, (from += 97)))
    },
  })
  return new Response(body, { headers: { 'content-type': contentType } })
}

const OLLAMA_CALL = { function: { name: 'weather', arguments: { city: 'Ulm' } } }
function ollamaLine(message: JsonObject, more: JsonObject = {}): JsonObject {
  const created = '2025-07-07T20:22:19.184789123Z'
  return { model: 'm', created_at: created, message: { role: 'assistant', ...message }, done: false, ...more }
}
const OLLAMA_END = { done: true, done_reason: 'stop', prompt_eval_count: 11, eval_count: 18, total_duration: 5 }

function ollamaStream(...lines: readonly JsonObject[]): Response {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  return inPieces(new TextEncoder().encode(text), 'application/x-ndjson')
}

type Vendor = {
  readonly preset: string
  readonly keys: string
  readonly more?: string
  readonly whole: () => Response
  readonly stream: () => Response
  readonly tool: () => Response
  readonly path: { readonly whole: string; readonly stream: string }
  readonly text: string
  /** Input and output tokens of the whole answer, the stream, and the stream with a call. */
  readonly usage: readonly (readonly [input: number, output: number])[]
  readonly call: { readonly name: string; readonly input: JsonObject }
  readonly error: { readonly status: number; readonly body: JsonObject; readonly message: string }
}

const VENDORS: readonly Vendor[] = [
  {
    preset: 'bedrock',
    keys: 'bedrock-key-value',
    more: 'region: eu-central-1,',
    whole: () => new Response(caseOf('bedrock-text.json'), { headers: { 'content-type': 'application/json' } }),
    stream: () =>
      inPieces(streamBytes(BEDROCK, linesOf('bedrock-text.chunks.txt')), 'application/vnd.amazon.eventstream'),
    tool: () =>
      inPieces(streamBytes(BEDROCK, linesOf('bedrock-tool-call.chunks.txt')), 'application/vnd.amazon.eventstream'),
    path: { whole: '/model/m%3A0/converse', stream: '/model/m%3A0/converse-stream' },
    text: 'Let me count the "r"s',
    usage: [
      [22, 57],
      [22, 55],
      [125, 45],
    ],
    call: { name: 'test-tool', input: { value: 'Sparkle Day' } },
    error: { status: 400, body: { message: 'The model id is invalid.' }, message: 'The model id is invalid.' },
  },
  {
    preset: 'cohere',
    keys: 'cohere-key-value',
    whole: () => new Response(caseOf('cohere-text.json'), { headers: { 'content-type': 'application/json' } }),
    stream: () => inPieces(streamBytes(COHERE, linesOf('cohere-text.chunks.txt')), 'text/event-stream'),
    tool: () => inPieces(streamBytes(COHERE, linesOf('cohere-tool-call.chunks.txt')), 'text/event-stream'),
    path: { whole: '/v2/chat', stream: '/v2/chat' },
    text: 'The capital of France is Paris.',
    usage: [
      [12, 7],
      [12, 7],
      [119, 44],
    ],
    call: { name: 'weather', input: { location: 'San Francisco' } },
    error: {
      status: 422,
      body: { id: 'x', message: 'temperature is out of range' },
      message: 'temperature is out of range',
    },
  },
  {
    preset: 'ollama-native',
    keys: 'ollama-key-value',
    whole: () => Response.json(ollamaLine({ content: 'Hello there', thinking: 'Hm.' }, OLLAMA_END)),
    stream: () =>
      ollamaStream(ollamaLine({ content: 'Hello ' }), ollamaLine({ content: 'there' }), ollamaLine({}, OLLAMA_END)),
    tool: () => ollamaStream(ollamaLine({ content: '', tool_calls: [OLLAMA_CALL] }), ollamaLine({}, OLLAMA_END)),
    path: { whole: '/api/chat', stream: '/api/chat' },
    text: 'Hello there',
    usage: [
      [11, 18],
      [11, 18],
      [11, 18],
    ],
    call: { name: 'weather', input: { city: 'Ulm' } },
    error: { status: 400, body: { error: 'm does not support tools' }, message: 'm does not support tools' },
  },
]

function configOf(vendor: Pick<Vendor, 'preset' | 'more'>, url: string, keys: string): string {
  return `
providers:
  up: { preset: ${vendor.preset}, base_url: "${url}", keys: ["${keys}"], ${vendor.more ?? ''} models: { "m:0": { price: { input: 1, output: 2 } } } }
`
}

const TOOLS = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
  { type: 'function', function: { name: 'test-tool', parameters: { type: 'object', properties: {} } } },
]
const CLIENTS = [
  {
    name: 'OpenAI',
    path: '/v1/chat/completions',
    ask: { model: 'up/m:0', messages: [{ role: 'user', content: 'Hi' }] },
    tools: TOOLS,
    textOf: (answer: string) =>
      (JSON.parse(answer) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '',
    streamed: (sse: string) => chunksOf(sse).map(({ content }) => content ?? ''),
    called: (sse: string) => {
      const calls = chunksOf(sse).flatMap(({ tool_calls: found }) => found ?? [])
      const first = calls.filter(({ index }) => index === 0)
      return {
        name: first.find(({ function: { name } }) => name !== undefined)?.function.name,
        input: JSON.parse(first.map(({ function: { arguments: text } }) => text ?? '').join('')) as JsonObject,
      }
    },
  },
  {
    name: 'Anthropic',
    path: '/v1/messages',
    ask: { model: 'up/m:0', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] },
    tools: TOOLS.map(({ function: { name, parameters } }) => ({ name, input_schema: parameters })),
    textOf: (answer: string) =>
      (JSON.parse(answer) as { content: { type: string; text?: string }[] }).content.find(({ type }) => type === 'text')
        ?.text ?? '',
    streamed: (sse: string) => messageEventsOf(sse).map(({ delta }) => delta?.text ?? ''),
    called: (sse: string) => {
      const events = messageEventsOf(sse)
      const start = events.find(({ content_block: block }) => block?.type === 'tool_use')
      const pieces = events.filter(({ index, delta }) => index === start?.index && delta !== undefined)
      return {
        name: start?.content_block?.name,
        input: JSON.parse(pieces.map(({ delta }) => delta?.partial_json ?? '').join('')) as JsonObject,
      }
    },
  },
] as const

function jsonOf(sse: string): unknown[] {
  return sse.split('\n').flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []))
}

type Delta = {
  readonly content?: string
  readonly tool_calls?: readonly {
    readonly index: number
    readonly function: { readonly name?: string; readonly arguments?: string }
  }[]
}
function chunksOf(sse: string): readonly Delta[] {
  return (jsonOf(sse) as { choices: { delta: Delta }[] }[]).flatMap(({ choices }) => choices.map(({ delta }) => delta))
}

type MessageEvent = {
  readonly index?: number
  readonly content_block?: { readonly type: string; readonly name?: string }
  readonly delta?: { readonly text?: string; readonly partial_json?: string }
}
function messageEventsOf(sse: string): readonly MessageEvent[] {
  return jsonOf(sse) as MessageEvent[]
}

async function entryOf(weir: TestGateway, response: Response) {
  return weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
}

for (const vendor of VENDORS)
  for (const client of CLIENTS) {
    const title = `an ${client.name} client and ${vendor.preset}`
    const booked = (at: number): object => ({
      status: 'complete',
      usageSource: 'reported',
      usage: { input: vendor.usage[at]?.[0], output: vendor.usage[at]?.[1] },
      costNanoUsd: BigInt((vendor.usage[at]?.[0] ?? 0) * 1_000 + (vendor.usage[at]?.[1] ?? 0) * 2_000),
    })

    test(`${title}: a whole answer`, async () => {
      using upstream = startUpstream(vendor.whole)
      await using weir = await startGateway(configOf(vendor, upstream.url, vendor.keys))
      const response = await weir.call(client.path, client.ask)
      const text = await response.text()
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
      expect(client.textOf(text)).toStartWith(vendor.text)
      expect(await entryOf(weir, response)).toMatchObject(booked(0))
      const [sent] = upstream.received
      expect(sent?.path).toBe(vendor.path.whole)
      expect(sent?.headers.get('authorization')).toBe(`Bearer ${vendor.keys}`)
      expect(sent?.headers.get('accept')).toBe('application/json')
    })

    test(`${title}: a stream`, async () => {
      using upstream = startUpstream(vendor.stream)
      await using weir = await startGateway(configOf(vendor, upstream.url, vendor.keys))
      const response = await weir.call(client.path, { ...client.ask, stream: true })
      expect(client.streamed(await response.text()).join('')).toStartWith(vendor.text)
      expect(response.headers.get('content-type')).toStartWith('text/event-stream')
      expect(await entryOf(weir, response)).toMatchObject(booked(1))
      expect(upstream.received[0]?.path).toBe(vendor.path.stream)
    })

    test(`${title}: a call of a tool, streamed`, async () => {
      using upstream = startUpstream(vendor.tool)
      await using weir = await startGateway(configOf(vendor, upstream.url, vendor.keys))
      const response = await weir.call(client.path, { ...client.ask, stream: true, tools: client.tools })
      expect(client.called(await response.text())).toEqual(vendor.call)
      expect(await entryOf(weir, response)).toMatchObject(booked(2))
      expect(upstream.received[0]?.body).toContain('test-tool')
    })

    test(`${title}: an error about the request`, async () => {
      using upstream = startUpstream(() => Response.json(vendor.error.body, { status: vendor.error.status }))
      await using weir = await startGateway(configOf(vendor, upstream.url, vendor.keys))
      const response = await weir.call(client.path, client.ask)
      expect(response.status).toBe(vendor.error.status)
      expect(await response.json()).toMatchObject({ error: { message: vendor.error.message } })
    })
  }

test('calls of Bedrock with keys are signed as they leave, for the region and with the session', async () => {
  using upstream = startUpstream(VENDORS[0]!.whole)
  const bedrock = { preset: 'bedrock', more: 'settings: { region: eu-central-1, guardrail: "g1" },' }
  await using weir = await startGateway(configOf(bedrock, upstream.url, AWS_KEYS))
  const response = await weir.call(CLIENTS[0].path, CLIENTS[0].ask)
  expect(response.status).toBe(200)
  const [sent] = upstream.received
  const date = sent?.headers.get('x-amz-date') ?? ''
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  expect(Math.abs(at - Date.now())).toBeLessThan(60_000)
  // The same signature comes of what arrived.
  const expected = await createAwsSigner(() => at)(
    {
      method: 'POST',
      url: `${upstream.url}${sent?.path}`,
      headers: { 'content-type': sent?.headers.get('content-type') ?? '' },
      body: sent?.body ?? '',
    },
    readAwsCredential(AWS_KEYS),
    { region: 'eu-central-1', service: 'bedrock' },
  )
  expect(sent?.headers.get('authorization')).toBe(expected['authorization'] ?? '')
  expect(sent?.headers.get('authorization')).toContain('/eu-central-1/bedrock/aws4_request')
  expect(sent?.headers.get('x-amz-security-token')).toBe('session-token-of-a-role')
  expect(JSON.parse(sent?.body ?? '')).toMatchObject({
    guardrailConfig: { guardrailIdentifier: 'g1', guardrailVersion: 'DRAFT' },
  })
})

test('Claude of Bedrock is spoken to in Anthropic’s format, with the guardrail in headers', async () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'Hi' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 3, output_tokens: 4 },
  }
  using upstream = startUpstream(() => Response.json(message))
  const bedrock = { preset: 'bedrock-anthropic', more: 'settings: { region: eu-central-1, guardrail: "g1" },' }
  await using weir = await startGateway(configOf(bedrock, upstream.url, 'bedrock-key-value'))
  const response = await weir.call(CLIENTS[1].path, CLIENTS[1].ask)
  expect(CLIENTS[1].textOf(await response.text())).toBe('Hi')
  const [sent] = upstream.received
  expect(sent?.path).toBe('/model/m%3A0/invoke')
  expect(sent?.headers.get('x-amzn-bedrock-guardrailidentifier')).toBe('g1')
  expect(JSON.parse(sent?.body ?? '')).toMatchObject({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 100 })
  expect(await entryOf(weir, response)).toMatchObject({ usage: { input: 3, output: 4 } })
})

for (const [preset, header, value] of [
  ['gemini', 'x-goog-api-key', 'some-key-value'],
  ['vertex', 'authorization', 'Bearer some-key-value'],
] as const)
  test(`${preset} by its own API answers a client of OpenAI`, async () => {
    const answer = {
      candidates: [{ content: { role: 'model', parts: [{ text: 'Hello' }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    }
    using upstream = startUpstream(() => Response.json(answer))
    await using weir = await startGateway(configOf({ preset }, upstream.url, 'some-key-value'))
    const response = await weir.call(CLIENTS[0].path, CLIENTS[0].ask)
    expect(CLIENTS[0].textOf(await response.text())).toBe('Hello')
    expect(upstream.received[0]?.path).toBe('/models/m%3A0:generateContent')
    expect(upstream.received[0]?.headers.get(header)).toBe(value)
    expect(await entryOf(weir, response)).toMatchObject({ usage: { input: 7, output: 3 } })
  })

test('a stream of Bedrock that ends before it has said anything falls back to the next target', async () => {
  const silence = streamBytes(BEDROCK, linesOf('bedrock-text.chunks.txt').slice(0, 1))
  using broken = startUpstream(() => inPieces(silence, 'application/vnd.amazon.eventstream'))
  using sound = startUpstream(VENDORS[0]!.stream)
  const provider = (name: string, url: string): string =>
    `  ${name}: { preset: bedrock, base_url: "${url}", keys: [k1234567], region: eu-central-1, models: { m: {} } }`
  await using weir = await startGateway(
    `providers:\n${provider('a', broken.url)}\n${provider('b', sound.url)}\nroutes:\n  r: { targets: [a/m, b/m] }\n`,
  )
  const response = await weir.call(CLIENTS[0].path, { ...CLIENTS[0].ask, model: 'r', stream: true })
  expect(CLIENTS[0].streamed(await response.text()).join('')).toStartWith('Let me count')
  expect(broken.received).toHaveLength(1)
})

test('an exception inside of a stream of Bedrock falls back before it spoke, and is told as an error after', async () => {
  const codec = new EventStreamCodec(
    (bytes) => (typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)),
    (text) => new TextEncoder().encode(text),
  )
  const exception = codec.encode({
    headers: {
      ':message-type': { type: 'string', value: 'exception' },
      ':exception-type': { type: 'string', value: 'throttlingException' },
    },
    body: new TextEncoder().encode('{"message":"Too many tokens"}'),
  })
  const lines = linesOf('bedrock-text.chunks.txt')
  const type = 'application/vnd.amazon.eventstream'
  const hasSpoken = Promise.withResolvers<void>()
  using early = startUpstream(() => inPieces(Buffer.concat([streamBytes(BEDROCK, lines.slice(0, 1)), exception]), type))
  using late = startUpstream(() => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(streamBytes(BEDROCK, lines.slice(0, 5)))
        // Together with the first words it would still be hidden by a fallback.
        await hasSpoken.promise
        controller.enqueue(exception)
        controller.close()
      },
    })
    return new Response(body, { headers: { 'content-type': type } })
  })
  const provider = (name: string, url: string): string =>
    `  ${name}: { preset: bedrock, base_url: "${url}", keys: [k1234567], region: eu-central-1, models: { m: {} } }`
  await using weir = await startGateway(
    `providers:\n${provider('a', early.url)}\n${provider('b', late.url)}\nroutes:\n  r: { targets: [a/m, b/m] }\n`,
  )
  const response = await weir.call(CLIENTS[1].path, { ...CLIENTS[1].ask, model: 'r', stream: true })
  hasSpoken.resolve()
  const events = jsonOf(await response.text()) as (JsonObject & MessageEvent)[]
  expect(events.map(({ delta }) => delta?.text ?? '').join('')).toStartWith('Let me count')
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { message: expect.stringContaining('Too many tokens') } })
  expect([early.received.length, late.received.length]).toEqual([1, 1])
  expect(await entryOf(weir, response)).toMatchObject({ usageSource: 'estimated' })
})
