// The translated lane of the operations beside chat: one request, one answer.
import { ProblemError } from '../core/chat-answer.ts'
import { isBytesBody } from '../core/form.ts'
import type { Deployment } from '../core/model.ts'
import type { OperationName } from '../core/operations.ts'
import type { OperationTranslator, PieceWriter } from '../dialects/operation-translator.ts'
import type { AnswerContext } from '../dialects/translator.ts'
import { broken } from '../providers/answer-stream.ts'
import type { OperationBody, OperationWire } from '../providers/operation-wire.ts'
import type { AnswerFacts, Wire } from '../providers/wire.ts'
import type { Lane, LaneFacts, Sent } from './lane.ts'

/** An answer in the caller's dialect. */
type TranslatedAnswer = { readonly bytes: Uint8Array; readonly contentType: string; readonly facts: AnswerFacts }

export type OperationLane = Sent & {
  readonly type: 'operation'
  readonly warnings: readonly string[]
  /** How bytes are passed on while they come; null: the answer is translated whole. */
  readonly pieces: PieceWriter | null
  /** Throws StreamFailure when the body is no answer. */
  readonly translate: (answer: OperationBody, context: AnswerContext) => TranslatedAnswer
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
  const written = wire.writeRequest(request, deployment)
  if (written.refusals.length > 0 && lossy === 'refuse') return { type: 'refused', refusals: written.refusals }
  const { body } = written
  const pieces = wire.streamsBytes === true ? (translator.pieces?.(call) ?? null) : null
  return {
    type: 'operation',
    url: written.url,
    headers: {
      'content-type': isBytesBody(body) ? body.contentType : 'application/json',
      accept: 'application/json',
      ...written.headers,
    },
    body: isBytesBody(body) ? body.bytes : JSON.stringify(body),
    answer: pieces === null ? 'whole' : 'bytes',
    pieces,
    warnings: [...warnings, ...written.warnings, ...written.refusals],
    translate(came, context) {
      const answer = sound(() => wire.readAnswer(came, request))
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

function sound<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ProblemError ? broken(error.message) : error
  }
}
