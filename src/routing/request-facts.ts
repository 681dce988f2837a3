// What routing may look at in a request: who asks, and what for. What costs something to know is asked for when it is needed.
import type { Call } from '../core/call.ts'
import type { Team, VirtualKey } from '../core/key.ts'
import type { ExpectedQuality } from '../core/quality.ts'
import type { Dialect } from '../dialects/dialect.ts'

export type RequestFacts = {
  readonly call: Call
  readonly dialect: Dialect
  readonly key: VirtualKey
  readonly team: Team | null
  readonly endUser: string | null
  /** Of the request, its key and its team. */
  readonly tags: readonly string[]
  readonly headers: { get(name: string): string | null }
  /** Where the answer must be made; null: anywhere. */
  readonly region: string | null
  /** Wall time, ms. */
  readonly now: number
  /** Tokens that go in, an estimate. */
  readonly inputTokens: () => number
  /** The kind of work, such as `code`. */
  readonly task: () => string
  /** The task where somebody had to know it; null: nobody asked. */
  readonly knownTask: () => string | null
  readonly shape: () => RequestShape
  /** What a deployment's answer is expected to be worth; null where the request is no chat. */
  readonly qualityOf: (deploymentId: string) => ExpectedQuality | null
}

/** What a request has in it. */
export type RequestShape = {
  readonly tools: boolean
  readonly images: boolean
  /** JSON is asked for. */
  readonly json: boolean
}
