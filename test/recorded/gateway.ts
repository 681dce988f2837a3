// A whole gateway before upstreams that play recordings: what a client of each dialect gets to hear over HTTP.
import { startGateway, startUpstream } from '../gateway.ts'
import type { TestGateway } from '../gateway.ts'
import type { Recording, Refusal } from './corpus.ts'
import { dataOf, expectedIn } from './dialects.ts'
import type { Dialect } from './dialects.ts'
import { differences, saidBy } from './losses.ts'
import type { Said } from './oracle.ts'
import { streamBytes, WIRES } from './wires.ts'
import type { RecordedWire } from './wires.ts'

export type RecordedGateway = AsyncDisposable & {
  /** What a client of the dialect loses of a recording; each sentence is a loss. */
  lossesFor(wire: RecordedWire, recording: Recording, dialect: Dialect): Promise<readonly string[]>
  /** What it loses of a provider's refusal. */
  refusalLossesFor(refusal: Refusal, dialect: Dialect): Promise<readonly string[]>
}

const CONTENT_TYPES: Readonly<Record<NonNullable<RecordedWire['framing']>, string>> = {
  sse: 'text/event-stream',
  'aws-event-stream': 'application/vnd.amazon.eventstream',
  'json-lines': 'application/x-ndjson',
  whole: 'application/json',
}

/** Pieces in which a stream arrives: they cut events anywhere. */
const PIECE_BYTES = 1_777

export async function startRecordedGateway(): Promise<RecordedGateway> {
  let playing: (() => Response) | null = null
  const upstream = startUpstream(() => playing?.() ?? new Response(null, { status: 500 }))
  const providers = Object.values(WIRES).map(
    ({ name, provider }) => `  ${name}: { ${provider}, base_url: "${upstream.url}", models: { m: {} } }\n`,
  )
  const start = (): Promise<TestGateway> => startGateway(`providers:\n${providers.join('')}`)
  const weir = await start()

  async function said(asked: TestGateway, dialect: Dialect, wire: RecordedWire, stream: boolean): Promise<Said> {
    const { path, body } = request(dialect, `${wire.name}/m`, stream)
    const response = await asked.call(path, body)
    const text = await response.text()
    if (response.status !== 200) throw new Error(`status ${response.status}: ${text.slice(0, 300)}`)
    return stream ? dialect.oracle.stream(dataOf(text)) : dialect.oracle.whole(JSON.parse(text) as never)
  }

  return {
    async lossesFor(wire, recording, dialect) {
      playing = () => responseOf(wire, recording)
      const due = attempt(() => expectedIn(dialect, saidBy(wire, recording)))
      const stream = recording.type === 'stream'
      if (due instanceof Error) {
        // Of its own, for a provider that fails is not asked again for a while.
        await using another = await start()
        const found = await said(another, dialect, wire, stream).catch(() => null)
        // An answer that is an error must be one for the client, too.
        return found === null ? [] : [`an error of the provider is not told: ${due.message}`]
      }
      const found = await said(weir, dialect, wire, stream).catch((error: unknown) => new Error(String(error)))
      if (found instanceof Error) return [found.message]
      // In the native lane the provider's own words arrive.
      return differences(expectedIn(dialect, found), due)
    },
    async refusalLossesFor({ wire, status, body, message }, dialect) {
      playing = () => Response.json(body, { status })
      await using another = await start()
      const { path, body: asked } = request(dialect, `${wire.name}/m`, false)
      const response = await another.call(path, asked)
      const text = await response.text()
      // Limits and faults of a provider are the gateway's business: what it tells is that no target could answer.
      const isOwn = status === 429 || status >= 500
      if (isOwn) return response.status >= 429 ? [] : [`status ${response.status} for ${status}`]
      const said = JSON.stringify(message).slice(1, -1)
      return response.status === status && text.includes(said) ? [] : [`status ${response.status}: ${text}`]
    },
    async [Symbol.asyncDispose]() {
      await weir[Symbol.asyncDispose]()
      upstream[Symbol.dispose]()
    },
  }
}

function attempt<T>(read: () => T): T | Error {
  try {
    return read()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function responseOf(wire: RecordedWire, recording: Recording): Response {
  if (recording.type === 'whole') return Response.json(recording.body)
  const bytes = streamBytes(wire, recording.data)
  let from = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (from >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(from, (from += PIECE_BYTES)))
    },
  })
  return new Response(body, { headers: { 'content-type': CONTENT_TYPES[wire.framing ?? 'sse'] } })
}

const QUESTION = 'What is recorded?'

/** A plain question in the words of a dialect. */
function request(dialect: Dialect, model: string, stream: boolean): { readonly path: string; readonly body: object } {
  const messages = [{ role: 'user', content: QUESTION }]
  switch (dialect.name) {
    case 'openai-chat':
      return {
        path: '/v1/chat/completions',
        body: { model, messages, ...(stream ? { stream, stream_options: { include_usage: true } } : {}) },
      }
    case 'anthropic-messages':
      return { path: '/v1/messages', body: { model, max_tokens: 1_000, messages, stream } }
    case 'openai-responses':
      return { path: '/v1/responses', body: { model, input: QUESTION, stream, store: false } }
    default: {
      const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return {
        path: `/v1beta/models/${model}:${method}`,
        body: { contents: [{ role: 'user', parts: [{ text: QUESTION }] }] },
      }
    }
  }
}
