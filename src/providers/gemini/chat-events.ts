// Stream of Gemini's generateContent → events. A whole answer is a stream of one chunk.
//
// There is no terminal event: a stream whose bytes end after a finish reason is complete. Each chunk repeats the head and
// tells the usage so far. Calls come whole, or, where the caller of Vertex asks for it, in pieces: `willContinue` opens a
// call, pieces without a name go to it, an empty piece, the next call or the end closes it.
import { unfolded } from '../../core/chat-assembler.ts'
import type { Finish, FinishReason, TokenLogprob } from '../../core/chat-answer.ts'
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import type { Part, ToolCallPart } from '../../core/chat.ts'
import { camelKeys, isBareSignature, madeId, partsOfPart } from '../../core/formats/gemini-parts.ts'
import type { CallIds } from '../../core/formats/gemini-parts.ts'
import type { JsonObject } from '../../core/json.ts'
import {
  booleanOf,
  namesOf,
  numberOf,
  objectOf,
  objectsOf,
  parseObject,
  restOf,
  stringOf,
} from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { citationsOf, searchesOf } from './citations.ts'
import { abilitiesOf } from './models.ts'
import { PartialArguments } from './partial-arguments.ts'
import { tierOfGemini, usageOfGemini } from './usage.ts'

const FAMILY = 'gemini'

const FINISH: { readonly [word in string]?: FinishReason } = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'error',
  MALFORMED_RESPONSE: 'error',
  UNEXPECTED_TOOL_CALL: 'error',
  TOO_MANY_TOOL_CALLS: 'error',
  MISSING_THOUGHT_SIGNATURE: 'error',
}

const CHUNK_FIELDS = namesOf('candidates usageMetadata modelVersion responseId createTime')
const CANDIDATE_FIELDS = namesOf('content finishReason index logprobsResult')

/** What is known of one candidate so far. */
type Candidate = {
  readonly index: number
  text: string
  /** Where in the text the block that stands open begins; -1 while another kind of block is open. */
  blockStart: number
  calls: number
  /** The next key of a block that is no plain text or thought. */
  blocks: number
  partial: { readonly key: number; readonly call: ToolCallPart; readonly arguments: PartialArguments } | null
  finish: Finish | null
  details: JsonObject | null
  /** Citations that were told: some chunks tell all of them again. */
  readonly cited: Set<string>
}

/** The reader of a stream, which takes its chunks as objects, too. */
export type GeminiReader = StreamReader & { readChunk(chunk: JsonObject): void }

export function geminiStreamReader(reading: Reading = PLAIN_READING): GeminiReader {
  const builder = new ChatEventBuilder(FAMILY)
  const candidates = new Map<number, Candidate>()
  let responseId = ''
  let model = ''
  let usage: JsonObject | null = null
  let searches = 0
  let tier: string | null = null

  function readChunk(chunk: JsonObject): void {
    const error = objectOf(chunk, 'error')
    if (error !== null) return builder.fail(stringOf(error, 'message') ?? 'unknown', stringOf(error, 'status'))
    responseId = stringOf(chunk, 'responseId') ?? responseId
    model = stringOf(chunk, 'modelVersion') ?? model
    const created = Date.parse(stringOf(chunk, 'createTime') ?? '')
    const known = objectsOf(chunk, 'candidates')
    const feedback = objectOf(chunk, 'promptFeedback')
    const said = objectOf(chunk, 'usageMetadata')
    // What is no chunk of an answer says nothing about one.
    if (known.length === 0 && feedback === null && said === null) return
    builder.start({
      id: responseId || null,
      model: model || null,
      created: Number.isNaN(created) ? null : Math.floor(created / 1000),
    })
    if (said !== null) readUsage(said)
    for (const candidate of known) readCandidate(candidate)
    const blocked = feedback === null ? null : stringOf(feedback, 'blockReason')
    if (blocked !== null) candidateOf(0).finish ??= { unified: 'content_filter', raw: blocked }
    builder.facts(restOf(chunk, CHUNK_FIELDS))
  }

  function readUsage(said: JsonObject): void {
    usage = said
    tellUsage()
    const word = tierOfGemini(said)
    if (word === null || word === tier) return
    tier = word
    builder.facts(null, word)
  }

  function tellUsage(): void {
    const counted = usage === null ? null : usageOfGemini(usage, searches)
    if (usage !== null && counted !== null) builder.usage(counted, usage)
  }

  function candidateOf(index: number): Candidate {
    let candidate = candidates.get(index)
    if (candidate === undefined) {
      candidate = {
        index,
        text: '',
        blockStart: -1,
        calls: 0,
        blocks: 0,
        partial: null,
        finish: null,
        details: null,
        cited: new Set(),
      }
      candidates.set(index, candidate)
    }
    return candidate
  }

  function readCandidate(said: JsonObject): void {
    const candidate = candidateOf(numberOf(said, 'index') ?? 0)
    const parts = objectsOf(objectOf(said, 'content') ?? {}, 'parts')
    const isFirst = candidate.text === ''
    const partStarts: number[] = []
    let hasCited = false
    // Citations belong to the text, and have to be told before another block closes it.
    const cite = (): void => {
      if (hasCited) return
      hasCited = true
      readCitations(candidate, said, isFirst ? partStarts : [])
    }
    for (const [place, part] of parts.entries()) {
      partStarts.push(candidate.text.length)
      readPart(candidate, part, place === parts.length - 1 ? cite : undefined)
    }
    cite()
    readLogprobs(candidate, said)
    const details = restOf(said, CANDIDATE_FIELDS)
    if (details !== null) candidate.details = { ...candidate.details, ...details }
    const word = stringOf(said, 'finishReason')
    if (word !== null) candidate.finish ??= { unified: FINISH[word] ?? 'other', raw: word }
    const found = searchesOf(said, abilitiesOf(model).searchesBilledEach)
    if (found <= searches) return
    searches = found
    tellUsage()
  }

  function readPart(candidate: Candidate, given: JsonObject, beforeSignature: (() => void) | undefined): void {
    const call = objectOf(given, 'functionCall')
    if (call !== null && readPiece(candidate, given, camelKeys(call))) return
    for (const part of partsOfPart(given, idsOf(candidate))) {
      if (part.type === 'text' || (part.type === 'reasoning' && part.text !== '')) {
        appendText(candidate, part)
        continue
      }
      if (isBareSignature(part)) beforeSignature?.()
      tell(candidate, part)
    }
  }

  function appendText(candidate: Candidate, part: Extract<Part, { type: 'text' | 'reasoning' }>): void {
    closePartial(candidate)
    if (part.type === 'reasoning') {
      candidate.blockStart = -1
      builder.append(candidate.index, 'reasoning', part.text)
      if (part.signature !== null)
        builder.appendDelta(candidate.index, 'reasoning', { type: 'signature', signature: part.signature })
      return
    }
    if (candidate.blockStart < 0) candidate.blockStart = candidate.text.length
    candidate.text += part.text
    builder.append(candidate.index, 'text', part.text)
  }

  /** A part that came whole, as a block of its own. */
  function tell(candidate: Candidate, part: Part): void {
    closePartial(candidate)
    candidate.blockStart = -1
    const key = candidate.blocks++
    const { start, deltas } = unfolded(readAs(part, reading))
    builder.open(candidate.index, key, start)
    for (const delta of deltas) builder.delta(candidate.index, key, delta)
    builder.close(candidate.index, key)
  }

  /** Whether it is a piece of a call. */
  function readPiece(candidate: Candidate, part: JsonObject, call: JsonObject): boolean {
    const goesOn = booleanOf(call, 'willContinue') === true
    const name = stringOf(call, 'name')
    const pieces = objectsOf(call, 'partialArgs')
    if (name !== null) {
      if (!goesOn && pieces.length === 0) return false
      closePartial(candidate)
      const [opened] = partsOfPart(part, idsOf(candidate))
      if (opened?.type !== 'tool_call') return false
      candidate.blockStart = -1
      const key = candidate.blocks++
      candidate.partial = { key, call: opened, arguments: new PartialArguments() }
      builder.open(candidate.index, key, { ...opened, arguments: '', ...kindFor(opened, reading) })
    }
    for (const piece of pieces) candidate.partial?.arguments.add(piece)
    if (!goesOn && pieces.length === 0) closePartial(candidate)
    return true
  }

  function closePartial(candidate: Candidate): void {
    const { partial } = candidate
    if (partial === null) return
    candidate.partial = null
    const whole = readAs({ ...partial.call, arguments: partial.arguments.json() }, reading)
    if (whole.type === 'tool_call')
      builder.delta(candidate.index, partial.key, { type: 'arguments', json: whole.arguments })
    builder.close(candidate.index, partial.key)
  }

  function idsOf(candidate: Candidate): CallIds {
    // Ids that the wire does not give must differ from turn to turn: they are made of the id of the answer.
    const made = (): string =>
      madeId(candidate.index === 0 ? responseId : `${responseId}-${candidate.index}`, candidate.calls++)
    return { ofCall: (_, given) => given ?? made(), ofResult: (_, given) => given ?? '' }
  }

  function readCitations(candidate: Candidate, said: JsonObject, partStarts: readonly number[]): void {
    const blockStart = Math.max(0, candidate.blockStart)
    for (const citation of citationsOf(said, { text: candidate.text, blockStart, partStarts })) {
      const key = JSON.stringify(citation)
      if (candidate.cited.has(key)) continue
      candidate.cited.add(key)
      builder.appendDelta(candidate.index, 'text', { type: 'citation', citation })
    }
  }

  function readLogprobs(candidate: Candidate, said: JsonObject): void {
    const result = objectOf(said, 'logprobsResult')
    if (result === null) return
    const top = objectsOf(result, 'topCandidates')
    const tokens = objectsOf(result, 'chosenCandidates').map((chosen, place): TokenLogprob => ({
      ...tokenOf(chosen),
      top: objectsOf(top[place] ?? {}, 'candidates').map(tokenOf),
    }))
    builder.logprobs(candidate.index, tokens)
  }

  return {
    readChunk,
    read(_type, data) {
      if (builder.hasEnded || data === '[DONE]') return []
      const chunk = parseObject(data)
      if (chunk === null) builder.fail('an event of the stream is not a JSON object', null)
      else readChunk(chunk)
      return builder.take()
    },
    end() {
      if (builder.hasEnded) return builder.take()
      for (const candidate of candidates.values()) {
        closePartial(candidate)
        const { finish, details, index } = candidate
        if (finish === null) continue
        builder.finish(index, details === null ? finish : { ...finish, details: { [FAMILY]: details } })
      }
      builder.cut()
      return builder.take()
    },
  }
}

function tokenOf(candidate: JsonObject): Omit<TokenLogprob, 'top'> {
  return { token: stringOf(candidate, 'token') ?? '', logprob: numberOf(candidate, 'logProbability') ?? 0, bytes: null }
}

function kindFor(call: ToolCallPart, { customTools }: Reading): Pick<ToolCallPart, 'kind'> {
  return { kind: customTools.has(call.name) ? 'custom' : call.kind }
}

/** A custom tool that was sent as a function comes back as what it was. */
function readAs(part: Part, reading: Reading): Part {
  if (part.type !== 'tool_call' || !reading.customTools.has(part.name)) return part
  const input = stringOf(parseObject(part.arguments) ?? {}, 'input')
  return { ...part, kind: 'custom', arguments: input ?? part.arguments }
}
