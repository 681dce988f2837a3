// The normal form of a chat answer: what every provider's wire is read into and every dialect is written from.
import type { Part, Raw } from './chat.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

/**
 * Why a choice ended. `pause`: the provider wants the turn sent back to go on. `error`: it was cut off by a fault.
 * `other`: a word that is not known.
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'pause' | 'error' | 'other'

export type Finish = {
  readonly unified: FinishReason
  /** The provider's own word; null when it gave none. */
  readonly raw: string | null
  /** The stop sequence that was hit, where the provider tells. */
  readonly stopSequence?: string
  /** What else the provider says about the end, in its own form. */
  readonly details?: Raw
}

export type TokenLogprob = {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[] | null
  readonly top: readonly {
    readonly token: string
    readonly logprob: number
    readonly bytes: readonly number[] | null
  }[]
}

export type ChatChoice = {
  readonly index: number
  readonly parts: readonly Part[]
  readonly finish: Finish
  readonly logprobs: readonly TokenLogprob[] | null
}

export type ChatAnswer = {
  /** The provider's id of the answer; null when it gave none. */
  readonly id: string | null
  /** The model that answered, in the provider's words. */
  readonly model: string | null
  /** Seconds since the epoch. */
  readonly created: number | null
  readonly choices: readonly ChatChoice[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
  readonly serviceTier: string | null
  readonly warnings: readonly string[]
  readonly raw?: Raw
}

/** What was to be an answer is none, though its status said so; the message says why. */
export class ProblemError extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'ProblemError'
  }
}

/** A finish that calls for tools whenever there are calls: some hosts say `stop` beside them. */
export function finishWith(finish: Finish, parts: readonly Part[]): Finish {
  if (finish.unified !== 'stop' || finish.stopSequence !== undefined) return finish
  return parts.some((part) => part.type === 'tool_call') ? { ...finish, unified: 'tool_calls' } : finish
}
