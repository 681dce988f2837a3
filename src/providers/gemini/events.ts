// Stream events of Gemini's API, as far as the path needs to know them.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { type EventReader, SILENT } from '../wire.ts'
import { charactersIn, finishIn, usageIn } from './answer.ts'

/** A reader of one stream. Searches are told once, while later chunks repeat the usage: the most that was seen counts. */
export function geminiEventReader(): EventReader {
  let searches = 0
  return (data) => {
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch {
      return { ...SILENT, error: 'an event of the stream is not JSON' }
    }
    if (!isObject(chunk)) return { ...SILENT, error: 'an event of the stream is not an object' }
    const error = objectOf(chunk, 'error')
    if (error !== null) return { ...SILENT, error: stringOf(error, 'message') ?? 'unknown' }
    const candidates = objectsOf(chunk, 'candidates')
    const outputCharacters = candidates.reduce((sum, candidate) => sum + charactersIn(candidate), 0)
    const usage = usageIn(chunk)
    if (usage !== null) searches = Math.max(searches, usage.searches)
    return {
      ...SILENT,
      meaningful: outputCharacters > 0 || candidates.some(holdsOther),
      outputCharacters,
      finishReason: finishIn(chunk),
      usage: usage === null ? null : { ...usage, searches },
      rawUsage: usage === null ? null : JSON.stringify(chunk['usageMetadata']),
    }
  }
}

/** Anything but text: a picture, code, a call without arguments. */
function holdsOther(candidate: JsonObject): boolean {
  return objectsOf(objectOf(candidate, 'content') ?? {}, 'parts').some((part) =>
    Object.keys(part).some((name) => name !== 'text' && name !== 'thought' && name !== 'thoughtSignature'),
  )
}
