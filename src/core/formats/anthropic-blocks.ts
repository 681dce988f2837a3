// Content blocks of Anthropic's messages ↔ parts: what requests carry and what answers bring.
import { rawOf } from '../chat.ts'
import type { CacheMarker, Citation, FilePart, MediaSource, Part, ToolCallPart } from '../chat.ts'
import { undisguised, undisguisedCalls } from './foreign-proofs.ts'
import type { JsonObject } from '../json.ts'
import { isObject } from '../json.ts'
import { booleanOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../json-read.ts'

const FAMILY = 'anthropic-messages'

/** Blocks that are calls of tools which the provider runs itself. */
const HOSTED_CALLS = new Set(['server_tool_use', 'mcp_tool_use'])

const KNOWN: { readonly [type: string]: ReadonlySet<string> } = {
  text: new Set(['type', 'text', 'cache_control', 'citations']),
  image: new Set(['type', 'source', 'cache_control']),
  document: new Set(['type', 'source', 'cache_control', 'title', 'context', 'citations']),
  tool_use: new Set(['type', 'id', 'name', 'input', 'cache_control']),
  tool_result: new Set(['type', 'tool_use_id', 'content', 'is_error', 'cache_control']),
}

/**
 * The parts of a list of blocks. Proofs of another vendor's calls, which a client carries in thoughts that say nothing,
 * are put on their calls.
 */
function partsOfBlocks(blocks: readonly JsonObject[]): readonly Part[] {
  const carried = blocks.flatMap((block) =>
    block['type'] === 'redacted_thinking' ? undisguisedCalls(stringOf(block, 'data') ?? '') : [],
  )
  if (carried.length === 0) return blocks.map(partOfBlock)
  const told = blocks.filter((block) => undisguisedCalls(stringOf(block, 'data') ?? '').length === 0)
  return told.map(partOfBlock).map((part) => {
    const proof = part.type === 'tool_call' ? carried.find(({ id }) => id === part.id) : undefined
    return proof === undefined || part.type !== 'tool_call'
      ? part
      : { ...part, signature: proof.signature, family: proof.family }
  })
}

/** A block as a part; one of an unknown type is kept for its own family. */
export function partOfBlock(block: JsonObject): Part {
  const type = stringOf(block, 'type') ?? ''
  const known = KNOWN[type]
  const base = known === undefined ? {} : { ...cacheOf(block), ...rawOf(FAMILY, restOf(block, known)) }
  switch (type) {
    case 'text': {
      const citations = objectsOf(block, 'citations').map(citationOfBlock)
      const cited = citations.length > 0 ? { citations } : {}
      return { type: 'text', text: stringOf(block, 'text') ?? '', ...cited, ...base }
    }
    case 'thinking': {
      const signature = stringOf(block, 'signature') || null
      const proof = signature === null ? null : undisguised(signature)
      const text = stringOf(block, 'thinking') ?? ''
      return { type: 'reasoning', text, ...(proof ?? { signature, encrypted: null, family: FAMILY }) }
    }
    case 'redacted_thinking': {
      const data = stringOf(block, 'data') ?? ''
      return {
        type: 'reasoning',
        text: '',
        ...(undisguised(data) ?? { signature: null, encrypted: data, family: FAMILY }),
      }
    }
    case 'tool_use': {
      const input = objectOf(block, 'input')
      return {
        type: 'tool_call',
        kind: 'function',
        id: stringOf(block, 'id') ?? '',
        name: stringOf(block, 'name') ?? '',
        arguments: JSON.stringify(input ?? {}),
        ...base,
      }
    }
    case 'tool_result': {
      const content = block['content']
      return {
        type: 'tool_result',
        toolCallId: stringOf(block, 'tool_use_id') ?? '',
        toolName: null,
        parts: partsOfContent(content),
        isError: booleanOf(block, 'is_error') ?? false,
        ...base,
      }
    }
    case 'image': {
      const source = sourceOf(objectOf(block, 'source'))
      return source === null ? { type: 'opaque', family: FAMILY, value: block } : { type: 'image', source, ...base }
    }
    case 'document': {
      const source = sourceOf(objectOf(block, 'source'))
      if (source === null) return { type: 'opaque', family: FAMILY, value: block }
      const name = stringOf(block, 'title')
      const context = stringOf(block, 'context')
      const cite = booleanOf(objectOf(block, 'citations') ?? {}, 'enabled')
      return {
        type: 'file',
        source,
        ...(name === null ? {} : { name }),
        ...(context === null ? {} : { context }),
        ...(cite === null ? {} : { cite }),
        ...base,
      }
    }
    default: {
      if (!HOSTED_CALLS.has(type)) return { type: 'opaque', family: FAMILY, value: block }
      const { input, ...value } = block
      return {
        type: 'hosted_call',
        id: stringOf(block, 'id') ?? '',
        name: stringOf(block, 'name') ?? '',
        arguments: JSON.stringify(input ?? {}),
        family: FAMILY,
        value,
      }
    }
  }
}

/** Content is a text or a list of blocks. */
export function partsOfContent(content: unknown): readonly Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return Array.isArray(content) ? partsOfBlocks(content.filter((block) => isObject(block))) : []
}

function cacheOf(block: JsonObject): { readonly cache?: CacheMarker } {
  const cache = cacheMarkerOf(block)
  return cache === null ? {} : { cache }
}

/** The cache marker of a block or a tool; null when it has none. */
export function cacheMarkerOf(block: JsonObject): CacheMarker | null {
  const control = objectOf(block, 'cache_control')
  if (control === null) return null
  const ttl = stringOf(control, 'ttl')
  return { ttl: ttl === '5m' || ttl === '1h' ? ttl : null }
}

export function cacheJson(cache: CacheMarker | undefined): { readonly cache_control?: JsonObject } {
  if (cache === undefined) return {}
  return { cache_control: { type: 'ephemeral', ...(cache.ttl === null ? {} : { ttl: cache.ttl }) } }
}

function sourceOf(source: JsonObject | null): MediaSource | null {
  if (source === null) return null
  const mediaType = stringOf(source, 'media_type')
  switch (stringOf(source, 'type')) {
    case 'base64':
      return {
        type: 'inline',
        data: stringOf(source, 'data') ?? '',
        mediaType: mediaType ?? 'application/octet-stream',
      }
    case 'url':
      return { type: 'url', url: stringOf(source, 'url') ?? '', mediaType }
    case 'file':
      return { type: 'file', fileId: stringOf(source, 'file_id') ?? '', mediaType }
    case 'text':
      return { type: 'text', text: stringOf(source, 'data') ?? '', mediaType: mediaType ?? 'text/plain' }
    default:
      return null
  }
}

export function sourceJson(source: MediaSource): JsonObject {
  switch (source.type) {
    case 'inline':
      return { type: 'base64', media_type: source.mediaType, data: source.data }
    case 'url':
      return { type: 'url', url: source.url }
    case 'file':
      return { type: 'file', file_id: source.fileId }
    case 'text':
      return { type: 'text', media_type: 'text/plain', data: source.text }
  }
}

export function citationOfBlock(citation: JsonObject): Citation {
  return {
    url: stringOf(citation, 'url'),
    title: stringOf(citation, 'title') ?? stringOf(citation, 'document_title'),
    citedText: stringOf(citation, 'cited_text'),
    // Its positions are in the source, not in the answer.
    start: null,
    end: null,
    ...rawOf(FAMILY, citation),
  }
}

/** A citation as a text block carries it. One of another family becomes a search result's: the only kind that is a URL. */
export function citationJson(citation: Citation): JsonObject | null {
  const own = citation.raw?.[FAMILY]
  if (own !== undefined) return own
  if (citation.url === null) return null
  return {
    type: 'web_search_result_location',
    url: citation.url,
    title: citation.title,
    cited_text: citation.citedText ?? '',
    encrypted_index: '',
  }
}

export function documentJson(part: FilePart): JsonObject {
  return {
    ...part.raw?.[FAMILY],
    type: 'document',
    source: sourceJson(part.source),
    ...(part.name === undefined ? {} : { title: part.name }),
    ...(part.context === undefined ? {} : { context: part.context }),
    ...(part.cite === undefined ? {} : { citations: { enabled: part.cite } }),
    ...cacheJson(part.cache),
  }
}

/** Arguments as the object that `input` must be; what is no object is put into one. */
export function inputOf(part: ToolCallPart): JsonObject {
  if (part.kind === 'custom') return { input: part.arguments }
  if (part.arguments.trim() === '') return {}
  return parseObject(part.arguments) ?? { arguments: part.arguments }
}

/** Whether `input` was made of arguments that are no JSON object: no object holds its own text. */
export function isPutIntoOne(input: JsonObject, { kind, arguments: given }: ToolCallPart): boolean {
  return kind === 'function' && input['arguments'] === given
}
