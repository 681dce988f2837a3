// A provider's error body, of whatever shape, in three fields.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'

export type ProviderError = {
  /** The provider's own sentence; null when it gave none. */
  readonly message: string | null
  /** Its words for the kind of error, e.g. `context_length_exceeded`; several joined by spaces. */
  readonly code: string | null
  /** Time to wait as the body gives it, ms (Google's `RetryInfo`). */
  readonly retryAfterMs: number | null
  readonly form: 'json' | 'html' | 'text' | 'empty'
}

const MAX_BODY = 65_536
const MAX_MESSAGE = 500

const NOTHING: ProviderError = { message: null, code: null, retryAfterMs: null, form: 'empty' }

/** Reads an error body; never throws. */
export function readProviderError(body: string): ProviderError {
  const text = body.slice(0, MAX_BODY).trim()
  if (text === '') return NOTHING
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    if (text.startsWith('<')) return { ...NOTHING, message: titleOf(text), form: 'html' }
    return { ...NOTHING, message: bounded(text), form: 'text' }
  }
  // Gemini's streams wrap the error in an array.
  const root = Array.isArray(parsed) ? (parsed as unknown[])[0] : parsed
  if (typeof root === 'string') return { ...NOTHING, message: bounded(root), form: 'json' }
  return isObject(root) ? readObject(root) : { ...NOTHING, form: 'json' }
}

/** The provider's own message, at most 500 characters, control characters as spaces; null when there is none. */
export function errorMessageOf(body: string): string | null {
  return readProviderError(body).message
}

/** The provider's own word for the error (`code`, else `type` or `status`), null when it gave none. */
export function errorCodeOf(body: string): string | null {
  return readProviderError(body).code?.split(' ', 1)[0] ?? null
}

/** Whether a body that came with a 2xx is an error all the same. */
export function isErrorBody(body: string): boolean {
  // Cheap first: answers are long, and these words stand near the front of an error.
  if (!/"(?:error|errors|base_resp|error_code)"/.test(body.slice(0, 2_000))) return false
  let root: unknown
  try {
    root = JSON.parse(body.slice(0, MAX_BODY))
  } catch {
    return false
  }
  if (Array.isArray(root)) root = (root as unknown[])[0]
  if (!isObject(root)) return false
  const minimax = root['base_resp']
  if (isObject(minimax) && typeof minimax['status_code'] === 'number' && minimax['status_code'] !== 0) return true
  if (root['choices'] !== undefined || root['data'] !== undefined) return false
  return Boolean(root['error']) || Boolean(root['error_code']) || root['success'] === false
}

function readObject(root: JsonObject): ProviderError {
  const sources = errorObjects(root)
  let message: string | null = null
  const codes: string[] = []
  for (const source of sources) {
    message ??= messageOf(source)
    for (const name of ['code', 'type', 'status', '__type', 'reason', 'error_code', 'status_code']) {
      const value = source[name]
      if (typeof value === 'number' || (typeof value === 'string' && value !== '' && value !== 'error'))
        codes.push(String(value))
    }
  }
  return {
    message: message === null ? null : bounded(message),
    code: codes.length === 0 ? null : bounded(codes.join(' ')),
    retryAfterMs: retryInfoOf(sources),
    form: 'json',
  }
}

/** The objects that describe the error, the most telling first. */
function errorObjects(root: JsonObject): JsonObject[] {
  const found: JsonObject[] = []
  const add = (value: unknown): void => {
    if (isObject(value)) found.push(value)
    else if (typeof value === 'string' && value !== '') found.push({ message: value })
  }
  const error = root['error']
  add(error)
  if (Array.isArray(root['errors'])) add((root['errors'] as readonly unknown[])[0])
  add(root['base_resp'])
  if (isObject(error)) {
    add(error['innererror'])
    const { details } = error
    if (Array.isArray(details)) for (const detail of (details as readonly unknown[]).slice(0, 8)) add(detail)
    if (isObject(error['metadata'])) add(error['metadata'])
  }
  found.push(root)
  return found
}

function messageOf(source: JsonObject): string | null {
  for (const name of ['message', 'Message', 'error_msg', 'status_msg', 'msg', 'detail', 'error_description']) {
    const value = source[name]
    if (typeof value === 'string' && value !== '') return value
    // FastAPI and pydantic: a list of places and what is wrong with each.
    const list: unknown = isObject(value) ? value['detail'] : value
    if (Array.isArray(list)) {
      const first: unknown = (list as readonly unknown[])[0]
      if (isObject(first) && typeof first['msg'] === 'string') {
        const place = Array.isArray(first['loc']) ? `${(first['loc'] as readonly unknown[]).join('.')}: ` : ''
        return place + first['msg']
      }
    }
  }
  return null
}

/** Google's `RetryInfo`: `{"retryDelay": "34.07s"}`. */
function retryInfoOf(sources: readonly JsonObject[]): number | null {
  for (const source of sources) {
    const delay = source['retryDelay']
    const match = typeof delay === 'string' ? /^(\d{1,7}(?:\.\d{1,9})?)s$/.exec(delay) : null
    if (match !== null) return Math.ceil(Number(match[1]) * 1_000)
  }
  return null
}

function titleOf(html: string): string | null {
  const title = /<title[^>]{0,200}>([^<]{1,500})</i.exec(html)?.[1]
  return title === undefined ? null : bounded(title)
}

function bounded(text: string): string {
  const plain = text
    .slice(0, 4 * MAX_MESSAGE)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return plain.length <= MAX_MESSAGE ? plain : `${plain.slice(0, MAX_MESSAGE - 1)}…`
}
