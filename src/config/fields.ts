// The kit that the schema is built with: each field is a row of documentation with the zod schema that reads it.
// Fields are named as in the parsed value (`drainTimeoutMs`); their names in the file follow (`drain_timeout: 30s`, `drain_timeout_ms: 30000`).
import { z } from 'zod'
import { parseDuration, parseInteger, parseSize } from './values.ts'

/** What the reference says about a field. */
type FieldDoc = {
  readonly description: string
  /** How a value is written, e.g. `duration`. */
  readonly kind: string
  /** As written in the file; null where nothing stands when it is left out. */
  readonly fallback: string | null
  /** Smallest and largest value in words; null where any will do. */
  readonly range: string | null
  /** Other names that people look for it under, for the hint. */
  readonly synonyms: readonly string[]
  /** Never shown in a message, a log or an answer. */
  readonly secret: boolean
}

/** What is inside a field: enough to walk a config without zod. */
export type FieldShape =
  | { readonly type: 'leaf' }
  /** By the names of the file; a field with two spellings stands here twice. */
  | { readonly type: 'section'; readonly fields: ReadonlyMap<string, NamedField> }
  | { readonly type: 'map'; readonly item: Field<unknown>; readonly itemName: string }
  | { readonly type: 'list'; readonly item: Field<unknown> }

export type Field<T> = {
  readonly doc: FieldDoc
  readonly shape: FieldShape
  /** Reads a value that is there. */
  readonly schema: z.ZodType<T>
  /** What counts when it is left out; undefined: then the parsed value has no such field either. */
  readonly fallback: T | undefined
  /** Suffix of the spelling that takes a bare number, for fields whose name ends in a unit. */
  readonly unit: { readonly suffix: string; readonly schema: z.ZodType<T> } | null
}

type NamedField = {
  /** Name in the parsed value. */
  readonly output: string
  /** The spelling that the reference shows. */
  readonly main: string
  readonly field: Field<unknown>
}

/** Fields of a section, by their names in the parsed value. */
export type FieldsOf<T> = { readonly [K in keyof T]-?: Field<T[K]> }

/** What a leaf's reader answers when the value is wrong. */
type Wrong = { readonly expected: string; readonly hint?: string }
type Read<T> = { readonly value: T } | Wrong

type Doc = { description: string; kind?: string; range?: string; synonyms?: readonly string[]; secret?: boolean }

function docOf(doc: Doc, kind: string, fallback: string | null): FieldDoc {
  return {
    description: doc.description,
    kind: doc.kind ?? kind,
    fallback,
    range: doc.range ?? null,
    synonyms: doc.synonyms ?? [],
    secret: doc.secret ?? false,
  }
}

function schemaOf<T>(read: (value: unknown) => Read<T>): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    // Left out: the section puts the default in, or says that it is missing.
    if (value === undefined) return undefined as T
    const result = read(value)
    if ('value' in result) return result.value
    context.addIssue({
      code: 'custom',
      message: result.expected,
      params: { hint: result.hint ?? null },
      input: value,
    })
    return z.NEVER
  })
}

/** A field that `read` understands. Without a `fallback` it is optional. */
export function leaf<T>(doc: Doc & { kind: string }, read: (value: unknown) => Read<T>, fallback?: T): Field<T> {
  const shown = fallback === undefined ? null : fallback === null ? 'none' : String(fallback)
  return {
    doc: docOf(doc, doc.kind, shown),
    shape: { type: 'leaf' },
    schema: schemaOf(read),
    fallback,
    unit: null,
  }
}

/** Text that `read` may check and change; null from it means: wrong, `kind` says what was expected. */
export function text(
  doc: Doc & { kind: string; expected?: string },
  fallback?: string,
  read: (value: string) => string | null = (value) => (value === '' ? null : value),
): Field<string> {
  const expected = doc.expected ?? doc.kind
  return leaf(
    doc,
    (value) => {
      // `listen: 8787` and `api_version: 2024` are numbers to YAML and text to whoever wrote them.
      const written = typeof value === 'number' ? String(value) : value
      const result = typeof written === 'string' ? read(written) : null
      return result === null ? { expected } : { value: result }
    },
    fallback,
  )
}

export function choice<const T extends string>(doc: Doc, options: readonly T[], fallback?: T): Field<T> {
  const expected = `one of ${options.join(', ')}`
  return leaf(
    { ...doc, kind: options.map((option) => `\`${option}\``).join(' or ') },
    (value) => {
      const found = options.find((option) => option === value)
      return found === undefined ? { expected } : { value: found }
    },
    fallback,
  )
}

export function flag(doc: Doc, fallback?: boolean): Field<boolean> {
  return leaf(
    { ...doc, kind: '`true` or `false`' },
    (value) => {
      if (value === true || value === 'true') return { value: true }
      if (value === false || value === 'false') return { value: false }
      return { expected: 'true or false' }
    },
    fallback,
  )
}

type Bounds = { readonly min: number; readonly max: number }

function rangeWords(bounds: Bounds, write: (value: number) => string): string {
  return `${write(bounds.min)} to ${write(bounds.max)}`
}

function bounded(value: number | null, bounds: Bounds, kind: string, write: (value: number) => string): Read<number> {
  if (value === null) return { expected: kind }
  if (value >= bounds.min && value <= bounds.max) return { value }
  return { expected: `${kind} from ${rangeWords(bounds, write)}` }
}

export function integer(doc: Doc, bounds: Bounds, fallback?: number): Field<number> {
  return leaf(
    { range: rangeWords(bounds, String), ...doc, kind: 'whole number' },
    (value) => bounded(parseInteger(value), bounds, 'a whole number', String),
    fallback,
  )
}

/** A limit: a whole number from 1, or null for none. */
export function limit(doc: Doc): Field<number | null> {
  const bounds = { min: 1, max: 1_000_000_000_000 }
  return leaf<number | null>(
    { ...doc, kind: 'whole number', range: 'from 1' },
    (value) => {
      if (value === null) return { value: null }
      const read = bounded(parseInteger(value), bounds, 'a whole number', String)
      return 'value' in read ? read : { ...read, hint: 'Leave it out for no limit.' }
    },
    null,
  )
}

/** Ms as the shortest text that `parseDuration` reads back. */
export function writeDuration(ms: number): string {
  for (const [unit, length] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`
  return `${ms}ms`
}

/** Bytes as the shortest text that `parseSize` reads back. */
export function writeSize(bytes: number): string {
  for (const [unit, length] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const)
    if (bytes >= length && bytes % length === 0) return `${bytes / length}${unit}`
  return `${bytes}B`
}

type Unit = {
  readonly kind: string
  readonly example: string
  readonly suffix: string
  readonly number: string
  readonly parse: (value: unknown) => number | null
  readonly write: (value: number) => string
}

const DURATION: Unit = {
  kind: 'duration',
  example: 'a duration such as 30s, 1500ms, 2m or 1h',
  suffix: '_ms',
  number: 'a whole number of milliseconds',
  // 0 is the same in every unit; any other bare number is not.
  parse: (value) => (value === 0 ? 0 : typeof value === 'string' ? parseDuration(value) : null),
  write: writeDuration,
}

const SIZE: Unit = {
  kind: 'size',
  example: 'a size such as 32MiB, 10MB or a number of bytes',
  suffix: '_bytes',
  number: 'a whole number of bytes',
  parse: (value) => {
    if (typeof value === 'string') return parseSize(value)
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : null
  },
  write: writeSize,
}

function measured(unit: Unit, doc: Doc, bounds: Bounds, fallback: number | undefined): Field<number> {
  const range = rangeWords(bounds, unit.write)
  return {
    doc: docOf({ range, ...doc }, unit.kind, fallback === undefined ? null : unit.write(fallback)),
    shape: { type: 'leaf' },
    schema: schemaOf((value) => {
      const read = bounded(unit.parse(value), bounds, unit.example, unit.write)
      const bare = !('value' in read) && unit.suffix === '_ms' && typeof value === 'number'
      return bare ? { ...read, hint: `A bare number has no unit: write ${value}s or ${value}ms.` } : read
    }),
    fallback,
    unit: {
      suffix: unit.suffix,
      schema: schemaOf((value) => bounded(parseInteger(value), bounds, unit.number, String)),
    },
  }
}

/** A duration in ms, written `30s`; under the name with `_ms`, a number. */
export function duration(doc: Doc, bounds: Bounds, fallback?: number): Field<number> {
  return measured(DURATION, doc, bounds, fallback)
}

/** A size in bytes, written `32MiB`; under the name with `_bytes`, a number. */
export function size(doc: Doc, bounds: Bounds, fallback?: number): Field<number> {
  return measured(SIZE, doc, bounds, fallback)
}

/** A list of what `item` reads. */
export function list<T>(doc: Doc, item: Field<T>, fallback?: readonly T[]): Field<readonly T[]> {
  return {
    doc: docOf(doc, `list of ${item.doc.kind}`, fallback === undefined ? null : '[]'),
    shape: { type: 'list', item },
    schema: z.array(item.schema),
    fallback,
    unit: null,
  }
}

/** A mapping from free names to what `item` reads. `itemName` stands for such a name in the reference. */
export function map<T>(
  doc: Doc,
  itemName: string,
  item: Field<T>,
  fallback?: Readonly<Record<string, T>>,
): Field<Readonly<Record<string, T>>> {
  return {
    doc: docOf(doc, `mapping of ${itemName} → ${item.doc.kind}`, fallback === undefined ? null : '{}'),
    shape: { type: 'map', item, itemName },
    schema: z.preprocess(emptyToMapping, z.record(z.string(), item.schema)),
    fallback,
    unit: null,
  }
}

// `openai:` with nothing after it is null to YAML and "with the defaults" to whoever wrote it.
function emptyToMapping(value: unknown): unknown {
  return value === null ? {} : value
}

/** `drainTimeoutMs` → `drain_timeout_ms`, `cacheWrite5m` → `cache_write_5m`. */
function fileName(output: string): string {
  return output.replaceAll(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`)
}

function spellingsOf(output: string, field: Field<unknown>): { name: string; schema: z.ZodType }[] {
  const full = fileName(output)
  if (field.unit === null || !full.endsWith(field.unit.suffix)) return [{ name: full, schema: field.schema }]
  return [
    { name: full.slice(0, -field.unit.suffix.length), schema: field.schema },
    { name: full, schema: field.unit.schema },
  ]
}

/**
 * A mapping with exactly these fields; any other is an error. `required` fields must be there. A section that is left out reads as
 * an empty one, so that its defaults hold; with `optional`, it stays absent.
 */
export function section<T extends object>(
  doc: Doc,
  fields: FieldsOf<T>,
  options: { readonly required?: readonly (keyof T & string)[]; readonly optional?: boolean } = {},
): Field<T> {
  const required = new Set<string>(options.required)
  const named = new Map<string, NamedField>()
  const shape: Record<string, z.ZodType> = {}
  for (const [output, field] of Object.entries<Field<unknown>>(fields)) {
    const spellings = spellingsOf(output, field)
    for (const { name, schema } of spellings) {
      named.set(name, { output, main: spellings[0]!.name, field })
      shape[name] = required.has(output)
        ? schema.refine((value) => value !== undefined, { error: field.doc.kind })
        : schema.optional()
    }
  }
  // The names and types that `gather` makes are those of `FieldsOf<T>`, field by field.
  const schema = z
    .preprocess(emptyToMapping, z.strictObject(shape))
    .transform((read) => gather(read, named)) as unknown as z.ZodType<T>
  const absent = options.optional === true || required.size > 0
  return {
    doc: docOf(doc, 'mapping', null),
    shape: { type: 'section', fields: named },
    schema,
    fallback: absent ? undefined : schema.parse({}),
    unit: null,
  }
}

// Values by their names in the file → by their names in the program, defaults where nothing was written.
// (That both spellings of one field were written is refused elsewhere.)
function gather(read: Record<string, unknown>, named: ReadonlyMap<string, NamedField>): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, { output, field }] of named) {
    const found = read[name]
    if (found !== undefined) value[output] = found
    else if (!Object.hasOwn(value, output) && field.fallback !== undefined) value[output] = field.fallback
  }
  return value
}

/** The same field, its parsed value changed by `change`: for shorthands of the file that the program need not know. */
export function changed<T, U>(field: Field<T>, change: (value: T) => U): Field<U> {
  return {
    doc: field.doc,
    shape: field.shape,
    schema: field.schema.transform((value) => change(value)),
    fallback: field.fallback === undefined ? undefined : change(field.fallback),
    unit: null,
  }
}
