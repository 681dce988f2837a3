// The normal form of speech to text.
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export type TranscriptionRequest = {
  /** `translate`: into English. */
  readonly task: 'transcribe' | 'translate'
  readonly sound: { readonly bytes: Uint8Array; readonly mediaType: string; readonly filename: string }
  /** ISO 639-1; null: whatever is heard. */
  readonly language: string | null
  /** Words that may occur, or what was said before. */
  readonly prompt: string | null
  readonly temperature: number | null
  /** Who says what is to be told apart. */
  readonly speakers: boolean
}

/** Times are seconds from the start. */
export type SpokenWord = {
  readonly word: string
  readonly startS: number
  readonly endS: number
  readonly speaker: string | null
}
export type SpokenSegment = {
  readonly text: string
  readonly startS: number
  readonly endS: number
  readonly speaker: string | null
}

export type TranscriptionAnswer = {
  readonly text: string
  /** In the provider's words; null when it does not tell. */
  readonly language: string | null
  readonly durationS: number | null
  readonly words: readonly SpokenWord[]
  readonly segments: readonly SpokenSegment[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}

const MAX_SEGMENT_S = 8

/** The segments of an answer; where it tells words alone, these by sentence, speaker and time. */
export function segmentsOf(answer: TranscriptionAnswer): readonly SpokenSegment[] {
  if (answer.segments.length > 0) return answer.segments
  if (answer.words.length === 0) return [{ text: answer.text, startS: 0, endS: answer.durationS ?? 0, speaker: null }]
  const segments: SpokenSegment[] = []
  for (const word of answer.words) {
    const last = segments.at(-1)
    if (last === undefined || isOver(last, word))
      segments.push({ text: word.word, startS: word.startS, endS: word.endS, speaker: word.speaker })
    else segments[segments.length - 1] = { ...last, text: `${last.text} ${word.word}`, endS: word.endS }
  }
  return segments
}

function isOver(segment: SpokenSegment, next: SpokenWord): boolean {
  return (
    segment.speaker !== next.speaker || next.endS - segment.startS > MAX_SEGMENT_S || /[.!?…。！？]$/.test(segment.text)
  )
}
