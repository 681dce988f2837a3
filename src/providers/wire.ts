// What a provider's wire format must be able to do: pure functions, the same set for each wire.
//
// A request goes the native lane where the provider understands its dialect as it is (`native` has the dialect, and a URL
// for it); else it is translated, where both the dialect and the wire can (`chat`).
import type { Call, DialectId } from '../core/call.ts'
import type { BytesBody } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import type { MediaPlace } from '../core/media.ts'
import type { Deployment, Provider, Quirks } from '../core/model.ts'
import type { Ability } from '../core/model-facts.ts'
import type { Usage } from '../core/usage.ts'
import type { BatchWire } from './batch-wire.ts'
import type { ChatCodec } from './chat-codec.ts'
import type { FramingKind } from './framing.ts'
import type { RealtimeWire } from './realtime-wire.ts'
import type { OperationWires } from './operation-wire.ts'

/** What a whole answer says about itself. */
export type AnswerFacts = {
  readonly usage: Usage | null
  /** The provider's own usage object as JSON text, null when it gave none. */
  readonly rawUsage: string | null
  readonly finishReason: string | null
  /** Characters of output: what an estimate is made from when usage is missing. */
  readonly outputCharacters: number
  /** Why this is no answer at all, though its status said so; null when it is one. */
  readonly problem: string | null
}

/** What one stream event says. */
export type EventFacts = {
  /** Text, reasoning or a tool call: something a user could see. Before the first of these, nothing is committed. */
  readonly meaningful: boolean
  readonly outputCharacters: number
  readonly finishReason: string | null
  /** Of the choices that have begun some have not finished, so that an end of the bytes behind it is none of the answer. */
  readonly leavesOpen: boolean
  readonly usage: Usage | null
  readonly rawUsage: string | null
  /** Nothing in it but usage: hidden from callers that did not ask for it. */
  readonly usageOnly: boolean
  /** The wire's own end of the stream. */
  readonly terminal: boolean
  /** An error inside the stream: the provider's message. */
  readonly error: string | null
}

/** An event that says nothing that the gateway needs to know. */
export const SILENT: EventFacts = {
  meaningful: false,
  outputCharacters: 0,
  finishReason: null,
  leavesOpen: false,
  usage: null,
  rawUsage: null,
  usageOnly: false,
  terminal: false,
  error: null,
}

/** Reads the data of one server-sent event (as Latin-1 text: only lengths and ASCII words are looked at). */
export type EventReader = (data: string) => EventFacts

/** How an answer comes: in one piece, as events, or as bytes that mean nothing to the gateway. */
export type AnswerKind = 'whole' | 'events' | 'bytes'

export interface NativeWire {
  /** Absolute URL at which the call is understood as it came; null when the provider has no such endpoint. */
  url(call: Call, deployment: Deployment): string | null
  /** The caller's body with only those fields changed that must be. */
  body(call: Call, deployment: Deployment, ownFields: readonly string[]): string | BytesBody
  readAnswer(text: string, call: Call): AnswerFacts
  /** How the answer to a call comes; absent: as events where a stream was asked for, else whole. */
  answerKind?(call: Call): AnswerKind
  /** Some of its models answer whole though a stream was asked for. */
  readonly streamsAtWill?: true
  /** A reader of one stream's events. */
  eventReader(): EventReader
  /**
   * Of a text in an event nothing but its length matters, and after an event that counts characters and says nothing else, one that
   * differs from it in a text alone leaves no trace in the reader: it need not be read.
   */
  readonly countsByLength?: true
  /** A stream that ends without the wire's terminal event is sound once it has told a finish reason. */
  readonly endsWithFinish: boolean
}

/** A request with what the provider's settings make of it. */
export type ChatAdditions = { readonly body: JsonObject; readonly headers: Readonly<Record<string, string>> }

/** The translated lane of chat. */
export interface ChatWire {
  readonly codec: ChatCodec
  /** Absolute URL of a chat; null when the provider does not chat. */
  url(deployment: Deployment, stream: boolean): string | null
  /** How a request is sent; absent: by POST. */
  methodOf?(provider: Provider): 'POST' | 'PUT'
  /** Where a written request goes instead, for what is in it; null or absent: nowhere else. */
  urlOfBody?(body: JsonObject, deployment: Deployment): string | null
  /** Adds to a written request what the provider's settings say; absent: nothing. */
  complete?(body: JsonObject, provider: Provider): ChatAdditions
  /** What it gets by other means from models that have no means of their own for it. */
  readonly emulates?: readonly Ability[]
  /** Whether the provider fetches such a thing by itself, so that its address may be sent; absent: it fetches nothing. */
  readonly fetches?: (place: MediaPlace, quirks: Quirks) => boolean
  /** How its streams are cut into events. */
  readonly framing: FramingKind
}

export interface Wire {
  readonly id: string
  /** The dialects that are this wire's own formats. */
  readonly native: { readonly [dialect in DialectId]?: NativeWire }
  /** The wire of single models that their host serves in another format; null or absent: this one. */
  readonly wireOf?: (deployment: Deployment) => Wire | null
  /** Null: this wire does not chat. */
  readonly chat: ChatWire | null
  /** Live sessions, by the dialect that they are in. */
  readonly realtime?: { readonly [dialect in DialectId]?: RealtimeWire }
  /** Batches of requests, at providers that have the quirk; absent: its format has none. */
  readonly batches?: (provider: Provider) => BatchWire
  /** The translated lanes of the operations beside chat. */
  readonly operations?: OperationWires
}
