// Gemini's subset of OpenAPI's schema → JSON Schema.
import { camelKeys } from '../core/formats/gemini-parts.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { listOf, objectOf, objectsOf, stringOf } from '../core/json-read.ts'

/** Bounds that are 64-bit integers there, and so may come as text. */
const COUNTS = ['minItems', 'maxItems', 'minProperties', 'maxProperties', 'minLength', 'maxLength'] as const

/** The schema in words that every other vendor knows; the order of the properties is that of the object. */
export function jsonSchemaOf(given: JsonObject): JsonObject {
  const { nullable, propertyOrdering: _, example, type: _type, ...rest } = camelKeys(given)
  const schema: Record<string, JsonValue | undefined> = {}
  const type = stringOf(given, 'type')?.toLowerCase()
  if (type !== undefined && type !== 'type_unspecified') schema['type'] = type
  Object.assign(schema, rest)
  if (schema['format'] === 'enum') delete schema['format']
  for (const name of COUNTS) if (typeof schema[name] === 'string') schema[name] = Number(schema[name])
  if (example !== undefined) schema['examples'] = [example]
  const items = objectOf(schema, 'items')
  if (items !== null) schema['items'] = jsonSchemaOf(items)
  const variants = objectsOf(schema, 'anyOf')
  if (variants.length > 0) schema['anyOf'] = variants.map(jsonSchemaOf)
  const properties = objectOf(schema, 'properties')
  if (properties !== null) schema['properties'] = propertiesOf(properties, orderOf(given))
  return nullable === true ? orNull(schema) : schema
}

function orderOf(schema: JsonObject): readonly string[] {
  return listOf(camelKeys(schema), 'propertyOrdering').filter((name) => typeof name === 'string')
}

function propertiesOf(properties: JsonObject, order: readonly string[]): JsonObject {
  const names = [...order.filter((name) => Object.hasOwn(properties, name)), ...Object.keys(properties)]
  return Object.fromEntries(
    [...new Set(names)].map((name) => {
      const schema = properties[name]
      return [name, isObject(schema) ? jsonSchemaOf(schema) : {}]
    }),
  ) as JsonObject
}

function orNull(schema: { readonly [name: string]: JsonValue | undefined }): JsonObject {
  const { type, anyOf, enum: values } = schema
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...(anyOf as readonly JsonValue[]), { type: 'null' }] }
  if (typeof type !== 'string') return schema
  const withNull = { ...schema, type: [type, 'null'] }
  return Array.isArray(values) ? { ...withNull, enum: [...(values as readonly JsonValue[]), null] } : withNull
}
