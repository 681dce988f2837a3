// Anthropic's question of how many tokens a request has, as clients ask it.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import type { Dialect } from './dialect.ts'

// A count is never translated: another provider would be asked another question.
const { translator: _translator, ...shared } = anthropicMessages

export const anthropicCountTokens: Dialect = {
  ...shared,
  id: 'anthropic-count-tokens',
  operation: 'count_tokens',
  readFacts: (body) => ({ ...shared.readFacts(body), stream: false, maxOutputTokens: 0 }),
  tokenCount: { countable, answer: (tokens) => ({ input_tokens: tokens }) },
}

/** The words that a model reads: the names of the fields around them are none of it, and base64 is no text. */
function countable(body: JsonObject): { text: string; media: number } {
  const found = { text: [] as string[], media: 0 }
  collect(body['system'], found)
  collect(body['messages'], found)
  collect(body['tools'], found)
  return { text: found.text.join('\n'), media: found.media }
}

function collect(value: unknown, found: { readonly text: string[]; media: number }): void {
  if (typeof value === 'string') found.text.push(value)
  else if (Array.isArray(value)) for (const one of value as readonly unknown[]) collect(one, found)
  else if (isObject(value)) {
    // What a tool takes is told to the model as it stands.
    const { input, input_schema: schema, source, type: _type, role: _role, cache_control: _marker, ...rest } = value
    for (const json of [input, schema]) if (json !== undefined) found.text.push(JSON.stringify(json))
    if (isObject(source) && source['type'] !== 'text' && source['type'] !== 'content') found.media++
    else collect(source, found)
    for (const member of Object.values(rest)) collect(member, found)
  }
}
