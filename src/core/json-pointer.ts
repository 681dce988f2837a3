// JSON Pointers, RFC 6901: `/choices/0/text` names a place in a JSON value.
import { isObject } from './json.ts'
import type { JsonValue } from './json.ts'

/** Whether a text is a pointer: empty for the whole value, else steps that begin with a slash each. */
export function isPointer(text: string): boolean {
  return text === '' || (text.startsWith('/') && !/~(?![01])/.test(text))
}

/** What stands at the place; undefined where there is nothing. */
export function readPointer(value: JsonValue, pointer: string): JsonValue | undefined {
  if (pointer === '') return value
  let found: JsonValue | undefined = value
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(found)) found = /^(?:0|[1-9]\d*)$/.test(name) ? (found as JsonValue[])[Number(name)] : undefined
    else if (isObject(found)) found = Object.hasOwn(found, name) ? found[name] : undefined
    else return undefined
  }
  return found
}
