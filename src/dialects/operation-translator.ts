// What a dialect of an operation beside chat must be able to do in the translated lane: a request in, an answer out. Pure.
import type { Call } from '../core/call.ts'
import type { BytesBody } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import type { AnswerOf, OperationName, RequestOf } from '../core/operations.ts'
import type { Usage } from '../core/usage.ts'
import type { AnswerContext } from './translator.ts'

export type ReadOperation<Name extends OperationName> = {
  readonly request: RequestOf<Name>
  /** What was understood only in part, a sentence each. */
  readonly warnings: readonly string[]
}

/** Writes bytes in the caller's dialect, piece by piece. */
export type PieceWriter = {
  /** Null: the provider's own. */
  readonly contentType: string | null
  readonly write: (bytes: Uint8Array) => Uint8Array
  /** What is said at the end. */
  readonly end: (usage: Usage | null) => Uint8Array
}

export interface OperationTranslator<Name extends OperationName> {
  readonly operation: Name
  /** Throws `request_malformed` with the JSON path that is wrong. */
  readRequest(call: Call): ReadOperation<Name>
  writeAnswer(answer: AnswerOf<Name>, call: Call, context: AnswerContext): JsonObject | BytesBody
  /** How an answer of bytes is passed on while it comes; absent: answers are translated whole. */
  pieces?(call: Call): PieceWriter
}

export type AnyOperationTranslator = { [name in OperationName]: OperationTranslator<name> }[OperationName]
