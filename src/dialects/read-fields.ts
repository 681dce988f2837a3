// Reading fields of an unknown body, with errors that name the JSON path.
import { GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'

/** The error of a field that is not what it must be. */
export function wrong(path: string, expected: string, found: unknown): GatewayError {
  const kind = found === null ? 'null' : Array.isArray(found) ? 'an array' : typeof found
  return new GatewayError('request_malformed', {
    message: `\`${path}\` must be ${expected}, not ${kind === 'object' ? 'an object' : kind}.`,
    param: path,
  })
}

/** A member that must be there. */
export function requireString(body: JsonObject, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw missingOr(name, 'a string', value)
  if (value === '') throw new GatewayError('request_malformed', { message: `\`${name}\` is empty.`, param: name })
  return value
}

const MAX_MODEL_NAME = 512
/** Whole characters, none of them a control character: a name ends up in URLs, headers, labels and the books. */
const MODEL_NAME = /^[^\p{Cc}\p{Cs}]+$/u

/** The `model` of a body, as a name that can be one; where there is none, the first of OpenRouter's `models`. */
export function requireModel(body: JsonObject): string {
  const { model, models } = body
  const isFirst = model === undefined && Array.isArray(models) && typeof models[0] === 'string'
  const name = requireString(isFirst ? { model: models[0] } : body, 'model')
  if (name.length <= MAX_MODEL_NAME && MODEL_NAME.test(name)) return name
  throw new GatewayError('request_malformed', {
    message: `\`model\` must be a name of at most ${MAX_MODEL_NAME} characters without control characters.`,
    param: 'model',
  })
}

export function requireArray(body: JsonObject, name: string): readonly unknown[] {
  const value = body[name]
  if (!Array.isArray(value)) throw missingOr(name, 'an array', value)
  if (value.length === 0) throw new GatewayError('request_malformed', { message: `\`${name}\` is empty.`, param: name })
  return value
}

/** A member that must be there, of whatever type. */
export function requirePresent(body: JsonObject, name: string): unknown {
  const value = body[name]
  if (value === undefined || value === null) throw missingOr(name, 'present', undefined)
  return value
}

function missingOr(name: string, expected: string, value: unknown): GatewayError {
  if (value !== undefined) return wrong(name, expected, value)
  return new GatewayError('request_malformed', { message: `\`${name}\` is missing.`, param: name })
}

/** Absent and null mean: not set. */
export function optionalString(body: JsonObject, name: string): string | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw wrong(name, 'a string', value)
  return value
}

export function optionalBoolean(body: JsonObject, name: string): boolean {
  const value = body[name]
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw wrong(name, 'true or false', value)
  return value
}

export function optionalCount(body: JsonObject, name: string): number | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw wrong(name, 'a whole number of at least 0', value)
  return value
}

/** A count, which a form writes as digits. */
export function optionalWrittenCount(body: JsonObject, name: string): number | null {
  const value = body[name]
  if (typeof value !== 'string') return optionalCount(body, name)
  if (!/^\d{1,9}$/.test(value)) throw wrong(name, 'a whole number of at least 0', value)
  return Number(value)
}

/** A yes or no, which a form writes as a word. */
export function optionalWrittenBoolean(body: JsonObject, name: string): boolean {
  const value = body[name]
  if (value === 'true' || value === 'false') return value === 'true'
  return optionalBoolean(body, name)
}

/** A file that must have been sent: its length in bytes. */
export function requireFile(body: JsonObject, name: string): number {
  const value = body[name] ?? undefined
  const file: unknown = Array.isArray(value) ? value[0] : value
  if (isObject(file) && typeof file['size'] === 'number') return file['size']
  throw missingOr(name, 'a file', value)
}

export function optionalObject(body: JsonObject, name: string): JsonObject | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (!isObject(value)) throw wrong(name, 'an object', value)
  return value
}

/** OpenRouter's fields of routing: read by `read-options.ts`, and never forwarded. */
export const ROUTING_FIELDS = ['models', 'provider', 'route'] as const
