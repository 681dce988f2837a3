// Field checks of request bodies, in the words of OpenAI's 400 answers. Unknown fields are left alone.
import { invalid } from './wire-error.ts'

export type JsonObject = { readonly [name: string]: unknown }

/** What an optional field may be: null and absent mean the same. */
type Absent = null

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function wrongType(path: string, expected: string, value: unknown): Error {
  return invalid(
    path,
    'invalid_type',
    `Invalid type for '${path}': expected ${expected}, but got ${kindOf(value)} instead.`,
  )
}

export function missing(path: string): Error {
  return invalid(path, 'missing_required_parameter', `Missing required parameter: '${path}'.`)
}

export function wrongValue(path: string, value: string, supported: readonly string[]): Error {
  const names = supported.map((name) => `'${name}'`)
  const list = names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`
  return invalid(path, 'invalid_value', `Invalid value: '${value}'. Supported values are: ${list}.`)
}

/** The JSON object that a body must be. */
export function parseBody(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (isObject(value)) return value
  throw invalid(
    null,
    null,
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
  )
}

export function readString(body: JsonObject, name: string, path = name): string | Absent {
  const value = body[name] ?? null
  if (value === null || typeof value === 'string') return value
  throw wrongType(path, 'a string', value)
}

export function readBoolean(body: JsonObject, name: string, path = name): boolean | Absent {
  const value = body[name] ?? null
  if (value === null || typeof value === 'boolean') return value
  throw wrongType(path, 'a boolean', value)
}

export function readObject(body: JsonObject, name: string, path = name): JsonObject | Absent {
  const value = body[name] ?? null
  if (value === null || isObject(value)) return value
  throw wrongType(path, 'an object', value)
}

export function readEnum<T extends string>(
  body: JsonObject,
  name: string,
  values: readonly T[],
  path = name,
): T | Absent {
  const value = readString(body, name, path)
  if (value === null) return null
  const found = values.find((candidate) => candidate === value)
  if (found === undefined) throw wrongValue(path, value, values)
  return found
}

type Range = { readonly min: number; readonly max?: number }

export function readInteger(body: JsonObject, name: string, range: Range): number | Absent {
  const value = body[name] ?? null
  if (value === null) return null
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer', value)
  return inRange('integer', name, value, range)
}

function readNumber(body: JsonObject, name: string, range: Range): number | Absent {
  const value = body[name] ?? null
  if (value === null) return null
  if (typeof value !== 'number') throw wrongType(name, 'a decimal', value)
  return inRange('decimal', name, value, range)
}

function inRange(kind: 'integer' | 'decimal', name: string, value: number, { min, max }: Range): number {
  const say = (side: string, short: string, sign: string, bound: number) =>
    invalid(
      name,
      `${kind}_${side}_${short}_value`,
      `Invalid '${name}': ${kind} ${side} ${short === 'min' ? 'minimum' : 'maximum'} value. Expected a value ${sign} ${bound}, but got ${value} instead.`,
    )
  if (value < min) throw say('below', 'min', '>=', min)
  if (max !== undefined && value > max) throw say('above', 'max', '<=', max)
  return value
}

export function readArray(
  body: JsonObject,
  name: string,
  of: string,
  maxLength: number,
  path = name,
): readonly unknown[] | Absent {
  const value = body[name] ?? null
  if (value === null) return null
  if (!Array.isArray(value)) throw wrongType(path, `an array of ${of}`, value)
  if (value.length === 0)
    throw invalid(
      path,
      'empty_array',
      `Invalid '${path}': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
    )
  if (value.length > maxLength)
    throw invalid(
      path,
      'array_above_max_length',
      `Invalid '${path}': array too long. Expected an array with maximum length ${maxLength}, but got an array with length ${value.length} instead.`,
    )
  return value
}

/** `stop`: one text, or up to four. */
export function readStop(body: JsonObject): readonly string[] {
  const value = body['stop'] ?? null
  if (value === null) return []
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (!Array.isArray(value)) throw wrongType('stop', 'one of a string or an array of strings', value)
  if (value.length > 4)
    throw invalid(
      'stop',
      'array_above_max_length',
      `Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length ${value.length} instead.`,
    )
  value.forEach((text: unknown, index) => {
    if (typeof text !== 'string') throw wrongType(`stop[${index}]`, 'a string', text)
  })
  return value.filter((text) => text !== '')
}

/** `stream` and whether its usage chunk is asked for. */
export function readStream(body: JsonObject): { stream: boolean; includeUsage: boolean } {
  const stream = readBoolean(body, 'stream') ?? false
  const options = readObject(body, 'stream_options')
  if (options !== null && !stream)
    throw invalid('stream_options', null, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
  const includeUsage =
    options === null ? false : (readBoolean(options, 'include_usage', 'stream_options.include_usage') ?? false)
  return { stream, includeUsage }
}

/** The sampling fields, which are checked and otherwise without effect here. */
export function checkSampling(body: JsonObject): void {
  readNumber(body, 'temperature', { min: 0, max: 2 })
  readNumber(body, 'top_p', { min: 0, max: 1 })
  readNumber(body, 'presence_penalty', { min: -2, max: 2 })
  readNumber(body, 'frequency_penalty', { min: -2, max: 2 })
  readInteger(body, 'seed', { min: Number.MIN_SAFE_INTEGER })
  readString(body, 'user')
}

/** The model id that a body must name. */
export function readModel(body: JsonObject): string {
  const model = readString(body, 'model')
  if (model === null || model === '') throw invalid(null, null, 'you must provide a model parameter')
  return model
}
