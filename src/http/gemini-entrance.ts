// Where a call of Gemini's API comes in: its address names the model and the method, and its query the form of a stream.
import { geminiDialect, readGeminiPath } from '../dialects/gemini.ts'
import type { Entrance } from '../handle.ts'

/** Null where the path names no method of a model. */
export function geminiEntrance(path: string, url: string): Entrance | null {
  const address = readGeminiPath(path.endsWith('/') ? path.slice(0, -1) : path)
  if (address === null) return null
  const query = url.indexOf('?')
  const isSse = query >= 0 && new URLSearchParams(url.slice(query)).get('alt') === 'sse'
  const dialect = geminiDialect(address.method, isSse)
  return {
    family: dialect.operation === 'embeddings' ? 'embeddings' : 'chat',
    dialect: { ...dialect, readFacts: (body) => dialect.readFacts(body, address) },
  }
}
