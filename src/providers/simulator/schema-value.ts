// A JSON value that a JSON Schema accepts: what a model would answer under a response format, or hand to a tool.
import { isObject, type JsonObject } from './check.ts'
import { pick, type Random } from './random.ts'

export type SchemaValue = {
  readonly value: unknown
  /** The keyword that could not be met, with its path, e.g. `properties.code.pattern`; null when the value is valid. */
  readonly unmet: string | null
}

type Making = {
  readonly random: Random
  readonly root: unknown
  /** Words for texts, taken from the question. */
  readonly words: readonly string[]
  /** Values that may still be made: bounds what a nested schema can cost. */
  budget: number
  unmet: string | null
}

const MAX_VALUES = 5000
const MAX_DEPTH = 24
// Deeper than this only required properties are made, so that recursive schemas end.
const OPTIONAL_DEPTH = 2
const MAX_TEXT = 10_000

// Keywords that restrict values in ways this does not follow.
const NOT_FOLLOWED = [
  'pattern',
  'not',
  'if',
  'contains',
  'dependentRequired',
  'dependentSchemas',
  'propertyNames',
  'minProperties',
] as const

const TEXT_FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2026-03-14T09:26:53Z',
  date: '2026-03-14',
  time: '09:26:53Z',
  duration: 'PT15M',
  email: 'ada@example.com',
  hostname: 'www.example.com',
  ipv4: '192.0.2.7',
  ipv6: '2001:db8::7',
  uri: 'https://www.example.com/',
  'uri-reference': '/index.html',
  uuid: '7d9f0e52-3c1a-4b7e-9a64-5f2d8c1b0e37',
}

/** Makes a value of `schema`; the same draws make the same value. Never throws: what it cannot do is said in `unmet`. */
export function valueOfSchema(schema: unknown, random: Random, words: readonly string[]): SchemaValue {
  const making: Making = { random, root: schema, words, budget: MAX_VALUES, unmet: null }
  const value = make(schema, making, '', 0)
  return { value, unmet: making.unmet }
}

function fail(making: Making, path: string, keyword: string): null {
  making.unmet ??= path === '' ? keyword : `${path}.${keyword}`
  return null
}

function make(written: unknown, making: Making, path: string, depth: number): unknown {
  if (--making.budget < 0 || depth > MAX_DEPTH) return fail(making, path, 'nesting')
  const schema = resolve(written, making, path)
  if (schema === null) return null
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) {
    const value: unknown = pick(making.random, schema['enum'] as readonly unknown[])
    return value === undefined ? fail(making, path, 'enum') : value
  }
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options)) return makeOption(schema, options, making, path, depth)
  for (const keyword of NOT_FOLLOWED) if (keyword in schema) fail(making, path, keyword)
  switch (typeOf(schema)) {
    case 'object':
      return makeObject(schema, making, path, depth)
    case 'array':
      return makeArray(schema, making, path, depth)
    case 'string':
      return makeText(schema, making, path)
    case 'integer':
      return makeNumber(schema, making, path, true)
    case 'number':
      return makeNumber(schema, making, path, false)
    case 'boolean':
      return making.random() < 0.5
    case 'null':
      return null
    default:
      return fail(making, path, 'type')
  }
}

// Follows `$ref` inside the document and merges `allOf`; null when that fails.
function resolve(written: unknown, making: Making, path: string): JsonObject | null {
  let schema = written
  for (let hops = 0; isObject(schema) && typeof schema['$ref'] === 'string'; hops++) {
    const found = hops > MAX_DEPTH ? undefined : pointedAt(making.root, schema['$ref'])
    if (found === undefined) return fail(making, path, '$ref')
    schema = found
  }
  if (schema === true) return {}
  if (!isObject(schema)) return fail(making, path, 'schema')
  if (!Array.isArray(schema['allOf'])) return schema
  const { allOf, ...rest } = schema
  let merged: JsonObject = rest
  for (const part of allOf as readonly unknown[]) {
    if (--making.budget < 0) return fail(making, path, 'nesting')
    const resolved = resolve(part, making, path)
    if (resolved === null) return null
    merged = merge(merged, resolved)
  }
  return merged
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const both = (name: string) => [left[name], right[name]].filter(isObject)
  const required = [left['required'], right['required']].flatMap((names) =>
    Array.isArray(names) ? (names as unknown[]) : [],
  )
  const properties = Object.assign({}, ...both('properties')) as JsonObject
  return {
    ...left,
    ...right,
    ...(required.length > 0 && { required }),
    ...(Object.keys(properties).length > 0 && { properties }),
  }
}

function pointedAt(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined
  let at: unknown = root
  for (const step of reference.split('/').slice(1)) {
    const name = decodeStep(step)
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined
    at = (at as Readonly<Record<string, unknown>>)[name]
  }
  return at
}

function decodeStep(step: string): string {
  const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function typeOf(schema: JsonObject): unknown {
  const type = schema['type']
  if (Array.isArray(type)) return (type as unknown[]).find((name) => name !== 'null') ?? 'null'
  if (type !== undefined) return type
  if ('items' in schema) return 'array'
  if ('minLength' in schema || 'pattern' in schema || 'format' in schema) return 'string'
  if ('minimum' in schema || 'maximum' in schema) return 'number'
  return 'object'
}

// The first option that can be met; what stands beside the options holds for each of them.
function makeOption(
  schema: JsonObject,
  options: readonly unknown[],
  making: Making,
  path: string,
  depth: number,
): unknown {
  const { anyOf: _anyOf, oneOf: _oneOf, ...beside } = schema
  const unmetBefore = making.unmet
  let value: unknown = null
  for (const option of options) {
    making.unmet = unmetBefore
    const resolved = resolve(option, making, path)
    if (resolved === null) continue
    value = make(merge(beside, resolved), making, path, depth + 1)
    if (making.unmet === unmetBefore) return value
  }
  return options.length === 0 ? fail(making, path, 'anyOf') : value
}

function makeObject(schema: JsonObject, making: Making, path: string, depth: number): JsonObject {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as unknown[]).map(String) : [])
  // A schema that demands nothing would be met by `{}`, which is no answer: its properties are made all the same.
  const optional = required.size === 0 && depth < OPTIONAL_DEPTH
  const fields: [string, unknown][] = []
  for (const name of new Set([...Object.keys(properties), ...required])) {
    if (!required.has(name) && !optional) continue
    const at = `${path === '' ? '' : `${path}.`}properties.${name}`
    const unmetBefore = making.unmet
    const property = Object.hasOwn(properties, name) ? properties[name] : (additional(schema) ?? { type: 'string' })
    const value = make(property, making, at, depth + 1)
    if (!required.has(name) && making.unmet !== unmetBefore) making.unmet = unmetBefore
    else fields.push([name, value])
  }
  return Object.fromEntries(fields)
}

function additional(schema: JsonObject): JsonObject | null {
  return isObject(schema['additionalProperties']) ? schema['additionalProperties'] : null
}

function makeArray(schema: JsonObject, making: Making, path: string, depth: number): unknown[] {
  const numberAt = (name: string, otherwise: number) => (typeof schema[name] === 'number' ? schema[name] : otherwise)
  const prefix = Array.isArray(schema['prefixItems']) ? (schema['prefixItems'] as unknown[]) : []
  const length = Math.min(
    Math.max(numberAt('minItems', depth < OPTIONAL_DEPTH + 2 ? 1 : 0), prefix.length),
    numberAt('maxItems', Number.POSITIVE_INFINITY),
  )
  const at = path === '' ? 'items' : `${path}.items`
  const values: unknown[] = []
  const seen = new Set<string>()
  for (let index = 0; index < length && making.unmet === null; index++) {
    const item = prefix[index] ?? schema['items'] ?? { type: 'string' }
    let value = make(item, making, at, depth + 1)
    if (schema['uniqueItems'] === true) {
      for (let tries = 0; seen.has(JSON.stringify(value)) && tries < 50; tries++)
        value = make(item, making, at, depth + 1)
      if (seen.has(JSON.stringify(value))) fail(making, path, 'uniqueItems')
      seen.add(JSON.stringify(value))
    }
    values.push(value)
  }
  return values
}

function makeText(schema: JsonObject, making: Making, path: string): string | null {
  const format = schema['format']
  const minLength = typeof schema['minLength'] === 'number' ? schema['minLength'] : 0
  const maxLength = typeof schema['maxLength'] === 'number' ? schema['maxLength'] : MAX_TEXT
  if (minLength > MAX_TEXT || minLength > maxLength) return fail(making, path, 'minLength')
  const known = typeof format === 'string' ? TEXT_FORMATS[format] : undefined
  if (known !== undefined) {
    const fits = known.length >= minLength && known.length <= maxLength
    return fits ? known : fail(making, path, 'format')
  }
  if (format !== undefined) return fail(making, path, 'format')
  // A name in the question (a place, a person) is the likeliest argument; the first word is a capital by grammar only.
  const name = making.words.slice(1).find((word) => /^\p{Lu}/u.test(word))
  let text = making.random() < 0.8 && name !== undefined ? name : (pick(making.random, making.words) ?? 'example')
  while (Array.from(text).length < minLength) text += ` ${pick(making.random, making.words) ?? 'example'}`
  return Array.from(text).slice(0, maxLength).join('')
}

function makeNumber(schema: JsonObject, making: Making, path: string, whole: boolean): number | null {
  const at = (name: string) => (typeof schema[name] === 'number' ? schema[name] : null)
  const step = at('multipleOf') ?? (whole ? 1 : null)
  const above = at('exclusiveMinimum')
  const below = at('exclusiveMaximum')
  const low = Math.max(at('minimum') ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY)
  const high = Math.min(at('maximum') ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY)
  const from = Number.isFinite(low) ? low : Number.isFinite(high) ? high - 100 : 1
  const to = Number.isFinite(high) ? high : from + 100
  const drawn = from + making.random() * (to - from)
  const candidates = step === null ? [drawn, (from + to) / 2, from] : steps(drawn, from, step)
  const fits = (value: number) =>
    value >= low && value <= high && value !== above && value !== below && (!whole || Number.isInteger(value))
  return candidates.find(fits) ?? fail(making, path, step === null ? 'minimum' : 'multipleOf')
}

function steps(drawn: number, from: number, step: number): readonly number[] {
  const first = Math.ceil(from / step) * step
  // Twelve digits hide what multiplying by a decimal fraction leaves behind; adding zero turns -0, unknown to JSON, into 0.
  return [Math.round(drawn / step) * step, first, first + step].map((value) => Number(value.toPrecision(12)) + 0)
}
