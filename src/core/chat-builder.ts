// Makes well-ordered events out of what a wire says: the one place where blocks are opened, numbered and closed.
//
// Wires that name their blocks call `open`, `delta`, `close` with the wire's own key. Wires that send bare deltas call
// `append`: text, reasoning and refusal follow each other in implicit blocks, and a change of kind closes the one before.
// A tool call is closed when the next block opens and its arguments are whole JSON; else it stays open, for its rest may
// still come. Finishes are held back until the end: hosts send usage, and even text, after them.
import type { Family, Part } from './chat.ts'
import type { BlockDelta, ChatEvent, ChatHead } from './chat-events.ts'
import { finishWith } from './chat-answer.ts'
import type { Finish, TokenLogprob } from './chat-answer.ts'
import { parseObject } from './json-read.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

type ImplicitKind = 'text' | 'reasoning' | 'refusal'

type OpenBlock = { readonly block: number; readonly part: Part; arguments: string }

type Choice = {
  readonly index: number
  next: number
  implicit: { readonly kind: ImplicitKind; readonly block: number } | null
  readonly open: Map<string | number, OpenBlock>
  hasToolCall: boolean
  finish: Finish | null
}

const TOOL_CALL: readonly Part[] = [{ type: 'tool_call', kind: 'function', id: '', name: '', arguments: '' }]

export class ChatEventBuilder {
  #events: ChatEvent[] = []
  readonly #choices = new Map<number, Choice>()
  readonly #family: Family
  #hasStarted = false
  #hasEnded = false

  constructor(family: Family) {
    this.#family = family
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Whether each choice that has begun has a finish. */
  get hasFinish(): boolean {
    for (const choice of this.#choices.values()) if (choice.finish === null) return false
    return this.#choices.size > 0
  }

  /** A reader of a wire's stream: `read` feeds this builder with one event; after the wire's own end nothing is read any more. */
  reader(read: (type: string, data: string) => void): {
    read(type: string, data: string): readonly ChatEvent[]
    end(): readonly ChatEvent[]
  } {
    return {
      read: (type, data) => {
        if (this.#hasEnded) return []
        read(type, data)
        return this.take()
      },
      end: () => {
        if (this.#hasEnded) return []
        this.cut()
        return this.take()
      },
    }
  }

  /** What has been said since the last call. */
  take(): readonly ChatEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  /** The first call counts; hosts repeat the head in each chunk. */
  start(head: ChatHead): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    this.#events.push({ type: 'start', id: head.id, model: head.model, created: head.created })
  }

  /** More text of an implicit block. */
  append(choiceIndex: number, kind: ImplicitKind, text: string): void {
    if (text !== '') this.appendDelta(choiceIndex, kind, { type: 'text', text })
  }

  /** A delta of the implicit block of that kind, which is opened if it is not. */
  appendDelta(choiceIndex: number, kind: ImplicitKind, delta: BlockDelta): void {
    if (this.#hasEnded) return
    const choice = this.#choice(choiceIndex)
    let implicit = choice.implicit
    if (implicit?.kind !== kind) {
      this.#closeFor(choice)
      implicit = { kind, block: choice.next++ }
      choice.implicit = implicit
      const part = emptyPart(kind, this.#family)
      this.#events.push({ type: 'block_start', choice: choiceIndex, block: implicit.block, part })
    }
    this.#events.push({ type: 'block_delta', choice: choiceIndex, block: implicit.block, delta })
  }

  /** Opens a block under the wire's own key; one that stands open under that key is closed first. */
  open(choiceIndex: number, key: string | number, part: Part): void {
    if (this.#hasEnded) return
    const choice = this.#choice(choiceIndex)
    if (choice.open.has(key)) this.close(choiceIndex, key)
    this.#closeFor(choice)
    const block = choice.next++
    const given = part.type === 'tool_call' || part.type === 'hosted_call' ? part.arguments : ''
    choice.open.set(key, { block, part, arguments: given })
    if (part.type === 'tool_call') choice.hasToolCall = true
    this.#events.push({ type: 'block_start', choice: choiceIndex, block, part })
  }

  isOpen(choiceIndex: number, key: string | number): boolean {
    return this.#choices.get(choiceIndex)?.open.has(key) ?? false
  }

  /** The part that stands open under a key, as it was opened; null when there is none. */
  partOf(choiceIndex: number, key: string | number): Part | null {
    return this.#choices.get(choiceIndex)?.open.get(key)?.part ?? null
  }

  /** More of an open block; a delta for a block that is not open is left out. */
  delta(choiceIndex: number, key: string | number, delta: BlockDelta): void {
    const open = this.#choices.get(choiceIndex)?.open.get(key)
    if (open === undefined || this.#hasEnded) return
    if (delta.type === 'arguments') {
      if (delta.json === '' || isNoObject(open, delta.json)) return
      open.arguments += delta.json
    }
    this.#events.push({ type: 'block_delta', choice: choiceIndex, block: open.block, delta })
  }

  close(choiceIndex: number, key: string | number): void {
    const choice = this.#choices.get(choiceIndex)
    const open = choice?.open.get(key)
    if (choice === undefined || open === undefined) return
    choice.open.delete(key)
    this.#end(choiceIndex, open)
  }

  /** A part that came whole. */
  whole(choiceIndex: number, key: string | number, part: Part): void {
    this.open(choiceIndex, key, part)
    this.close(choiceIndex, key)
  }

  logprobs(choiceIndex: number, tokens: readonly TokenLogprob[]): void {
    if (tokens.length === 0 || this.#hasEnded) return
    // A choice of which nothing else is said has an end, too.
    const { index: choice } = this.#choice(choiceIndex)
    this.#events.push({ type: 'logprobs', choice, tokens })
  }

  usage(usage: Usage, raw: JsonObject): void {
    if (this.#hasEnded) return
    this.#begin()
    this.#events.push({ type: 'usage', usage, raw })
  }

  /** Facts without an event of their own: fields of the wire's own family, or the tier that served the request. */
  facts(raw: JsonObject | null, serviceTier: string | null = null): void {
    if (this.#hasEnded || (raw === null && serviceTier === null)) return
    this.#begin()
    this.#events.push({
      type: 'facts',
      ...(serviceTier === null ? {} : { serviceTier }),
      ...(raw === null ? {} : { raw: { [this.#family]: raw } }),
    })
  }

  ping(): void {
    if (!this.#hasEnded) this.#events.push({ type: 'ping' })
  }

  /** How a choice ended; the first word counts. */
  finish(choiceIndex: number, finish: Finish): void {
    const choice = this.#choice(choiceIndex)
    choice.finish ??= finish
  }

  /** The wire said that the answer is complete: closes what stands open and tells how each choice ended. */
  end(): void {
    if (this.#hasEnded) return
    this.#begin()
    for (const choice of this.#choices.values()) {
      this.#closeImplicit(choice)
      for (const key of choice.open.keys()) this.close(choice.index, key)
      const finish = choice.finish ?? { unified: 'other', raw: null }
      this.#events.push({
        type: 'finish',
        choice: choice.index,
        finish: choice.hasToolCall ? finishWith(finish, TOOL_CALL) : finish,
      })
    }
    this.#events.push({ type: 'end' })
    this.#hasEnded = true
  }

  /** The bytes ended: sound if all choices had finished, broken if not. */
  cut(): void {
    if (this.#hasEnded) return
    if (this.hasFinish) this.end()
    else this.fail('the stream ended without its terminal event', null)
  }

  fail(message: string, code: string | null): void {
    if (this.#hasEnded) return
    this.#events.push({ type: 'error', message, code })
    this.#hasEnded = true
  }

  /** Whatever comes before the head stands behind one that says nothing. */
  #begin(): void {
    if (!this.#hasStarted) this.start({ id: null, model: null, created: null })
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      this.#begin()
      choice = { index, next: 0, implicit: null, open: new Map(), hasToolCall: false, finish: null }
      this.#choices.set(index, choice)
    }
    return choice
  }

  /** Before a new block: the implicit one ends, and so does each tool call that can have no more arguments. */
  #closeFor(choice: Choice): void {
    this.#closeImplicit(choice)
    for (const [key, open] of choice.open) {
      if (open.part.type !== 'tool_call' || open.part.kind !== 'function') continue
      if (parseObject(open.arguments) !== null) this.close(choice.index, key)
    }
  }

  #closeImplicit(choice: Choice): void {
    if (choice.implicit === null) return
    this.#events.push({ type: 'block_end', choice: choice.index, block: choice.implicit.block })
    choice.implicit = null
  }

  #end(choice: number, open: OpenBlock): void {
    // A call without arguments must still be JSON for whoever parses it.
    const isCall = open.part.type === 'tool_call' ? open.part.kind === 'function' : open.part.type === 'hosted_call'
    if (isCall && open.arguments.trim() === '')
      this.#events.push({ type: 'block_delta', choice, block: open.block, delta: { type: 'arguments', json: '{}' } })
    this.#events.push({ type: 'block_end', choice, block: open.block })
  }
}

/** Some hosts write `null` for no arguments: no object begins with it. */
function isNoObject({ part, arguments: told }: OpenBlock, json: string): boolean {
  return told === '' && json === 'null' && part.type === 'tool_call' && part.kind === 'function'
}

function emptyPart(kind: ImplicitKind, family: Family): Part {
  switch (kind) {
    case 'text':
      return { type: 'text', text: '' }
    case 'refusal':
      return { type: 'refusal', text: '' }
    case 'reasoning':
      return { type: 'reasoning', text: '', signature: null, encrypted: null, family }
  }
}
