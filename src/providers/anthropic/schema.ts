// JSON Schema as Anthropic's structured output takes it: objects are closed, and bounds it does not know become words.
import { namesOf } from '../../core/json-read.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'

/** Keywords that are refused with a 400; the model is told of them in the description instead. */
const REFUSED = namesOf(`
  minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength maxItems uniqueItems
  minProperties maxProperties patternProperties contains
`)

/** Members whose values are schemas by name. */
const MAPS = new Set(['properties', '$defs', 'definitions'])
const LISTS = new Set(['anyOf', 'allOf', 'oneOf'])

/** The schema with what must be changed changed; the same schema gives the same text, so that its cache is hit. */
export function strictSchema(schema: JsonObject): JsonObject {
  const result: Record<string, JsonValue> = {}
  const bounds: string[] = []
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined) continue
    if (REFUSED.has(name) || (name === 'minItems' && value !== 0 && value !== 1)) {
      bounds.push(`${name}: ${JSON.stringify(value)}`)
      continue
    }
    // `oneOf` is not known; what matches one of them matches any of them.
    result[name === 'oneOf' ? 'anyOf' : name] = member(name, value)
  }
  const type = schema['type']
  if (type === 'object' || (Array.isArray(type) && type.includes('object')) || isObject(schema['properties']))
    result['additionalProperties'] = false
  if (bounds.length > 0) {
    const told = typeof schema['description'] === 'string' ? `${schema['description']} ` : ''
    result['description'] = `${told}(${bounds.join(', ')})`
  }
  return result
}

function member(name: string, value: JsonValue): JsonValue {
  if (MAPS.has(name) && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, isObject(one) ? strictSchema(one) : one]))
  if (LISTS.has(name) && Array.isArray(value))
    return value.map((one: JsonValue) => (isObject(one) ? strictSchema(one) : one))
  return name === 'items' && isObject(value) ? strictSchema(value) : value
}
