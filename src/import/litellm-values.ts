// Values of LiteLLM's file: `os.environ/NAME`, and what may be text or a number.
import { literal } from './draft.ts'

/** A value as the text of ours, and whether it is a literal secret rather than the name of a variable. */
export type Written = { readonly text: string; readonly isVariable: boolean }

const VARIABLE = /^os\.environ\/([A-Za-z_]\w*)$/

/** `os.environ/NAME` → `${NAME}`; other text as it is. Null: no text. */
export function written(value: unknown): Written | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null
  const text = String(value).trim()
  if (text === '') return null
  const variable = VARIABLE.exec(text)?.[1]
  return variable === undefined
    ? { text: literal(text), isVariable: false }
    : { text: `\${${variable}}`, isVariable: true }
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

export function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A whole number from 1; null: none is meant. */
export function countOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : null
}

/** Whether a switch is on, also as YAML 1.1 writes it: that is what LiteLLM reads. */
export function isOn(value: unknown): boolean {
  return value === true || (typeof value === 'string' && /^(?:true|yes|on|y)$/i.test(value))
}
