// What a client-facing wire format must be able to do. Pure: JSON in, JSON out.
import type { CallFacts, DialectId } from '../core/call.ts'
import type { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import type { Operation } from '../core/model.ts'
import type { AnyOperationTranslator } from './operation-translator.ts'
import type { ChatTranslator } from './translator.ts'

export interface Dialect {
  readonly id: DialectId
  readonly operation: Operation
  /** Its requests come as a form, or as JSON where they say so. Absent: they are JSON. */
  readonly takesForms?: true
  /**
   * Reads what the path needs and checks the types of just that; what the provider alone understands is the provider's
   * to refuse. Throws `request_malformed` with the JSON path that is wrong.
   */
  readFacts(body: JsonObject): CallFacts
  /** Top-level fields that are ours, and never forwarded. */
  readonly ownFields: readonly string[]
  /** Request headers that are a part of the format; they go to targets that speak it. Lower case. */
  readonly forwardedHeaders?: readonly string[]
  /** The translated lane of a dialect of chat. */
  readonly translator?: ChatTranslator
  /** The translated lane of a dialect of another operation. */
  readonly operationTranslator?: AnyOperationTranslator
  /** For questions that the gateway can answer by itself where no target does. */
  readonly tokenCount?: TokenCount
  /** Header in which this dialect's SDKs look for the id of the request, where it is not `x-request-id`. */
  readonly requestIdHeader?: string
  /** The error in the shape that this dialect's SDKs turn into typed exceptions. */
  errorBody(error: GatewayError, requestId: string): JsonObject
  /** Bytes that end a stream which has already begun: a well-formed error event and the terminator. */
  errorEvents(error: GatewayError, requestId: string): string
}

/** How many tokens a request has, as an estimate. */
export type TokenCount = {
  /** What has to be counted: all text of the request, and how many pictures and documents there are beside it. */
  countable(body: JsonObject): { readonly text: string; readonly media: number }
  answer(tokens: number): JsonObject
}
