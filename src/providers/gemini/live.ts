// Gemini's live sessions: their address, and what the server's messages say of the answers.
import { objectOf, parseObject } from '../../core/json-read.ts'
import type { JsonObject } from '../../core/json.ts'
import { SILENT_LIVE } from '../realtime-wire.ts'
import type { LiveFacts, RealtimeWire } from '../realtime-wire.ts'
import { usageOfGemini } from './usage.ts'

const SERVICE = 'google.ai.generativelanguage'
/** Sound comes as 24 kHz PCM: some 25 tokens a second, 64 000 characters of base64 a second. */
const CHARACTERS_OF_SOUND_PER_TOKEN = 2_560

/** A turn tells its usage with its end, or in a message of its own around it. */
function createReader(): (text: string) => LiveFacts {
  let told: JsonObject | null = null
  let isOver = false
  return (text) => {
    if (!text.includes('usageMetadata') && !text.includes('turnComplete')) {
      if (!text.includes('modelTurn')) return SILENT_LIVE
      return { ...SILENT_LIVE, begins: true, outputCharacters: (text.length / CHARACTERS_OF_SOUND_PER_TOKEN) * 4 }
    }
    const message = parseObject(text)
    if (message === null) return SILENT_LIVE
    const content = objectOf(message, 'serverContent')
    told = objectOf(message, 'usageMetadata') ?? told
    isOver ||= content?.['turnComplete'] === true
    if (!isOver || told === null) return { ...SILENT_LIVE, begins: content !== null }
    const raw = told
    told = null
    isOver = false
    return {
      ...SILENT_LIVE,
      ends: true,
      usage: usageOfGemini(asGenerated(raw)),
      rawUsage: JSON.stringify(raw),
      finishReason: content?.['interrupted'] === true ? 'interrupted' : 'turn_complete',
    }
  }
}

/** A live session says `response` where an answer of generateContent says `candidates`. */
function asGenerated(raw: JsonObject): JsonObject {
  const { responseTokenCount, responseTokensDetails, ...rest } = raw
  return {
    ...rest,
    ...(responseTokenCount === undefined ? {} : { candidatesTokenCount: responseTokenCount }),
    ...(responseTokensDetails === undefined ? {} : { candidatesTokensDetails: responseTokensDetails }),
  }
}

export const geminiLive: RealtimeWire = {
  url({ provider }, query) {
    const base = /^(.*)\/(v1(?:alpha|beta)\d*|v1)$/.exec(provider.baseUrl)
    if (base === null) return null
    const [, host = '', version = ''] = base
    return `${host}/ws/${SERVICE}.${version}.GenerativeService.BidiGenerateContent${query === '' ? '' : `?${query}`}`
  },
  reader: createReader,
}
