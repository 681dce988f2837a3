// Values against the JSON Schemas that callers send. A schema is a stranger's: its size is bounded, patterns and formats in it are not
// looked at (a pattern may take for ever), and one that cannot be used says nothing of any value.
import type { ValidateFunction } from 'ajv'
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { JsonObject } from '../core/json.ts'

export interface SchemaChecks {
  /** Where a value does not fit, without a word of it; null: it fits, or the schema cannot be used. */
  problem(schema: JsonObject, value: unknown): Promise<string | null>
}

const MAX_SCHEMA_CHARACTERS = 65_536
const MAX_SCHEMAS = 200

type Check = ValidateFunction | 'unusable'

export function createSchemaChecks(): SchemaChecks {
  const compiled = new LRUCache<string, Check>(atMost(MAX_SCHEMAS))
  let compile: ((schema: JsonObject) => ValidateFunction) | null = null

  /** Loaded with the first schema: most gateways never see one, and it takes some time and memory. */
  async function loaded(): Promise<(schema: JsonObject) => ValidateFunction> {
    const { Ajv2020 } = await import('ajv/dist/2020.js')
    return (schema) => {
      // One for each schema: names that two of them share must not clash, and what is forgotten must be gone.
      const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, logger: false })
      // Comparing each item with each other costs their square; a pattern may cost more than that.
      for (const keyword of ['uniqueItems', 'pattern', 'patternProperties']) ajv.removeKeyword(keyword)
      return ajv.compile(schema)
    }
  }

  async function checkOf(schema: JsonObject): Promise<Check> {
    const text = JSON.stringify(schema)
    const known = compiled.get(text)
    if (known !== undefined) return known
    let check: Check = 'unusable'
    if (text.length <= MAX_SCHEMA_CHARACTERS) {
      compile ??= await loaded()
      try {
        check = compile(schema)
      } catch {
        // Not a schema, or one that refers to what is elsewhere: it cannot tell good from bad.
      }
    }
    compiled.set(text.length <= MAX_SCHEMA_CHARACTERS ? text : text.slice(0, MAX_SCHEMA_CHARACTERS), check)
    return check
  }

  return {
    async problem(schema, value) {
      const check = await checkOf(schema)
      if (check === 'unusable') return null
      try {
        if (check(value)) return null
      } catch {
        // Nested deeper than the stack is.
        return null
      }
      const [error] = check.errors ?? []
      return error === undefined ? 'it does not fit the schema' : `\`${error.keyword}\` does not hold`
    },
  }
}
