// Citations → the grounding metadata that Gemini's clients read. Its places count bytes of UTF-8.
import type { Citation } from '../core/chat.ts'
import type { JsonObject } from '../core/json.ts'

/** A citation, and the characters of the whole text that it backs. */
export type PlacedCitation = { readonly citation: Citation; readonly from: number; readonly to: number }

/** The metadata of a candidate whose text is `text`; null when nothing is cited. */
export function groundingOf(text: string, citations: readonly PlacedCitation[]): JsonObject | null {
  if (citations.length === 0) return null
  const chunks: JsonObject[] = []
  const places = new Map<string, number>()
  const supports = citations.map(({ citation, from, to }): JsonObject => {
    const chunk = chunkOf(citation)
    const key = JSON.stringify(chunk)
    let place = places.get(key)
    if (place === undefined) {
      place = chunks.push(chunk) - 1
      places.set(key, place)
    }
    const segment = {
      startIndex: bytesOf(text.slice(0, from)),
      endIndex: bytesOf(text.slice(0, to)),
      text: text.slice(from, to),
    }
    return { segment, groundingChunkIndices: [place] }
  })
  return { groundingChunks: chunks, groundingSupports: supports }
}

/** Where a block's citations lie: where they say, else the whole block. `from`–`to`: the block in the text. */
export function placed(citation: Citation, from: number, to: number): PlacedCitation {
  return {
    citation,
    from: citation.start === null ? from : from + citation.start,
    to: citation.end === null ? to : Math.min(to, from + citation.end),
  }
}

function chunkOf({ url, title, citedText }: Citation): JsonObject {
  if (url !== null) return { web: { uri: url, ...(title === null ? {} : { title }) } }
  return {
    retrievedContext: { ...(title === null ? {} : { title }), ...(citedText === null ? {} : { text: citedText }) },
  }
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}
