// Thoughts that a host writes as `<think>…</think>` at the start of the text, told apart from the answer.
import type { Part } from '../../core/chat.ts'

const OPEN = '<think>'
const CLOSE = '</think>'

export type ThinkPiece = { readonly kind: 'text' | 'reasoning'; readonly text: string }

/** Takes text as it comes, in any pieces, and tells thought and answer apart. Tags later in the text are just text. */
export class ThinkSplitter {
  #state: 'start' | 'thinking' | 'gap' | 'text' = 'start'
  /** What may be the beginning of a tag. */
  #held = ''

  push(text: string): readonly ThinkPiece[] {
    const pieces: ThinkPiece[] = []
    let rest = this.#held + text
    this.#held = ''
    if (this.#state === 'start') {
      const trimmed = rest.trimStart()
      if (trimmed.length < OPEN.length && OPEN.startsWith(trimmed)) {
        this.#held = rest
        return pieces
      }
      this.#state = trimmed.startsWith(OPEN) ? 'thinking' : 'text'
      if (this.#state === 'thinking') rest = trimmed.slice(OPEN.length).replace(/^\n/, '')
    }
    if (this.#state === 'thinking') {
      const end = rest.indexOf(CLOSE)
      if (end < 0) {
        const kept = tailOfTag(rest)
        this.#held = rest.slice(rest.length - kept)
        push(pieces, 'reasoning', rest.slice(0, rest.length - kept))
        return pieces
      }
      push(pieces, 'reasoning', rest.slice(0, end))
      rest = rest.slice(end + CLOSE.length)
      this.#state = 'gap'
    }
    if (this.#state === 'gap') {
      rest = rest.trimStart()
      if (rest === '') return pieces
      this.#state = 'text'
    }
    push(pieces, 'text', rest)
    return pieces
  }

  /** What was held back, at the end. */
  end(): readonly ThinkPiece[] {
    const pieces: ThinkPiece[] = []
    push(pieces, this.#state === 'thinking' ? 'reasoning' : 'text', this.#held)
    this.#held = ''
    return pieces
  }
}

function push(pieces: ThinkPiece[], kind: ThinkPiece['kind'], text: string): void {
  if (text !== '') pieces.push({ kind, text })
}

/** How many characters at the end may be the beginning of the closing tag. */
function tailOfTag(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--)
    if (CLOSE.startsWith(text.slice(text.length - length))) return length
  return 0
}

/** The same on a whole message. */
export function splitThinking(parts: readonly Part[]): readonly Part[] {
  const splitter = new ThinkSplitter()
  return parts.flatMap((part): readonly Part[] => {
    if (part.type !== 'text') return [part]
    return [...splitter.push(part.text), ...splitter.end()].map(({ kind, text }): Part =>
      kind === 'text'
        ? { ...part, text }
        : { type: 'reasoning', text, signature: null, encrypted: null, family: 'openai-chat' },
    )
  })
}
