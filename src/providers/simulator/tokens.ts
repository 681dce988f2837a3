// The simulator's tokenizer: a token is four code points of text, the last one of a text may be shorter.

/** Length of every token but the last one of a text. */
export const CODE_POINTS_PER_TOKEN = 4
const SURROGATE = /[\ud800-\udfff]/

/** Tokens of a text: its code points divided by four, rounded up. */
export function countTokens(text: string): number {
  return Math.ceil(countCodePoints(text) / CODE_POINTS_PER_TOKEN)
}

/** The first `tokens` tokens of a text. */
export function cutToTokens(text: string, tokens: number): string {
  const length = tokens * CODE_POINTS_PER_TOKEN
  if (text.length <= length) return text
  return SURROGATE.test(text) ? Array.from(text).slice(0, length).join('') : text.slice(0, length)
}

/** The text in pieces of one token each, in order; they join to the text. */
export function tokensOf(text: string): string[] {
  // Spreading a string makes an array of code points, which costs: only texts beyond the basic plane need it.
  const units: string | string[] = SURROGATE.test(text) ? Array.from(text) : text
  const pieces: string[] = []
  for (let start = 0; start < units.length; start += CODE_POINTS_PER_TOKEN) {
    const piece = units.slice(start, start + CODE_POINTS_PER_TOKEN)
    pieces.push(typeof piece === 'string' ? piece : piece.join(''))
  }
  return pieces
}

export function countCodePoints(text: string): number {
  if (!SURROGATE.test(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}
