// What a wire must be able to do that has live sessions: pure, like the rest of it.
import type { Deployment } from '../core/model.ts'
import type { Usage } from '../core/usage.ts'

/** What one message of the provider's says. */
export type LiveFacts = {
  /** An answer has begun, so that something will be billed. */
  readonly begins: boolean
  /** Characters of output that it adds, roughly: what an estimate is made from when the session breaks off. */
  readonly outputCharacters: number
  /** The answer is over: what it used is told, or never will be. */
  readonly ends: boolean
  readonly usage: Usage | null
  readonly rawUsage: string | null
  readonly finishReason: string | null
  /** What another model used on the way; null: nothing. */
  readonly beside: LiveBeside | null
}

/** What a model did for a session that is not the session's own: it wrote down what was said. `model`: null where nobody has told. */
export type LiveBeside = { readonly model: string | null; readonly usage: Usage }

/** A message that says nothing that the gateway needs to know. */
export const SILENT_LIVE: LiveFacts = {
  begins: false,
  outputCharacters: 0,
  ends: false,
  usage: null,
  rawUsage: null,
  finishReason: null,
  beside: null,
}

export interface RealtimeWire {
  /** Absolute, at the provider's own host; null: it has no live sessions. `query`: what the caller asked for, without its key and model. */
  url(deployment: Deployment, query: string): string | null
  /** Reads the provider's messages of one session. */
  reader(): (text: string) => LiveFacts
}
