// An answer that was put away to be given again: what its caller saw of it, byte for byte, and what it had cost.
import type { NanoUsd } from './money.ts'

/** A piece of an answer as it went to its caller. */
export type KeptPiece = {
  readonly bytes: Uint8Array
  /** Since the piece before it, or since the answer was begun. */
  readonly gapMs: number
}

export type KeptAnswer = {
  readonly status: number
  /** Type of its content, and what was left out of the request. */
  readonly headers: Readonly<Record<string, string>>
  readonly isStream: boolean
  /** One of a whole answer. */
  readonly pieces: readonly KeptPiece[]
  /** Deployment that gave it. */
  readonly target: string
  /** What it had cost, and what each further use of it saves. */
  readonly costNanoUsd: NanoUsd
  readonly createdAt: number
}

/** An answer in the cache. */
export type CachedAnswer = KeptAnswer & {
  /** Hash of the request and of the scope that it may be used in. */
  readonly key: string
  readonly route: string
  readonly expiresAt: number
  /** Its question as a vector of length 1, and what must be the same around it; absent: it is found by its key alone. */
  readonly meant?: { readonly space: string; readonly vector: Float32Array }
}

/** A request that its caller named, so that it is executed once. */
export type IdempotentRequest = {
  /** Hash of the caller and its name for the request. */
  readonly id: string
  /** Hash of what was asked. */
  readonly fingerprint: string
  /** Request that executes it, or has. */
  readonly requestId: string
  readonly createdAt: number
  readonly expiresAt: number
  /** Null: it has not ended, or its answer is not kept. */
  readonly answer: KeptAnswer | null
}

/** What the cache holds of one route. */
export type CacheShare = {
  readonly route: string
  readonly answers: number
  readonly bytes: number
  /** How often the answers that are there now were given again. */
  readonly uses: number
}

/** What was saved on one route. */
export type CacheSaving = { readonly route: string; readonly requests: number; readonly savedNanoUsd: NanoUsd }
