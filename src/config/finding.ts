// What a check of the config finds, before its place in the file is known.
import type { Path } from './problem.ts'

/** `at`: the value of the path, or its last name. */
export type Finding = {
  readonly path: Path
  readonly at: 'value' | 'name'
  readonly message: string
  readonly hint: string | null
}

/** What was written where a mapping belongs; anything else reads as an empty one. */
export function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
