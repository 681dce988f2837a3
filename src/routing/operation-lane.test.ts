// Whatever a caller or a provider says in the translated lane of the operations beside chat, it is understood or it is refused.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Call } from '../core/call.ts'
import { ProblemError } from '../core/chat-answer.ts'
import { GatewayError } from '../core/error.ts'
import { formFields } from '../core/form.ts'
import type { FormPart } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_MEMBERS } from '../core/json.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import type { Deployment } from '../core/model.ts'
import type { OperationName, RequestOf } from '../core/operations.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { geminiEmbeddings } from '../dialects/gemini.ts'
import { openaiEmbeddings } from '../dialects/openai-embeddings.ts'
import { openaiModerations } from '../dialects/openai-moderations.ts'
import { openaiImageEdits, openaiImageGenerations, openaiImageVariations } from '../dialects/openai-images.ts'
import { openaiSpeech } from '../dialects/openai-speech.ts'
import { openaiTranscriptions, openaiTranslations } from '../dialects/openai-transcription.ts'
import { rerankV1, rerankV2 } from '../dialects/rerank.ts'
import { assemblyaiWire } from '../providers/assemblyai/wire.ts'
import { bedrockWire } from '../providers/bedrock/wire.ts'
import { cohereWire } from '../providers/cohere/wire.ts'
import { deepgramWire } from '../providers/deepgram/wire.ts'
import { elevenlabsWire } from '../providers/elevenlabs/wire.ts'
import { falWire } from '../providers/fal/wire.ts'
import { geminiWire, vertexWire } from '../providers/gemini/wire.ts'
import { jinaWire } from '../providers/jina/wire.ts'
import { ollamaWire } from '../providers/ollama/wire.ts'
import type { OperationWire } from '../providers/operation-wire.ts'
import { openaiWire } from '../providers/openai/wire.ts'
import { replicateWire } from '../providers/replicate/wire.ts'
import { stabilityWire } from '../providers/stability/wire.ts'
import { voyageWire } from '../providers/voyage/wire.ts'

const DIALECTS: readonly Dialect[] = [
  openaiEmbeddings,
  openaiModerations,
  geminiEmbeddings,
  rerankV1,
  rerankV2,
  openaiImageGenerations,
  openaiImageEdits,
  openaiImageVariations,
  openaiSpeech,
  openaiTranscriptions,
  openaiTranslations,
]
const WIRES = [
  assemblyaiWire,
  bedrockWire,
  cohereWire,
  deepgramWire,
  elevenlabsWire,
  falWire,
  geminiWire,
  jinaWire,
  ollamaWire,
  openaiWire,
  replicateWire,
  stabilityWire,
  vertexWire,
  voyageWire,
]

const REQUESTS: { readonly [name in OperationName]: RequestOf<name> } = {
  embeddings: {
    inputs: [{ type: 'text', text: 'a' }],
    purpose: null,
    title: null,
    dimensions: null,
    truncate: null,
    endUser: null,
  },
  rerank: { query: 'q', documents: ['a', 'b'], limit: null, maxDocumentTokens: null },
  images: {
    action: 'generate',
    prompt: 'p',
    images: [],
    hasMask: false,
    count: 1,
    size: null,
    quality: null,
    format: null,
    as: null,
    seed: null,
    negativePrompt: null,
  },
  moderation: { texts: ['a'], hasPictures: false },
  speech: { text: 't', voice: 'v', format: 'wav', speed: 1, instructions: null },
  transcription: {
    task: 'transcribe',
    sound: { bytes: new Uint8Array([1]), mediaType: 'audio/mpeg', filename: 'a' },
    language: null,
    prompt: null,
    temperature: null,
    speakers: false,
  },
}

/** Names that the formats use, so that made-up JSON gets past the first look at it. */
const NAMES = fc.constantFrom(
  ...'input content parts text requests query documents prompt voice n size image images file speed response_format dimensions'.split(
    ' ',
  ),
  ...'data embedding embeddings values float index relevance_score results predictions candidates inlineData output url'.split(
    ' ',
  ),
  ...'usage meta billed_units categories category_scores metadata words start end segments channels alternatives transcript utterances status error'.split(
    ' ',
  ),
)
const json = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('1024x1024', 'float'),
  ),
  value: fc.oneof({ maxDepth: 4 }, tie('leaf'), fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(NAMES, tie('value'), { maxKeys: 5 }),
}))
const object = json.object as fc.Arbitrary<JsonObject>

function callOf(body: JsonObject, form?: readonly FormPart[]): Call {
  return { body, form, text: '', members: NO_MEMBERS } as unknown as Call
}

describe.each(DIALECTS.map((dialect) => [dialect.id, dialect] as const))('%s', (_, dialect) => {
  const translator = dialect.operationTranslator!

  function understood(call: Call): void {
    try {
      dialect.readFacts(call.body)
      translator.readRequest(call)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      expect(['request_malformed', 'unsupported']).toContain(error.code)
    }
  }

  test('any JSON is read, or refused with a word', () => {
    fc.assert(
      fc.property(object, (body) => understood(callOf({ model: 'm', ...body }))),
      { numRuns: 300 },
    )
  })

  test('any form is read, or refused with a word', () => {
    const part: fc.Arbitrary<FormPart> = fc.oneof(
      fc.record({ type: fc.constant('text' as const), name: NAMES, value: fc.string({ maxLength: 8 }) }),
      fc.record({
        type: fc.constant('file' as const),
        name: NAMES,
        filename: fc.string({ maxLength: 5 }),
        mediaType: fc.constantFrom('audio/mpeg', 'image/png'),
        bytes: fc.uint8Array({ maxLength: 9 }),
      }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) =>
        understood(callOf({ model: 'm', ...formFields(parts) }, parts)),
      ),
      { numRuns: 200 },
    )
  })
})

const DEPLOYMENT = {
  id: 'up/m',
  model: 'maker/../../x?y#z',
  provider: { baseUrl: 'https://host.example/base', quirks: {}, settings: {} },
  facts: NO_FACTS,
} as unknown as Deployment

const KINDS = WIRES.flatMap((wire) =>
  (Object.keys(wire.operations ?? {}) as OperationName[]).map((name) => [wire.id, name, wire] as const),
)

describe.each(KINDS)('%s: %s', (_, name, wire) => {
  const operation = wire.operations?.[name] as OperationWire<OperationName>

  test('any answer is read, or is none', () => {
    fc.assert(
      fc.property(fc.oneof(object, json.value), (body) => {
        const bytes = new TextEncoder().encode(JSON.stringify(body) ?? '')
        try {
          operation.next?.({ bytes, headers: new Headers() }, REQUESTS[name], DEPLOYMENT, 1)
          const answer = operation.readAnswer({ bytes, headers: new Headers() }, REQUESTS[name])
          expect(answer).toHaveProperty('usage')
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('what is sent goes below the base URL, whatever the model is called', () => {
    if (operation.serves?.(DEPLOYMENT) === false) return
    const { url } = operation.writeRequest(REQUESTS[name], DEPLOYMENT)
    expect(url).toStartWith('https://host.example/base/')
    expect(new URL(url).pathname).toStartWith('/base/')
    expect(new URL(url).hash).toBe('')
  })
})
