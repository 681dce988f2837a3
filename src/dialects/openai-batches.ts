// Batches as OpenAI's API takes and shows them, and the lines of their files.
import type { Batch, BatchProblem, BatchStatus } from '../core/batch.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonBounds, JsonObject } from '../core/json.ts'
import { isObject, jsonLine, scanJson } from '../core/json.ts'
import { objectOf, parseObject, stringOf } from '../core/json-read.ts'
import { expiryMs, seconds } from './openai-files.ts'

export type BatchRequest = {
  readonly inputFileId: string
  readonly endpoint: string
  readonly completionWindow: string
  readonly windowMs: number
  readonly metadata: Readonly<Record<string, string>> | null
  /** How long its files are to be kept; null where it does not say. */
  readonly filesKeptMs: number | null
}

/** Endpoints whose requests and answers are JSON: OpenAI's own ones for batches, and those of other formats. */
export const BATCH_ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/moderations',
  '/v1/images/generations',
  '/v1/messages',
  '/v1/rerank',
  '/v2/rerank',
] as const

const HOUR_MS = 3_600_000
/** OpenAI has `24h` and nothing else. */
const MOST_HOURS = 168
const MOST_METADATA = 16
const LONGEST_CUSTOM_ID = 512
const KNOWN_FIELDS = new Set(['input_file_id', 'endpoint', 'completion_window', 'metadata', 'output_expires_after'])

/** Throws `request_malformed`. */
export function readBatchRequest(body: JsonObject): BatchRequest {
  for (const name in body) if (!KNOWN_FIELDS.has(name)) throw wrong(`There is no field \`${name.slice(0, 64)}\`.`, name)
  const inputFileId = stringOf(body, 'input_file_id')
  if (inputFileId === null || inputFileId === '')
    throw wrong('`input_file_id` must be the id of a file.', 'input_file_id')
  const endpoint = BATCH_ENDPOINTS.find((one) => one === body['endpoint'])
  if (endpoint === undefined) throw wrong(`\`endpoint\` must be one of ${BATCH_ENDPOINTS.join(', ')}.`, 'endpoint')
  const completionWindow = stringOf(body, 'completion_window') ?? ''
  const hours = /^([1-9]\d{0,2})h$/.exec(completionWindow)?.[1]
  if (hours === undefined || Number(hours) > MOST_HOURS)
    throw wrong(
      `\`completion_window\` must be \`24h\`, or another number of hours up to ${MOST_HOURS}.`,
      'completion_window',
    )
  const expiry = body['output_expires_after'] ?? null
  if (expiry !== null && !isObject(expiry))
    throw wrong('`output_expires_after` must be an object.', 'output_expires_after')
  return {
    inputFileId,
    endpoint,
    completionWindow,
    windowMs: Number(hours) * HOUR_MS,
    metadata: readMetadata(body['metadata'] ?? null),
    filesKeptMs: expiry === null ? null : expiryMs(expiry['anchor'], expiry['seconds'], 'output_expires_after'),
  }
}

function readMetadata(value: unknown): Readonly<Record<string, string>> | null {
  if (value === null) return null
  const expected = `\`metadata\` must be an object of at most ${MOST_METADATA} texts: names up to 64 characters, values up to 512.`
  if (!isObject(value)) throw wrong(expected, 'metadata')
  const entries = Object.entries(value)
  if (entries.length > MOST_METADATA) throw wrong(expected, 'metadata')
  for (const [name, text] of entries)
    if (name.length > 64 || typeof text !== 'string' || text.length > 512)
      throw wrong(expected, `metadata.${name.slice(0, 64)}`)
  return value as Readonly<Record<string, string>>
}

const TIMES: readonly BatchStatus[] = [
  'in_progress',
  'finalizing',
  'completed',
  'failed',
  'expired',
  'cancelling',
  'cancelled',
]

export function batchJson(batch: Batch): JsonObject {
  const times = TIMES.flatMap((status) => {
    const at = batch.enteredAt[status]
    return at === undefined ? [] : [[`${status}_at`, seconds(at)] as const]
  })
  const { problems, outputFileId, errorFileId } = batch
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    ...(problems.length === 0 ? {} : { errors: { object: 'list', data: problems.map((problem) => ({ ...problem })) } }),
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    status: batch.status,
    ...(outputFileId === null ? {} : { output_file_id: outputFileId }),
    ...(errorFileId === null ? {} : { error_file_id: errorFileId }),
    created_at: seconds(batch.createdAt),
    expires_at: seconds(batch.dueAt),
    ...Object.fromEntries(times),
    request_counts: { total: batch.total, completed: batch.completed, failed: batch.failed },
    metadata: batch.metadata,
  }
}

export function batchNotFound(id: string): GatewayError {
  return new GatewayError('not_found', { message: `There is no batch \`${id.slice(0, 128)}\` here.` })
}

/** A line of the file of a batch: its name and the body of its request as text, or what is wrong with it. */
export type ReadLine =
  | { readonly type: 'request'; readonly customId: string; readonly body: string }
  | { readonly type: 'problem'; readonly problem: Omit<BatchProblem, 'line'> }

/** The body stays as it was written, so that fields that nobody here knows reach the provider. */
export function readBatchLine(text: string, endpoint: string, bounds: JsonBounds): ReadLine {
  const { members, problem: bound } = scanJson(text, bounds)
  if (bound !== null) return problem('invalid_json_line', `This line is refused: ${bound}.`)
  const line = parseObject(text)
  if (line === null) return problem('invalid_json_line', 'This line is no JSON object.')
  const customId = stringOf(line, 'custom_id') ?? ''
  if (customId === '' || customId.length > LONGEST_CUSTOM_ID)
    return problem(
      'invalid_custom_id',
      `\`custom_id\` must be a text of 1 to ${LONGEST_CUSTOM_ID} characters.`,
      'custom_id',
    )
  if (line['method'] !== 'POST') return problem('invalid_method', '`method` must be `POST`.', 'method')
  if (line['url'] !== endpoint)
    return problem('mismatched_url', `\`url\` must be \`${endpoint}\`, as of the batch.`, 'url')
  const body = objectOf(line, 'body')
  const bodyText = members.valueText('body')
  if (body === null || bodyText === null) return problem('invalid_body', '`body` must be an object.', 'body')
  if (body['stream'] === true) return problem('invalid_body', 'Answers of a batch are no streams.', 'body.stream')
  return { type: 'request', customId, body: bodyText }
}

function problem(code: string, message: string, param: string | null = null): ReadLine {
  return { type: 'problem', problem: { code, message, param } }
}

/** What came of a request: its answer, as JSON text, or why it was not executed. */
export type LineAnswer =
  | { readonly type: 'answered'; readonly status: number; readonly body: string }
  | { readonly type: 'not_executed'; readonly code: string; readonly message: string }

/** One line of an output or error file, without its line break. */
export function resultLine(requestId: string, customId: string, answer: LineAnswer): string {
  const head = `{"id":${JSON.stringify(`batch_${requestId}`)},"custom_id":${JSON.stringify(customId)}`
  switch (answer.type) {
    case 'answered':
      return `${head},"response":{"status_code":${answer.status},"request_id":${JSON.stringify(requestId)},"body":${bodyLine(answer.body)}},"error":null}`
    case 'not_executed':
      return `${head},"response":null,"error":${JSON.stringify({ code: answer.code, message: answer.message })}}`
  }
}

/** What is no JSON becomes a text. */
function bodyLine(body: string): string {
  try {
    JSON.parse(body)
    return jsonLine(body)
  } catch {
    return JSON.stringify(body)
  }
}

function wrong(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
