// Every wire as a fake provider that answers the questions of the matrix, and a gateway before all of them.
import type { JsonObject } from '../../src/core/json.ts'
import { startGateway, startUpstream } from '../gateway.ts'
import { streamBytes, WIRES } from '../recorded/wires.ts'
import type { RecordedWire } from '../recorded/wires.ts'
import type { WireName } from './matrix.ts'
import * as vendors from './spoken-vendors.ts'
import * as spoken from './spoken.ts'
import { CALL_ID } from './spoken.ts'
import type { Format, Spoken } from './spoken.ts'

/** What clients ask, and what a provider then says. */
export const ASKED = {
  hello: 'Say hello to the river.',
  weather: 'What is the weather in Ulm?',
  person: 'Give me the person as JSON.',
  picture: 'What is in the picture?',
  refuse: 'Refuse this request.',
  endless: 'Talk on and on.',
} as const

export const HELLO = 'Hello from behind the weir.'
/** What the tool gives, and what is said of it. */
export const WEATHER = 'sunny, 21 degrees'
export const WEATHER_ANSWER = 'It is sunny in Ulm.'
export const PERSON = { name: 'Ada', age: 36 }
export const PICTURE = 'A single red dot.'
export const REFUSAL = 'The river flows the other way.'
/** One red pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

export type Wire = {
  readonly name: WireName
  /** Provider of the configuration, without its address. */
  readonly provider: string
  readonly model: string
  readonly format: Format
  readonly framing: RecordedWire
}

/** The name of a wire is the name of its provider; `m-NAME` is the route to its model. */
export const MATRIX_WIRES: readonly Wire[] = [
  {
    name: 'openai',
    provider: 'preset: openai-compatible, keys: [upstream-key]',
    model: 'm',
    format: spoken.openaiChat,
    framing: WIRES['openai-chat'],
  },
  {
    name: 'openai-responses',
    provider: 'preset: openai, keys: [upstream-key], quirks: { responses: only }',
    model: 'gpt-5-mini',
    format: spoken.openaiResponses,
    framing: WIRES['openai-responses'],
  },
  {
    name: 'anthropic',
    provider: 'preset: anthropic, keys: [upstream-key]',
    model: 'claude-haiku-4-5',
    format: vendors.anthropic,
    framing: WIRES.anthropic,
  },
  {
    name: 'gemini',
    provider: 'preset: gemini, keys: [upstream-key]',
    model: 'gemini-2.5-flash',
    format: vendors.gemini,
    framing: WIRES.gemini,
  },
  {
    name: 'gemini-interactions',
    provider: 'preset: gemini-interactions, keys: [upstream-key]',
    model: 'gemini-3-pro',
    format: vendors.interactions,
    framing: WIRES['gemini-interactions'],
  },
  {
    name: 'vertex',
    provider: 'preset: vertex, keys: [upstream-key]',
    model: 'gemini-2.5-pro',
    format: vendors.gemini,
    framing: WIRES.gemini,
  },
  {
    name: 'bedrock',
    provider: 'preset: bedrock, keys: [upstream-key], settings: { region: us-east-1 }',
    model: 'amazon.nova-pro-v1:0',
    format: vendors.bedrock,
    framing: WIRES.bedrock,
  },
  {
    name: 'bedrock-invoke',
    provider: 'preset: bedrock-anthropic, keys: [upstream-key], settings: { region: us-east-1 }',
    model: 'anthropic.claude-haiku-4-5-v1:0',
    format: vendors.bedrockInvoke,
    framing: WIRES.bedrock,
  },
  {
    name: 'cohere',
    provider: 'preset: cohere, keys: [upstream-key]',
    model: 'command-a-vision-07-2025',
    format: vendors.cohere,
    framing: WIRES.cohere,
  },
  {
    name: 'ollama',
    provider: 'preset: ollama-native',
    model: 'qwen3-vl',
    format: vendors.ollama,
    framing: WIRES.ollama,
  },
]

/** Whether calls have ids in the wire's format: Gemini's and Ollama's may go without. */
export function namesCalls({ format }: Wire): boolean {
  return JSON.stringify(format.whole({ type: 'call', name: 'weather', input: {} })).includes(CALL_ID)
}

const CONTENT_TYPES: Readonly<Record<NonNullable<RecordedWire['framing']>, string>> = {
  sse: 'text/event-stream',
  'aws-event-stream': 'application/vnd.amazon.eventstream',
  'json-lines': 'application/x-ndjson',
  whole: 'application/json',
}

/** What one request to a provider was, and what became of its answer. */
type Asked = { readonly wire: string; readonly body: string; cancelled: boolean }

export type MatrixGateway = AsyncDisposable & {
  /** Where clients call, without a path. */
  readonly url: string
  readonly key: string
  /** All that providers were asked, oldest first. */
  readonly asked: readonly Asked[]
  /** The last request that a wire's provider got; throws when there is none. */
  lastAsked(wire: string): Asked
}

export async function startMatrixGateway(): Promise<MatrixGateway> {
  const asked: Asked[] = []
  const upstream = startUpstream((request, _number, body) => {
    const [, name, ...rest] = new URL(request.url).pathname.split('/')
    const wire = MATRIX_WIRES.find((one) => one.name === name)
    if (wire === undefined) return new Response(null, { status: 404 })
    const entry = { wire: wire.name, body, cancelled: false }
    asked.push(entry)
    return answerOf(wire, body, rest.join('/'), () => (entry.cancelled = true))
  })
  const providers = MATRIX_WIRES.map(
    ({ name, provider, model }) =>
      `  ${name}: { ${provider}, base_url: "${upstream.url}/${name}", models: { "${model}": { price: { input: 1, output: 2 } } } }\n`,
  )
  const routes = MATRIX_WIRES.map(({ name, model }) => `  m-${name}: { targets: ["${name}/${model}"] }\n`)
  const weir = await startGateway(`providers:\n${providers.join('')}routes:\n${routes.join('')}`)
  return {
    url: weir.listen().url,
    key: weir.key,
    asked,
    lastAsked(wire) {
      const found = asked.findLast((one) => one.wire === wire)
      if (found === undefined) throw new Error(`nobody asked ${wire}`)
      return found
    },
    async [Symbol.asyncDispose]() {
      await weir[Symbol.asyncDispose]()
      upstream[Symbol.dispose]()
    },
  }
}

function answerOf(wire: Wire, body: string, path: string, onCancel: () => void): Response {
  const { format } = wire
  if (body.includes(ASKED.refuse)) return Response.json(format.error(REFUSAL), { status: 400 })
  const said = saidTo(body)
  if (!isStream(wire, body, path)) return Response.json(format.whole(said))
  const bytes = streamBytes(wire.framing, format.stream(said))
  const isEndless = body.includes(ASKED.endless)
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      // An endless answer begins, and is never heard of again.
      controller.enqueue(isEndless ? bytes.slice(0, Math.floor(bytes.length / 2)) : bytes)
      if (!isEndless) controller.close()
    },
    cancel: onCancel,
  })
  return new Response(stream, { headers: { 'content-type': CONTENT_TYPES[wire.framing.framing ?? 'sse'] } })
}

function isStream(wire: Wire, body: string, path: string): boolean {
  if (/(?:streamGenerateContent|-stream)$/.test(path)) return true
  const { stream } = JSON.parse(body) as { readonly stream?: boolean }
  return wire.name === 'ollama' ? stream !== false : stream === true
}

function saidTo(body: string): Spoken {
  if (body.includes(WEATHER)) return { type: 'text', text: WEATHER_ANSWER }
  if (body.includes(ASKED.weather)) return { type: 'call', name: 'weather', input: { city: 'Ulm' } }
  if (body.includes(ASKED.person)) {
    const forced = forcedTool(JSON.parse(body) as JsonObject)
    return forced === null
      ? { type: 'text', text: JSON.stringify(PERSON) }
      : { type: 'call', name: forced, input: PERSON }
  }
  if (body.includes(ASKED.picture)) return { type: 'text', text: PICTURE }
  return { type: 'text', text: HELLO }
}

/** The tool that a request of Converse forces; null when it forces none. */
function forcedTool(body: JsonObject): string | null {
  const { toolConfig } = body as { readonly toolConfig?: { toolChoice?: { tool?: { name: string } } } }
  return toolConfig?.toolChoice?.tool?.name ?? null
}
