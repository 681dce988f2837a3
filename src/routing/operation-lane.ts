// The translated lane of the operations beside chat: one request, one answer.
import { ProblemError } from '../core/chat-answer.ts'
import { isBytesBody } from '../core/form.ts'
import type { Deployment } from '../core/model.ts'
import type { AnswerOf, OperationName } from '../core/operations.ts'
import type { Usage } from '../core/usage.ts'
import type { OperationTranslator, PieceWriter } from '../dialects/operation-translator.ts'
import type { AnswerContext } from '../dialects/translator.ts'
import { broken } from '../providers/answer-stream.ts'
import type { OperationBody, OperationWire, WrittenOperation } from '../providers/operation-wire.ts'
import type { AnswerFacts, Wire } from '../providers/wire.ts'
import type { Lane, LaneFacts, Sent } from './lane.ts'
import type { JobTools } from './operation-job.ts'

/** A caller's request is not worth more requests to a provider than this. */
const MAX_PARTS = 100

/** An answer in the caller's dialect. */
type TranslatedAnswer = { readonly bytes: Uint8Array; readonly contentType: string; readonly facts: AnswerFacts }

export type OperationLane = Sent & {
  readonly type: 'operation'
  readonly warnings: readonly string[]
  /** How bytes are passed on while they come; null: the answer is translated whole. */
  readonly pieces: PieceWriter | null
  /** Bodies that follow the first, where the model takes the request only in parts. */
  readonly more: readonly (string | Uint8Array)[]
  /** What is asked after an answer that is none yet; null: every answer is one. Throws StreamFailure. */
  readonly next: JobTools['next'] | null
  /** What these answers have used, as far as they tell. */
  readonly usageOf: (came: readonly OperationBody[]) => Usage | null
  /** From the answers to all parts. Throws StreamFailure when one is none. */
  readonly translate: (came: readonly OperationBody[], context: AnswerContext) => TranslatedAnswer
}

/** The wire of a translator's operation, where the deployment has it. */
export function operationWire<Name extends OperationName>(
  { operation }: OperationTranslator<Name>,
  { operations }: Wire,
  deployment: Deployment,
): OperationWire<Name> | null {
  const wire: OperationWire<Name> | undefined = operations?.[operation]
  return wire === undefined || wire.serves?.(deployment) === false ? null : wire
}

/** Null where the wire has no such operation. Throws `request_malformed` where the request cannot be read. */
export function operationLane<Name extends OperationName>(
  deployment: Deployment,
  wires: Wire,
  translator: OperationTranslator<Name>,
  { call, lossy }: LaneFacts,
): Lane | null {
  const wire = operationWire(translator, wires, deployment)
  if (wire === null) return null
  const { request, warnings } = translator.readRequest(call)
  const parts = wire.split?.(request, deployment) ?? [request]
  if (parts.length > MAX_PARTS)
    return {
      type: 'refused',
      refusals: [
        `The model would have to be asked ${parts.length} times for this; it is asked at most ${MAX_PARTS} times.`,
      ],
    }
  const [first, ...others] = parts.map((part) => wire.writeRequest(part, deployment))
  if (first === undefined) return null
  if (first.refusals.length > 0 && lossy === 'refuse') return { type: 'refused', refusals: first.refusals }
  const pieces = wire.streamsBytes === true ? (translator.pieces?.(call) ?? null) : null
  const read = (came: readonly OperationBody[]): AnswerOf<Name> => {
    const answers = came.map((body, index) => wire.readAnswer(body, parts[index] ?? request))
    const [only] = answers
    return answers.length > 1 && wire.join !== undefined ? wire.join(answers) : (only as AnswerOf<Name>)
  }
  return {
    type: 'operation',
    method: 'POST',
    url: first.url,
    headers: {
      'content-type': isBytesBody(first.body) ? first.body.contentType : 'application/json',
      accept: 'application/json',
      ...first.headers,
    },
    body: sentBody(first),
    more: others.map(sentBody),
    answer: pieces === null ? 'whole' : 'bytes',
    pieces,
    warnings: [...warnings, ...first.warnings, ...first.refusals],
    next:
      wire.next === undefined
        ? null
        : (answer, asked) => sound(() => wire.next?.(answer, request, deployment, asked) ?? null),
    usageOf(came) {
      try {
        return read(came).usage
      } catch (error) {
        // Beside the failure that asks, it does not matter what else was wrong.
        if (error instanceof ProblemError) return null
        throw error
      }
    },
    translate(came, context) {
      const answer = sound(() => read(came))
      const { usage, rawUsage } = answer
      const told = translator.writeAnswer(answer, call, context)
      return {
        ...(isBytesBody(told)
          ? told
          : { bytes: new TextEncoder().encode(JSON.stringify(told)), contentType: 'application/json' }),
        facts: {
          usage,
          rawUsage: rawUsage === null ? null : JSON.stringify(rawUsage),
          finishReason: null,
          outputCharacters: 0,
          problem: null,
        },
      }
    },
  }
}

function sentBody({ body }: WrittenOperation): string | Uint8Array {
  return isBytesBody(body) ? body.bytes : JSON.stringify(body)
}

function sound<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ProblemError ? broken(error.message) : error
  }
}
