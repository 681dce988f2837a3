// Pass-through: a call in a format that is between the client and the provider. Of the dialect that the client seems to speak
// only the form of errors is left.
import type { Dialect } from './dialect.ts'

/** @param spoken whose errors the client understands */
export function passDialect(spoken: Dialect): Dialect {
  return { ...spoken, id: 'pass', operation: 'pass', ownFields: [] }
}
