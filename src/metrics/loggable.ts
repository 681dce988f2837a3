// From whatever a caller hands to the log to values that may be written: bounded in size and depth, without secrets.
import { fieldCarriesSecret, type Redactor, redactHeaders } from './redact.ts'

export type Loggable = string | number | boolean | null | readonly Loggable[] | { readonly [name: string]: Loggable }

const MAX_TEXT = 2_048
// A secret is looked for before the text is cut, else half of one could stay; no more of a text than this is looked at.
const MAX_READ = 65_536
const MAX_ITEMS = 32
const MAX_DEPTH = 4

/** Never throws: what cannot be read is named instead. Undefined and functions are left out of objects. */
export function loggable(value: unknown, redact: Redactor): Loggable {
  return bound(value, redact, 0)
}

/** A text without secrets and not longer than 2 048 characters. */
export function loggableText(text: string, redact: Redactor): string {
  const clean = redact(text.length > MAX_READ ? text.slice(0, MAX_READ) : text)
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}

function bound(value: unknown, redact: Redactor, depth: number): Loggable {
  switch (typeof value) {
    case 'string':
      return loggableText(value, redact)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
      return value
    case 'bigint':
      return String(value)
    case 'undefined':
    case 'function':
    case 'symbol':
      return `[${typeof value}]`
    case 'object':
      if (value === null) return null
      if (depth >= MAX_DEPTH) return '[deep]'
      try {
        return boundObject(value, redact, depth + 1)
      } catch {
        // A getter or a proxy that throws.
        return '[unreadable]'
      }
  }
}

function boundObject(value: object, redact: Redactor, depth: number): Loggable {
  if (value instanceof Error) return boundError(value, redact, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof URL) return loggableText(value.href, redact)
  if (value instanceof Headers) return bound(redactHeaders(value, redact), redact, depth - 1)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => bound(item, redact, depth))
  const fields: Record<string, Loggable> = {}
  let count = 0
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined || typeof field === 'function') continue
    if (++count > MAX_ITEMS) {
      fields['…'] = 'more'
      break
    }
    const masked = fieldCarriesSecret(name) && field !== null
    fields[loggableText(name, redact)] = masked ? '***' : bound(field, redact, depth)
  }
  return fields
}

function boundError(error: Error, redact: Redactor, depth: number): Loggable {
  const fields: Record<string, Loggable> = { name: error.name, message: loggableText(error.message, redact) }
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) fields.code = error.code
  if (error.stack !== undefined) fields.stack = loggableText(error.stack, redact)
  if (error.cause !== undefined) fields.cause = bound(error.cause, redact, depth)
  return fields
}
