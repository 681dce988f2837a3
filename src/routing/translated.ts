// The translated lane's answers: read from the provider's wire into the normal form, written in the caller's dialect.
import { ProblemError } from '../core/chat-answer.ts'
import { eventsOf } from '../core/chat-assembler.ts'
import { isMeaningful, outputCharacters } from '../core/chat-events.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { JsonObject } from '../core/json.ts'
import type { Usage } from '../core/usage.ts'
import { tell } from '../core/waiting.ts'
import type { AnswerContext, StreamWriter } from '../dialects/translator.ts'
import { broken, MAX_EVENT_BYTES, MAX_HELD_BYTES, MAX_HELD_PIECES } from '../providers/answer-stream.ts'
import type { AnswerStream, StreamFailure, StreamPiece } from '../providers/answer-stream.ts'
import { createFraming } from '../providers/framing.ts'
import type { FramedBatch } from '../providers/framing.ts'
import type { AnswerFacts } from '../providers/wire.ts'
import type { TranslatedLane } from './lane.ts'

const encoder = new TextEncoder()

/** A whole answer in the caller's dialect. Throws StreamFailure when it is none. */
export function translateWhole(
  text: string,
  { chat, translator, reading }: TranslatedLane,
  context: AnswerContext,
): { readonly bytes: Uint8Array; readonly facts: AnswerFacts; readonly warnings: readonly string[] } {
  const answer = readWhole(text, () => chat.codec.readAnswer(JSON.parse(text), reading))
  return {
    bytes: encoder.encode(JSON.stringify(translator.writeAnswer(answer, context))),
    facts: factsOf(answer),
    warnings: answer.warnings,
  }
}

function readWhole(text: string, read: () => ChatAnswer): ChatAnswer {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProblemError) throw broken(error.message)
    if (error instanceof SyntaxError)
      throw broken(text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON')
    throw error
  }
}

function factsOf(answer: ChatAnswer): AnswerFacts {
  return {
    usage: answer.usage,
    rawUsage: answer.rawUsage === null ? null : JSON.stringify(answer.rawUsage),
    finishReason: answer.choices[0]?.finish.unified ?? null,
    // With usage reported nobody needs the characters.
    outputCharacters:
      answer.usage === null ? eventsOf(answer).reduce((sum, event) => sum + outputCharacters(event), 0) : 0,
    problem: null,
  }
}

/** What stands between a stream's events and its writer. */
export type Joint = {
  readonly writer: StreamWriter
  /** The events to write for one that came. */
  pass(event: ChatEvent): readonly ChatEvent[]
}

/** The stream of an answer in the caller's dialect. `joint`: an answer that may be continued, or continues another. */
export function translateStream(
  source: AsyncIterator<Uint8Array>,
  { chat, translator, reading }: TranslatedLane,
  context: AnswerContext,
  joint: Joint | null = null,
): AnswerStream {
  const framing = createFraming(chat.framing, MAX_EVENT_BYTES)
  const reader = chat.codec.streamReader(reading)
  const writer = joint?.writer ?? translator.streamWriter(context)
  const held: StreamPiece[] = []
  let heldBytes = 0
  /** What came of the chunk at hand, in the caller's dialect. */
  let text = ''
  let isWorthCommitting = false
  let hasEnded = false
  /** Told when everything that came before it was handed out. */
  let failure: StreamFailure | null = null
  let usage: Usage | null = null
  let rawUsage: JsonObject | null = null
  let finishReason: string | null = null
  let characters = 0

  function take(events: readonly ChatEvent[]): void {
    for (const event of events) {
      if (failure !== null || hasEnded) return
      switch (event.type) {
        case 'error':
          failure = broken(event.message)
          return
        case 'usage':
          usage = event.usage
          rawUsage = event.raw
          break
        case 'finish':
          if (event.choice === 0 || finishReason === null) finishReason = event.finish.unified
          // An end of which the provider said nothing is no answer by itself.
          if (event.finish.raw !== null) isWorthCommitting = true
          break
        case 'block_start':
        case 'block_delta':
          characters += outputCharacters(event)
          if (isMeaningful(event)) isWorthCommitting = true
          break
        case 'end':
          hasEnded = true
          break
        case 'start':
        case 'block_end':
        case 'logprobs':
        case 'facts':
        case 'ping':
          break
      }
      if (joint === null) text += writer.write(event)
      else for (const passed of joint.pass(event)) text += writer.write(passed)
    }
  }

  /** Whether any event was whole, or can never be. */
  function takeBatch(cut: () => FramedBatch | null): boolean {
    let batch: FramedBatch | null
    try {
      batch = cut()
    } catch (error) {
      failure = broken(error instanceof Error ? error.message : String(error))
      return true
    }
    if (batch === null) return false
    for (const { type, data } of batch.events) take(reader.read(type, data))
    return true
  }

  function finish(): void {
    takeBatch(() => framing.finish())
    take(reader.end())
    if (!hasEnded) failure ??= broken('the stream ended without its terminal event')
  }

  /** What the next events were worth, which may be nothing. */
  async function pull(): Promise<StreamPiece> {
    if (failure !== null) throw failure
    text = ''
    for (;;) {
      const { done, value } = await source.next()
      if (done === true) {
        finish()
        break
      }
      if (takeBatch(() => framing.push(value))) break
    }
    if (hasEnded) text += writer.end()
    else if (text === '' && failure !== null) throw failure
    return { bytes: encoder.encode(text), last: hasEnded }
  }

  return {
    get facts() {
      return {
        usage,
        rawUsage: rawUsage === null ? null : JSON.stringify(rawUsage),
        finishReason,
        outputCharacters: characters,
      }
    },
    async open() {
      for (;;) {
        const piece = await pull()
        // Nothing is committed: what went wrong after the first words is as invisible as what went wrong before.
        if (failure !== null) throw failure
        held.push(piece)
        heldBytes += piece.bytes.length
        if (isWorthCommitting) return
        if (piece.last) throw broken('the stream is empty')
        if (held.length >= MAX_HELD_PIECES || heldBytes >= MAX_HELD_BYTES) return
      }
    },
    take(waiting) {
      const first = held.shift()
      if (first !== undefined) waiting.answered(first)
      else if (hasEnded) waiting.answered(null)
      else tell(pull(), waiting)
    },
  }
}
