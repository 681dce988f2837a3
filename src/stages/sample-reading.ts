// A request that is over, with the copy of its answer, read into the normal form: what the lab is given of it.
import type { Call, DialectId } from '../core/call.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import { ChatAssembler } from '../core/chat-assembler.ts'
import type { ChatRequest } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import type { PromptMode } from '../core/kept-prompt.ts'
import type { Ending, Exchange } from '../exchange.ts'
import type { AnswerCopy } from '../lab/answer-copy.ts'
import type { Answered, SampledAnswer } from '../lab/answered.ts'
import { promptOf } from '../lab/prompt.ts'
import type { TaskLearning } from '../lab/task-learning.ts'
import { declaredTask, isTask, taskOf } from '../lab/task.ts'
import type { TaskGuess } from '../lab/task.ts'
import { MAX_EVENT_BYTES } from '../providers/answer-stream.ts'
import { createFraming } from '../providers/framing.ts'
import type { ChatWire } from '../providers/wire.ts'
import { chatOf } from '../routing/lane.ts'
import type { KeyWithTeam } from '../store/store.ts'

/** A request that is to be looked at when it is over. */
export type Sample = {
  readonly exchange: Exchange
  readonly call: Call
  readonly caller: KeyWithTeam
  readonly copy: AnswerCopy
  readonly declared: string | null
  readonly session: string | null
  readonly isNoStore: boolean
  readonly promptMode: PromptMode
  /** Known once it is over. */
  durationMs: number
}

export type ReadingTools = {
  /** What reads the answers of a dialect; null: nobody does. */
  readonly wireOf: (dialect: DialectId) => ChatWire | null
  readonly taskLearning: TaskLearning
}

/** Null where the request cannot be read into the normal form: only its provider understands it. */
export function answeredOf(
  { exchange, call, caller, copy, declared, session, isNoStore, promptMode, durationMs }: Sample,
  { wireOf, taskLearning }: ReadingTools,
): Answered | null {
  const { dialect } = exchange.entrance
  const { ending } = exchange
  const wire = wireOf(dialect.id)
  if (dialect.translator === undefined || wire === null || ending === null) return null
  try {
    let task: TaskGuess | null = null
    const { request } = chatOf(call, dialect.translator)
    return {
      requestId: exchange.id,
      at: exchange.startedAt,
      caller,
      tags: exchange.tags,
      endUser: exchange.endUser,
      session,
      route: exchange.route,
      deployment: exchange.target?.id ?? exchange.attempts.at(-1)?.target ?? null,
      // Telling the task costs more than all the rest: only who asks for it pays.
      get task() {
        return (task ??= taskIn(request, caller, declared, taskLearning))
      },
      isTaskDeclared: isTask(declared),
      request,
      answer: sampledAnswer(copy, wire, ending),
      status: ending.entryStatus,
      errorCode: ending.error?.code ?? null,
      attempts: exchange.attempts,
      usage: ending.produced?.usage ?? null,
      costNanoUsd: exchange.costNanoUsd,
      durationMs,
      ttftMs: exchange.ttftMs,
      promptMode,
      isNoStore,
      trial: exchange.trial,
    }
  } catch (error) {
    if (error instanceof GatewayError) return null
    throw error
  }
}

/** As the caller says, else guessed; what is seen of an application is remembered. */
function taskIn(
  request: ChatRequest,
  { key }: KeyWithTeam,
  declared: string | null,
  learning: TaskLearning,
): TaskGuess {
  const asker = { keyId: key.id, teamId: key.teamId }
  const prompt = promptOf(request)
  const guess = isTask(declared) ? declaredTask(declared) : taskOf(prompt)
  const refined = isTask(declared) ? guess : learning.refine(guess, asker, prompt.system)
  learning.remember(guess, asker, prompt.system)
  return refined
}

function sampledAnswer(copy: AnswerCopy, { codec, framing }: ChatWire, { entryStatus }: Ending): SampledAnswer {
  if (copy.isTooLarge) return { type: 'too_large' }
  if (copy.pieces.length === 0) return { type: 'none' }
  const { isStream, pieces } = copy
  const isComplete = entryStatus === 'complete'
  try {
    const answer = isStream ? assembled(pieces, codec, framing) : codec.readAnswer(JSON.parse(textOf(pieces)))
    return { type: 'read', answer, isStream, isComplete }
  } catch (error) {
    return { type: 'unreadable', problem: error instanceof Error ? error.message : String(error) }
  }
}

function assembled(pieces: readonly Uint8Array[], codec: ChatWire['codec'], framing: ChatWire['framing']): ChatAnswer {
  const cutter = createFraming(framing, MAX_EVENT_BYTES)
  const reader = codec.streamReader()
  const assembler = new ChatAssembler()
  const batch = cutter.push(Buffer.concat(pieces))
  for (const { type, data } of [...(batch?.events ?? []), ...(cutter.finish()?.events ?? [])])
    for (const event of reader.read(type, data)) assembler.push(event)
  return assembler.answer()
}

function textOf(pieces: readonly Uint8Array[]): string {
  return new TextDecoder().decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
}
