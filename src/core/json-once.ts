// Long texts that are written into JSON several times, but made JSON of only once.
import type { JsonValue } from './json.ts'

/** Below this nobody would notice. */
const LONG_CHARACTERS = 4_096

/** Puts JSON text into what is written, as it is. A part of ECMAScript that TypeScript does not know yet. */
const { rawJSON } = JSON as { readonly rawJSON?: (json: string) => JsonValue }

/** A text as a value that `JSON.stringify` writes as it would write the text; only for what is written and never read. */
export function writtenOnce(text: string): JsonValue {
  return rawJSON === undefined || text.length < LONG_CHARACTERS ? text : rawJSON(JSON.stringify(text))
}
