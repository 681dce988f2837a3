// Normal form → stream of Gemini's generateContent: chunks as server-sent events, or as the items of one JSON array.
//
// Calls, pictures and what only Gemini understands are told whole, at the end of their block. How the candidates ended and
// what was used stand in the last chunk, which is told when the provider's stream is over.
import type { Part } from '../core/chat.ts'
import { ChatAssembler } from '../core/chat-assembler.ts'
import type { Finish } from '../core/chat-answer.ts'
import type { BlockDelta, ChatEvent } from '../core/chat-events.ts'
import { contentParts, isBareSignature, partJson } from '../core/formats/gemini-parts.ts'
import type { JsonObject } from '../core/json.ts'
import type { Usage } from '../core/usage.ts'
import {
  ANSWER_WRITING,
  finishFields,
  groundingFields,
  headOf,
  isBlockedPrompt,
  logprobsJson,
  usageJson,
} from './gemini-answer.ts'
import { geminiStreamError } from './gemini-errors.ts'
import { placed } from './gemini-grounding.ts'
import type { PlacedCitation } from './gemini-grounding.ts'
import type { AnswerContext, StreamWriter } from './translator.ts'

const FAMILY = 'gemini'

/** How chunks become a stream. */
type Framing = {
  /** Whether a chunk without words is told when the stream begins. */
  readonly opens: boolean
  chunk(json: string): string
  error(json: string): string
  /** What is owed at the end. */
  end(): string
}

type Block = {
  readonly part: Part
  readonly textFrom: number
  /** Some text of it was told. */
  hasText: boolean
  /** What is told at its end, where it is told whole. */
  held: ChatAssembler | null
}

type Candidate = {
  readonly blocks: Map<number, Block>
  text: string
  readonly citations: PlacedCitation[]
  finish: Finish | null
}

/** Clients that ask for `alt=sse`. */
export function geminiStreamWriter(context: AnswerContext): StreamWriter {
  return streamWriter(context, {
    opens: false,
    chunk: (json) => `data: ${json}\n\n`,
    error: geminiStreamError,
    end: () => '',
  })
}

/** Clients that do not: the answer is one JSON array, an item at a time. */
export function geminiArrayWriter(context: AnswerContext): StreamWriter {
  let hasBegun = false
  const item = (json: string): string => {
    const before = hasBegun ? ',\n' : '['
    hasBegun = true
    return before + json
  }
  return streamWriter(context, {
    // An item at once: an error that breaks the array later can then always follow one.
    opens: true,
    chunk: item,
    error: (json) => `${item(json)}]`,
    end: () => (hasBegun ? ']' : '[]'),
  })
}

function streamWriter(context: AnswerContext, framing: Framing): StreamWriter {
  const candidates = new Map<number, Candidate>()
  let head = headOf(null, null, context)
  let own: JsonObject | undefined
  let usage: Usage | null = null
  let tier: string | null = null
  let hasEnded = false

  function candidateOf(index: number): Candidate {
    let candidate = candidates.get(index)
    if (candidate === undefined) {
      candidate = { blocks: new Map(), text: '', citations: [], finish: null }
      candidates.set(index, candidate)
    }
    return candidate
  }

  function chunk(index: number, parts: readonly JsonObject[], more: JsonObject = {}): string {
    if (parts.length === 0 && Object.keys(more).length === 0) return ''
    const content = { parts: parts.length === 0 ? [{ text: '' }] : parts, role: 'model' }
    return framing.chunk(JSON.stringify({ candidates: [{ content, index, ...more }], ...head }))
  }

  function startBlock(index: number, number: number, part: Part): string {
    const candidate = candidateOf(index)
    const block: Block = { part, textFrom: candidate.text.length, hasText: false, held: null }
    candidate.blocks.set(number, block)
    if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning') {
      const isWhole = part.type === 'reasoning' && (part.signature !== null || part.encrypted !== null)
      if (isWhole) return chunk(index, contentParts([part], ANSWER_WRITING))
      return part.text === '' ? '' : writeDelta(index, number, { type: 'text', text: part.text })
    }
    block.held = new ChatAssembler()
    block.held.push({ type: 'start', id: null, model: null, created: null })
    block.held.push({ type: 'block_start', choice: 0, block: 0, part })
    return ''
  }

  function writeDelta(index: number, number: number, delta: BlockDelta): string {
    const candidate = candidateOf(index)
    const block = candidate.blocks.get(number)
    if (block === undefined) return ''
    if (block.held !== null) {
      block.held.push({ type: 'block_delta', choice: 0, block: 0, delta })
      return ''
    }
    switch (delta.type) {
      case 'text':
        block.hasText = true
        if (block.part.type === 'reasoning') return chunk(index, [{ text: delta.text, thought: true }])
        candidate.text += block.part.type === 'text' ? delta.text : ''
        return chunk(index, [{ text: delta.text }])
      case 'signature':
      case 'encrypted':
        return chunk(index, proofOf(block, delta))
      case 'citation':
        candidate.citations.push(placed(delta.citation, block.textFrom, Number.POSITIVE_INFINITY))
        return ''
      case 'arguments':
      case 'data':
      case 'transcript':
      case 'opaque':
        return ''
    }
  }

  function endBlock(index: number, number: number): string {
    const candidate = candidateOf(index)
    const block = candidate.blocks.get(number)
    candidate.blocks.delete(number)
    if (block === undefined) return ''
    // Citations that back the whole of a block end where it ends.
    for (const [place, cited] of candidate.citations.entries())
      if (cited.to === Number.POSITIVE_INFINITY) candidate.citations[place] = { ...cited, to: candidate.text.length }
    const part = block.held?.answer().choices[0]?.parts[0]
    if (part === undefined) return ''
    if (part.type === 'audio' && part.source.type === 'inline' && part.source.data === '')
      return part.transcript === undefined ? '' : chunk(index, [{ text: part.transcript }])
    const json = partJson(part, ANSWER_WRITING)
    return json === null ? '' : chunk(index, [json])
  }

  function lastChunk(): string {
    const told = usage === null ? {} : { usageMetadata: usageJson(usage, tier) }
    if (isBlockedPrompt(own)) return framing.chunk(JSON.stringify({ ...own, ...head, ...told }))
    const ended = [...candidates].map(([index, { finish, text, citations }]): JsonObject => {
      const reason = finish ?? { unified: 'other', raw: null }
      const content = { parts: [{ text: '' }], role: 'model' }
      return { content, ...finishFields(reason), index, ...groundingFields(reason, text, citations) }
    })
    return framing.chunk(JSON.stringify({ candidates: ended, ...own, ...head, ...told }))
  }

  function write(event: ChatEvent): string {
    switch (event.type) {
      case 'start':
        head = headOf(event.id, event.created, context)
        return framing.opens ? chunk(0, [{ text: '' }]) : ''
      case 'facts':
        if (event.serviceTier !== undefined) tier = event.serviceTier
        if (event.raw?.[FAMILY] !== undefined) own = { ...own, ...event.raw[FAMILY] }
        return ''
      case 'usage':
        usage = event.usage
        return ''
      case 'block_start':
        return startBlock(event.choice, event.block, event.part)
      case 'block_delta':
        return writeDelta(event.choice, event.block, event.delta)
      case 'block_end':
        return endBlock(event.choice, event.block)
      case 'logprobs':
        return chunk(event.choice, [], { logprobsResult: logprobsJson(event.tokens) })
      case 'finish':
        candidateOf(event.choice).finish = event.finish
        return ''
      case 'ping':
        return ''
      case 'error':
        hasEnded = true
        return framing.error(
          JSON.stringify({ error: { code: 500, message: event.message, status: event.code ?? 'INTERNAL' } }),
        )
      case 'end':
        return end()
    }
  }

  function end(): string {
    if (hasEnded) return ''
    hasEnded = true
    return lastChunk() + framing.end()
  }

  return { write, end }
}

/** A proof that comes after its thought. Google's own, of no thought that was told, stands on a text. */
function proofOf(
  { part, hasText }: Block,
  delta: Extract<BlockDelta, { type: 'signature' | 'encrypted' }>,
): readonly JsonObject[] {
  if (part.type !== 'reasoning') return []
  const added = delta.type === 'signature' ? { signature: delta.signature } : { encrypted: delta.data }
  const proof = { ...part, text: '', ...added }
  if (!hasText && isBareSignature(proof)) return [{ text: '', thoughtSignature: proof.signature }]
  const json = partJson(proof, ANSWER_WRITING)
  return json === null ? [] : [json]
}
