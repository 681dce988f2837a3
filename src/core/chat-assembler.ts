// Puts the events of an answer together again, and plays a whole answer as events.
import type { Part } from './chat.ts'
import type { ChatAnswer, ChatChoice, Finish, TokenLogprob } from './chat-answer.ts'
import type { BlockDelta, ChatEvent } from './chat-events.ts'
import type { Raw } from './chat.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { Usage } from './usage.ts'

/** Events came in an order that means nothing: a fault of the wire's reader. */
export class EventOrderError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EventOrderError'
  }
}

type Block = { part: Part; isOpen: boolean }
type Choice = { readonly blocks: Block[]; finish: Finish | null; logprobs: TokenLogprob[] | null }

/** Events in, answer out. `push` throws EventOrderError; `answer` may be asked for at any time and tells what is there. */
export class ChatAssembler {
  readonly #choices = new Map<number, Choice>()
  #head: { id: string | null; model: string | null; created: number | null } | null = null
  #usage: Usage | null = null
  #rawUsage: JsonObject | null = null
  #serviceTier: string | null = null
  #raw: Raw | undefined
  #error: string | null = null
  #hasEnded = false

  /** The stream came to its own end. */
  get isComplete(): boolean {
    return this.#hasEnded && this.#error === null
  }

  /** The stream's own error; null when there was none. */
  get error(): string | null {
    return this.#error
  }

  push(event: ChatEvent): void {
    if (this.#hasEnded) throw new EventOrderError(`${event.type} after the end`)
    if (event.type === 'start') {
      if (this.#head !== null) throw new EventOrderError('a second start')
      this.#head = { id: event.id, model: event.model, created: event.created }
      return
    }
    if (this.#head === null && event.type !== 'error' && event.type !== 'ping')
      throw new EventOrderError(`${event.type} before the start`)
    switch (event.type) {
      case 'block_start': {
        const { blocks, finish } = this.#choice(event.choice)
        if (finish !== null) throw new EventOrderError(`a block after the finish of choice ${event.choice}`)
        if (event.block !== blocks.length)
          throw new EventOrderError(`block ${event.block} where block ${blocks.length} was due`)
        blocks.push({ part: event.part, isOpen: true })
        return
      }
      case 'block_delta': {
        const block = this.#open(event.choice, event.block)
        block.part = grown(block.part, event.delta)
        return
      }
      case 'block_end':
        this.#open(event.choice, event.block).isOpen = false
        return
      case 'logprobs': {
        const choice = this.#choice(event.choice)
        choice.logprobs = [...(choice.logprobs ?? []), ...event.tokens]
        return
      }
      case 'finish': {
        const choice = this.#choice(event.choice)
        if (choice.finish !== null) throw new EventOrderError(`a second finish of choice ${event.choice}`)
        if (choice.blocks.some((block) => block.isOpen))
          throw new EventOrderError(`a finish of choice ${event.choice} while a block is open`)
        choice.finish = event.finish
        return
      }
      case 'usage':
        this.#usage = event.usage
        this.#rawUsage = event.raw
        return
      case 'facts':
        if (event.serviceTier !== undefined) this.#serviceTier = event.serviceTier
        if (event.raw !== undefined) this.#raw = mergeRaw(this.#raw, event.raw)
        return
      case 'ping':
        return
      case 'error':
        this.#error = event.message
        this.#hasEnded = true
        return
      case 'end':
        for (const [index, { finish }] of this.#choices)
          if (finish === null) throw new EventOrderError(`the end before the finish of choice ${index}`)
        this.#hasEnded = true
    }
  }

  answer(): ChatAnswer {
    const byIndex = [...this.#choices].sort(([first], [second]) => first - second)
    const choices = byIndex.map(([index, { blocks, finish, logprobs }]): ChatChoice => ({
      index,
      parts: blocks.map(({ part }) => part),
      finish: finish ?? { unified: 'other', raw: null },
      logprobs,
    }))
    return {
      id: this.#head?.id ?? null,
      model: this.#head?.model ?? null,
      created: this.#head?.created ?? null,
      choices,
      usage: this.#usage,
      rawUsage: this.#rawUsage,
      serviceTier: this.#serviceTier,
      warnings: [],
      ...(this.#raw === undefined ? {} : { raw: this.#raw }),
    }
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      choice = { blocks: [], finish: null, logprobs: null }
      this.#choices.set(index, choice)
    }
    return choice
  }

  #open(choice: number, index: number): Block {
    const block = this.#choices.get(choice)?.blocks[index]
    if (block === undefined || !block.isOpen)
      throw new EventOrderError(`block ${index} of choice ${choice} is not open`)
    return block
  }
}

function mergeRaw(first: Raw | undefined, second: Raw): Raw {
  const merged: Record<string, JsonObject | undefined> = { ...first }
  for (const [family, fields] of Object.entries(second)) merged[family] = { ...merged[family], ...fields }
  return merged
}

/** The part with a delta added; throws EventOrderError when the delta is of another kind of block. */
function grown(part: Part, delta: BlockDelta): Part {
  switch (delta.type) {
    case 'text':
      if (part.type === 'text' || part.type === 'reasoning' || part.type === 'refusal')
        return { ...part, text: part.text + delta.text }
      break
    case 'arguments':
      if (part.type === 'tool_call' || part.type === 'hosted_call')
        return { ...part, arguments: part.arguments + delta.json }
      break
    case 'signature':
      if (part.type === 'reasoning') return { ...part, signature: delta.signature }
      if (part.type === 'tool_call') return { ...part, signature: delta.signature }
      break
    case 'encrypted':
      if (part.type === 'reasoning') return { ...part, encrypted: delta.data }
      break
    case 'citation':
      if (part.type === 'text') return { ...part, citations: [...(part.citations ?? []), delta.citation] }
      break
    case 'data':
      if ((part.type === 'audio' || part.type === 'image') && part.source.type === 'inline')
        return { ...part, source: { ...part.source, data: joinBase64(part.source.data, delta.data) } }
      break
    case 'transcript':
      if (part.type === 'audio') return { ...part, transcript: (part.transcript ?? '') + delta.text }
      break
    case 'opaque':
      if (part.type === 'opaque' || part.type === 'hosted_call')
        return { ...part, value: mergeOpaque(part.value, delta.value) }
      break
  }
  throw new EventOrderError(`a ${delta.type} delta in a block of type ${part.type}`)
}

/** Pieces of base64 may each end in padding; then their bytes have to be joined, not their letters. */
function joinBase64(first: string, second: string): string {
  return first.endsWith('=') ? btoa(atob(first) + atob(second)) : first + second
}

function mergeOpaque(value: JsonObject, delta: JsonObject): JsonObject {
  const merged: Record<string, JsonValue | undefined> = { ...value }
  for (const [name, more] of Object.entries(delta)) {
    if (name === 'type') continue
    const had = merged[name]
    merged[name] = typeof had === 'string' && typeof more === 'string' ? had + more : more
  }
  return merged
}

/** A whole answer as the events of a stream. */
export function eventsOf(answer: ChatAnswer): readonly ChatEvent[] {
  const events: ChatEvent[] = [{ type: 'start', id: answer.id, model: answer.model, created: answer.created }]
  if (answer.serviceTier !== null || answer.raw !== undefined)
    events.push({
      type: 'facts',
      ...(answer.serviceTier === null ? {} : { serviceTier: answer.serviceTier }),
      ...(answer.raw === undefined ? {} : { raw: answer.raw }),
    })
  for (const { index: choice, parts, logprobs } of answer.choices) {
    for (const [block, part] of parts.entries()) {
      const { start, deltas } = unfolded(part)
      events.push({ type: 'block_start', choice, block, part: start })
      for (const delta of deltas) events.push({ type: 'block_delta', choice, block, delta })
      events.push({ type: 'block_end', choice, block })
    }
    if (logprobs !== null) events.push({ type: 'logprobs', choice, tokens: logprobs })
  }
  for (const { index: choice, finish } of answer.choices) events.push({ type: 'finish', choice, finish })
  if (answer.usage !== null) events.push({ type: 'usage', usage: answer.usage, raw: answer.rawUsage ?? {} })
  events.push({ type: 'end' })
  return events
}

/** A part as the start of its block and the deltas that fill it. */
export function unfolded(part: Part): { readonly start: Part; readonly deltas: readonly BlockDelta[] } {
  switch (part.type) {
    case 'text': {
      const { citations, ...rest } = part
      const deltas: BlockDelta[] = part.text === '' ? [] : [{ type: 'text', text: part.text }]
      for (const citation of citations ?? []) deltas.push({ type: 'citation', citation })
      return { start: { ...rest, text: '' }, deltas }
    }
    case 'refusal':
      return { start: { ...part, text: '' }, deltas: part.text === '' ? [] : [{ type: 'text', text: part.text }] }
    case 'reasoning': {
      const deltas: BlockDelta[] = part.text === '' ? [] : [{ type: 'text', text: part.text }]
      if (part.signature !== null) deltas.push({ type: 'signature', signature: part.signature })
      // Encrypted thoughts have no life before they are whole: they stand in the start.
      return { start: { ...part, text: '', signature: null }, deltas }
    }
    case 'tool_call':
    case 'hosted_call':
      return {
        start: { ...part, arguments: '' },
        deltas: part.arguments === '' ? [] : [{ type: 'arguments', json: part.arguments }],
      }
    case 'image':
    case 'audio':
    case 'video':
    case 'file':
    case 'tool_result':
    case 'opaque':
      return { start: part, deltas: [] }
  }
}
