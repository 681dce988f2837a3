// Stream events of Gemini's API, as far as the path needs to know them.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { OpenChoices } from '../open-choices.ts'
import { type EventReader, SILENT } from '../wire.ts'
import { charactersIn, finishIn, usageIn } from './answer.ts'

/** A reader of one stream. Searches are told once, while later chunks repeat the usage: the most that was seen counts. */
export function geminiEventReader(): EventReader {
  let searches = 0
  const open = new OpenChoices()
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
    let meaningful = false
    let outputCharacters = 0
    for (const [place, candidate] of candidates.entries()) {
      const characters = charactersIn(candidate)
      outputCharacters += characters
      const index = numberOf(candidate, 'index') ?? place
      if (characters > 0 || holdsOther(candidate)) {
        meaningful = true
        open.begin(index)
      }
      if (stringOf(candidate, 'finishReason') !== null) open.finish(index)
    }
    const usage = usageIn(chunk)
    if (usage !== null) searches = Math.max(searches, usage.searches)
    return {
      ...SILENT,
      meaningful,
      outputCharacters,
      finishReason: finishIn(chunk),
      leavesOpen: open.areSome,
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
