// OpenAI's realtime sessions: their address, and what the server's events say of the answers.
import { objectOf, parseObject, stringOf } from '../../core/json-read.ts'
import type { JsonObject } from '../../core/json.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT_LIVE } from '../realtime-wire.ts'
import type { LiveFacts, RealtimeWire } from '../realtime-wire.ts'
import { openaiPath } from './request.ts'

function count(object: JsonObject | null, name: string): number {
  const value = object?.[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

/**
 * Usage of a realtime response: `input_tokens` includes text, sound and pictures, each of which includes what was cached;
 * `output_tokens` includes text and sound.
 */
export function usageOfRealtime(raw: JsonObject): Usage {
  const input = objectOf(raw, 'input_token_details')
  const cached = input === null ? null : objectOf(input, 'cached_tokens_details')
  const output = objectOf(raw, 'output_token_details')
  const total = count(raw, 'input_tokens')
  const cacheRead = Math.min(total, count(input, 'cached_tokens'))
  const audioIn = Math.min(total - cacheRead, Math.max(0, count(input, 'audio_tokens') - count(cached, 'audio_tokens')))
  const imageIn = Math.min(
    total - cacheRead - audioIn,
    Math.max(0, count(input, 'image_tokens') - count(cached, 'image_tokens')),
  )
  const spoken = count(raw, 'output_tokens')
  const audioOut = Math.min(spoken, count(output, 'audio_tokens'))
  return {
    ...NO_USAGE,
    input: total - cacheRead - audioIn - imageIn,
    cacheRead,
    audioIn,
    imageIn,
    output: spoken - audioOut,
    audioOut,
    requests: 1,
  }
}

const BEGUN: LiveFacts = { ...SILENT_LIVE, begins: true }
/** A token of text is some four characters; of sound a twentieth of a second, as 24 kHz PCM in base64. */
const TEXT_FACTS: LiveFacts = { ...SILENT_LIVE, outputCharacters: 4 }
const CHARACTERS_OF_SOUND_PER_TOKEN = 3_200

/** Nearly every event is a piece of sound or of text: those are not parsed. The type stands near the start, or at the end. */
function readEvent(text: string): LiveFacts {
  const type =
    /"type"\s*:\s*"([\w.]+)"/.exec(text.length > 400 ? text.slice(0, 300) + text.slice(-100) : text)?.[1] ?? ''
  switch (type) {
    case 'response.created':
      return BEGUN
    case 'response.output_audio.delta':
    case 'response.audio.delta':
      return { ...SILENT_LIVE, outputCharacters: (text.length / CHARACTERS_OF_SOUND_PER_TOKEN) * 4 }
    case 'response.output_text.delta':
    case 'response.text.delta':
    case 'response.function_call_arguments.delta':
      return TEXT_FACTS
    default:
      return text.includes('response.done') ? readDone(text) : SILENT_LIVE
  }
}

function readDone(text: string): LiveFacts {
  const event = parseObject(text)
  if (event === null || event['type'] !== 'response.done') return SILENT_LIVE
  const response = objectOf(event, 'response')
  const usage = response === null ? null : objectOf(response, 'usage')
  return {
    ...SILENT_LIVE,
    ends: true,
    usage: usage === null ? null : usageOfRealtime(usage),
    rawUsage: usage === null ? null : JSON.stringify(usage),
    finishReason: response === null ? null : stringOf(response, 'status'),
  }
}

export const openaiRealtime: RealtimeWire = {
  url(deployment, query) {
    const path = openaiPath('realtime', deployment)
    if (path === null) return null
    const own = deployment.provider.quirks.query
    const parts = [`model=${encodeURIComponent(deployment.model)}`, own, query === '' ? undefined : query]
    return `${deployment.provider.baseUrl}${path}?${parts.filter((part) => part !== undefined).join('&')}`
  },
  reader: () => readEvent,
}
