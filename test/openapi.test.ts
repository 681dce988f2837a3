// What the OpenAI dialects write is what OpenAI's own OpenAPI document describes: every recorded answer, told in them.
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { openaiChatTranslator } from '../src/dialects/openai-chat-translator.ts'
import { openaiResponsesTranslator } from '../src/dialects/openai-responses-translator.ts'
import type { AnswerContext, ChatTranslator } from '../src/dialects/translator.ts'
import { FAST_SIMULATOR, startGateway } from './gateway.ts'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import { createSimulator } from '../src/providers/simulator/simulator.ts'
import { CASES, contentOf, HAS_CORPUS, isRecording, recordingsOf, ROWS } from './recorded/corpus.ts'
import type { Recording } from './recorded/corpus.ts'
import { dataOf } from './recorded/dialects.ts'
import { assembled, eventsIn, saysError } from './recorded/losses.ts'
import type { RecordedWire } from './recorded/wires.ts'

/** OpenAI's document lies beside the repository and may be absent. */
const DOCUMENT = path.resolve(import.meta.dirname, '../../shared/data/openai/openapi.json.gz')
const HAS_DOCUMENT = existsSync(DOCUMENT) && HAS_CORPUS

type Json = { [name: string]: any } // oxlint-disable-line typescript/no-explicit-any -- a document of any form

/** The document where it is at odds with OpenAI's own API, and with JSON Schema, mended. */
function mended(document: Json): Json {
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const schema = value as Json
    // A word of OpenAPI 3.0 that a 3.1 document has left over, once without a type.
    if (schema['nullable'] === true && schema['type'] === undefined) delete schema['nullable']
    // It chooses among `oneOf` only by the mapping that the document does not give.
    if (typeof schema['discriminator'] === 'object') delete schema['discriminator']
    for (const member of Object.values(schema)) visit(member)
  }
  visit(document)
  // Chunks before the last say `finish_reason: null`, as OpenAI's own examples do.
  const choice = document['components'].schemas.CreateChatCompletionStreamResponse.properties.choices.items
  const reason = choice.properties.finish_reason
  choice.properties.finish_reason = { anyOf: [reason, { type: 'null' }] }
  // Its own description says that chunks before the last have `usage: null`.
  const chunk = document['components'].schemas.CreateChatCompletionStreamResponse.properties
  chunk.usage = { anyOf: [chunk.usage, { type: 'null' }] }
  // It streams calls of custom tools, which the document knows only in whole answers.
  document['components'].schemas.ChatCompletionMessageToolCallChunk.properties.type.enum.push('custom')
  return document
}

function compiler(): (name: string) => ValidateFunction {
  const document = mended(JSON.parse(gunzipSync(readFileSync(DOCUMENT)).toString('utf8')) as Json)
  const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false })
  ajv.addFormat('unixtime', {
    type: 'number',
    validate: (seconds: number) => Number.isInteger(seconds) && seconds >= 0,
  })
  addFormats(ajv, ['uri'])
  ajv.addSchema({ $id: 'openai.json', components: document['components'] })
  return (name) => {
    const validate = ajv.getSchema(`openai.json#/components/schemas/${name}`)
    if (validate === undefined) throw new Error(`the document has no schema ${name}`)
    return validate
  }
}

const schemaOf = HAS_DOCUMENT ? compiler() : null

function problemsOf(schema: string, value: unknown): readonly string[] {
  const validate = schemaOf?.(schema)
  if (validate === undefined || validate(value)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message }) =>
      `${instancePath} ${message}: ${JSON.stringify(at(value, instancePath))?.slice(0, 300)}`,
  )
}

function at(value: unknown, pointer: string): unknown {
  let found = value
  for (const name of pointer.split('/').slice(1)) found = (found as Json | undefined)?.[name]
  return found
}

/** Items that we write ourselves. Those of hosted tools are relayed in the provider's own words, some of them older. */
const OWN_ITEMS = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call'])

/** The value without items of hosted tools; null when it is about nothing else. */
function withoutHosted(value: Json): Json | null {
  const own = (item: Json): boolean => OWN_ITEMS.has(item['type'])
  if (value['item'] !== undefined) return own(value['item']) ? value : null
  if (value['response'] !== undefined) return { ...value, response: withoutHosted(value['response']) }
  return Array.isArray(value['output']) ? { ...value, output: value['output'].filter(own) } : value
}

/** Events of streams, by their type: the document's list of them has none for custom tools. */
function eventSchema(event: Json): string {
  const type = String(event['type'])
  if (type === 'response.custom_tool_call_input.delta') return 'ResponseCustomToolCallInputDeltaEvent'
  return type === 'response.custom_tool_call_input.done'
    ? 'ResponseCustomToolCallInputDoneEvent'
    : 'ResponseStreamEvent'
}

type Form = {
  readonly name: string
  readonly translator: ChatTranslator
  readonly whole: string
  readonly event: (event: Json) => string
}

const FORMS: readonly Form[] = [
  {
    name: 'chat completions',
    translator: openaiChatTranslator,
    whole: 'CreateChatCompletionResponse',
    event: () => 'CreateChatCompletionStreamResponse',
  },
  { name: 'responses', translator: openaiResponsesTranslator, whole: 'Response', event: eventSchema },
]

const CONTEXT: AnswerContext = {
  model: 'asked-for',
  id: 'req_1',
  created: 1_700_000_000,
  includeUsage: true,
  body: {
    model: 'asked-for',
    input: 'hello',
    instructions: 'be brief',
    temperature: 0.5,
    reasoning: { effort: 'low' },
    text: { verbosity: 'low' },
    tools: [{ type: 'function', name: 'weather', parameters: { type: 'object' } }],
    tool_choice: { type: 'function', name: 'weather' },
    metadata: { origin: 'test' },
    user: 'ada',
  },
}

/** Recordings that are told in a form, and where they lie. */
type Told = { readonly of: string; readonly wire: RecordedWire; readonly recordings: readonly Recording[] }

function ownCases(folder: string): readonly Told[] {
  return readdirSync(folder)
    .filter(isRecording)
    .toSorted()
    .flatMap((file): readonly Told[] => {
      const content = contentOf(readFileSync(path.join(folder, file), 'utf8'), file)
      if (content.type !== 'answers') return []
      const { wire, recordings } = content
      return recordings.some((one) => saysError(wire, one)) ? [] : [{ of: file, wire, recordings }]
    })
}

const TOLD: readonly Told[] = [
  ...ROWS.map((row) => ({ of: row.folder, wire: row.wire, recordings: recordingsOf(row) })),
  ...ownCases(path.join(CASES, 'made')),
]

for (const form of FORMS)
  describe.skipIf(!HAS_DOCUMENT)(`OpenAI's document describes our ${form.name}`, () => {
    test.each(TOLD.map((told) => [told.of, told] as const))('for %s, whole and streamed', (_of, told) => {
      const found: string[] = []
      let checked = 0
      for (const recording of told.recordings) {
        const events = eventsIn(told.wire, recording)
        const whole = JSON.parse(JSON.stringify(form.translator.writeAnswer(assembled(events), CONTEXT))) as Json
        found.push(...problemsOf(form.whole, withoutHosted(whole)).map((problem) => `${recording.name}: ${problem}`))
        const writer = form.translator.streamWriter(CONTEXT)
        const text = events.map((event) => writer.write(event)).join('') + writer.end()
        for (const data of dataOf(text)) {
          if (data === '[DONE]') continue
          const event = withoutHosted(JSON.parse(data) as Json)
          if (event === null) continue
          checked++
          for (const problem of problemsOf(form.event(event), event))
            found.push(`${recording.name}: ${String(event['type'] ?? 'chunk')} ${problem}`)
        }
      }
      expect([...new Set(found)].slice(0, 10)).toEqual([])
      expect(checked).toBeGreaterThan(0)
    })
  })

describe.skipIf(!HAS_DOCUMENT)("OpenAI's document describes the simulator's answers", () => {
  async function asked(endpoint: string, body: Json | FormData): Promise<string> {
    const clock = drivenClock()
    const request = new Request(`http://sim/v1${endpoint}`, {
      method: 'POST',
      body: body instanceof FormData ? body : JSON.stringify(body),
    })
    const answered = createSimulator({ clock, seed: 1 }).fetch(request)
    return clock.run(answered.then((response) => response.text()))
  }

  test.each(['float', 'base64'])('embeddings as %s', async (format) => {
    const text = await asked('/embeddings', {
      model: 'embed',
      input: ['one', 'two'],
      encoding_format: format,
    })
    const answer = JSON.parse(text) as Json
    // The document knows vectors as numbers only.
    for (const one of answer['data'] as Json[]) if (format === 'base64') one['embedding'] = [0]
    expect(problemsOf('CreateEmbeddingResponse', answer)).toEqual([])
    expect(answer['data']).toHaveLength(2)
  })

  test('chat completions, whole and streamed', async () => {
    const body = { model: 'small', messages: [{ role: 'user', content: 'hello' }] }
    expect(problemsOf('CreateChatCompletionResponse', JSON.parse(await asked('/chat/completions', body)))).toEqual([])
    const chunks = dataOf(
      await asked('/chat/completions', { ...body, stream: true, stream_options: { include_usage: true } }),
    )
    for (const data of chunks)
      if (data !== '[DONE]') expect(problemsOf('CreateChatCompletionStreamResponse', JSON.parse(data))).toEqual([])
    expect(chunks.length).toBeGreaterThan(3)
  })

  const recording = (more: Readonly<Record<string, string>>): FormData => {
    const form = new FormData()
    form.append('file', new File([new Uint8Array(160_000).buffer], 'a.mp3', { type: 'audio/mpeg' }))
    for (const [name, value] of Object.entries({ model: 'hear', ...more })) form.append(name, value)
    return form
  }
  const DRAWN = { model: 'draw', prompt: 'a weir', size: '1024x1024' }
  const SPOKEN = { model: 'speak', input: 'Hello', voice: 'alloy', stream_format: 'sse' }

  test.each([
    ['CreateModerationResponse', '/moderations', { model: 'moderate', input: ['I will kill the process', 'hello'] }],
    ['ImagesResponse', '/images/generations', { ...DRAWN, n: 2 }],
    ['ImageGenStreamEvent', '/images/generations', { ...DRAWN, stream: true, partial_images: 1 }],
    ['SpeechAudioDeltaEvent SpeechAudioDoneEvent', '/audio/speech', SPOKEN],
    ['CreateTranscriptionResponseJson', '/audio/transcriptions', recording({})],
    ['CreateTranscriptionResponseVerboseJson', '/audio/transcriptions', recording({ response_format: 'verbose_json' })],
    [
      'CreateTranscriptionResponseDiarizedJson',
      '/audio/transcriptions',
      recording({ response_format: 'diarized_json' }),
    ],
    ['CreateTranscriptionResponseStreamEvent', '/audio/transcriptions', recording({ stream: 'true' })],
    ['CreateTranslationResponseJson', '/audio/translations', recording({})],
  ])('%s', async (schemas, endpoint, body) => {
    const text = await asked(endpoint, body)
    const values = text.startsWith('{')
      ? [JSON.parse(text) as Json]
      : dataOf(text).map((data) => JSON.parse(data) as Json)
    expect(values.length).toBeGreaterThan(0)
    for (const value of values) {
      const found = schemas.split(' ').map((schema) => problemsOf(schema, value))
      if (!found.some((problems) => problems.length === 0)) expect(found).toEqual([])
    }
  })
})

describe.skipIf(!HAS_DOCUMENT)('what the gateway keeps, and what the simulator says live', () => {
  test('files and batches, in every state that a batch has', async () => {
    await using weir = await startGateway(FAST_SIMULATOR)
    const json = async (call: Promise<Response>): Promise<Json> => (await (await call).json()) as Json
    const upload = (text: string): Promise<Json> => {
      const form = new FormData()
      form.append('purpose', 'batch')
      form.append('file', new File([text], 'input.jsonl'))
      const headers = { authorization: `Bearer ${weir.key}` }
      return json(weir.gateway.fetch(new Request('http://gateway/v1/files', { method: 'POST', body: form, headers })))
    }
    const line = (model: string): string =>
      JSON.stringify({ custom_id: model, method: 'POST', url: '/v1/embeddings', body: { model, input: 'x' } })
    expect(problemsOf('ListFilesResponse', await json(weir.call('/v1/files')))).toEqual([])
    for (const text of [`${line('sim/embed')}\n${line('sim/none')}`, 'nonsense']) {
      const file = await upload(text)
      expect(problemsOf('OpenAIFile', file)).toEqual([])
      const asked = { input_file_id: file['id'], endpoint: '/v1/embeddings', completion_window: '24h' }
      let batch = await json(weir.call('/v1/batches', asked))
      for (;;) {
        expect(problemsOf('Batch', batch)).toEqual([])
        if (batch['status'] === 'completed' || batch['status'] === 'failed') break
        await Bun.sleep(1)
        batch = await json(weir.call(`/v1/batches/${batch['id']}`))
      }
    }
    expect(problemsOf('ListFilesResponse', await json(weir.call('/v1/files')))).toEqual([])
    expect(problemsOf('ListBatchesResponse', await json(weir.call('/v1/batches')))).toEqual([])
    const [file] = (await json(weir.call('/v1/files')))['data'] as Json[]
    expect(
      problemsOf(
        'DeleteFileResponse',
        await json(weir.call(`/v1/files/${file?.['id']}`, undefined, { method: 'DELETE' })),
      ),
    ).toEqual([])
  })

  test('events of a live session', async () => {
    const clock = drivenClock()
    const simulator = createSimulator({ clock, seed: 1 })
    const session = simulator.connect('simulator://local/v1/realtime?model=talk')
    const events: Json[] = []
    session.listen({
      message: (text) => void events.push(JSON.parse(String(text)) as Json),
      pong: () => {},
      closed: () => {},
    })
    const send = (event: object): void => session.send(JSON.stringify(event))
    await Promise.resolve()
    send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
    send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
    })
    send({ type: 'input_audio_buffer.append', audio: 'AAAA' })
    send({ type: 'input_audio_buffer.commit' })
    send({ type: 'input_audio_buffer.clear' })
    send({ type: 'nonsense' })
    for (const output_modalities of [['text'], ['audio']]) {
      send({ type: 'response.create', response: { output_modalities } })
      clock.advance(60_000)
    }
    send({ type: 'response.create' })
    send({ type: 'response.cancel' })
    expect(new Set(events.map(({ type }) => type as string)).size).toBe(16)
    for (const event of events)
      expect([event['type'], ...problemsOf('RealtimeServerEvent', event)]).toEqual([event['type']])
  })
})
