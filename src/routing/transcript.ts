// What a caller has seen of an answer, so that another target can go on with it.
//
// It can be gone on with while it is text, or thoughts before the text, of one choice: nobody can go on inside a tool's
// call, and what a call's arguments would have been is not guessed.
import type { ChatEvent } from '../core/chat-events.ts'
import type { StreamWriter } from '../dialects/translator.ts'

export class Transcript {
  /** Writes in the caller's dialect what comes next: it has seen all that the caller has. */
  readonly writer: StreamWriter
  text = ''
  /** The block that is open, and what it is; null: none. */
  open: { readonly block: number; readonly type: 'text' | 'reasoning' } | null = null
  /** Number of the next block. */
  blocks = 0
  #canGoOn = true

  constructor(writer: StreamWriter) {
    this.writer = writer
  }

  /** Whether another target can go on from here. */
  get canGoOn(): boolean {
    return this.#canGoOn && this.blocks > 0
  }

  push(event: ChatEvent): void {
    if ('choice' in event && event.choice !== 0) this.#canGoOn = false
    switch (event.type) {
      case 'block_start': {
        const { type } = event.part
        this.blocks = Math.max(this.blocks, event.block + 1)
        if (type === 'text' || type === 'reasoning') this.open = { block: event.block, type }
        else this.#canGoOn = false
        if (event.part.type === 'text') this.text += event.part.text
        return
      }
      case 'block_delta':
        if (event.delta.type === 'text' && this.open?.block === event.block && this.open.type === 'text')
          this.text += event.delta.text
        return
      case 'block_end':
        if (this.open?.block === event.block) this.open = null
        return
      case 'finish':
        this.#canGoOn = false
        return
      case 'start':
      case 'logprobs':
      case 'usage':
      case 'facts':
      case 'ping':
      case 'error':
      case 'end':
        return
    }
  }
}
