// Lenient readers of unknown JSON: the value if it has the type that was asked for, else null.
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'

export function stringOf(object: JsonObject, name: string): string | null {
  const value = object[name]
  return typeof value === 'string' ? value : null
}

export function numberOf(object: JsonObject, name: string): number | null {
  const value = object[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

export function booleanOf(object: JsonObject, name: string): boolean | null {
  const value = object[name]
  return typeof value === 'boolean' ? value : null
}

export function objectOf(object: JsonObject, name: string): JsonObject | null {
  const value = object[name]
  return isObject(value) ? value : null
}

/** The member as a list; empty when it is none. */
export function listOf(object: JsonObject, name: string): readonly JsonValue[] {
  const value = object[name]
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}

/** The objects of a list; whatever else stands in it is left out. */
export function objectsOf(object: JsonObject, name: string): readonly JsonObject[] {
  return listOf(object, name).filter((value) => isObject(value))
}

/** A text as an object: null when it is not JSON, or JSON of another kind. */
export function parseObject(text: string): JsonObject | null {
  // Most texts that are no object do not begin like one; a thrown error would cost more than parsing many that do.
  if (!beginsLikeObject(text)) return null
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function beginsLikeObject(text: string): boolean {
  let at = 0
  while (' \n\r\t'.includes(text.charAt(at)) && at < text.length) at++
  return text.charAt(at) === '{'
}

/** The members that are not in `known` and hold something; null when there are none. */
export function restOf(object: JsonObject, known: ReadonlySet<string>): JsonObject | null {
  let rest: Record<string, JsonValue> | null = null
  for (const name in object) {
    const value = object[name]
    if (value === undefined || value === null || known.has(name)) continue
    rest ??= {}
    rest[name] = value
  }
  return rest
}

/** The same object without members that are undefined, so that it can be compared and spread. */
export function defined<T extends object>(object: { readonly [name in keyof T]: T[name] | undefined }): T {
  const result: Record<string, unknown> = {}
  for (const name in object) if (object[name] !== undefined) result[name] = object[name]
  return result as T
}

/** A set of member names, written as words. */
export function namesOf(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/))
}
