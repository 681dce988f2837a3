// Tokens of a request as it came: its text, and pictures, sounds and files that are inlined in it by rule. Their base64 would
// count as hundreds of times the tokens that a model takes for them.
import { estimateTokens } from './estimate.ts'

/** Shorter bodies hold nothing that is worth a look. */
const SHORTEST_LOOK = 4_096
/** Shorter texts are counted as text, whatever they are. */
const SHORTEST_MEDIA = 1_024
/** What begins an inlined file: of data URLs, and of Anthropic, Gemini and Bedrock, whose type stands in a field beside it. */
const MARKS = [';base64,', '"data":"', '"data": "', '"bytes":"', '"bytes": "'] as const
/** Of each mark; a body with more of them is somebody's attempt to keep us busy, and counts as text from there on. */
const MOST_LOOKS = 1_000
const BASE64 = /^[A-Za-z0-9+/_=-]+$/
/** Where the type of a file is looked for, characters before it. */
const TYPE_REACH = 160

/** A large picture at the vendors that count by size: about (width × height) / 750, 1 568 at most (Anthropic, 2025). */
const PICTURE_TOKENS = 1_600
/** Bytes of a token: of sound, 32 tokens a second at 64 kbit/s (Gemini); of a page of a PDF, 3 000 tokens in 75 KB. */
const BYTES_PER_TOKEN = { sound: 250, other: 25 }

/** Never less than what `estimateTokens` says of the text without the files. Linear, and quick on bodies without any. */
export function estimateInput(text: string): number {
  if (text.length < SHORTEST_LOOK) return estimateTokens(text)
  const spans = mediaIn(text)
  if (spans.length === 0) return estimateTokens(text)
  let tokens = 0
  let from = 0
  let words = ''
  for (const { start, end, type } of spans) {
    words += text.slice(from, start)
    from = end
    tokens += mediaTokens(type, ((end - start) * 3) / 4)
  }
  return estimateTokens(words + text.slice(from)) + tokens
}

type Media = { readonly start: number; readonly end: number; readonly type: 'picture' | 'sound' | 'other' }

function mediaIn(text: string): readonly Media[] {
  const found: Media[] = []
  for (const mark of MARKS) {
    let at = text.indexOf(mark)
    for (let looks = 0; at >= 0 && looks < MOST_LOOKS; looks++) {
      const start = at + mark.length
      const end = text.indexOf('"', start)
      if (end < 0) break
      if (end - start >= SHORTEST_MEDIA && BASE64.test(text.slice(start, start + 256)))
        found.push({ start, end, type: typeBefore(text, at) })
      at = text.indexOf(mark, end)
    }
  }
  return found
    .sort((one, other) => one.start - other.start)
    .filter(({ start }, place, all) => place === 0 || start >= (all[place - 1]?.end ?? 0))
}

function typeBefore(text: string, at: number): Media['type'] {
  const words = text.slice(Math.max(0, at - TYPE_REACH), at)
  if (words.includes('image')) return 'picture'
  return words.includes('audio') ? 'sound' : 'other'
}

function mediaTokens(type: Media['type'], bytes: number): number {
  return type === 'picture'
    ? PICTURE_TOKENS
    : Math.ceil(bytes / (type === 'sound' ? BYTES_PER_TOKEN.sound : BYTES_PER_TOKEN.other))
}
