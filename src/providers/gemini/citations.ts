// Where an answer comes from: Gemini's grounding and citation metadata → citations.
//
// Places are told in bytes of the text's UTF-8, ours in characters of JavaScript's strings.
import type { Citation } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'

/** The text that places count in, and where in it the block that bears the citations begins (characters). */
export type Cited = {
  readonly text: string
  readonly blockStart: number
  /** Character at which each part of the content begins, where they are known. */
  readonly partStarts: readonly number[]
}

/** The citations of a candidate; none when it has no such metadata. */
export function citationsOf(candidate: JsonObject, cited: Cited): readonly Citation[] {
  const grounding = objectOf(candidate, 'groundingMetadata')
  const recited = objectOf(candidate, 'citationMetadata')
  return [
    ...(grounding === null ? [] : groundingCitations(grounding, cited)),
    ...(recited === null ? [] : recitations(recited, cited)),
  ]
}

type Source = Pick<Citation, 'url' | 'title' | 'citedText'>

function groundingCitations(grounding: JsonObject, cited: Cited): readonly Citation[] {
  const sources = objectsOf(grounding, 'groundingChunks').map(sourceOf)
  const supports = objectsOf(grounding, 'groundingSupports')
  // Without supports nobody knows what the sources back: then they stand for the whole text.
  if (supports.length === 0) return sources.map((source) => ({ ...source, start: null, end: null }))
  return supports.flatMap((support) => {
    const segment = objectOf(support, 'segment') ?? {}
    const place = placeOf(segment, cited)
    return listOf(support, 'groundingChunkIndices').flatMap((index) => {
      const source = typeof index === 'number' ? sources[index] : undefined
      return source === undefined ? [] : [{ ...source, ...place }]
    })
  })
}

/** A page of the web, a piece of a store of documents, a place on the map. */
function sourceOf(chunk: JsonObject): Source {
  const source = objectOf(chunk, 'web') ?? objectOf(chunk, 'retrievedContext') ?? objectOf(chunk, 'maps') ?? {}
  return { url: stringOf(source, 'uri'), title: stringOf(source, 'title'), citedText: stringOf(source, 'text') }
}

/** AI Studio calls them `citationSources`, Vertex `citations`. */
function recitations(metadata: JsonObject, cited: Cited): readonly Citation[] {
  return [...objectsOf(metadata, 'citationSources'), ...objectsOf(metadata, 'citations')].map((source) => ({
    url: stringOf(source, 'uri'),
    title: stringOf(source, 'title'),
    citedText: null,
    ...placeOf(source, cited),
  }))
}

function placeOf(segment: JsonObject, { text, blockStart, partStarts }: Cited): Pick<Citation, 'start' | 'end'> {
  const endByte = numberOf(segment, 'endIndex')
  if (endByte === null) return { start: null, end: null }
  const part = numberOf(segment, 'partIndex') ?? 0
  const from = partStarts[part] ?? 0
  const shift = from - blockStart
  const start = charactersAt(text, from, numberOf(segment, 'startIndex') ?? 0) + shift
  const end = charactersAt(text, from, endByte) + shift
  return start < 0 || end < start ? { start: null, end: null } : { start, end }
}

/** How many characters from `from` on the first `bytes` bytes are. */
export function charactersAt(text: string, from: number, bytes: number): number {
  let left = bytes
  let at = from
  while (left > 0 && at < text.length) {
    const code = text.codePointAt(at) ?? 0
    left -= code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4
    at += code < 0x1_00_00 ? 1 : 2
  }
  return at - from
}

/** Searches that were made for an answer. Up to 2.5 an answer that searched is billed once, however often it did. */
export function searchesOf(candidate: JsonObject, isBilledEach: boolean): number {
  const grounding = objectOf(candidate, 'groundingMetadata')
  if (grounding === null) return 0
  const queries = listOf(grounding, 'webSearchQueries').filter((query) => query !== '').length
  return isBilledEach ? queries : Math.min(1, queries)
}
