// Gemini's embedContent and batchEmbedContents in the translated lane.
import type { Call } from '../core/call.ts'
import { purposeOf } from '../core/embeddings.ts'
import type { EmbeddingInput, EmbeddingsAnswer } from '../core/embeddings.ts'
import { GatewayError } from '../core/error.ts'
import { camelKeys } from '../core/formats/gemini-parts.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { objectOf } from '../core/json-read.ts'
import { inputTokens } from '../core/usage.ts'
import type { OperationTranslator, ReadOperation } from './operation-translator.ts'
import { optionalCount, optionalString } from './read-fields.ts'

export const geminiEmbeddingsTranslator: OperationTranslator<'embeddings'> = {
  operation: 'embeddings',
  readRequest,
  writeAnswer,
}

type One = {
  readonly input: EmbeddingInput
  readonly dimensions: number | null
  readonly word: string | null
  readonly title: string | null
}

function readRequest({ body }: Call): ReadOperation<'embeddings'> {
  const { requests } = body
  const ones = Array.isArray(requests)
    ? requests.map((one: unknown, index) => readOne(one, `requests[${index}].`))
    : [readOne(body, '')]
  const first = ones[0] as One
  if (ones.some(({ dimensions, word }) => dimensions !== first.dimensions || word !== first.word))
    throw new GatewayError('unsupported', {
      message: 'Requests of one batch with different `taskType` or `outputDimensionality` can be sent to Gemini only.',
      param: 'requests',
    })
  const purpose = first.word === null ? null : purposeOf(first.word)
  return {
    request: {
      inputs: ones.map(({ input }) => input),
      purpose,
      title: ones.length === 1 ? first.title : null,
      dimensions: first.dimensions,
      truncate: null,
      endUser: null,
    },
    warnings: [
      ...(first.word === null || purpose !== null
        ? []
        : [`The purpose ${JSON.stringify(first.word.slice(0, 64))} is not known here.`]),
      ...(ones.length > 1 && ones.some(({ title }) => title !== null) ? ['Titles of documents are left out.'] : []),
    ],
  }
}

function readOne(value: unknown, path: string): One {
  if (!isObject(value)) throw malformed(`\`${path.slice(0, -1)}\` must be an object.`, path.slice(0, -1))
  const request = camelKeys(value)
  const config = camelKeys(objectOf(request, 'embedContentConfig') ?? {})
  const dimensions = optionalCount(request, 'outputDimensionality') ?? optionalCount(config, 'outputDimensionality')
  if (dimensions === 0)
    throw malformed(`\`${path}outputDimensionality\` must be at least 1.`, `${path}outputDimensionality`)
  return {
    input: { type: 'text', text: textOf(request['content'], `${path}content`) },
    dimensions,
    word: optionalString(request, 'taskType') ?? optionalString(config, 'taskType'),
    title: optionalString(request, 'title') ?? optionalString(config, 'title'),
  }
}

/** A content is one text, whatever its parts. */
function textOf(content: unknown, path: string): string {
  if (typeof content === 'string' && content !== '') return content
  const parts = isObject(content) ? content['parts'] : undefined
  const texts = (Array.isArray(parts) ? parts : [parts]).map((part: unknown) => {
    if (isObject(part) && typeof part['text'] === 'string') return part['text']
    if (isObject(part))
      throw new GatewayError('unsupported', {
        message: `\`${path}.parts\` holds something else than text, which can be sent to Gemini only.`,
        param: `${path}.parts`,
      })
    throw malformed(`\`${path}.parts\` must hold texts.`, `${path}.parts`)
  })
  const text = texts.join('\n')
  if (text === '') throw malformed(`\`${path}\` is empty.`, path)
  return text
}

function malformed(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function writeAnswer({ vectors, usage }: EmbeddingsAnswer, { body }: Call): JsonObject {
  const embeddings = vectors.map((values) => ({ values }))
  const counted = usage === null ? {} : { usageMetadata: { promptTokenCount: inputTokens(usage) } }
  return Array.isArray(body['requests']) ? { embeddings, ...counted } : { embedding: embeddings[0], ...counted }
}
