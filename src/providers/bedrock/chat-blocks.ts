// Content blocks of Bedrock's Converse → parts.
import type { Citation, Family, Part } from '../../core/chat.ts'
import { rawOf } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'

const FAMILY = 'bedrock-converse'

/** A block is an object with one member, its kind. `thoughts`: whose signatures its thoughts carry. */
export function partOfBlock(block: JsonObject, thoughts: Family): Part {
  const text = stringOf(block, 'text')
  if (text !== null) return { type: 'text', text }
  const toolUse = objectOf(block, 'toolUse')
  if (toolUse !== null) return callOf(toolUse, JSON.stringify(toolUse['input'] ?? {}))
  const reasoning = objectOf(block, 'reasoningContent')
  if (reasoning !== null) return reasoningOf(reasoning, thoughts)
  const cited = objectOf(block, 'citationsContent')
  if (cited !== null)
    return {
      type: 'text',
      text: objectsOf(cited, 'content')
        .map((piece) => stringOf(piece, 'text') ?? '')
        .join(''),
      citations: objectsOf(cited, 'citations').map(citationOf),
    }
  return { type: 'opaque', family: FAMILY, value: block }
}

/** A call of a tool, or of one that the provider runs itself. */
export function callOf(toolUse: JsonObject, json: string): Part {
  const id = stringOf(toolUse, 'toolUseId') ?? ''
  const name = stringOf(toolUse, 'name') ?? ''
  if (stringOf(toolUse, 'type') !== 'server_tool_use')
    return { type: 'tool_call', kind: 'function', id, name, arguments: json }
  const { input: _input, ...value } = toolUse
  return { type: 'hosted_call', id, name, arguments: json, family: FAMILY, value }
}

function reasoningOf(reasoning: JsonObject, family: Family): Part {
  const redacted = stringOf(reasoning, 'redactedContent')
  if (redacted !== null) return { type: 'reasoning', text: '', signature: null, encrypted: redacted, family }
  const said = objectOf(reasoning, 'reasoningText') ?? {}
  return {
    type: 'reasoning',
    text: stringOf(said, 'text') ?? '',
    signature: stringOf(said, 'signature') || null,
    encrypted: null,
    family,
  }
}

export function citationOf(citation: JsonObject): Citation {
  const web = objectOf(objectOf(citation, 'location') ?? {}, 'web')
  const quoted = objectsOf(citation, 'sourceContent')
    .map((piece) => stringOf(piece, 'text') ?? '')
    .join('')
  return {
    url: web === null ? null : stringOf(web, 'url'),
    title: stringOf(citation, 'title') ?? stringOf(citation, 'source'),
    citedText: quoted === '' ? null : quoted,
    // Its positions are in the source, not in the answer.
    start: null,
    end: null,
    ...rawOf(FAMILY, citation),
  }
}
