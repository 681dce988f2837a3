// The kit that the schema is built with: each field is a row of documentation with the function that reads it.
// Fields are named as in the parsed value (`drainTimeoutMs`); their names in the file follow (`drain_timeout: 30s`, `drain_timeout_ms: 30000`).
import type { Path } from './problem.ts'
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

/** What is inside a field: enough to walk a config without reading it. */
export type FieldShape =
  | { readonly type: 'leaf' }
  /** By the names of the file; a field with two spellings stands here twice. */
  | { readonly type: 'section'; readonly fields: ReadonlyMap<string, NamedField> }
  | { readonly type: 'map'; readonly item: Field<unknown>; readonly itemName: string }
  | { readonly type: 'list'; readonly item: Field<unknown> }

/** What is wrong with a value. */
export type Issue =
  | {
      readonly type: 'wrong'
      readonly path: Path
      /** What was expected; null: what the field's shape says. */
      readonly expected: string | null
      readonly hint: string | null
    }
  | { readonly type: 'unknown_names'; readonly path: Path; readonly names: readonly string[] }

/**
 * Reads a value that is there, and stands at `path`. Undefined where it is wrong; `issues` has got what is then.
 * All of a file is read in one go, so that everything that is wrong is told at once.
 */
type Reader<T> = (value: unknown, path: Path, issues: Issue[]) => T | undefined

export type Field<T> = {
  readonly doc: FieldDoc
  readonly shape: FieldShape
  readonly read: Reader<T>
  /** What counts when it is left out; undefined: then the parsed value has no such field either. */
  readonly fallback: T | undefined
  /** Suffix of the spelling that takes a bare number, for fields whose name ends in a unit. */
  readonly unit: { readonly suffix: string; readonly read: Reader<T> } | null
}

type NamedField = {
  /** Name in the parsed value. */
  readonly output: string
  /** The spelling that the reference shows. */
  readonly main: string
  readonly field: Field<unknown>
  /** Reads this spelling. */
  readonly read: Reader<unknown>
  readonly isRequired: boolean
}

/** Fields of a section, by their names in the parsed value. */
export type FieldsOf<T> = { readonly [K in keyof T]-?: Field<T[K]> }

/** What a leaf's reader answers when the value is wrong. */
type Wrong = { readonly expected: string; readonly hint?: string }
type Read<T> = { readonly value: T } | Wrong

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** Reads a whole file's value. */
export function readWhole<T>(root: Field<T>, value: unknown): Reading<T> {
  const issues: Issue[] = []
  const read = root.read(value, [], issues)
  return issues.length === 0 ? { ok: true, value: read as T } : { ok: false, issues }
}

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

function leafReader<T>(read: (value: unknown) => Read<T>): Reader<T> {
  return (value, path, issues) => {
    const result = read(value)
    if ('value' in result) return result.value
    issues.push({ type: 'wrong', path, expected: result.expected, hint: result.hint ?? null })
    return undefined
  }
}

function unlikeItsShape(path: Path): Issue {
  return { type: 'wrong', path, expected: null, hint: null }
}

/** A field that `read` understands. Without a `fallback` it is optional. */
export function leaf<T>(doc: Doc & { kind: string }, read: (value: unknown) => Read<T>, fallback?: T): Field<T> {
  const shown = fallback === undefined ? null : fallback === null ? 'none' : String(fallback)
  return {
    doc: docOf(doc, doc.kind, shown),
    shape: { type: 'leaf' },
    read: leafReader(read),
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
    read: leafReader((value) => {
      const read = bounded(unit.parse(value), bounds, unit.example, unit.write)
      const bare = !('value' in read) && unit.suffix === '_ms' && typeof value === 'number'
      return bare ? { ...read, hint: `A bare number has no unit: write ${value}s or ${value}ms.` } : read
    }),
    fallback,
    unit: {
      suffix: unit.suffix,
      read: leafReader((value) => bounded(parseInteger(value), bounds, unit.number, String)),
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
    read(value, path, issues) {
      if (Array.isArray(value)) return readAll(value.entries(), item, path, issues).map(([, read]) => read)
      issues.push(unlikeItsShape(path))
      return undefined
    },
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
    read(value, path, issues) {
      const mapping = mappingOf(value)
      if (mapping !== null) return Object.fromEntries(readAll(Object.entries(mapping), item, path, issues))
      issues.push(unlikeItsShape(path))
      return undefined
    },
    fallback,
    unit: null,
  }
}

// What is wrong among them is in `issues`, and nobody looks at the others then.
function readAll<Name extends string | number, T>(
  entries: Iterable<[Name, unknown]>,
  item: Field<T>,
  path: Path,
  issues: Issue[],
): [Name, T][] {
  const all: [Name, T][] = []
  for (const [name, value] of entries) {
    const read = item.read(value, [...path, name], issues)
    if (read !== undefined) all.push([name, read])
  }
  return all
}

// `openai:` with nothing after it is null to YAML and "with the defaults" to whoever wrote it.
function mappingOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (value === null) return {}
  return typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null
}

/** `drainTimeoutMs` → `drain_timeout_ms`, `cacheWrite5m` → `cache_write_5m`. */
function fileName(output: string): string {
  return output.replaceAll(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`)
}

/** How a field may be written, the spelling that the reference shows first. */
function spellingsOf(output: string, field: Field<unknown>): { name: string; read: Reader<unknown> }[] {
  const full = fileName(output)
  if (field.unit === null || !full.endsWith(field.unit.suffix)) return [{ name: full, read: field.read }]
  return [
    { name: full.slice(0, -field.unit.suffix.length), read: field.read },
    { name: full, read: field.unit.read },
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
  for (const [output, field] of Object.entries<Field<unknown>>(fields)) {
    const spellings = spellingsOf(output, field)
    for (const { name, read } of spellings)
      named.set(name, { output, main: spellings[0]!.name, field, read, isRequired: required.has(output) })
  }
  const absent = options.optional === true || required.size > 0
  // The names and types that come out are those of `FieldsOf<T>`, field by field.
  return {
    doc: docOf(doc, 'mapping', null),
    shape: { type: 'section', fields: named },
    read: (value, path, issues) => readSection(named, value, path, issues) as T | undefined,
    fallback: absent ? undefined : (readSection(named, {}, [], []) as T),
    unit: null,
  }
}

// Values by their names in the file → by
// their names in the program, defaults where nothing was written. (That both spellings of one field were written is refused elsewhere.)
function readSection(
  named: ReadonlyMap<string, NamedField>,
  value: unknown,
  path: Path,
  issues: Issue[],
): object | undefined {
  const written = mappingOf(value)
  if (written === null) {
    issues.push(unlikeItsShape(path))
    return undefined
  }
  const before = issues.length
  const values: Record<string, unknown> = {}
  for (const [name, { output, field, read, isRequired }] of named) {
    const found = Object.hasOwn(written, name) ? written[name] : undefined
    if (found !== undefined) values[output] = read(found, [...path, name], issues)
    else if (isRequired) issues.push({ type: 'wrong', path: [...path, name], expected: field.doc.kind, hint: null })
    else if (!Object.hasOwn(values, output) && field.fallback !== undefined) values[output] = field.fallback
  }
  const unknown = Object.keys(written).filter((name) => !named.has(name))
  if (unknown.length > 0) issues.push({ type: 'unknown_names', path, names: unknown })
  return issues.length === before ? values : undefined
}

/** The same field, its parsed value changed by `change`: for shorthands of the file that the program need not know. */
export function changed<T, U>(field: Field<T>, change: (value: T) => U): Field<U> {
  return {
    doc: field.doc,
    shape: field.shape,
    read(value, path, issues) {
      const read = field.read(value, path, issues)
      return read === undefined ? undefined : change(read)
    },
    fallback: field.fallback === undefined ? undefined : change(field.fallback),
    unit: null,
  }
}

/** The same field, where something simpler may be written for what it reads. */
export function withShorthand<T>(field: Field<T>, kind: string, written: (value: unknown) => unknown): Field<T> {
  return {
    ...field,
    doc: { ...field.doc, kind },
    read: (value, path, issues) => field.read(written(value), path, issues),
  }
}

/** The same field, where null may be written, and what is left out is null. */
export function orNone<T>(field: Field<T>): Field<T | null> {
  return {
    ...field,
    read: (value, path, issues) => (value === null ? null : field.read(value, path, issues)),
    fallback: null,
  }
}
