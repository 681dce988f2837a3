// A configuration for tests, read from the value that its file would have.
import { type Config, readConfig } from './schema.ts'

export function configOf(value: unknown): Config {
  const reading = readConfig(value)
  if (reading.ok) return reading.value
  throw new Error(`no configuration: ${JSON.stringify(reading.issues)}`)
}
