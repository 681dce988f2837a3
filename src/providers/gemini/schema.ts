// JSON Schema → the subset of OpenAPI's that Gemini takes: references inlined, `null` as `nullable`, the rest left out.
// https://ai.google.dev/api/caching#Schema
import { isObject } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { listOf, namesOf, numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'

export type GeminiSchema = {
  readonly schema: JsonObject
  /** Keywords that mean something and have no place there. */
  readonly dropped: ReadonlySet<string>
  /** It refers to itself (or grows past all bounds when inlined): only the field that takes JSON Schema can say it. */
  readonly isRecursive: boolean
}

/** Keywords that are taken as they are, by the type that they belong to; '' is any. */
const KEPT: { readonly [type: string]: ReadonlySet<string> } = {
  '': namesOf('title description default nullable'),
  string: namesOf('minLength maxLength pattern'),
  number: namesOf('minimum maximum'),
  integer: namesOf('minimum maximum'),
  array: namesOf('minItems maxItems'),
  object: namesOf('minProperties maxProperties propertyOrdering'),
}
/** Formats that are taken; others were refused with a 400, so they become words. */
const FORMATS: { readonly [type: string]: ReadonlySet<string> } = {
  string: namesOf('date-time enum'),
  number: namesOf('float double'),
  integer: namesOf('int32 int64'),
}
/** Keywords that are handled, or say nothing about the value. */
const SILENT = namesOf(`
  type format enum const anyOf oneOf allOf properties required items $ref $defs definitions $schema $id $comment
  $anchor examples example deprecated readOnly writeOnly strict
`)
const TYPES = namesOf('string number integer boolean array object null')
const ALL_KEPT = new Set(Object.values(KEPT).flatMap((names) => [...names]))

/** References may double at every level: past this many schemas nobody could read it. */
const MAX_SCHEMAS = 5_000
const MAX_DEPTH = 100

type Context = { readonly root: JsonObject; readonly dropped: Set<string>; schemas: number; isRecursive: boolean }

export function geminiSchema(root: JsonObject): GeminiSchema {
  const context: Context = { root, dropped: new Set(), schemas: 0, isRecursive: false }
  const schema = convert(root, context, [])
  return { schema, dropped: context.dropped, isRecursive: context.isRecursive }
}

function convert(given: JsonObject, context: Context, path: readonly string[]): JsonObject {
  if (++context.schemas > MAX_SCHEMAS || path.length > MAX_DEPTH) {
    context.isRecursive = true
    return {}
  }
  const reference = stringOf(given, '$ref')
  if (reference !== null) return referred(given, reference, context, path)
  const merged = listOf(given, 'allOf').length > 0 ? mergeAll(given, context, path) : given
  const schema = withoutNull(merged)
  for (const name of Object.keys(schema.schema))
    if (!SILENT.has(name) && !ALL_KEPT.has(name) && !isHarmless(name, schema.schema[name])) context.dropped.add(name)
  const variants = objectsOf(schema.schema, 'anyOf').concat(objectsOf(schema.schema, 'oneOf'))
  const nullable = schema.isNullable ? { nullable: true } : {}
  const types = typesOf(schema.schema, variants.length > 0)
  const [type] = types
  if (variants.length === 1 && variants[0] !== undefined && types.length === 0) {
    const { anyOf: _any, oneOf: _one, ...outer } = schema.schema
    return { ...convert({ ...outer, ...variants[0] }, context, path), ...nullable }
  }
  const common = { ...keptOf(schema.schema, ''), ...nullable }
  const anyOf = variants.map((variant) => convert(variant, context, path))
  if (anyOf.length > 0)
    return { ...(type === undefined ? {} : typed(type, schema.schema, context, path)), ...common, anyOf }
  if (type === undefined) return common
  if (types.length === 1) return { ...common, ...typed(type, schema.schema, context, path) }
  return { ...common, anyOf: types.map((one) => typed(one, schema.schema, context, path)) }
}

/** `additionalProperties: false` is how objects are there anyway. */
function isHarmless(name: string, value: JsonValue | undefined): boolean {
  return (name === 'additionalProperties' || name === 'unevaluatedProperties') && value === false
}

function referred(given: JsonObject, reference: string, context: Context, path: readonly string[]): JsonObject {
  const target = resolve(context.root, reference)
  if (target === null) {
    context.dropped.add('$ref')
    return keptOf(given, '')
  }
  if (path.includes(reference)) {
    context.isRecursive = true
    return {}
  }
  const { $ref: _, ...beside } = given
  return { ...convert(target, context, [...path, reference]), ...keptOf(beside, '') }
}

/** What a JSON pointer into the schema itself points at; null when there is no schema. */
function resolve(root: JsonObject, reference: string): JsonObject | null {
  if (!reference.startsWith('#')) return null
  let at: JsonValue | undefined = root
  for (const name of reference.slice(1).split('/').slice(1)) {
    const key = decoded(name).replaceAll('~1', '/').replaceAll('~0', '~')
    at = Array.isArray(at)
      ? (at as readonly JsonValue[])[Number(key)]
      : isObject(at) && Object.hasOwn(at, key)
        ? at[key]
        : undefined
  }
  return isObject(at) ? at : null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** All of `allOf` as one: properties and required names together, of anything else the last. */
function mergeAll(given: JsonObject, context: Context, path: readonly string[]): JsonObject {
  const { allOf: _, ...own } = given
  const schemas = objectsOf(given, 'allOf').map((one) => flattened(one, context, path))
  return [...schemas, own].reduce<JsonObject>((all, one) => {
    const properties = { ...objectOf(all, 'properties'), ...objectOf(one, 'properties') }
    const required = [...new Set([...listOf(all, 'required'), ...listOf(one, 'required')])]
    return {
      ...all,
      ...one,
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(required.length > 0 ? { required } : {}),
    }
  }, {})
}

function flattened(schema: JsonObject, context: Context, path: readonly string[]): JsonObject {
  const reference = stringOf(schema, '$ref')
  if (reference !== null) {
    if (path.includes(reference)) {
      context.isRecursive = true
      return {}
    }
    const target = resolve(context.root, reference)
    if (target === null) context.dropped.add('$ref')
    return target === null ? {} : flattened(target, context, [...path, reference])
  }
  if (path.length > MAX_DEPTH) {
    context.isRecursive = true
    return {}
  }
  return listOf(schema, 'allOf').length > 0 ? mergeAll(schema, context, [...path, '']) : schema
}

/** The schema without the ways in which it says that null is allowed, too. */
function withoutNull(schema: JsonObject): { readonly schema: JsonObject; readonly isNullable: boolean } {
  const rest: Record<string, JsonValue | undefined> = { ...schema }
  let isNullable = schema['nullable'] === true
  const strip = (name: 'type' | 'enum' | 'anyOf' | 'oneOf', isNull: (value: JsonValue) => boolean): void => {
    const values = listOf(schema, name)
    const left = values.filter((value) => !isNull(value))
    // A schema that allows nothing but null says so by its type.
    if (left.length === values.length || left.length === 0) return
    isNullable = true
    rest[name] = left
  }
  strip('type', (value) => value === 'null')
  strip('enum', (value) => value === null)
  strip('anyOf', isNullSchema)
  strip('oneOf', isNullSchema)
  return { schema: rest, isNullable }
}

function isNullSchema(value: JsonValue): boolean {
  return isObject(value) && (value['type'] === 'null' || value['const'] === null)
}

/** The types that a schema says, or shows by what it holds. */
function typesOf(schema: JsonObject, hasVariants: boolean): readonly string[] {
  const { type } = schema
  const said = (typeof type === 'string' ? [type] : listOf(schema, 'type')).flatMap((one) =>
    typeof one === 'string' && TYPES.has(one.toLowerCase()) ? [one.toLowerCase()] : [],
  )
  if (said.length > 0) return said
  if (objectOf(schema, 'properties') !== null) return ['object']
  if (schema['items'] !== undefined || schema['prefixItems'] !== undefined) return ['array']
  const values = valuesOf(schema)
  if (values.length > 0) return [...new Set(values.map(typeOfValue))]
  return hasVariants || Object.keys(schema).length > 0 ? [] : ['string']
}

/** The values that are allowed: those of `enum`, or the one of `const`. */
function valuesOf(schema: JsonObject): readonly JsonValue[] {
  const { const: constant } = schema
  return constant === undefined ? listOf(schema, 'enum') : [constant]
}

function typeOfValue(value: JsonValue): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function keptOf(schema: JsonObject, type: string): JsonObject {
  const kept: Record<string, JsonValue> = {}
  for (const name of KEPT[type] ?? []) {
    const value = schema[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}

/** A schema of one type, with the keywords that belong to it. */
function typed(type: string, schema: JsonObject, context: Context, path: readonly string[]): JsonObject {
  const result: Record<string, JsonValue> = {
    type: type.toUpperCase(),
    ...(keptOf(schema, type) as Record<string, JsonValue>),
  }
  const hints: string[] = []
  const format = stringOf(schema, 'format')
  if (format !== null) {
    if (FORMATS[type]?.has(format) === true) result['format'] = format
    else if (type === 'string' || numberOf(schema, 'minimum') === null) hints.push(`format: ${format}`)
  }
  const values = valuesOf(schema).filter(
    (value) => typeOfValue(value) === type || (type === 'number' && typeof value === 'number'),
  )
  if (values.length > 0) {
    // An enumeration is one of strings, and none of them is empty.
    if (type === 'string' && values.every((value) => value !== '')) result['enum'] = values
    else hints.push(`one of: ${values.map((value) => JSON.stringify(value)).join(', ')}`)
  }
  if (type === 'array') result['items'] = itemsOf(schema, context, path)
  if (type === 'object') Object.assign(result, membersOf(schema, context, path))
  if (hints.length > 0)
    result['description'] = [stringOf(schema, 'description'), `(${hints.join('; ')})`].filter(Boolean).join(' ')
  return result
}

/** Lists must say what they hold. */
function itemsOf(schema: JsonObject, context: Context, path: readonly string[]): JsonObject {
  const items = objectOf(schema, 'items')
  if (items !== null) return convert(items, context, path)
  const places = [...objectsOf(schema, 'prefixItems'), ...objectsOf(schema, 'items')].map((one) =>
    convert(one, context, path),
  )
  const different = [...new Map(places.map((one) => [JSON.stringify(one), one])).values()]
  if (different.length > 1) return { anyOf: different }
  return different[0] ?? { type: 'STRING' }
}

function membersOf(schema: JsonObject, context: Context, path: readonly string[]): JsonObject {
  const properties = Object.entries(objectOf(schema, 'properties') ?? {}).map(([name, one]) => [
    name,
    convert(isObject(one) ? one : {}, context, path),
  ])
  if (properties.length === 0) return {}
  const names = new Set(properties.map(([name]) => name))
  const required = listOf(schema, 'required').filter((name) => typeof name === 'string' && names.has(name))
  return { properties: Object.fromEntries(properties) as JsonObject, ...(required.length > 0 ? { required } : {}) }
}
