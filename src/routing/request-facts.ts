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
  /** Shares of the tasks that it may be, the noise left out; empty where it is no chat. */
  readonly tasks: () => Readonly<Record<string, number>>
  /** How much its budgets weigh on quality: at 1, what the baseline costs is worth all of it; 0: none is spent ahead of its pace. */
  readonly pressure: () => number
}

/** What a request has in it. */
export type RequestShape = {
  readonly tools: boolean
  readonly images: boolean
  /** JSON is asked for. */
  readonly json: boolean
}
