// The output of a response as its stream tells it: the numbering of events, items that are begun and ended, and which of
// them what comes next belongs to.
import type { Part, ReasoningPart, RefusalPart, TextPart } from '../core/chat.ts'
import { fieldsOf, isSameItem } from '../core/formats/responses-items.ts'
import type { JsonObject } from '../core/json.ts'
import { stringOf } from '../core/json-read.ts'
import { messageItem, reasoningItem } from './openai-responses-answer.ts'
import type { ItemIds } from './openai-responses-answer.ts'

/** An item that further blocks may continue: a message or a reasoning item. */
export type Container = {
  readonly place: number
  readonly id: string
  /** The message's own fields; null: a reasoning item. */
  readonly fields: JsonObject | null
  /** A part of it: what follows must be of the same item. */
  readonly part: Part
  /** The pieces of a message. */
  readonly content: JsonObject[]
  /** The parts of a reasoning item. */
  readonly thoughts: ReasoningPart[]
  /** How many summaries and how many texts a reasoning item has. */
  summaries: number
  texts: number
  openBlocks: number
  isLeft: boolean
}

export class ResponseOutput {
  readonly #idOf: ItemIds
  readonly #items: JsonObject[] = []
  #sequence = 0
  #current: Container | null = null

  constructor(idOf: ItemIds) {
    this.#idOf = idOf
  }

  /** The items as they stand. */
  get items(): readonly JsonObject[] {
    return this.#items
  }

  /** An id for an item that takes the next place. */
  nextId(prefix: string): string {
    return this.#idOf(prefix, this.#items.length)
  }

  sse(type: string, data: JsonObject): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#sequence++, ...data })}\n\n`
  }

  added(item: JsonObject): string {
    const place = this.#items.push(item) - 1
    return this.sse('response.output_item.added', { output_index: place, item })
  }

  done(place: number, item: JsonObject): string {
    this.#items[place] = item
    return this.sse('response.output_item.done', { output_index: place, item })
  }

  /** An item that comes whole. */
  whole(item: JsonObject): string {
    const text = this.leave() + this.added(item)
    return text + this.done(this.#items.length - 1, item)
  }

  /** The item that this part continues, or a new one; one more block of it is open now. */
  join(part: TextPart | RefusalPart | ReasoningPart): { readonly item: Container; readonly text: string } {
    const current = this.#current
    if (current !== null && isSameItem(current.part, part)) {
      current.openBlocks++
      return { item: current, text: '' }
    }
    let text = this.leave()
    const place = this.#items.length
    const fields = part.type === 'reasoning' ? null : fieldsOf(part)
    const head =
      part.type === 'reasoning'
        ? reasoningItem([{ ...part, text: '', signature: null, encrypted: null }], this.#idOf('rs', place))
        : messageItem(fieldsOf(part), [], 'in_progress', this.#idOf('msg', place))
    text += this.added(head)
    const item: Container = {
      place,
      id: stringOf(head, 'id') ?? '',
      fields,
      part,
      content: [],
      thoughts: [],
      summaries: 0,
      texts: 0,
      openBlocks: 1,
      isLeft: false,
    }
    this.#current = item
    return { item, text }
  }

  /** A block of the item has ended. */
  closeBlock(item: Container): string {
    item.openBlocks--
    return item.isLeft && item.openBlocks === 0 ? this.#end(item) : ''
  }

  /** Something else begins, or nothing follows: what stands open ends with its last block. */
  leave(): string {
    const item = this.#current
    this.#current = null
    if (item === null) return ''
    item.isLeft = true
    return item.openBlocks === 0 ? this.#end(item) : ''
  }

  #end(item: Container): string {
    return this.done(
      item.place,
      item.fields === null
        ? reasoningItem(item.thoughts, item.id)
        : messageItem(item.fields, item.content, 'completed', item.id),
    )
  }
}
