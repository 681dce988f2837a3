// Templates of JSON: values in which texts may name placeholders, `{{name}}`. Data and nothing else: no code, no loops.
//
// A text that is one placeholder becomes its value, of whatever type; a member or an entry whose value is not there is left
// out. In a longer text placeholders become text, and what is not there is empty.
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'

export type TemplateValues = Readonly<Record<string, JsonValue | undefined>>

const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g
const ALONE = /^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$/

/** What is wrong with a template, and where; null when it is sound. `known`: the placeholders that there are. */
export function templateProblem(
  template: JsonValue,
  known: readonly string[],
  path = '',
): { readonly path: string; readonly unknown: string | null } | null {
  if (typeof template === 'string') {
    for (const [, name] of template.matchAll(PLACEHOLDER))
      if (name !== undefined && !known.includes(name)) return { path, unknown: name }
    return /\{\{|\}\}/.test(template.replaceAll(PLACEHOLDER, '')) ? { path, unknown: null } : null
  }
  for (const [name, value] of entriesOf(template)) {
    const problem = templateProblem(value, known, `${path}/${name}`)
    if (problem !== null) return problem
  }
  return null
}

/** Names of the placeholders in a template. */
export function placeholdersOf(template: JsonValue): ReadonlySet<string> {
  const names = new Set<string>()
  const collect = (value: JsonValue): void => {
    if (typeof value === 'string') for (const [, name] of value.matchAll(PLACEHOLDER)) names.add(name ?? '')
    else for (const [, inner] of entriesOf(value)) collect(inner)
  }
  collect(template)
  return names
}

function entriesOf(value: JsonValue): readonly (readonly [string, JsonValue])[] {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((inner, index) => [String(index), inner])
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[name, inner] as const]))
}

/** The template with values in the place of its placeholders; undefined when it is one whose value is not there. */
export function fillTemplate(template: JsonValue, values: TemplateValues): JsonValue | undefined {
  if (typeof template === 'string') {
    const alone = ALONE.exec(template)?.[1]
    return alone === undefined ? fillText(template, values) : values[alone]
  }
  if (Array.isArray(template))
    return (template as readonly JsonValue[]).flatMap((inner) => {
      const filled = fillTemplate(inner, values)
      return filled === undefined ? [] : [filled]
    })
  if (!isObject(template)) return template
  // Not by assignment: a member may be called `__proto__`.
  return Object.fromEntries(
    entriesOf(template).flatMap(([name, inner]) => {
      const value = fillTemplate(inner, values)
      return value === undefined ? [] : [[name, value]]
    }),
  ) satisfies JsonObject
}

/** The text with values in the place of its placeholders; `encode` makes them fit where the text stands. */
export function fillText(
  template: string,
  values: TemplateValues,
  encode: (text: string) => string = (text) => text,
): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) => {
    const value = values[name]
    if (value === undefined || value === null) return ''
    return encode(typeof value === 'string' ? value : JSON.stringify(value))
  })
}
