// OpenAI's embeddings in the translated lane.
import type { Call } from '../core/call.ts'
import { purposeOf } from '../core/embeddings.ts'
import type { EmbeddingInput, EmbeddingsAnswer } from '../core/embeddings.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { inputTokens } from '../core/usage.ts'
import type { OperationTranslator, ReadOperation } from './operation-translator.ts'
import { optionalBoolean, optionalCount, optionalString } from './read-fields.ts'
import type { AnswerContext } from './translator.ts'

/** As many as OpenAI takes in one request. */
const MAX_INPUTS = 2_048

export const openaiEmbeddingsTranslator: OperationTranslator<'embeddings'> = {
  operation: 'embeddings',
  readRequest,
  writeAnswer,
}

function readRequest({ body }: Call): ReadOperation<'embeddings'> {
  const format = optionalString(body, 'encoding_format')
  if (format !== null && format !== 'float' && format !== 'base64')
    throw malformed('`encoding_format` must be `float` or `base64`.', 'encoding_format')
  const dimensions = optionalCount(body, 'dimensions')
  if (dimensions === 0) throw malformed('`dimensions` must be at least 1.', 'dimensions')
  // Fields of hosts that extend OpenAI's.
  const word = optionalString(body, 'input_type') ?? optionalString(body, 'task')
  const purpose = word === null ? null : purposeOf(word)
  return {
    request: {
      inputs: inputsOf(body['input']),
      purpose,
      title: null,
      dimensions,
      truncate: typeof body['truncate'] === 'boolean' ? optionalBoolean(body, 'truncate') : null,
      endUser: optionalString(body, 'user'),
    },
    warnings:
      word === null || purpose !== null ? [] : [`The purpose ${JSON.stringify(word.slice(0, 64))} is not known here.`],
  }
}

function inputsOf(input: unknown): readonly EmbeddingInput[] {
  if (typeof input === 'string') return [textInput(input, 'input')]
  if (!Array.isArray(input) || input.length === 0)
    throw malformed('`input` must be a text, or a list of texts or of token numbers.', 'input')
  if (input.length > MAX_INPUTS && typeof input[0] !== 'number')
    throw malformed(`\`input\` holds more than ${MAX_INPUTS} texts.`, 'input')
  if (typeof input[0] === 'number') return [tokensInput(input, 'input')]
  return input.map((one: unknown, index) =>
    typeof one === 'string' ? textInput(one, `input[${index}]`) : tokensInput(one, `input[${index}]`),
  )
}

function textInput(text: string, path: string): EmbeddingInput {
  if (text === '') throw malformed(`\`${path}\` is empty.`, path)
  return { type: 'text', text }
}

function tokensInput(tokens: unknown, path: string): EmbeddingInput {
  if (!Array.isArray(tokens) || tokens.length === 0 || !tokens.every((one) => Number.isSafeInteger(one) && one >= 0))
    throw malformed(`\`${path}\` must be a text or a list of token numbers.`, path)
  return { type: 'tokens', tokens: tokens as readonly number[] }
}

function malformed(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function writeAnswer(answer: EmbeddingsAnswer, { body }: Call, context: AnswerContext): JsonObject {
  const isBase64 = body['encoding_format'] === 'base64'
  const tokens = answer.usage === null ? 0 : inputTokens(answer.usage)
  return {
    object: 'list',
    data: answer.vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: isBase64 ? base64Of(vector) : vector,
    })),
    model: answer.model ?? context.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

/** Float32, little-endian, as OpenAI sends it. */
function base64Of(vector: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4))
  for (const [index, value] of vector.entries()) bytes.setFloat32(index * 4, value, true)
  return Buffer.from(bytes.buffer).toString('base64')
}
